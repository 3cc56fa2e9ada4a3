"""What a physical copy says of its tables: where they are, and how their rows are laid out.

1. ``PG_VERSION``, the maps of mapped catalogue tables, and ``pg_xact``.
2. ``pg_database``, ``pg_class``, ``pg_attribute``, ``pg_type``: whatever the copy itself says of
   where claimed tables are and how they are laid out.
3. The files of those tables, in segments of 1 GiB.

Source: ``relmapper.c``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping

from collectors.postgres.base import BaseBackup
from collectors.postgres.heap import catalogs
from collectors.postgres.heap.catalogs import catalog
from collectors.postgres.heap.copies import DEFAULT_SPACE, GLOBAL_SPACE, Copy, Held
from collectors.postgres.heap.history import History, column
from collectors.postgres.heap.model import Table, Value, number_of
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.tuples import Decoder

_MAP_MAGIC = 0x592717
_MAX_MAPPED = 64
_MAPPED = re.compile(r"(?:global|base/(\d{1,10}))/pg_filenode\.map")
_WANTED = {
    catalogs.PG_CLASS: (
        "oid",
        "relname",
        "relnamespace",
        "relfilenode",
        "reltablespace",
        "relkind",
        "reltoastrelid",
    ),
    catalogs.PG_ATTRIBUTE: (
        "attrelid",
        "attname",
        "atttypid",
        "attlen",
        "attnum",
        "attalign",
        "atthasmissing",
        "attisdropped",
        "attmissingval",
    ),
    catalogs.PG_TYPE: ("oid", "typname", "typtype", "typlen", "typalign", "typelem", "typbasetype"),
    catalogs.PG_ENUM: ("oid", "enumtypid", "enumlabel"),
    catalogs.PG_NAMESPACE: ("oid", "nspname"),
}

Row = Mapping[str, Value]


def read_copy(backup: BaseBackup, claimed: Collection[str]) -> Copy:
    """What a copy holds of the claimed tables (``schema.table``), in any of its databases.

    Raises:
        BadInputError: a tar of it is damaged.
    """
    copy = Copy(backup)
    small = copy.small(
        lambda path: (
            path == "PG_VERSION" or bool(_MAPPED.fullmatch(path)) or path.startswith("pg_xact/")
        )
    )
    version = small.get("PG_VERSION", b"")[:8].strip()
    copy.major = int(version) if version.isdigit() else 0
    if copy.major not in range(14, 19):
        return copy
    for path, data in small.items():
        name = path.removeprefix("pg_xact/")
        if path.startswith("pg_xact/") and re.fullmatch(r"[0-9A-F]{4,6}", name):
            copy.xact[int(name, 16)] = data
    maps = {
        int(found[1] or 0): dict(_mapped(data))
        for path, data in small.items()
        if (found := _MAPPED.fullmatch(path))
    }
    names = _databases(copy, maps.get(0, {}))
    for database, mapped in sorted(maps.items()):
        if database in names:
            copy.tables += _tables(copy, database, names[database], mapped, claimed)
    copy.load({file for one in copy.tables for file in (one.file, one.toast) if file})
    return copy


def _mapped(data: bytes) -> Iterator[tuple[int, int]]:
    if len(data) < 8:  # noqa: PLR2004  (magic and count)
        return
    magic, count = struct.unpack_from("<Ii", data)
    if magic == _MAP_MAGIC and 0 <= count <= _MAX_MAPPED and 8 + count * 8 <= len(data):
        yield from struct.iter_unpack("<II", data[8 : 8 + count * 8])


def _decoded(copy: Copy, file: File, oid: int) -> list[Row]:
    decoder = Decoder(catalog(oid, copy.major), _WANTED.get(oid))
    return [decoder.row(one.tuple) for one in copy.rows(file) if copy.visible(one)]


def _databases(copy: Copy, mapped: Mapping[int, int]) -> dict[int, str]:
    file = (GLOBAL_SPACE, 0, mapped.get(catalogs.PG_DATABASE, catalogs.PG_DATABASE))
    copy.load({file})
    rows = _decoded(copy, file, catalogs.PG_DATABASE)
    return {int(str(row["oid"])): str(row["datname"]) for row in rows}


def _tables(
    copy: Copy, database: int, name: str, mapped: Mapping[int, int], claimed: Collection[str]
) -> Iterator[Held]:
    def own(oid: int, number: int | None = None) -> File:
        return DEFAULT_SPACE, database, number or mapped.get(oid, oid)

    first = [own(oid) for oid in (catalogs.PG_CLASS, catalogs.PG_ATTRIBUTE, catalogs.PG_TYPE)]
    copy.load(first)
    classes = _decoded(copy, first[0], catalogs.PG_CLASS)
    by_oid = {_int(row, "oid"): row for row in classes}
    others = {
        oid: own(oid, _int(by_oid[oid], "relfilenode") if oid in by_oid else None)
        for oid in (catalogs.PG_NAMESPACE, catalogs.PG_ENUM)
    }
    copy.load(list(others.values()))
    spaces = {
        row["oid"]: row["nspname"]
        for row in _decoded(copy, others[catalogs.PG_NAMESPACE], catalogs.PG_NAMESPACE)
    }
    theirs = [
        row
        for row in classes
        if row["relkind"] in {"r", "m"}
        and f"{spaces.get(row['relnamespace'])}.{row['relname']}" in claimed
    ]
    if not theirs:
        return
    known = _types(copy, database, first[2], others[catalogs.PG_ENUM])
    attributes: dict[str, dict[int, Row]] = {str(row["oid"]): {} for row in theirs}
    for row in _decoded(copy, first[1], catalogs.PG_ATTRIBUTE):
        number = _int(row, "attnum")
        if number > 0 and str(row["attrelid"]) in attributes:
            attributes[str(row["attrelid"])][number] = row
    for row in theirs:
        columns = attributes[str(row["oid"])]
        if sorted(columns) != list(range(1, len(columns) + 1)):
            continue
        toast = by_oid.get(_int(row, "reltoastrelid"))
        yield Held(
            database=name,
            table=f"{spaces.get(row['relnamespace'])}.{row['relname']}",
            oid=_int(row, "oid"),
            file=_placed(row, database),
            described=Table(
                tuple(column(known, str(database), columns[at]) for at in sorted(columns)),
                "the catalogue in a base backup",
                at=copy.backup.label.start if copy.backup.label else None,
            ),
            toast=_placed(toast, database) if toast else None,
            toast_oid=_int(toast, "oid") if toast else None,
        )


def _placed(row: Row, database: int) -> File:
    return _int(row, "reltablespace") or DEFAULT_SPACE, database, _int(row, "relfilenode")


def _types(copy: Copy, database: int, types: File, enums: File) -> History:
    known = History()
    for row in _decoded(copy, types, catalogs.PG_TYPE):
        known.types[str(database), _int(row, "oid")] = row
    for row in _decoded(copy, enums, catalogs.PG_ENUM):
        labels = known.labels.setdefault((str(database), _int(row, "enumtypid")), {})
        labels[_int(row, "oid")] = str(row["enumlabel"])
    return known


def _int(row: Row, name: str) -> int:
    return number_of(row[name]) or 0
