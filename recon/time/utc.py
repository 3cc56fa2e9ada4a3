"""How far each clock is ahead of UTC, when, and by which anchors; or that nothing binds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.readings import TRUE_TIME

if TYPE_CHECKING:
    from recon.time.clocks import Ground
    from recon.time.stretches import Stretch


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stretch of time in which a clock is bound to UTC, from one side at least."""

    since: int
    """µs since 1970, by the clock itself or by UTC, whichever stands first in the alphabet."""
    until: int
    low: int | None
    """µs; the clock is ahead of UTC by at least that; None: not bounded from below."""
    high: int | None
    state: str
    """As :attr:`recon.time.stretches.Stretch.state`, of the clock less UTC."""
    direct: bool
    """Whether pairs with UTC bound it, and not other clocks that are bound themselves."""
    pairs: int
    agreeing: int
    grounds: Sequence[Ground]
    """What it rests on; empty where it is through others."""


def ahead(
    clocks: Sequence[str],
    stretches: Sequence[Stretch],
    rests: Mapping[Stretch, Sequence[Ground]],
) -> dict[str, list[Ahead]]:
    """By clock, in the order given, its stretches in time; an empty list: not bound to UTC."""
    out: dict[str, list[Ahead]] = {name: [] for name in clocks if name != TRUE_TIME}
    for one in stretches:
        if one.state == "unbounded" or TRUE_TIME not in {one.first, one.second}:
            continue
        low, high = one.low, one.high
        name, state = one.second, one.state
        if one.second == TRUE_TIME:
            name = one.first
            low, high = (None if bound is None else -bound for bound in (one.high, one.low))
            state = {"at most": "at least", "at least": "at most"}.get(state, state)
        span = (one.since, one.until, low, high, state)
        counts = (one.direct, one.pairs, one.agreeing)
        out.setdefault(name, []).append(Ahead(*span, *counts, rests.get(one, ())))
    return out
