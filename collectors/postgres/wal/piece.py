"""A piece of WAL that was read without a break, and its records timeline by timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal.foreign import Foreign
from collectors.postgres.wal.model import RECORDS
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.shelf import Shelf, whole
from collectors.postgres.wal.timeline import Stretch, Turns

_END = 2**64
Lsns = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of one run up to damage or its end."""

    run: Sequence[Checked]
    shelf: Shelf
    turns: Turns
    method: str
    """Who read it."""
    counted: bool
    """Rows written were counted on the way; else the tool does it, once the files are known."""
    said: str | None = None
    """The tool's complaint that the last segment is not full yet."""
    foreign: Foreign = field(default_factory=Foreign)
    """Records that no one can read, of extensions."""
    since: int = 0
    """Below this LSN another piece tells what was written."""
    begin: int = 0
    """Below this LSN another piece tells all."""
    repeats: Lsns | None = None
    """LSNs of records that another piece has as well."""

    @property
    def stretch(self) -> Stretch:
        """Its segments, for a second look."""
        return Stretch(self.run, self.turns, self.since, self.shelf.trail)

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """(timeline, first LSN, LSN behind it) of each timeline."""
        turns = [lsn for lsn, _ in self.turns.points]
        timelines = [self.turns.first, *(timeline for _, timeline in self.turns.points)]
        yield from zip(timelines, [0, *turns], [*turns, _END], strict=True)

    def holds(self, timeline: int) -> bool:
        """Whether it has records of a timeline, by where it begins and ends."""
        first = self.shelf.first
        return first is not None and any(
            one == timeline and max(low, first, self.begin) <= min(high - 1, self.shelf.last)
            for one, low, high in self.ranges()
        )

    def records(self, timeline: int) -> Iterator[tuple[int, pl.DataFrame]]:
        """(LSN where the next begin, rows of RECORDS) stretch by stretch, in order."""
        for end, plain, rest in self.parted(timeline):
            both = pl.concat([whole(plain), rest])
            yield end, self.label(both.sort("lsn") if len(rest) else both)

    def parted(self, timeline: int) -> Iterator[tuple[int, pl.DataFrame, pl.DataFrame]]:
        """The same, apart and not labelled: rows of PLAIN, and others of RECORDS; both in order."""
        for one, low, high in self.ranges():
            if one == timeline:
                for end, plain, rest in self.shelf.between():
                    yield min(end, high), self._of(plain, low, high), self._of(rest, low, high)

    def told(self) -> pl.DataFrame:
        """The records that tell of tables and timelines."""
        return self.label(self._of(self.shelf.told(), 0, _END))

    def label(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Fill ``timeline`` and ``item`` from ``lsn``."""
        return with_items(self.turns.label(rows), self.run)

    def lsns(self, timeline: int, low: int, high: int) -> Lsns:
        """Of the records of a timeline, from ``low`` and below ``high``."""
        both = [one["lsn"] for _, *rows in self.parted(timeline) for one in rows]
        every = np.sort(
            np.concatenate([np.array([], np.uint64), *(one.to_numpy() for one in both)])
        )
        return every[(every >= np.uint64(low)) & (every <= np.uint64(high - 1))]

    def _of(self, rows: pl.DataFrame, low: int, high: int) -> pl.DataFrame:
        low = max(low, self.begin)
        if low > 0:
            rows = rows.filter(pl.col("lsn") >= low)
        if high < _END:
            rows = rows.filter(pl.col("lsn") < high)
        if self.repeats is not None:
            rows = rows.filter(~np.isin(rows["lsn"].to_numpy(), self.repeats))
        return rows


def with_items(rows: pl.DataFrame, run: Sequence[Checked]) -> pl.DataFrame:
    """Fill ``item`` from ``lsn``: the segment in which it lies."""
    named = sorted({one.number: one.segment.sha256 for one in run}.items())
    numbers = np.array([number for number, _ in named], np.uint64)
    number = rows["lsn"].to_numpy() // np.uint64(run[0].geometry.segment)
    at = np.minimum(np.searchsorted(numbers, number), len(numbers) - 1)
    items = pl.Series([item for _, item in named], dtype=pl.String).gather(at)
    lost = numbers[at] != number
    return rows.with_columns(item=items.set(pl.Series(lost), None) if lost.any() else items)


def once(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out what the first segment of a timeline repeats of the one before."""
    out: list[Piece] = []
    for piece in pieces:
        first = piece.run[0]
        if first.begun_on == first.timeline:
            out.append(piece)
            continue
        turn = piece.turns.points[0][0] if piece.turns.points else _END
        reached = [
            one
            for one in out
            if any((s.timeline, s.number) == (first.begun_on, first.number) for s in one.run)
        ]
        own = piece.lsns(first.begun_on, 0, turn)
        last = int(own[-1]) if len(own) else 0
        if reached and turn < _END:
            piece = replace(piece, since=turn)  # noqa: PLW2901  (the same piece, cut)
        if reached and turn < _END and any(one.shelf.last >= last for one in reached):
            out.append(replace(piece, begin=turn))
            continue
        # Where the old timeline's own segment is damaged before the turn, the copy helps out with
        # records; rows written are not counted from it, since some would count twice.
        held = [one.lsns(first.begun_on, first.start, turn) for one in out]
        both = np.intersect1d(own, np.concatenate([np.array([], np.uint64), *held]))
        out.append(replace(piece, repeats=both if len(both) else None))
    return out


def in_order(pieces: Sequence[Piece]) -> Iterator[tuple[int, Piece]]:
    """(timeline, piece) by timeline and then by LSN."""
    timelines = sorted({one for piece in pieces for one, _, _ in piece.ranges()})
    for timeline in timelines:
        theirs = [piece for piece in pieces if piece.holds(timeline)]
        for piece in sorted(theirs, key=lambda one: max(one.shelf.first or 0, one.begin)):
            yield timeline, piece


def all_records(pieces: Sequence[Piece]) -> pl.DataFrame:
    """Every record, by timeline and LSN, in memory."""
    found = [rows for timeline, piece in in_order(pieces) for _, rows in piece.records(timeline)]
    return pl.concat([pl.DataFrame(schema=RECORDS), *found]).sort("timeline", "lsn")
