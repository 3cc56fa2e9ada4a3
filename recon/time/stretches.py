"""Offsets as a person reads them: stretches in which one offset fits all, and the steps between.

:mod:`recon.time.offsets` looks day by day, so that a drift over months is followed. Days that one
offset fits are taken together here; where none does, a new stretch begins, and where both are
measured the offset stepped between them. Two clocks that no pair joins may still be bounded
through others: those stretches are had from the closure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import polars as pl

from recon.readings import TRUE_TIME
from recon.time.bounds import bounds
from recon.time.consensus import ENOUGH, OPEN
from recon.time.offsets import OFFSETS
from recon.time.segments import DRIFT

MOST_CLOCKS = 64
"""Clocks up to which the bounds through others are looked for: each two of them are a row."""
_OWN = (
    *("first", "second", "since", "until", "low", "high"),
    *("pairs", "agreeing", "held", "clear"),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Two clocks over a stretch of time in which one offset fits."""

    first: str
    second: str
    """Alphabetically after ``first``."""
    since: int
    """Reading of the first clock, µs since 1970."""
    until: int
    low: int | None
    """µs; D(second) − D(first) is at least that; None: not bounded from below."""
    high: int | None
    """µs; at most."""
    certain: tuple[int | None, int | None]
    """Bounds that hold as long as less than half of the pairs on each side are false, µs."""
    pairs: int
    """0 where the bounds are had through other clocks."""
    agreeing: int
    held: int
    """Of those that agree, pairs that bound both sides."""
    clear: bool
    """Whether one offset has the most pairs."""
    measured: bool
    """Whether at least three agreeing pairs hold it from both sides."""

    @property
    def direct(self) -> bool:
        """Whether pairs of the two clocks bound it, and not other clocks."""
        return self.pairs > 0

    @property
    def state(self) -> str:
        """``measured``, ``bounded``, ``at most``, ``at least`` or ``unbounded``."""
        if self.measured:
            return "measured"
        if self.low is not None and self.high is not None:
            return "bounded"
        if self.low is None and self.high is None:
            return "unbounded"
        return "at most" if self.low is None else "at least"


@dataclass(frozen=True, slots=True)
class Step:
    """The offset between two clocks changed: either of them may have stepped."""

    first: str
    second: str
    after: int
    """Last reading of the first clock before it, µs since 1970."""
    before: int
    """First reading after it."""
    low: int
    """µs; the least that D(second) − D(first) can have changed by."""
    high: int


def stretches(offsets: pl.DataFrame, drift: float = DRIFT) -> list[Stretch]:
    """From rows of :data:`~recon.time.offsets.OFFSETS`; a loop over stretches, not pairs."""
    out: list[Stretch] = []
    held: list[Stretch] = []
    fit: _Fit | None = None
    for row in offsets.sort("first", "second", "since", "until").iter_rows(named=True):
        one = _stretch(row)
        more = fit.with_(one, drift) if fit else None
        if fit and more is None:
            out.append(_whole(held, fit, drift))
            held = []
        fit = more or _Fit.of(one)
        held.append(one)
    return [*out, _whole(held, fit, drift)] if fit else out


