"""Stretches of time in which the offset between two clocks held still, and the steps between.

Pairs are taken in the order of the first clock's reading. Those that the consensus of all does not
satisfy are looked at in turn: where at least three of them, with all pairs read among them, agree
on another offset, the clock stood elsewhere for that stretch, and the stretch is a segment of its
own. What is left over dissents alone. A clock that drifts moves the bounds by its drift for the
time between pairs; an offset that a step or a drift explains is no falsehood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from recon.time.consensus import ENOUGH, OPEN, Consensus, certain, consensus

if TYPE_CHECKING:
    from recon.time.consensus import Micros

DRIFT = 15e-6
"""µs a clock may gain or lose per µs and not be called stepped (RFC 5905, section 11.1: PHI)."""
_CHUNK = 256
_RETRIES = 10_000
"""Stretches that are looked for in one run of pairs: a clock that steps more often is unsteady."""
_JOINED = 64
"""How often all pairs of a run are gone through to join stretches; what is left stays apart."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch in which one offset fits the pairs that agree."""

    first: int
    """Reading of the first clock at the first pair that belongs to it, µs since 1970."""
    last: int
    """The same at the last pair."""
    agreed: Consensus
    """Over ``members``; ``dissent`` says which of these are outside."""
    certain: tuple[int, int]
    """Bounds that hold while less than half of the pairs on each side are false, µs."""
    members: Micros
    """Which pairs: positions in the arrays that were given, in time order."""
    places: Micros
    """The same as positions in time order."""

    @property
    def low(self) -> int:
        """µs; the greatest low of the pairs that agree."""
        return self.agreed.low

    @property
    def high(self) -> int:
        """µs; the least high."""
        return self.agreed.high

    @property
    def measured(self) -> bool:
        """Whether both sides are bounded, by at least three pairs that agree."""
        bounded = self.low > -OPEN and self.high < OPEN
        return bounded and self.agreed.clear and self.agreed.agreeing >= ENOUGH


@dataclass(frozen=True, slots=True)
class Step:
    """Between two segments the offset changed."""

    after: int
    """Last reading of the first clock before it, µs since 1970."""
    before: int
    """First reading after it."""
    low: int
    """µs; the least that it can have changed by."""
    high: int


def segments(at: Micros, low: Micros, high: Micros, drift: float = DRIFT) -> list[Segment]:
    """Segments in the order of time.

    Args:
        at: the first clock's reading of each pair, µs since 1970.
        low: µs, what the pair says the offset is at least; −OPEN for nothing.
        high: µs, at most; OPEN for nothing.
        drift: relative drift of the two clocks, µs per µs.
    """
    import numpy as np

    if not len(at):
        return []
    order = np.lexsort((high, low, at))
    at, low, high = at[order], low[order], high[order]
    # Told apart only by more than drift can do over the whole stretch: bounds move by half each.
    slack = int(drift * float(at[-1] - at[0]) / 2) + 1
    wide_low = np.where(low > -OPEN, low - slack, low)
    wide_high = np.where(high < OPEN, high + slack, high)
    whole = consensus(wide_low, wide_high)
    if not whole.dissent.any():
        one = _segment(at, wide_low, wide_high, order, np.arange(len(at)))
        return [_throughout(one, drift, slack)]
    if not whole.clear:
        # A clock that stepped half-way has as many pairs before as after: either will do to begin.
        whole = consensus(wide_low, wide_high, least=True)
    group = np.zeros(len(at), dtype=np.int64)
    for number, (start, stop) in enumerate(_stretches(wide_low, wide_high, whole), 1):
        group[start:stop] = number
    # What lies before and after a stretch are segments apart: a clock can step away and not back.
    edges = [0, *(np.flatnonzero(group[1:] != group[:-1]) + 1).tolist(), len(at)]
    pieces = [
        _segment(at, wide_low, wide_high, order, np.arange(*ends)) for ends in pairwise(edges)
    ]
    found = _joined(pieces, lambda one: _segment(at, wide_low, wide_high, order, one))
    return [_throughout(one, drift, slack) for one in found]


