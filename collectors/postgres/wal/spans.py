"""Stretches of the log without a gap, and the history that leads to each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collectors.postgres.wal.piece import Piece

Place = tuple[int, int]
"""Timeline and LSN."""
END = 2**64


class Range(NamedTuple):
    """LSNs from the first to the last, both of them included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Span:
    """Records of one timeline in one piece: none is missing between its first and its last."""

    piece: Piece
    timeline: int
    range: Range
    before: Span | None = None
    """What it went on from, if that is at hand up to the turn."""

    def __contains__(self, lsn: int) -> bool:
        return self.range.first <= lsn <= self.range.last

    @property
    def path(self) -> list[tuple[int, Range]]:
        """All that is known without a gap up to its end, timeline by timeline."""
        own = (self.timeline, self.range)
        if self.before is None:
            return [own]
        until = self.range.first - 1
        earlier = [
            (timeline, Range(one.first, min(one.last, until)))
            for timeline, one in self.before.path
            if one.first <= until
        ]
        return [*earlier, own]


def union(ranges: Iterable[Range]) -> list[Range]:
    """All that is in one of them, as few as can be, in order."""
    out: list[Range] = []
    for one in sorted(ranges):
        if one.first > one.last:
            continue
        if out and one.first <= out[-1].last + 1:
            out[-1] = Range(out[-1].first, max(out[-1].last, one.last))
        else:
            out.append(one)
    return out


def common(first: Sequence[Range], second: Sequence[Range]) -> list[Range]:
    """All that is in both."""
    return union(
        Range(max(one.first, two.first), min(one.last, two.last)) for one in first for two in second
    )


def without(one: Range, holes: Iterable[Range]) -> list[Range]:
    """What holes leave of a range."""
    kept = [one]
    for hole in holes:
        kept = [
            Range(*part)
            for each in kept
            for part in (
                (each.first, min(each.last, hole.first - 1)),
                (max(each.first, hole.last + 1), each.last),
            )
            if part[0] <= part[1]
        ]
    return kept


def spans(pieces: Sequence[Piece]) -> list[Span]:
    """All of them, each with what it went on from."""
    found: list[Span] = []
    for piece in pieces:
        before: Span | None = None
        for timeline, low, high in piece.ranges():
            if not piece.holds(timeline):
                continue
            first = max(low, piece.shelf.first or 0, piece.begin)
            span = Span(piece, timeline, Range(first, min(high - 1, piece.shelf.last)), before)
            if before is None and first == low:
                # The old timeline's own segments tell what came before: up to the turn, or the copy
                # of them that the new one begins with would have been read.
                start = piece.run[0].start
                parents = [
                    one
                    for one in found
                    if one.timeline == piece.turns.first
                    and one.range.first < low
                    and one.range.last >= start
                ]
                span = Span(piece, timeline, span.range, parents[-1] if parents else None)
            found.append(span)
            before = span
    return found


def turns(pieces: Sequence[Piece]) -> dict[int, Place]:
    """By timeline: which one it went on from, and where."""
    found: dict[int, Place] = {}
    for piece in pieces:
        before = piece.turns.first
        for lsn, timeline in piece.turns.points:
            found[timeline] = (before, lsn)
            before = timeline
    return found


def history(turns: Mapping[int, Place], timeline: int) -> Iterator[Place]:
    """A timeline and those that it comes from, each with the LSN where it ceases to be its past."""
    limit = END
    while True:
        yield timeline, limit
        if timeline not in turns:
            return
        timeline, at = turns[timeline]
        limit = min(limit, at)


def on(path: Sequence[tuple[int, Range]], timeline: int, lsn: int) -> int | None:
    """The LSN, if it lies on the path."""
    inside = (one.first <= lsn <= one.last for number, one in path if number == timeline)
    return lsn if any(inside) else None


def all_on(path: Sequence[tuple[int, Range]], places: Iterable[Place]) -> list[int]:
    """The LSNs that lie on the path, in order."""
    return sorted({lsn for place in places if (lsn := on(path, *place)) is not None})
