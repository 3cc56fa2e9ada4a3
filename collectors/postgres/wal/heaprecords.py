"""The raw records of some relation files, for whoever decodes their rows.

    wal = read(segments, source="lineage-db", relations=relations)
    for stretch in wal.stretches:
        for chunk in records_of(stretch, {"1663/16384/16390"}):
            for lsn, text in zip(chunk.lsn.tolist(), chunk.records):
                record = split(text, chunk.major)

A second look at the archive: which files are whose is known only after the first.
Source: ``xlogrecord.h``, ``heapam_xlog.h``, ``storage_xlog.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.postgres.wal.firstblock import File, first_blocks
from collectors.postgres.wal.layout import HEAP, HEAP2, STORAGE, XLOG, show_lsn
from collectors.postgres.wal.record import split
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.stream import WORD, parts, to_lsn
from collectors.postgres.wal.timeline import Stretch
from collectors.postgres.wal.trail import Fault, Look
from recon.collector import Sha256, Warn

_FPI_FOR_HINT, _FPI = 0xA0, 0xB0
_LOOKED_AT = np.array(
    [
        rmgr in {HEAP, HEAP2, STORAGE} or (rmgr == XLOG and info & 0xF0 in {_FPI, _FPI_FOR_HINT})
        for rmgr in range(256)
        for info in range(256)
    ]
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of the asked-for files, in the order of LSN. All columns have one length."""

    major: int
    """PostgreSQL's major version that wrote them."""
    lsn: npt.NDArray[np.uint64]
    xid: npt.NDArray[np.uint32]
    """The writing transaction: it may be a subtransaction; 0 for none."""
    timeline: npt.NDArray[np.uint32]
    """The timeline that each was written on."""
    kind: npt.NDArray[np.uint16]
    """Resource manager times 256, and info."""
    text: npt.NDArray[np.uint8]
    """A stretch of WAL without page headers."""
    starts: npt.NDArray[np.int64]
    """Where in the text each begins, its header first."""
    lengths: npt.NDArray[np.int64]
    run: Sequence[Checked]
    """The segments in which they lie."""

    @property
    def rmgr(self) -> npt.NDArray[np.uint8]:
        """Resource managers."""
        return (self.kind >> 8).astype(np.uint8)

    @property
    def info(self) -> npt.NDArray[np.uint8]:
        """What a resource manager does, and flags of the record."""
        return self.kind.astype(np.uint8)

    def record(self, at: int) -> bytes:
        """One whole: what :func:`collectors.postgres.wal.record.split` takes."""
        start = int(self.starts[at])
        return self.text[start : start + int(self.lengths[at])].tobytes()

    @property
    def records(self) -> Iterator[bytes]:
        """Each whole."""
        return map(self.record, range(len(self.lsn)))

    @property
    def items(self) -> list[Sha256]:
        """The segment in which each begins."""
        names = {one.number: one.segment.sha256 for one in self.run}
        size = np.uint64(self.run[0].geometry.segment)
        return [names[number] for number in (self.lsn // size).tolist()]


@dataclass(frozen=True, slots=True)
class Lost:
    """A segment is no longer what it was at the first look: from here on to its end, no records."""

    lsn: int
    timeline: int
    warning: Warn


def records_of(stretch: Stretch, files: Collection[str]) -> Iterator[Chunk | Lost]:
    """Records of Heap and Heap2, page images (FPI, FPI_FOR_HINT) and Storage of relation files.

    ``files``: ``TABLESPACE/DATABASE/RELFILENODE`` as in :data:`~.model.FILES`; ``*`` for a part
    that is not known. A record is theirs by its first block reference, whichever the fork (a
    VISIBLE's first is the visibility map's); CREATE and TRUNCATE of Storage by the file they name.
    CRC-32C and place of every record are checked, whether it is selected or not. Behind damage it
    goes on with the next segment, as :func:`~collectors.postgres.wal.read` does, which has warned;
    where the first look saw none, that is told by a :class:`Lost`.
    Records that another stretch of the archive tells as well come from one of them alone.
    """
    wanted = _Files.of(files)
    if wanted.numbers.size:
        for major, look in _looks(stretch, wanted.numbers):
            if isinstance(look, Fault):
                yield _lost(look, stretch)
                continue
            chunk = _chunk(look, stretch, major, wanted)
            if len(chunk.lsn):
                yield chunk


def _looks(stretch: Stretch, numbers: File) -> Iterator[tuple[int, Look | Fault]]:
    """The records that are looked at, and the major version that wrote them."""
    run = stretch.run
    major = run[0].major
    if stretch.trail is not None:
        for look in stretch.trail.again(run, _LOOKED_AT, numbers):
            yield major, look
        return
    first = 0
    while first < len(run):
        stop = None
        for part in parts(run[first:]):
            stop = part.stop
            at = np.flatnonzero(_LOOKED_AT[part.kind])
            if len(at):
                places = part.starts[at], part.lengths[at]
                yield major, Look(part.text, part.words, part.place, *places)
        if stop is None:
            return
        first += stop.index
        if not (stop.ordinary and first == len(run) - 1):
            yield major, Fault(first, stop.lsn, stop.message)
        first += 1


def _lost(fault: Fault, stretch: Stretch) -> Lost:
    one = stretch.run[fault.segment]
    where = f"{show_lsn(fault.lsn)} (byte {fault.lsn - one.start} of the segment)"
    warning = Warn(
        one.segment.sha256,
        f"lsn {show_lsn(fault.lsn)}",
        f"{one.name}: expected at {where} what was read there at first; found {fault.found}: it "
        "changed in between, or is a copy cut short; rows are not read from there to the end of "
        "this segment, and not taken as known in full",
        "error",
    )
    return Lost(fault.lsn, int(stretch.turns.of(np.array([fault.lsn], np.uint64))[0]), warning)


@dataclass(frozen=True, slots=True)
class _Files:
    """Relation files that are asked for, as numbers."""

    numbers: npt.NDArray[np.uint32]
    """Last parts, sorted."""
    names: frozenset[tuple[int | None, int | None, int]]

    @classmethod
    def of(cls, files: Collection[str]) -> _Files:
        names = {_parts(one) for one in files}
        names.discard(None)
        found = frozenset(name for name in names if name is not None)
        numbers = np.unique(np.array([name[2] for name in found], dtype=np.uint32))
        return cls(numbers, found)

    def has(self, file: tuple[int, int, int] | None) -> bool:
        """Whether it is one of them."""
        if file is None:
            return False
        space, database, number = file
        return any(
            (one, two, number) in self.names for one in (space, None) for two in (database, None)
        )

    def have(self, space: File, database: File, number: File) -> npt.NDArray[np.bool_]:
        """The same for columns."""
        found = np.zeros(len(number), np.bool_)
        here = set(np.unique(number).tolist())
        for one, two, three in self.names:
            if three in here:
                theirs = number == three
                if one is not None:
                    theirs &= space == one
                if two is not None:
                    theirs &= database == two
                found |= theirs
        return found


def _parts(file: str) -> tuple[int | None, int | None, int] | None:
    pieces = file.split("/")
    if len(pieces) != 3 or not all(one == "*" or one.isdecimal() for one in pieces):  # noqa: PLR2004
        return None
    space, database, number = (None if one == "*" else int(one) for one in pieces)
    return None if number is None or number >= 2**32 else (space, database, number)


def _chunk(look: Look, stretch: Stretch, major: int, wanted: _Files) -> Chunk:
    at = _theirs(look, wanted, major)
    lsn = to_lsn(look.starts[at], look.place, stretch.run[0].geometry)
    if stretch.since:
        told = lsn >= np.uint64(stretch.since)
        at, lsn = at[told], lsn[told]
    starts = look.starts[at]
    return Chunk(
        major=major,
        lsn=lsn,
        xid=(look.words[starts] >> np.uint64(32)).astype(np.uint32),
        timeline=stretch.turns.of(lsn),
        kind=look.words[starts + 2].astype(np.uint16),
        text=look.text,
        starts=starts * WORD,
        lengths=look.lengths[at],
        run=stretch.run,
    )


def _theirs(look: Look, wanted: _Files, major: int) -> npt.NDArray[np.int64]:
    """Which of the records are of the files that are wanted."""
    block = first_blocks(look.words, look.starts, look.lengths, major, wanted.numbers)
    found = block.at[wanted.have(block.space, block.database, block.number)]
    stored = look.words[look.starts + 2].astype(np.uint16) >> 8 == STORAGE
    if not stored.any():
        return found
    # One by one: relations are made and cut short seldom.
    of_storage = np.flatnonzero(stored).tolist()
    named = [at for at in of_storage if wanted.has(_stored(look, at, major))]
    return np.sort(np.concatenate([found[~stored[found]], np.array(named, np.int64)]))


def _stored(look: Look, which: int, major: int) -> tuple[int, int, int] | None:
    """The file that a record of Storage speaks of."""
    start = int(look.starts[which]) * WORD
    record = split(look.text[start : start + int(look.lengths[which])].tobytes(), major)
    op = record.op if record else None
    # TRUNCATE begins with the number of pages that stay.
    at = {"CREATE": 0, "TRUNCATE": 4}.get(op or "")
    if record is None or at is None or len(record.main) < at + 12:
        return None
    space, database, number = struct.unpack_from("<III", record.main, at)
    return space, database, number