def _stretch(row: Mapping[str, Any]) -> Stretch:
    return Stretch(
        **{name: row[name] for name in _OWN},
        certain=(row["certain_low"], row["certain_high"]),
        measured=row["clear"] and row["held"] >= ENOUGH,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """The one offset that fits several stretches, each bound as it was at its own time."""

    first: Stretch
    until: int
    low: int | None
    high: int | None

    @classmethod
    def of(cls, one: Stretch) -> _Fit:
        return cls(one, one.until, one.low, one.high)

    def with_(self, one: Stretch, drift: float) -> _Fit | None:
        """With one more; None: none fits all."""
        alike = (self.first.first, self.first.second) == (one.first, one.second)
        if not alike or not (self.first.clear and one.clear):
            return None
        low = max((low for low in (self.low, one.low) if low is not None), default=None)
        high = min((high for high in (self.high, one.high) if high is not None), default=None)
        more = _Fit(self.first, max(self.until, one.until), low, high)
        # In the middle, where half the drift is behind and half ahead.
        low, high = more.bounds(drift / 2)
        return None if low is not None and high is not None and low > high else more

    def bounds(self, drift: float) -> tuple[int | None, int | None]:
        """Throughout: from one end to the other the clocks may have drifted."""
        slack = int(drift * max(self.until - self.first.since, 0))
        return (
            None if self.low is None else self.low - slack,
            None if self.high is None else self.high + slack,
        )


def _whole(those: Sequence[Stretch], fit: _Fit, drift: float) -> Stretch:
    if len(those) == 1:
        return those[0]
    low, high = fit.bounds(drift)
    # Each part's own bounds hold in it, so the loosest of them holds throughout; it may be tighter.
    if low is not None and all(one.low is not None for one in those):
        low = max(low, min(one.low for one in those if one.low is not None))
    if high is not None and all(one.high is not None for one in those):
        high = min(high, max(one.high for one in those if one.high is not None))
    held = sum(one.held for one in those)
    lows = [one.certain[0] for one in those if one.certain[0] is not None]
    highs = [one.certain[1] for one in those if one.certain[1] is not None]
    return replace(
        those[0],
        until=max(one.until for one in those),
        low=low,
        high=high,
        # Where less than half of all are false, that is so in one of the parts: the loosest holds.
        certain=(min(lows, default=None), max(highs, default=None)),
        pairs=sum(one.pairs for one in those),
        agreeing=sum(one.agreeing for one in those),
        held=held,
        measured=held >= ENOUGH,
    )


def steps(found: Sequence[Stretch]) -> Iterator[Step]:
    """Between two measured stretches of the same clocks that no one offset fits."""
    measured = [one for one in found if one.measured]
    for one, next_ in pairwise(measured):
        if (one.first, one.second) != (next_.first, next_.second):
            continue
        # Measured from both sides: the bounds are there.
        before, after = (one.low or 0, one.high or 0), (next_.low or 0, next_.high or 0)
        if before[1] < after[0] or after[1] < before[0]:
            yield Step(
                *(one.first, one.second, one.until, next_.since),
                *(after[0] - before[1], after[1] - before[0]),
            )


def _opens(own: Sequence[Mapping[str, Any]], at: int, *, low: bool, high: bool) -> bool:
    """Whether others bound a side that the clocks' own pairs leave open at a reading."""
    held = [one for one in own if one["since"] <= at <= one["until"]]
    closed = {side: any(one[side] is not None for one in held) for side in ("low", "high")}
    return (low and not closed["low"]) or (high and not closed["high"])


def through(offsets: pl.DataFrame, drift: float = DRIFT) -> list[Stretch]:
    """Two clocks that no pair joins, as far as others bound them; of many clocks UTC alone.

    A clock and UTC also where pairs join them, in stretches where those leave a side open.
    """
    clocks = sorted(set(offsets["first"]) | set(offsets["second"]))
    few = len(clocks) <= MOST_CLOCKS
    if not clocks or (not few and TRUE_TIME not in clocks):
        return []
    direct = offsets.rows_by_key(["first", "second"], named=True)
    loose, strict = bounds(offsets, only_measured=False), bounds(offsets)
    rows: list[dict[str, Any]] = []
    for at, first in enumerate(loose.clocks):
        for to, second in enumerate(loose.clocks):
            own = direct.get((first, second), [])
            is_utc = TRUE_TIME in {first, second}
            if to <= at or not (is_utc or (few and not own)):
                continue
            for layer, (begin, end) in enumerate(pairwise(loose.cuts.tolist())):
                high, low = int(loose.table[layer, at, to]), -int(loose.table[layer, to, at])
                if high >= OPEN and low <= -OPEN:
                    continue
                since, until = begin + loose.axis[first], end + loose.axis[first]
                middle = (since + until) // 2
                if not _opens(own, middle, low=low > -OPEN, high=high < OPEN):
                    continue
                known = (
                    strict.most(first, second, first, middle),
                    strict.most(second, first, first, middle),
                )
                bound = (low if low > -OPEN else None, high if high < OPEN else None)
                rows.append(
                    {
                        "first": first,
                        "second": second,
                        "since": since,
                        "until": until,
                        "low": bound[0],
                        "high": bound[1],
                        "certain_low": None,
                        "certain_high": None,
                        "pairs": 0,
                        "agreeing": 0,
                        "held": ENOUGH if None not in known else 0,
                        "clear": True,
                    }
                )
    found = stretches(pl.DataFrame(rows, schema=OFFSETS, orient="row"), drift)
    return [replace(one, held=0) for one in found]
