"""What the evidence holds of two clocks about one reading: bounds, the pairs, who dissents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.time.clocks import Clocks, Dissent, Ground
    from recon.time.stretches import Stretch


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """How far clock ``other`` reads ahead of clock ``one``, and by what."""

    one: str
    other: str
    low: int | None
    """µs; D(other) − D(one) is at least that; None: not bounded from below."""
    high: int | None
    """µs; at most."""
    state: str
    """``measured``, ``bounded``, ``at most`` or ``at least``."""
    since: int
    """Reading of the alphabetically first of the two at its first pair, µs since 1970."""
    until: int
    agreeing: int
    """Pairs that agree; 0 where the bounds are had through other clocks."""
    pairs: int
    covers: bool
    """Whether the reading that is asked about lies in that stretch of time."""
    rests: Sequence[Ground]
    dissent: Sequence[Dissent]
    """Pairs of that stretch that the others exclude."""

    @property
    def assumed(self) -> bool:
        """Whether it rests on records of one act that the tool proposed and nobody declared."""
        return any(ground.basis == "proposed" for ground in self.rests)

    def turned(self) -> Held:
        """The same from the other clock's side."""
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        state = _state(low, high, measured=self.state == "measured")
        return replace(self, one=self.other, other=self.one, low=low, high=high, state=state)


def micros(moment: datetime) -> int:
    """µs since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def held(found: Clocks, one: str, other: str, at: int) -> Held | None:
    """The stretch of two clocks that holds a reading of ``one``, else the nearest in time.

    Args:
        found: the clocks of the case.
        one: a clock.
        other: another one.
        at: reading of ``one``, µs since 1970.

    None where nothing bounds the two against each other.
    """
    first, second = sorted((one, other))
    stretches = [
        stretch
        for stretch in found.stretches
        if (stretch.first, stretch.second) == (first, second) and stretch.state != "unbounded"
    ]
    if not stretches:
        return None
    best = min(
        stretches, key=lambda stretch: (_away(stretch, at, turned=one != first), _rank(stretch))
    )
    known = Held(
        one=first,
        other=second,
        low=best.low,
        high=best.high,
        state=best.state,
        since=best.since,
        until=best.until,
        agreeing=best.agreeing,
        pairs=best.pairs,
        covers=not _away(best, at, turned=one != first),
        rests=tuple(found.rests.get(best, ())),
        dissent=[
            dissent
            for dissent in found.dissent
            if (dissent.first, dissent.second) == (first, second)
            and best.since <= dissent.at <= best.until
        ],
    )
    return known if one == first else known.turned()


def _away(stretch: Stretch, at: int, *, turned: bool) -> int:
    """µs from a reading to the stretch; its times are those of the first clock."""
    if turned:
        known = [bound for bound in (stretch.low, stretch.high) if bound is not None]
        at -= sum(known) // len(known)
    return max(stretch.since - at, at - stretch.until, 0)


def _rank(stretch: Stretch) -> tuple[bool, int]:
    return not stretch.measured, stretch.since


def _state(low: int | None, high: int | None, *, measured: bool) -> str:
    if measured:
        return "measured"
    if low is None:
        return "at most"
    return "at least" if high is None else "bounded"
