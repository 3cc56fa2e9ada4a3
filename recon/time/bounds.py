"""How far apart any two clocks can be at a time, directly or through others.

Offsets hold for the stretch of time of their pairs and no longer. Where the stretches of several
two clocks overlap, they make a network of difference constraints, and its closure holds for every
two clocks in that slice of time: an offset of the morning says nothing of a clock's afternoon.

Clocks that are hours apart date one moment differently, so slices are cut on one axis: each
clock's reading less its rough distance from the first clock of its group. A reading is looked up
with room for what its clock is known to have stepped by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from recon.time.consensus import OPEN
from recon.time.network import Cycle, Edge, Network
from recon.time.offsets import measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.int64]


ROOM = 5_000_000
"""µs of room at the ends of a slice, for the width of the offsets that the axis is laid by."""
_CELLS = 2**25
"""Cells of the table at most: 256 MiB, and as much again while it is closed."""
_WORK = 2**30
"""Cells that are gone through to close it, at most: each once for every clock. Seconds."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Upper bounds of D(head) − D(tail), by slice of time."""

    clocks: Sequence[str]
    """Sorted; their places are the indexes of the table."""
    cuts: Table
    """µs on the axis, ascending: slice *n* reaches from cut *n* to the next."""
    table: Table
    """µs, [slice, tail, head]: D(head) − D(tail) is at most that; OPEN: not bounded.

    The last layer is for a time of which nothing is known.
    """
    axis: Mapping[str, int]
    """µs by clock: its reading less this lies on the axis."""
    steps: Mapping[str, int]
    """µs by clock: how far it can have stepped over the whole time, all its steps together."""

    def slots(self, clock: str, readings: Table) -> Table:
        """[3, reading]: layers of the table at each reading of a clock, and at its room's ends."""
        import numpy as np

        nothing = len(self.table) - 1
        if clock not in self.axis or not len(self.cuts):
            return np.full((3, len(readings)), nothing, dtype=np.int64)
        at = readings - self.axis[clock]
        room = self.steps.get(clock, 0) + ROOM
        found = np.searchsorted(self.cuts, np.stack([at - room, at, at + room]), "right") - 1
        outside = (found < 0) | (found >= len(self.cuts) - 1)
        return np.where(outside, nothing, found)

    def everywhere(self) -> Bounds:
        """With the loosest that was ever known of two clocks wherever nothing is known of them."""
        import numpy as np

        loosest = np.where(self.table < OPEN, self.table, -OPEN).max(axis=0)
        loosest = np.where(loosest > -OPEN, loosest, OPEN)
        return replace(self, table=np.where(self.table < OPEN, self.table, loosest))

    def most(self, tail: str, head: str, clock: str, at: int) -> int | None:
        """µs that D(head) − D(tail) can be at most when ``clock`` reads ``at``; None: unbounded."""
        import numpy as np

        if tail == head:
            return 0
        places = {name: place for place, name in enumerate(self.clocks)}
        if tail not in places or head not in places:
            return None
        slots = self.slots(clock, np.array([at]))[:, 0]
        values = [int(self.table[slot, places[tail], places[head]]) for slot in slots]
        known = [value for value in values if value < OPEN // 2]
        return max(known) if known else None


def bounds(offsets: pl.DataFrame, *, only_measured: bool = True) -> Bounds:
    """Close the offsets of each slice of time.

    Args:
        offsets: rows of :data:`recon.time.offsets.OFFSETS`.
        only_measured: leave out what fewer than three agreeing pairs bound, or one side alone.
    """
    import numpy as np

    kept = _fitting(offsets.filter(measured()) if only_measured else offsets)
    clocks = sorted(set(kept["first"]) | set(kept["second"]))
    place = {clock: number for number, clock in enumerate(clocks)}
    axis, steps = _axis(kept, clocks), _stepped(kept)
    spans: list[tuple[int, int, int, int, int | None, int | None]] = []
    # One by one: a row is a stretch of time, not a pair.
    columns = ("first", "second", "since", "until", "low", "high")
    for first, second, since, until, low, high in kept.select(columns).iter_rows():
        begin, end = since - axis[first], until - axis[first]
        spans.append((begin, max(end, begin + 1), place[first], place[second], low, high))
    cuts = np.array(sorted({cut for span in spans for cut in span[:2]}), dtype=np.int64)
    table = np.full((max(len(cuts), 1), len(clocks), len(clocks)), OPEN, dtype=np.int64)
    for begin, end, first, second, low, high in spans:
        layers = slice(*np.searchsorted(cuts, [begin, end]))
        for tail, head, weight in (
            (first, second, high),
            (second, first, None if low is None else -low),
        ):
            if weight is not None:
                table[layers, tail, head] = np.minimum(table[layers, tail, head], weight)
    same = np.arange(len(clocks))
    table[:, same, same] = 0
    for middle in range(len(clocks)):
        through = table[:, :, middle, None] + table[:, None, middle, :]
        np.minimum(table, through, out=table)
        # Round a cycle that misses itself a sum doubles with every clock.
        np.maximum(table, -OPEN, out=table)
    table[table > OPEN // 2] = OPEN
    table[-1] = OPEN
    return Bounds(clocks, cuts, table, axis, steps)


def _fitting(offsets: pl.DataFrame) -> pl.DataFrame:
    """Rows of as many clocks as a table has room for, those with the most pairs first.

    A repository can have thousands of committers, each a clock. What is left out bounds nothing,
    so what is said is looser and holds.
    """
    ends = pl.concat([offsets.select("held", "pairs", clock=end) for end in ("first", "second")])
    ranked = (
        ends.group_by("clock")
        .agg(pl.col("held", "pairs").sum())
        .sort("held", "pairs", "clock", descending=[True, True, False])["clock"]
    )
    count, kept = len(ranked), offsets
    while count > 1 and count**2 * (2 * len(kept) + 1) > min(_CELLS, _WORK // count):
        count = count * 3 // 4
        chosen = ranked[:count].implode()
        kept = offsets.filter(pl.col("first").is_in(chosen) & pl.col("second").is_in(chosen))
    return kept


def _axis(offsets: pl.DataFrame, clocks: Sequence[str]) -> dict[str, int]:
    """By clock its rough distance from the first clock that it is bounded against, through any."""
    middle = (
        offsets.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
        .group_by("first", "second")
        .agg(middle=((pl.col("low") + pl.col("high")) // 2).median().cast(pl.Int64))
        .sort("first", "second")
    )
    near: dict[str, list[tuple[str, int]]] = {}
    for first, second, apart in middle.iter_rows():
        near.setdefault(first, []).append((second, apart))
        near.setdefault(second, []).append((first, -apart))
    axis: dict[str, int] = {}
    for clock in clocks:
        if clock in axis:
            continue
        axis[clock] = 0
        queue = [clock]
        for at in queue:
            for other, apart in near.get(at, ()):
                if other not in axis:
                    axis[other] = axis[at] + apart
                    queue.append(other)
    return axis


def _stepped(offsets: pl.DataFrame) -> dict[str, int]:
    """By clock the sum of all jumps of its offsets against others: any of the two may have made."""
    keys = ["first", "second"]
    before = {name: pl.col(name).shift(1).over(keys) for name in ("low", "high")}
    jump = (
        pl.when(pl.col("low") > before["high"])
        .then(pl.col("high") - before["low"])
        .when(pl.col("high") < before["low"])
        .then(before["high"] - pl.col("low"))
        .otherwise(0)
    )
    jumps = offsets.sort(*keys, "since").select(*keys, jump=jump.fill_null(0))
    total: dict[str, int] = {}
    for first, second, size in jumps.filter(pl.col("jump") > 0).iter_rows():
        for clock in (first, second):
            total[clock] = total.get(clock, 0) + size
    return total


def cycles(offsets: pl.DataFrame) -> Iterator[Cycle]:
    """Negative cycles, in slices of time whose offsets no clocks can have.

    No two of them share a row, so that each can be broken for itself. The rows of an edge are its
    stretch of time: ``before`` and ``after`` hold ``since`` and ``until`` of the offset, by which
    the pairs behind it are looked up.
    """
    import numpy as np

    loose = bounds(offsets, only_measured=False)
    diagonals = loose.table.diagonal(axis1=1, axis2=2)
    layers = np.flatnonzero((diagonals < 0).any(axis=1))
    if not len(layers):
        return
    spans = _Spans.of(offsets, loose)
    free = np.ones(len(spans.rows), dtype=bool)
    seen: bytes = b""
    for layer in layers.tolist():
        active = np.flatnonzero(spans.holds(loose.cuts[layer], loose.cuts[layer + 1]) & free)
        if active.tobytes() == seen:
            continue
        seen = active.tobytes()
        cycle = _network([spans.rows[at] for at in active.tolist()]).cycle()
        if cycle is not None:
            used = {(frozenset((one.tail, one.head)), one.before, one.after) for one in cycle.edges}
            free[[at for at in active.tolist() if _stretch(spans.rows[at]) in used]] = False
            yield cycle


def contested(offsets: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that no longer contradict each other, and those that were left out for that.

    Left out is each row, of a slice of time with a negative cycle, between two clocks that are
    both on such a cycle: its diagonal is negative for all clocks of all cycles.
    """
    import numpy as np

    kept, out = offsets, [offsets.clear()]
    for only_measured in (False, True):
        while True:
            closed = bounds(kept, only_measured=only_measured)
            negative = closed.table.diagonal(axis1=1, axis2=2) < 0
            layers = np.flatnonzero(negative.any(axis=1))
            if not len(layers):
                break
            spans = _Spans.of(kept, closed)
            place = {clock: number for number, clock in enumerate(closed.clocks)}
            ends = np.array([(place[row[0]], place[row[1]]) for row in spans.rows])
            gone = np.zeros(len(ends), dtype=bool)
            for layer in layers.tolist():
                both = negative[layer][ends].all(axis=1)
                gone |= both & spans.holds(closed.cuts[layer], closed.cuts[layer + 1])
            if not gone.any():
                break
            keys = ["first", "second", "since", "until"]
            rows = [
                row[:4] for row, is_out in zip(spans.rows, gone.tolist(), strict=True) if is_out
            ]
            taken = pl.DataFrame(rows, schema=[(k, kept.schema[k]) for k in keys], orient="row")
            out.append(kept.join(taken, on=keys, how="semi"))
            kept = kept.join(taken, on=keys, how="anti", maintain_order="left")
    return kept, pl.concat(out)


_Row = tuple[str, str, int, int, int | None, int | None]


@dataclass(frozen=True, slots=True)
class _Spans:
    """Rows of offsets between clocks that a table holds, and where they lie on its axis."""

    rows: Sequence[_Row]
    begin: Table
    end: Table

    @classmethod
    def of(cls, offsets: pl.DataFrame, closed: Bounds) -> _Spans:
        import numpy as np

        columns = ("first", "second", "since", "until", "low", "high")
        # The table may have no room for all clocks.
        held = pl.all_horizontal(pl.col("first", "second").is_in(closed.clocks))
        rows = offsets.filter(held).select(columns).rows()
        shift = np.array([closed.axis[row[0]] for row in rows], dtype=np.int64)
        begin, end = (np.array([row[at] for row in rows], dtype=np.int64) for at in (2, 3))
        return cls(rows, begin - shift, np.maximum(end - shift, begin - shift + 1))

    def holds(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Which rows reach over a slice."""
        over: NDArray[np.bool_] = (self.begin <= begin) & (self.end >= end)
        return over


def _stretch(row: _Row) -> tuple[frozenset[str], int, int]:
    return frozenset(row[:2]), row[2], row[3]


def _network(rows: Sequence[_Row]) -> Network:
    out = Network()
    for first, second, since, until, low, high in rows:
        if high is not None:
            out.add(Edge(high, first, second, since, until))
        if low is not None:
            out.add(Edge(-low, second, first, since, until))
    return out