def _throughout(one: Segment, drift: float, slack: int) -> Segment:
    """With bounds that hold at either end of it: drift has had all its length from the other."""
    more = int(drift * float(one.last - one.first)) + 1 - slack
    if more <= 0:
        return one
    low, high = one.certain
    return replace(
        one,
        agreed=replace(one.agreed, low=_less(one.low, more), high=-_less(-one.high, more)),
        certain=(_less(low, more), -_less(-high, more)),
    )


def _less(bound: int, more: int) -> int:
    return bound - more if bound > -OPEN else bound


def _joined(pieces: Sequence[Segment], make: Callable[[Micros], Segment]) -> list[Segment]:
    """Neighbours that one offset fits made one; also across a few pairs that fit neither.

    Those few then dissent: a record that is wrong must not cut a stretch in two.
    """
    import numpy as np

    out: list[Segment] = []
    held: list[Segment] = []
    left = _JOINED * max(sum(len(one.places) for one in pieces), _CHUNK)
    for piece in pieces:
        last = out[-1] if out else None
        if last and left > 0 and _meet(last, piece) and piece.agreed.agreeing:
            places = np.sort(np.concatenate([one.places for one in (last, *held, piece)]))
            out[-1] = make(places)
            left -= len(places)
            held = []
        elif last and len(piece.members) < ENOUGH:
            held.append(piece)
        else:
            out += [*held, piece]
            held = []
    return out + held


def _meet(one: Segment, other: Segment) -> bool:
    return one.low <= other.high and other.low <= one.high


def steps(found: Sequence[Segment]) -> Iterator[Step]:
    """The steps between measured segments whose offsets exclude each other."""
    measured = [one for one in found if one.measured]
    for one, next_ in pairwise(measured):
        if one.high < next_.low or next_.high < one.low:
            yield Step(one.last, next_.first, next_.low - one.high, next_.high - one.low)


def _segment(at: Micros, low: Micros, high: Micros, order: Micros, piece: Micros) -> Segment:
    agreed = consensus(low[piece], high[piece])
    return Segment(
        first=int(at[piece[0]]),
        last=int(at[piece[-1]]),
        agreed=agreed,
        certain=certain(low[piece], high[piece]),
        members=order[piece],
        places=piece,
    )


def _stretches(low: Micros, high: Micros, whole: Consensus) -> Iterator[tuple[int, int]]:
    """(start, stop) of runs that begin with a dissenter, are consistent, and hold enough of them.

    Enough is three on one side: pairs above and below the rest's offset have no offset in common
    that the rest has not.
    """
    import numpy as np

    # Counted up to each place: how many of a run are above or below is then one difference.
    above, below = (
        np.concatenate([[0], np.cumsum(outside)])
        for outside in (low > whole.high, high < whole.low)
    )
    places = np.flatnonzero(whole.dissent)
    at = tried = 0
    while at < len(places) and tried < _RETRIES:
        start = int(places[at])
        stop = _consistent(low, high, start)
        tried += 1
        if max(above[stop] - above[start], below[stop] - below[start]) >= ENOUGH:
            # Pairs after the last dissenter fit the old offset as well, and stay with it.
            last = int(places[np.searchsorted(places, stop) - 1])
            end = len(low) if stop == len(low) else last + 1
            yield start, end
            at = int(np.searchsorted(places, end))
        else:
            at += 1


def _consistent(low: Micros, high: Micros, start: int) -> int:
    """How far a run that begins at ``start`` has one offset that fits all of it."""
    import numpy as np

    most_low, least_high = -OPEN, OPEN
    size = _CHUNK
    while start < len(low):
        part_low = np.maximum(np.maximum.accumulate(low[start : start + size]), most_low)
        part_high = np.minimum(np.minimum.accumulate(high[start : start + size]), least_high)
        crossed = np.flatnonzero(part_low > part_high)
        if len(crossed):
            return start + int(crossed[0])
        most_low, least_high = int(part_low[-1]), int(part_high[-1])
        start += size
        size *= 2
    return len(low)
