"""A physical copy of a cluster, page by page with no server: files of tables, and transactions.

What the copy holds is what was on disk while it was made; replaying its WAL would add to it. Which
files are a table's, the copy's own catalogue says (:mod:`.copied`).

Source: ``clog.c``, ``md.c``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from collectors.postgres.base import BaseBackup
from collectors.postgres.heap.model import (
    FROZEN,
    XMAX_COMMITTED,
    XMAX_INVALID,
    XMAX_IS_MULTI,
    XMAX_LOCK_ONLY,
    XMIN_COMMITTED,
    Stored,
    Table,
)
from collectors.postgres.heap.page import SIZE, header, intact, tuples
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.spool import Spool
from collectors.postgres.wal.model import Relation

DEFAULT_SPACE, GLOBAL_SPACE = 1663, 1664
"""OIDs of the tablespaces ``pg_default`` and ``pg_global``."""
COMMITTED, ABORTED = 1, 2
FIRST_NORMAL = 3
"""Transactions below are PostgreSQL's own, and always committed."""
_HEAP_FILE = re.compile(
    r"(?:base/(?P<db>\d{1,10})|global)/(?P<number>\d{1,10})(?:\.(?P<part>\d+))?"
)
_SEGMENT = 1 << 30
_PER_BYTE, _PER_SEGMENT = 4, 32 * SIZE * 4
"""Transactions of which a byte, and a file of ``pg_xact``, keep the state."""


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
    xact: dict[int, bytes] = field(default_factory=dict)
    """Files of ``pg_xact`` by their number."""
    _spool: Spool = field(default_factory=Spool)
    _files: dict[File, dict[int, tuple[int, int]]] = field(default_factory=dict)
    _paths: dict[File, str] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of the files."""
        self._spool.close()

    def state(self, xid: int) -> int | None:
        """Two bits of ``pg_xact``: 0 not ended, 1 committed, 2 aborted; None where it has none."""
        data = self.xact.get(xid // _PER_SEGMENT)
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
        return xid < FIRST_NORMAL or self.state(xid) == COMMITTED

    def small(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """The files of some paths, whole: for those that are small."""
        return {path: self._spool.get(place) for path, place in self._take(wanted).items()}

    def load(self, wanted: Collection[File]) -> None:
        """Make the pages of some relation files readable."""
        names = {(database, number) for _, database, number in wanted}

        def is_wanted(path: str) -> bool:
            found = _file_of(path)
            return found is not None and found[0][1:] in names

        for path, place in self._take(is_wanted).items():
            found = _file_of(path)
            if found is not None:
                file, part = found
                self._files.setdefault(file, {})[part] = place
                if not part:
                    self._paths[file] = path

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


def _file_of(path: str) -> tuple[File, int] | None:
    found = _HEAP_FILE.fullmatch(path)
    if found is None:
        return None
    space = DEFAULT_SPACE if found["db"] else GLOBAL_SPACE
    return (space, int(found["db"] or 0), int(found["number"])), int(found["part"] or 0)


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
