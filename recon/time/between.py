"""How far two clocks can be apart between two readings, by arrays of clock numbers and times.

Let D(c, t) be what clock c is ahead at time t. For a reading of clock A at time s and one of clock
B at time t this bounds D(B, t) − D(A, s):

- The two clocks were measured against each other about t, and A is known to have stepped by so
  much between s and t; or they were measured about s, and B stepped by so much. Both hold, so the
  bounds are where they meet. Of a pair of clocks it is the bound of the pair that is used, which
  is never wider than their two bounds against a third.
- One clock against itself is bounded by its own steps alone: within one stretch, by zero, however
  wide its offset from the others is.
- Two clocks that nothing measures at one of the two times are taken as they read, which is an
  assumption and is told as one. Where they were measured apart at another time, or laws hold them
  apart, the bounds reach from "they agree" to what is known: so that an order must hold both ways.

Source: the same as :mod:`recon.time.bounds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from recon.time.bounds import ROOM, Bounds, bounds
from recon.time.consensus import ENOUGH, OPEN
from recon.time.stretches import stretches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

ONE, MEASURED, AS_READ, DOUBTED = range(4)
BASES = ("one clock", "measured", "as read", "as read, and doubted")
"""What a bound rests on, by number. ``as read``: nothing measures it, and the clocks are taken to
agree; ``doubted``: besides, the evidence holds them apart at another time or from one side."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """By how much each clock can have stepped up to each cut of the axis, µs, [clock, place].

    A step lies somewhere between the last pair before it and the first after it: ``maybe`` counts
    it from the one, ``surely`` from the other. It may have been either clock of the pair that
    shows it, so it is counted for both.
    """

    up: tuple[Ints, Ints]
    """Maybe, surely: how far it can have jumped ahead, all jumps together."""
    down: tuple[Ints, Ints]
    """How far back."""

    def change(self, clock: Ints, begin: tuple[Ints, Ints], end: tuple[Ints, Ints]) -> list[Ints]:
        """[low, high] of what a clock's offset changed by, µs.

        Args:
            clock: numbers.
            begin: first and last place that the one reading may have on the axis.
            end: the same of the other.
        """
        import numpy as np

        def passed(
            which: tuple[Ints, Ints], since: tuple[Ints, Ints], until: tuple[Ints, Ints]
        ) -> Ints:
            most: Ints = which[0][clock, until[1]] - which[1][clock, since[0]]
            return np.maximum(most, 0)

        up = np.maximum(passed(self.up, begin, end), passed(self.down, end, begin))
        down = np.maximum(passed(self.down, begin, end), passed(self.up, end, begin))
        return [-down, up]


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of D(second) − D(first), for pairs of readings."""

    clocks: Sequence[str]
    """Sorted; the numbers of clocks are their places."""
    firm: Bounds
    """What three pairs or more, none of them an assumption of the tool, hold from both sides."""
    number: Ints
    """Of each clock its number in ``firm``; −1: nothing measures it."""
    stepped: Stepped
    place: Ints
    """Of each clock its place in ``apart``; the last one: nothing is known of it there."""
    apart: tuple[Ints, Ints]
    """µs, [first, second], by place: the least and the most that is known of those that do not
    agree at some time; zero where nothing tells them apart, ∓OPEN where only the other side is
    known."""

    @classmethod
    def of(cls, firm: pl.DataFrame, known: pl.DataFrame) -> Between:
        """From rows of :data:`~recon.time.offsets.OFFSETS`: what is firm, and all there is."""
        import numpy as np

        whole = joined(firm)
        closed = bounds(whole)
        clocks = sorted({*closed.clocks, *known["first"], *known["second"]})
        places = {clock: place for place, clock in enumerate(closed.clocks)}
        number = np.array([places.get(clock, -1) for clock in clocks], dtype=np.int64)
        return cls(clocks, closed, number, _stepped(whole, closed), *_apart(known, clocks))

    def bound(
        self, first: tuple[Ints, Ints], second: tuple[Ints, Ints], one: Mask
    ) -> tuple[Ints, Ints, Ints]:
        """Low and high, µs (∓OPEN: not bounded), and the number of the basis, row by row.

        Args:
            first: clocks by number (−1: one that nothing is known of) and readings, µs since 1970.
            second: the same.
            one: whether both are of one clock.
        """
        import numpy as np

        known = [self._known(clock) for clock, _ in (first, second)]
        low, high = self._as_read(first[0], second[0])
        basis = np.where((low < 0) | (high > 0), DOUBTED, AS_READ)
        chosen = np.flatnonzero((known[0] >= 0) & (known[1] >= 0))
        if len(chosen):
            tail, head = known[0][chosen], known[1][chosen]
            begin, end = (
                self._placed(clock, at[chosen])
                for clock, at in ((tail, first[1]), (head, second[1]))
            )
            found_low, found_high, measured = self._measured(tail, head, begin, end)
            same = tail == head
            own_low, own_high = self.stepped.change(tail, _ends(begin), _ends(end))
            found_low = np.where(same, own_low, found_low)
            found_high = np.where(same, own_high, found_high)
            taken = chosen[same | measured]
            low[taken], high[taken] = found_low[same | measured], found_high[same | measured]
            basis[taken] = MEASURED
        # A reading is not apart from itself, though its clock may have been set about then.
        alone = one & ((basis != MEASURED) | (first[1] == second[1]))
        low[alone] = high[alone] = 0
        basis[one] = ONE
        return low, high, basis

    def _known(self, clock: Ints) -> Ints:
        import numpy as np

        if not len(self.number):
            return np.full(len(clock), -1, dtype=np.int64)
        found: Ints = np.where(clock >= 0, self.number[clock], -1)
        return found

    def _as_read(self, first: Ints, second: Ints) -> tuple[Ints, Ints]:
        import numpy as np

        if not len(self.clocks):
            return np.zeros_like(first), np.zeros_like(first)
        held = (first >= 0) & (second >= 0)
        one, other = self.place[first], self.place[second]
        low, high = (np.where(held, table[one, other], 0) for table in self.apart)
        return low, high

    def _placed(self, clock: Ints, at: Ints) -> Ints:
        """[3, reading]: places on the axis, with room for steps before and after."""
        import numpy as np

        shift = np.array([self.firm.axis[one] for one in self.firm.clocks], dtype=np.int64)
        room = np.array([self.firm.steps.get(one, 0) for one in self.firm.clocks], dtype=np.int64)
        on_axis, around = at - shift[clock], room[clock] + ROOM
        return np.searchsorted(
            self.firm.cuts, np.stack([on_axis - around, on_axis, on_axis + around]), "right"
        ).astype(np.int64)

    def _slice(self, tail: Ints, head: Ints, places: Ints) -> tuple[Ints, Ints]:
        """[low, high] at one time: the loosest within its room; OPEN where any of it is unknown."""
        import numpy as np

        # The last layer of the table is of a time of which nothing is known.
        nothing = len(self.firm.table) - 1
        slots = np.where((places == 0) | (places > nothing), nothing, places - 1)
        ends = []
        for one, other in ((head, tail), (tail, head)):
            ends.append(self.firm.table[slots, one, other].max(axis=0))
        return -ends[0], ends[1]

    def _measured(self, tail: Ints, head: Ints, begin: Ints, end: Ints) -> tuple[Ints, Ints, Mask]:
        import numpy as np

        at_begin, at_end = self._slice(tail, head, begin), self._slice(tail, head, end)
        known = np.ones(len(tail), dtype=bool)
        for low, high in (at_begin, at_end):
            known &= (low > -OPEN) & (high < OPEN)
        of_tail = self.stepped.change(tail, _ends(begin), _ends(end))
        of_head = self.stepped.change(head, _ends(begin), _ends(end))
        lows = np.stack([at_end[0] + of_tail[0], at_begin[0] + of_head[0]])
        highs = np.stack([at_end[1] + of_tail[1], at_begin[1] + of_head[1]])
        low, high = lows.max(axis=0), highs.min(axis=0)
        # Bounds that miss each other, as by a drift, hold together.
        crossed = low > high
        low = np.where(crossed, lows.min(axis=0), low)
        high = np.where(crossed, highs.max(axis=0), high)
        return low, high, known


