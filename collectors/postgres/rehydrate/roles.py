"""Names to connect with: who is superuser, and which databases there are.

A server that is restored knows its own roles alone, and their names are not ours to choose.
They stand in ``pg_authid`` and ``pg_database``, which are shared by all databases and whose files
``global/pg_filenode.map`` names. Rows are read from the backup's pages as they lie, dead ones
too: these are candidates to try, not facts.

Source: ``utils/relmapper.c`` (the map), ``storage/bufpage.h``, ``access/htup_details.h``,
``catalog/pg_authid.h`` and ``pg_database.h``; the columns used stand first, and at one place in 14
to 18.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

AUTHID, DATABASE = 1260, 1262
_MAP_MAGIC = 0x592717
_PAGE = 8192
_HEADER = 24
_NAME = 64
_NORMAL = 1
_MAX_FILE = 1 << 26


def superusers(data: Path) -> list[str]:
    """Names of roles that are superusers and may log in; the bootstrap role first."""
    found: dict[str, int] = {}
    for oid, name, rest in _rows(data, AUTHID):
        # rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin
        if len(rest) >= 5 and rest[0] == 1 and rest[4] == 1:  # noqa: PLR2004  (the five)
            found[name] = min(oid, found.get(name, oid))
    return sorted(found, key=lambda name: (found[name], name))


def databases(data: Path) -> list[str]:
    """Names of databases."""
    return sorted({name for _, name, _ in _rows(data, DATABASE)})


def _rows(data: Path, relation: int) -> Iterator[tuple[int, str, bytes]]:
    """OID, name, and what follows, of each row that lies in the relation's file."""
    path = data / "global" / str(_file(data, relation))
    try:
        content = path.read_bytes()[:_MAX_FILE]
    except OSError:
        return
    for start in range(0, len(content) - _PAGE + 1, _PAGE):
        page = content[start : start + _PAGE]
        (lower,) = struct.unpack_from("<H", page, 12)
        for at in range(_HEADER, min(lower, _PAGE) - 3, 4):
            (pointer,) = struct.unpack_from("<I", page, at)
            offset, flags, length = pointer & 0x7FFF, pointer >> 15 & 3, pointer >> 17
            row = page[offset : offset + length]
            if flags != _NORMAL or len(row) < _HEADER or offset < _HEADER:
                continue
            values = row[row[22] :]
            if len(values) < 4 + _NAME:
                continue
            (oid,) = struct.unpack_from("<I", values)
            name = values[4 : 4 + _NAME].split(b"\0", 1)[0].decode("utf-8", "replace")
            if name:
                yield oid, name, values[4 + _NAME :]


def _file(data: Path, relation: int) -> int:
    """The file number of a mapped relation; its OID where the map cannot be read."""
    try:
        content = (data / "global" / "pg_filenode.map").read_bytes()
        magic, count = struct.unpack_from("<II", content)
        if magic == _MAP_MAGIC:
            for number in range(min(count, 64)):
                oid, file = struct.unpack_from("<II", content, 8 + 8 * number)
                if oid == relation:
                    return int(file)
    except (OSError, struct.error):
        pass
    return relation
