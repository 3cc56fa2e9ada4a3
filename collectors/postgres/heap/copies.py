"""A physical copy of a cluster, read page by page with no server: catalogue, rows, transactions.

What the copy holds is what was on disk while it was made; replaying its WAL would add to it.

1. ``PG_VERSION``, the maps of mapped catalogue tables, and ``pg_xact``.
2. ``pg_database``, ``pg_class``, ``pg_attribute``, ``pg_type``: whatever the copy itself says of
   where claimed tables are and how they are laid out.
3. The files of those tables, in segments of 1 GiB.

Source: ``relmapper.c``, ``clog.c``, ``md.c``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collectors.postgres.base import BaseBackup
from collectors.postgres.heap import catalogs
from collectors.postgres.heap.catalogs import catalog
from collectors.postgres.heap.history import History, column
from collectors.postgres.heap.model import (
    FROZEN,
    XMAX_COMMITTED,
    XMAX_INVALID,
    XMAX_IS_MULTI,
    XMAX_LOCK_ONLY,
    XMIN_COMMITTED,
    Stored,
    Table,
    Value,
)
from collectors.postgres.heap.page import SIZE, header, intact, tuples
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.spool import Spool
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.wal.model import Relation

_MAP_MAGIC = 0x592717
_MAX_MAPPED = 64
_MAPPED = re.compile(r"(?:global|base/(\d{1,10}))/pg_filenode\.map")
_HEAP_FILE = re.compile(
    r"(?:base/(?P<db>\d{1,10})|global)/(?P<number>\d{1,10})(?:\.(?P<part>\d+))?"
)
_DEFAULT_SPACE = 1663
_SEGMENT = 1 << 30
_PER_BYTE, _PER_SEGMENT = 4, 32 * SIZE * 4
"""Transactions of which a byte, and a file of ``pg_xact``, keep the state."""
COMMITTED, ABORTED = 1, 2
_FIRST_NORMAL = 3
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


@dataclass(frozen=True, slots=True)
class Held:
    """A claimed table as a copy holds it."""

    database: str
    """Its name."""
    table: str
    """``schema.table``."""
    oid: int
    file: File
    described: Table
    toast: File | None
    toast_oid: int | None


@dataclass(slots=True)
class Copy:
    """One copy, read; close it when done."""

    backup: BaseBackup
    major: int = 0
    tables: list[Held] = field(default_factory=list)
    damaged: list[tuple[str, int]] = field(default_factory=list)
    """Path and block of pages whose checksum does not fit: torn, or changed by other means."""
    _xact: dict[int, bytes] = field(default_factory=dict)
    _spool: Spool = field(default_factory=Spool)
    _files: dict[File, dict[int, tuple[int, int]]] = field(default_factory=dict)
    _paths: dict[File, str] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of the files."""
        self._spool.close()

    def state(self, xid: int) -> int | None:
        """Two bits of ``pg_xact``: 0 not ended, 1 committed, 2 aborted; None where it has none."""
        data = self._xact.get(xid // _PER_SEGMENT)
        at = xid % _PER_SEGMENT // _PER_BYTE
        if data is None or at >= len(data):
            return None
        return data[at] >> xid % _PER_BYTE * 2 & 3

    def page(self, file: File, block: int) -> bytes | None:
        """A page; None where the copy has none, or one whose checksum does not fit."""
        part, within = divmod(block * SIZE, _SEGMENT)
        place = self._files.get(file, {}).get(part)
        if place is None or within + SIZE > place[1]:
            return None
        data = self._spool.get((place[0] + within, SIZE))
        return data if header(data) is not None and intact(data, block) else None

    def rows(self, file: File) -> Iterator[Stored]:
        """Every tuple of a file, whatever became of its transaction."""
        for part, (start, length) in sorted(self._files.get(file, {}).items()):
            for at in range(0, length - SIZE + 1, SIZE):
                block = (part * _SEGMENT + at) // SIZE
                data = self._spool.get((start + at, SIZE))
                if header(data) is None:
                    continue
                if not intact(data, block):
                    self.damaged.append((self._paths.get(file, ""), block))
                    continue
                yield from tuples(data, block)

    def path(self, file: File) -> str:
        """Where a file lies in the data folder."""
        return self._paths.get(file, "")

    def visible(self, one: Stored) -> bool:
        """Whether it is a row by what the copy knows of transactions."""
        made = (
            one.infomask & FROZEN == FROZEN
            or one.infomask & XMIN_COMMITTED
            or (not one.infomask & FROZEN and self._committed(one.xmin))
        )
        if not made:
            return False
        if one.xmax == 0 or one.infomask & (XMAX_INVALID | XMAX_LOCK_ONLY | XMAX_IS_MULTI):
            return True
        return not (one.infomask & XMAX_COMMITTED or self._committed(one.xmax))

    def _committed(self, xid: int) -> bool:
        return xid < _FIRST_NORMAL or self.state(xid) == COMMITTED

    def _take(self, wanted: Callable[[str], bool]) -> dict[str, tuple[int, int]]:
        """The files of some paths, copied to where any place of them can be read."""
        found: dict[str, tuple[int, int]] = {}
        for member in self.backup.members():
            if member.kind == "file" and wanted(member.path):
                start, length = self._spool.size, 0
                with member.open() as file:
                    while piece := file.read(1 << 20):
                        length += self._spool.put(piece)[1]
                found[member.path] = (start, length)
        return found


def read_copy(backup: BaseBackup, claimed: Collection[str]) -> Copy:
    """What a copy holds of the claimed tables (``schema.table``), in any of its databases.

    Raises:
        BadInputError: a tar of it is damaged.
    """
    copy = Copy(backup)
    small = copy._take(  # noqa: SLF001  (made here)
        lambda path: (
            path == "PG_VERSION" or bool(_MAPPED.fullmatch(path)) or path.startswith("pg_xact/")
        )
    )
    read = copy._spool.get  # noqa: SLF001
    version = read(small["PG_VERSION"])[:8].strip() if "PG_VERSION" in small else b""
    copy.major = int(version) if version.isdigit() else 0
    if copy.major not in range(14, 19):
        return copy
    for path, place in small.items():
        name = path.removeprefix("pg_xact/")
        if path.startswith("pg_xact/") and re.fullmatch(r"[0-9A-F]{4,6}", name):
            copy._xact[int(name, 16)] = read(place)  # noqa: SLF001
    maps = {
        int(found[1] or 0): dict(_mapped(read(place)))
        for path, place in small.items()
        if (found := _MAPPED.fullmatch(path))
    }
    names = _databases(copy, maps.get(0, {}))
    for database, mapped in sorted(maps.items()):
        if database in names:
            copy.tables += _tables(copy, database, names[database], mapped, claimed)
    wanted = {file for one in copy.tables for file in (one.file, one.toast) if file}
    _load(copy, wanted)
    return copy


def _mapped(data: bytes) -> Iterator[tuple[int, int]]:
    if len(data) < 8:  # noqa: PLR2004  (magic and count)
        return
    magic, count = struct.unpack_from("<Ii", data)
    if magic == _MAP_MAGIC and 0 <= count <= _MAX_MAPPED and 8 + count * 8 <= len(data):
        yield from struct.iter_unpack("<II", data[8 : 8 + count * 8])


def _load(copy: Copy, wanted: Collection[File]) -> None:
    def file_of(path: str) -> tuple[File, int] | None:
        found = _HEAP_FILE.fullmatch(path)
        if found is None:
            return None
        space = _DEFAULT_SPACE if found["db"] else 1664
        return (space, int(found["db"] or 0), int(found["number"])), int(found["part"] or 0)

    names = {(database, number) for _, database, number in wanted}

    def is_wanted(path: str) -> bool:
        found = file_of(path)
        return found is not None and found[0][1:] in names

    for path, place in copy._take(is_wanted).items():  # noqa: SLF001
        found = file_of(path)
        if found is not None:
            file, part = found
            copy._files.setdefault(file, {})[part] = place  # noqa: SLF001
            if not part:
                copy._paths[file] = path  # noqa: SLF001


def _decoded(copy: Copy, file: File, oid: int) -> list[Row]:
    decoder = Decoder(catalog(oid, copy.major), _WANTED.get(oid))
    return [decoder.row(one.tuple) for one in copy.rows(file) if copy.visible(one)]


def _databases(copy: Copy, mapped: Mapping[int, int]) -> dict[int, str]:
    file = (1664, 0, mapped.get(catalogs.PG_DATABASE, catalogs.PG_DATABASE))
    _load(copy, {file})
    rows = _decoded(copy, file, catalogs.PG_DATABASE)
    return {int(str(row["oid"])): str(row["datname"]) for row in rows}


def _tables(
    copy: Copy, database: int, name: str, mapped: Mapping[int, int], claimed: Collection[str]
) -> Iterator[Held]:
    def own(oid: int, number: int | None = None) -> File:
        return _DEFAULT_SPACE, database, number or mapped.get(oid, oid)

    first = [own(oid) for oid in (catalogs.PG_CLASS, catalogs.PG_ATTRIBUTE, catalogs.PG_TYPE)]
    _load(copy, first)
    classes = _decoded(copy, first[0], catalogs.PG_CLASS)
    by_oid = {_int(row["oid"]): row for row in classes}
    others = {
        oid: own(oid, _int(by_oid[oid]["relfilenode"]) if oid in by_oid else None)
        for oid in (catalogs.PG_NAMESPACE, catalogs.PG_ENUM)
    }
    _load(copy, list(others.values()))
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
        number = _int(row["attnum"])
        if number > 0 and str(row["attrelid"]) in attributes:
            attributes[str(row["attrelid"])][number] = row
    for row in theirs:
        columns = attributes[str(row["oid"])]
        if sorted(columns) != list(range(1, len(columns) + 1)):
            continue
        toast = by_oid.get(_int(row["reltoastrelid"]))
        yield Held(
            database=name,
            table=f"{spaces.get(row['relnamespace'])}.{row['relname']}",
            oid=_int(row["oid"]),
            file=_placed(row, database),
            described=Table(
                tuple(column(known, str(database), columns[at]) for at in sorted(columns)),
                "the catalogue in a base backup",
                at=copy.backup.label.start if copy.backup.label else None,
            ),
            toast=_placed(toast, database) if toast else None,
            toast_oid=_int(toast["oid"]) if toast else None,
        )


def _placed(row: Row, database: int) -> File:
    return _int(row["reltablespace"]) or _DEFAULT_SPACE, database, _int(row["relfilenode"])


def _types(copy: Copy, database: int, types: File, enums: File) -> History:
    known = History()
    for row in _decoded(copy, types, catalogs.PG_TYPE):
        known.types[str(database), _int(row["oid"])] = row
    for row in _decoded(copy, enums, catalogs.PG_ENUM):
        labels = known.labels.setdefault((str(database), _int(row["enumtypid"])), {})
        labels[_int(row["oid"])] = str(row["enumlabel"])
    return known


def _int(value: Value) -> int:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else 0


@dataclass(frozen=True, slots=True)
class Ghost:
    """A tuple whose transaction had not committed by what the copy itself knows."""

    stored: Stored
    fate: str
    """``aborted``; ``not ended`` (open then, or cut off by a crash or by the end of a restore);
    ``beyond the next transaction`` of the control file."""
    values: Mapping[str, Value]


def ghosts(copy: Copy, held: Held, next_xid: int | None = None) -> Iterator[Ghost]:
    """Tuples of a table that no commit made rows; those of an ordinary rollback too.

    ``next_xid``: of the copy's control file, without its epoch.
    """
    decoder = Decoder(held.described)
    for one in copy.rows(held.file):
        if one.infomask & XMIN_COMMITTED or one.xmin < _FIRST_NORMAL:
            continue
        state = copy.state(one.xmin)
        if state == COMMITTED:
            continue
        fate = "aborted" if state == ABORTED else "not ended"
        if next_xid is not None and 0 < (one.xmin - next_xid) % 2**32 < 2**31:
            fate = "beyond the next transaction"
        yield Ghost(one, fate, decoder.row(one.tuple))


def relations(copy: Copy, source: str) -> Iterator[Relation]:
    """The claimed tables and their TOAST tables, by name, OID and file."""
    for one in copy.tables:
        subject = f"pg:{source}/{one.database}/"
        file = "{}/{}/{}".format(*one.file)
        yield Relation(one.oid, subject + one.table, file=file, database=one.file[1])
        if one.toast and one.toast_oid:
            name = f"{subject}pg_toast.pg_toast_{one.oid}"
            file = "{}/{}/{}".format(*one.toast)
            yield Relation(one.toast_oid, name, file=file, kind="t", database=one.file[1])


def seeds(copies: Sequence[Copy]) -> Callable[[File, int, int, int, int], bytes | None]:
    """A function that gives a page as it was before a record.

    Its arguments: file, block, LSN and timeline of the record, and LSN from which on the archive
    has every record up to that one. A copied page is what it was before the record if no record
    can have changed it in between: its own LSN is lower, and what is missing of the archive lies
    before that LSN, or before the checkpoint that the backup began with.
    """

    def seed(file: File, block: int, lsn: int, timeline: int, begun: int) -> bytes | None:
        for copy in copies:
            label = copy.backup.label
            page = copy.page(file, block)
            if page is None or label is None or label.timeline not in {None, timeline}:
                continue
            head = header(page)
            if head is not None and head.lsn <= lsn and begun <= max(head.lsn, label.start):
                return page
        return None

    return seed
