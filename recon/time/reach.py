"""Which dated event must come before which, along any chain of laws, and where readings deny it.

Laws form a directed graph without cycles; its connected parts (the records of one subject, one
commit graph, one stream) are small or large. Small parts are padded to one size and closed
together, as a stack of matrices; a large part is walked once in topological order, carrying for
each clock the latest reading so far. Both are complete over chains of laws.

Source: Dechter, Meiri & Pearl 1991 (section 5 of the design); S. Warshall, *A Theorem on Boolean
Matrices*, JACM 9 (1962); A. Kahn, *Topological Sorting of Large Networks*, CACM 5 (1962).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Numbers = NDArray[np.int32]

SMALL = 64
"""Events of a part that is closed as a matrix."""
_STACK = 250_000
"""Cells of a stack of matrices: 2 MB for a column of them, which a processor keeps at hand."""
_SIZES = (4, 8, 16, 24, 32, 48, SMALL)
NEVER = -(2**61)
"""A reading that is before every other."""

CHAINS: dict[str, pl.DataType] = {
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "excess": pl.Int64(),
    "part": pl.Int64(),
}
"""One row for each later event whose reading an earlier one's denies, by the widest excess.

``excess``: µs by which the earlier event's reading is past all that the later one's and the
clocks' bounds allow. ``part``: which connected part of the laws.
"""


@dataclass(frozen=True, slots=True)
class Readings:
    """The events that laws speak of, as columns of equal length, ordered by row."""

    row: Ints
    """Row of the timeline."""
    clock: Numbers
    """Number of its clock; −1 where it has none."""
    earliest: Ints
    """µs since 1970; :data:`NEVER` where it gives no lower end."""
    latest: Ints
    """µs since 1970; −:data:`NEVER` where it gives no upper end."""
    slots: Numbers
    """[3, event]: layers of the table of allowances that may hold at its reading."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """By how much one clock can be ahead of another."""

    table: Ints
    """µs, [layer, clock of the later event, clock of the earlier]; the last layer: not known."""
    unknown: int
    """A value from which on nothing is known."""
    strict: bool = False
    """Whether a reading near a time of which nothing is known has no bound."""

    @property
    def least(self) -> Ints:
        """µs, [clock of the later event, clock of the earlier]: over all layers."""
        least: Ints = self.table.min(axis=0)
        return least

    def of(self, readings: Readings, earlier: Ints, later: Ints) -> Ints:
        """µs for pairs of events: the loosest of what is known at both readings.

        Where one reading lies where nothing is known, the other decides: a reading that is wrong
        may lie anywhere.
        """
        import numpy as np

        tail, head = readings.clock[later], readings.clock[earlier]
        most = np.full(np.shape(earlier), -self.unknown, dtype=np.int64)
        for slots in (readings.slots[:, earlier], readings.slots[:, later]):
            found = np.stack([self.table[slot, tail, head] for slot in slots])
            loosest = np.where(found < self.unknown, found, -self.unknown).max(axis=0)
            if self.strict:
                known = (found < self.unknown).all(axis=0)
                loosest = np.where(known, loosest, -self.unknown)
            most = np.maximum(most, loosest)
        return np.where(most > -self.unknown, most, self.unknown)


def connected(count: int, before: Numbers, after: Numbers) -> Numbers:
    """For each of ``count`` events the number of the part of the laws that it stands in.

    Parts are counted by their first events. As many rounds as the logarithm of the longest part,
    each over the laws that still tie two parts; SciPy takes as long, and half a second to import.
    Source: Shiloach and Vishkin, An O(log n) Parallel Connectivity Algorithm, 1982.
    """
    import numpy as np

    least = np.arange(count)
    while True:
        one, two = least[before], least[after]
        apart = one != two
        if not apart.any():
            break
        before, after, one, two = before[apart], after[apart], one[apart], two[apart]
        np.minimum.at(least, np.maximum(one, two), np.minimum(one, two))
        while not np.array_equal(further := least[least], least):
            least = further
    return (np.cumsum(least == np.arange(count)) - 1)[least]


def denied(
    readings: Readings, before: Numbers, after: Numbers, allowed: Allowed, part: Numbers
) -> pl.DataFrame:
    """Rows of :data:`CHAINS`: pairs in a chain of laws whose readings run the other way.

    Args:
        readings: the events.
        before: of each law the earlier event, as a position in ``readings``.
        after: the later one.
        allowed: by how much at most the earlier one's clock is ahead of the later one's.
        part: of each event, see :func:`connected`.
    """
    import numpy as np

    size = np.bincount(part, minlength=1)
    found = [pl.DataFrame(schema=CHAINS)]
    for members, edges in _stacks(part, size, before, after):
        found += _closed(readings, members, edges, part, allowed)
    large = np.flatnonzero(size > SMALL)
    if len(large):
        order = np.argsort(part[before], kind="stable")
        of = part[before][order]
        ends = zip(np.searchsorted(of, large), np.searchsorted(of, large, "right"), strict=True)
        for number, (begin, end) in zip(large.tolist(), ends, strict=True):
            own = order[begin:end]
            found.append(_walked(readings, before[own], after[own], number, allowed))
    return pl.concat(found).sort("part", "after", "before")


def _stacks(
    part: Numbers, size: Ints, before: Numbers, after: Numbers
) -> Iterator[tuple[Ints, tuple[Ints, Ints, Ints]]]:
    """Stacks of parts of like size: members [part, place], padded with −1, and their edges."""
    import numpy as np

    # Events and laws in the order of their parts, so that a part is a run of either.
    order = np.argsort(part, kind="stable")
    begins = np.concatenate([[0], np.cumsum(size)])
    place = np.empty(len(part), dtype=np.int64)
    place[order] = np.arange(len(part)) - begins[part[order]]
    law_part = part[before]
    law_order = np.argsort(law_part, kind="stable")
    law_size = np.bincount(law_part, minlength=len(size))
    law_begins = np.concatenate([[0], np.cumsum(law_size)])
    lower = 1
    for width in _SIZES:
        chosen = np.flatnonzero((size > lower) & (size <= width))
        lower = width
        for numbers in np.array_split(chosen, max(1, -(-len(chosen) * width * width // _STACK))):
            if not len(numbers):
                continue
            layer, at = _runs(begins[numbers], size[numbers])
            mine = order[at]
            members = np.full((len(numbers), width), -1, dtype=np.int64)
            members[layer, place[mine]] = mine
            layer, at = _runs(law_begins[numbers], law_size[numbers])
            edge = law_order[at]
            yield members, (layer, place[before[edge]], place[after[edge]])


def _runs(begins: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """For each item of several runs: which run, and its position."""
    import numpy as np

    run = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return run, begins[run] + within


def _closed(
    readings: Readings,
    members: Ints,
    edges: tuple[Ints, Ints, Ints],
    part: Numbers,
    allowed: Allowed,
) -> list[pl.DataFrame]:
    import numpy as np

    layers, width = members.shape
    reach = _reached(layers, width, edges)
    held = members >= 0
    clock = np.where(held, readings.clock[members], -1)
    low = np.where(held & (clock >= 0), readings.earliest[members], NEVER)
    high = np.where(held & (clock >= 0), readings.latest[members], -NEVER)
    # [layer, earlier, later]. A clock of −1 reads the last of the table; its readings mask it.
    least = allowed.least[clock[:, None, :], clock[:, :, None]]
    gap = np.where(reach, low[:, :, None] - high[:, None, :], NEVER)
    layer, first, second = np.nonzero(gap > least)
    if not len(layer):
        return []
    # Most parts deny nothing: from here on there are the others alone.
    own, layer = np.unique(layer, return_inverse=True)
    members, gap = members[own], gap[own]
    most = allowed.of(readings, members[layer, first], members[layer, second])
    excess = np.full_like(gap, NEVER)
    excess[layer, first, second] = gap[layer, first, second] - most
    worst = excess.argmax(axis=1)
    value = np.take_along_axis(excess, worst[:, None, :], axis=1)[:, 0, :]
    layer, later = np.nonzero(value > 0)
    earlier = worst[layer, later]
    return [
        pl.DataFrame(
            {
                "before": readings.row[members[layer, earlier]],
                "after": readings.row[members[layer, later]],
                "excess": value[layer, later],
                "part": part[members[layer, later]],
            },
        ).cast(CHAINS)  # type: ignore[arg-type]
    ]


def _reached(layers: int, width: int, edges: tuple[Ints, Ints, Ints]) -> NDArray[np.bool_]:
    """[layer, earlier, later]: whether a chain of edges leads from one to the other (Warshall).

    What an event leads to is one number, a bit for each of the others: there are 64 at most.
    """
    import numpy as np

    layer, tail, head = edges
    bits = np.arange(width, dtype=np.uint64)
    leads = np.zeros((layers, width), dtype=np.uint64)
    np.bitwise_or.at(leads, (layer, tail), np.uint64(1) << bits[head])
    for middle in range(width):
        to_middle = (leads >> bits[middle]) & np.uint64(1)
        leads |= to_middle * leads[:, middle, None]
    reach: NDArray[np.bool_] = (leads[:, :, None] >> bits & np.uint64(1)).astype(bool)
    return reach


def _walked(
    readings: Readings, before: Numbers, after: Numbers, number: int, allowed: Allowed
) -> pl.DataFrame:
    """One large part in topological order: for each clock the latest reading before each event."""
    import numpy as np

    events, places = np.unique(np.concatenate([before, after]), return_inverse=True)
    tail, head = places[: len(before)], places[len(before) :]
    if _agree(readings, events, bool((tail < head).all()), allowed):
        return pl.DataFrame(schema=CHAINS)
    order = np.argsort(tail, kind="stable")
    follow, begins = head[order], np.searchsorted(tail[order], np.arange(len(events) + 1))
    clocks, numbers = np.unique(readings.clock[events], return_inverse=True)
    low = np.where(readings.clock[events] >= 0, readings.earliest[events], NEVER)
    steps = _order(begins, follow, np.bincount(head, minlength=len(events)))
    best, best_of = _latest(steps, (begins, follow), low, numbers, len(clocks))
    clock = readings.clock[events]
    high = np.where(clock >= 0, readings.latest[events], -NEVER)
    most = allowed.of(readings, events[best_of], np.broadcast_to(events[:, None], best.shape))
    excess = best - high[:, None] - most
    excess = np.where((best_of >= 0) & (clocks >= 0)[None, :], excess, NEVER)
    worst = excess.argmax(axis=1)
    value = excess[np.arange(len(events)), worst]
    bad = np.flatnonzero(value > 0)
    return pl.DataFrame(
        {
            "before": readings.row[events[best_of[bad, worst[bad]]]],
            "after": readings.row[events[bad]],
            "excess": value[bad],
            "part": np.full(len(bad), number),
        },
    ).cast(CHAINS)  # type: ignore[arg-type]


def _agree(readings: Readings, events: Ints, in_order: bool, allowed: Allowed) -> bool:  # noqa: FBT001
    """Whether events whose readings follow their rows, as all laws do, leave nothing denied.

    An earlier one then reads no later, and no clock is surely behind another: no walk can tell.
    """
    import numpy as np

    dated = events[readings.clock[events] >= 0]
    low, high = readings.earliest[dated], readings.latest[dated]
    if not (in_order and (np.diff(low) >= 0).all() and (low <= high).all()):
        return False
    own = np.unique(readings.clock[dated])
    return bool((allowed.least[np.ix_(own, own)] >= 0).all())


def _order(begins: Ints, follow: Ints, waiting: Ints) -> list[int]:
    """Events so that each comes after all that precede it by law (Kahn 1962)."""
    import numpy as np

    # Python's own numbers: taking one out of an array costs many times as much.
    starts, heads, left = begins.tolist(), follow.tolist(), waiting.tolist()
    ready = np.flatnonzero(waiting == 0).tolist()
    for at in ready:
        for next_ in heads[starts[at] : starts[at + 1]]:
            left[next_] -= 1
            if not left[next_]:
                ready.append(next_)
    return ready


def _latest(
    steps: list[int], laws: tuple[Ints, Ints], low: Ints, numbers: Ints, clocks: int
) -> tuple[Ints, Ints]:
    """[event, clock]: the latest reading of each clock before each event, and whose it is."""
    import numpy as np

    starts, heads = laws[0].tolist(), laws[1].tolist()
    count = len(numbers)
    readings, own_clock = low.tolist(), numbers.tolist()
    best = np.full((count, clocks), NEVER, dtype=np.int64)
    best_of = np.full((count, clocks), -1, dtype=np.int64)
    for clock in range(clocks):
        # One by one: each event's bounds depend on those of all before it.
        value, whose = [NEVER] * count, [-1] * count
        for at in steps:
            mine, mine_of = value[at], whose[at]
            if own_clock[at] == clock and readings[at] > mine:
                mine, mine_of = readings[at], at
            if mine_of < 0:
                continue
            for next_ in heads[starts[at] : starts[at + 1]]:
                if mine > value[next_]:
                    value[next_], whose[next_] = mine, mine_of
        best[:, clock], best_of[:, clock] = value, whose
    return best, best_of