def joined(offsets: pl.DataFrame) -> pl.DataFrame:
    """The same rows, with days that one offset fits taken together: it held in between."""
    rows = [
        (
            *(one.first, one.second, one.since, one.until, one.low, one.high),
            *(*one.certain, one.pairs, one.agreeing, one.held, one.clear),
        )
        for one in stretches(offsets)
    ]
    return pl.DataFrame(rows, schema=offsets.schema, orient="row")


def _ends(places: Ints) -> tuple[Ints, Ints]:
    return places[0], places[2]


def _stepped(offsets: pl.DataFrame, closed: Bounds) -> Stepped:
    """From measured stretches of two clocks that no one offset fits."""
    import numpy as np

    place = {clock: number for number, clock in enumerate(closed.clocks)}
    shape = (max(len(closed.clocks), 1), len(closed.cuts) + 1)
    up, down = ((np.zeros(shape, np.int64), np.zeros(shape, np.int64)) for _ in range(2))
    kept = offsets.filter(
        (pl.col("held") >= ENOUGH)
        & pl.col("first").is_in(closed.clocks)
        & pl.col("second").is_in(closed.clocks)
    )
    columns = ("first", "second", "since", "until", "low", "high")
    rows = kept.sort("first", "second", "since").select(columns).iter_rows(named=True)
    for one, next_ in pairwise(rows):
        if (one["first"], one["second"]) != (next_["first"], next_["second"]):
            continue
        if one["low"] <= next_["high"] and next_["low"] <= one["high"]:
            continue
        ahead = max(next_["high"] - one["low"], 0)
        back = max(one["high"] - next_["low"], 0)
        maybe, surely = (
            int(np.searchsorted(closed.cuts, at - closed.axis[one["first"]], "right"))
            for at in (one["until"], next_["since"])
        )
        first, second = place[one["first"]], place[one["second"]]
        for clock, rise, fall in ((second, ahead, back), (first, back, ahead)):
            for which, size in ((up, rise), (down, fall)):
                which[0][clock, maybe:] += size
                which[1][clock, max(maybe, surely) :] += size
    return Stepped(up, down)


def _apart(known: pl.DataFrame, clocks: Sequence[str]) -> tuple[Ints, tuple[Ints, Ints]]:
    """What holds two clocks apart at any time, by bounds that stand while most pairs are true.

    Of thousands of clocks those alone that a table has room for.
    """
    import numpy as np

    rows = known.filter(pl.col("pairs") >= ENOUGH).with_columns(
        low="certain_low", high="certain_high"
    )
    closed = bounds(rows, only_measured=False)
    places = {clock: place for place, clock in enumerate(closed.clocks)}
    place = np.array([places.get(clock, len(places)) for clock in clocks], dtype=np.int64)
    sound = (closed.table.diagonal(axis1=1, axis2=2) >= 0).all(axis=1)
    most = closed.table[sound]
    least = -most.transpose(0, 2, 1)
    ahead = np.where(least > 0, most, 0).max(axis=0, initial=0)
    behind = np.where(most < 0, least, 0).min(axis=0, initial=0)
    return place, (np.pad(behind, (0, 1)), np.pad(ahead, (0, 1)))
