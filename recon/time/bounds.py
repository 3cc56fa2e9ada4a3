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
from recon.time.daily import LONGEST
from recon.time.network import Cycle, Edge, Network
from recon.time.offsets import measured
from recon.time.pairs import KEYS
from recon.time.slices import Row, Slices
from recon.time.sweep import Sweep

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

_TABLED = 8
"""Clocks up to which slices are closed sooner than gone through one by one."""


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
    kept = _kept(offsets, only_measured=only_measured)
    axis = _axis(kept)
    slices = Slices.of(kept, axis)
    return Bounds(slices.clocks, slices.cuts, slices.closed(), axis, _stepped(kept))


def _kept(offsets: pl.DataFrame, *, only_measured: bool) -> pl.DataFrame:
    return _fitting(offsets.filter(measured()) if only_measured else offsets)


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


def _axis(offsets: pl.DataFrame) -> dict[str, int]:
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
    for clock in sorted({*offsets["first"], *offsets["second"]}):
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


def cycles(offsets: pl.DataFrame, bridged: float | None = None) -> Iterator[Cycle]:
    """Negative cycles, in slices of time whose offsets no clocks can have.

    No two of them share a row, so that each can be broken for itself. The rows of an edge are its
    stretch of time: ``before`` and ``after`` hold ``since`` and ``until`` of the offset, by which
    the pairs behind it are looked up.

    ``bridged``: a drift, µs per µs; also what the stretches before and after a time say of it.
    Between the two the offset was that of the one or of the other, if a clock was set once.
    """
    kept = _kept(offsets, only_measured=False)
    between = kept.clear() if bridged is None else _bridges(kept, bridged)
    slices = Slices.of(pl.concat([kept, between]), _axis(kept))
    if len(slices.clocks) <= _TABLED and not _negative(slices).any():
        return
    sweep = Sweep(slices)
    for _ in sweep:
        active = sorted(sweep.held)
        cycle = _network([slices.rows[at] for at in active]).cycle()
        if cycle is None:
            raise AssertionError("a slice contradicts itself, and no cycle of it does")
        used = {(frozenset((one.tail, one.head)), one.before, one.after) for one in cycle.edges}
        sweep.drop([at for at in active if _stretch(slices.rows[at]) in used])
        yield cycle


def _bridges(offsets: pl.DataFrame, drift: float) -> pl.DataFrame:
    """Rows over each two stretches of two clocks and what lies between, as loose as the looser."""
    ordered = offsets.sort(*KEYS, "since", "until")
    since = pl.col("since").shift(-1).over(KEYS)
    until = pl.max_horizontal("until", pl.col("until").shift(-1).over(KEYS))
    gap = since - pl.col("until")
    slack = (gap * drift).ceil().cast(pl.Int64)
    later = {end: pl.col(end).shift(-1).over(KEYS) for end in ("low", "high")}
    known = {end: pl.col(end).is_not_null() & one.is_not_null() for end, one in later.items()}
    return (
        ordered.with_columns(
            low=pl.when(known["low"]).then(pl.min_horizontal("low", later["low"]) - slack),
            high=pl.when(known["high"]).then(pl.max_horizontal("high", later["high"]) + slack),
            until=until,
            gap=gap,
        )
        .filter(pl.col("gap").is_between(1, LONGEST))
        .select(offsets.columns)
    )


def contested(offsets: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that no longer contradict each other, and those that were left out for that.

    Left out is each row, of a slice of time with a negative cycle, between two clocks that are
    both on such a cycle: its diagonal is negative for all clocks of all cycles.
    """
    import numpy as np

    kept, out = offsets, [offsets.clear()]
    for only_measured in (False, True):
        while True:
            held = _kept(kept, only_measured=only_measured)
            slices = Slices.of(held, _axis(held))
            layers = _contradictory(slices)
            if not layers:
                break
            gone = np.zeros(len(slices.rows), dtype=bool)
            for layer, negative in zip(layers, _negative(slices, layers), strict=True):
                gone |= negative[slices.ends].all(axis=1) & slices.over(layer)
            if not gone.any():
                break
            keys = ["first", "second", "since", "until"]
            rows = [
                row[:4] for row, is_out in zip(slices.rows, gone.tolist(), strict=True) if is_out
            ]
            taken = pl.DataFrame(rows, schema=[(k, kept.schema[k]) for k in keys], orient="row")
            out.append(kept.join(taken, on=keys, how="semi"))
            kept = kept.join(taken, on=keys, how="anti", maintain_order="left")
    return kept, pl.concat(out)


def _contradictory(slices: Slices) -> list[int]:
    import numpy as np

    if len(slices.clocks) <= _TABLED:
        return np.flatnonzero(_negative(slices).any(axis=1)).tolist()
    return list(Sweep(slices))


def _negative(slices: Slices, layers: Sequence[int] | None = None) -> NDArray[np.bool_]:
    """[slice, clock]: whether the clock is on a cycle that misses itself."""
    found: NDArray[np.bool_] = slices.closed(layers).diagonal(axis1=1, axis2=2) < 0
    return found


def _stretch(row: Row) -> tuple[frozenset[str], int, int]:
    return frozenset(row[:2]), row[2], row[3]


def _network(rows: Sequence[Row]) -> Network:
    out = Network()
    for first, second, since, until, low, high in rows:
        if high is not None:
            out.add(Edge(high, first, second, since, until))
        if low is not None:
            out.add(Edge(-low, second, first, since, until))
    return out
