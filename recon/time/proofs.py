"""Proofs: the fewest events that cannot all be as recorded, and what would restore them.

A chain of laws leads from an earlier event to a later one. If the earlier one's reading is past
the later one's by more than the two clocks can be apart, not all of it can be as recorded: that
is a negative cycle of the whole network of events and clocks, closed through the bounds of that
day. The cycle's weight is the margin.

What it rests on decides what it is worth: bounds that three or more pairs measure before and
after, hours apart at most, or one clock that later records show to run on unbroken, leave no room
for a step; else one step of one clock explains it, and the answer is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import polars as pl

from recon.time.bounds import Bounds, bounds
from recon.time.consensus import OPEN
from recon.time.graph import Graph
from recon.time.offsets import OFFSETS, measured
from recon.time.order import Order
from recon.time.pairs import KEYS, PAIRS, every_reading
from recon.time.reach import NEVER, Allowed, Readings, connected, denied
from recon.time.settle import Settled
from recon.time.stretches import stretches
from recon.time.watched import watched

if TYPE_CHECKING:
    from recon.time.reach import Numbers


@dataclass(frozen=True, slots=True)
class Proof:
    """Events of which not all can be as recorded."""

    chain: Sequence[int]
    """Rows of the timeline: from the earlier event to the later one, by laws, both included."""
    excess: int
    """µs by which the readings of its ends deny their order, the clocks' bounds allowed for."""
    firm: bool
    """Whether no single step of a clock explains it."""
    restores: Sequence[int]
    """Rows of which each alone, set aside, leaves the rest of its part consistent."""
    aside: int
    """Row of the event that was set aside to go on: the one whose absence leaves least denied."""
    against: Sequence[int]
    """Rows of all events whose readings cannot be true together with the one set aside."""

    @property
    def before(self) -> int:
        """The earlier event by law, with the later reading."""
        return self.chain[0]

    @property
    def after(self) -> int:
        """The later event by law, with the earlier reading."""
        return self.chain[-1]


def proofs(
    events: pl.LazyFrame,
    relations: pl.LazyFrame,
    pairs: pl.LazyFrame,
    settled: Settled,
    read: pl.DataFrame | None = None,
) -> list[Proof]:
    """All of them, in the order of time: after each the event that most denials share is set aside.

    So one false record gives one proof, the shortest, and of these the one with the widest margin;
    one that rests on what the record holds before one that rests on where it stands, where its
    writer gave its time. Where nothing else decides, the first in :mod:`recon.time.order`.
    """
    import numpy as np

    laws = _laws(relations)
    rows, before, after = _spoken(every_reading(events) if read is None else read, laws)
    if rows["clock"].null_count() == len(rows):
        return []
    # What is denied by any bound is looked at; what is denied by measured ones alone may be firm.
    loose = bounds(settled.offsets, only_measured=False).everywhere()
    part = connected(len(rows), before, after)
    table, allowed = _columns(rows, loose)
    found = denied(table, before, after, allowed, part)
    del table
    if found.is_empty():
        return []
    # Only parts in which something is denied are looked at further.
    looked = np.isin(part, found["part"].unique().to_numpy())
    laws = laws.filter(looked[before])
    rows = rows.filter(looked)
    order = Order.of(events, rows)
    rows = order.numbered(rows)
    seen = bounds(watched(settled.offsets, pairs, settled.dissent))
    # How far clocks stepped is told by all that is measured.
    steps = bounds(settled.offsets).steps
    strict = _columns(rows, replace(seen, steps=steps), strict=True)
    sound = {order.place(row): own for row, own in _sound(pairs, settled, laws).items()}
    known = _Known(_columns(rows, loose), strict, sound)
    placed = {
        (order.place(one), order.place(other)) for one, other in _placed(events, relations, laws)
    }
    told = _told(
        order.placed(found).sort("part", maintain_order=True), order.placed(laws), known, placed
    )
    return [_of_rows(one, order) for one in told]


def _of_rows(one: Proof, order: Order) -> Proof:
    """The same by rows of the timeline."""
    return replace(
        one,
        chain=tuple(order.row(place) for place in one.chain),
        restores=tuple(order.row(place) for place in one.restores),
        aside=order.row(one.aside),
        against=tuple(sorted(order.row(place) for place in one.against)),
    )


def _laws(relations: pl.LazyFrame) -> pl.DataFrame:
    """``before`` and ``after`` of each law once, in their order."""
    laws = relations.select("before", "after").collect()
    before, after = pl.col("before"), pl.col("after")
    same = before == before.shift(1)
    # As a rule they come in their order, and a sort of all would cost more than all else here.
    late = (before < before.shift(1)) | (same & (after < after.shift(1)))
    if laws.select(late.any()).item():
        laws = laws.sort("before", "after")
    return laws.filter(~(same & (after == after.shift(1))).fill_null(value=False))


def _placed(
    events: pl.LazyFrame, relations: pl.LazyFrame, laws: pl.DataFrame
) -> set[tuple[int, int]]:
    """Of laws, those that say only where a record stands whose writer gave its time."""
    asserted = events.filter(pl.col("basis").cast(pl.String) == "asserted").select(after="row")
    return set(
        relations.join(laws.lazy(), on=["before", "after"], how="semi")
        .join(asserted, on="after", how="semi")
        .group_by("before", "after")
        .agg(placed=(pl.col("law") == "order").all())
        .filter("placed")
        .select("before", "after")
        .collect(engine="streaming")
        .iter_rows()
    )


def _spoken(read: pl.DataFrame, laws: pl.DataFrame) -> tuple[pl.DataFrame, Numbers, Numbers]:
    """Readings of the events that laws speak of, by row, and where in them each law's ends stand.

    Undated events carry laws on as well, and have nulls.
    """
    import numpy as np

    ends = [laws[end].to_numpy() for end in ("before", "after")]
    # Rows are positions in the timeline: one place for each takes less room than any join.
    spoken = np.zeros(max(int(end.max(initial=0)) for end in ends) + 1, dtype=bool)
    for end in ends:
        spoken[end] = True
    place = np.cumsum(spoken, dtype=np.int32) - 1
    dated = pl.col("clock").is_not_null() & pl.col("earliest").is_not_null()
    read = read.filter(dated, pl.col("row") < len(spoken))
    read = read.filter(spoken[read["row"].to_numpy()])
    rows = pl.DataFrame({"row": np.flatnonzero(spoken).astype(np.uint64)})
    if rows["row"].equals(read["row"]):
        rows = read
    else:
        rows = rows.join(read, on="row", how="left", maintain_order="left")
    return rows, place[ends[0]], place[ends[1]]


def _columns(
    rows: pl.DataFrame, bounded: Bounds, *, strict: bool = False
) -> tuple[Readings, Allowed]:
    """The events as numbers, and what the clocks' bounds allow between them."""
    import numpy as np

    own = sorted(rows["clock"].unique().drop_nulls().cast(pl.String))
    known = {clock: place for place, clock in enumerate(bounded.clocks)}
    table = np.full((len(bounded.table), len(own), len(own)), OPEN, dtype=np.int64)
    shared = [(place, known[clock]) for place, clock in enumerate(own) if clock in known]
    if shared:
        here, there = (list(one) for one in zip(*shared, strict=True))
        table[:, np.array(here)[:, None], np.array(here)] = bounded.table[
            :, np.array(there)[:, None], np.array(there)
        ]
    for place, clock in enumerate(own):
        table[:, place, place] = bounded.steps.get(clock, 0)
    numbers = {clock: place for place, clock in enumerate(own)}
    number = rows["clock"].cast(pl.Enum(own)).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    earliest = rows["earliest"].fill_null(NEVER).to_numpy()
    latest = rows["latest"].fill_null(-NEVER).to_numpy()
    slots = np.full((3, len(rows)), len(table) - 1, dtype=np.int32)
    for clock, place in numbers.items():
        if clock in known:
            mine = np.flatnonzero(number == place)
            slots[:, mine] = bounded.slots(clock, earliest[mine])
    row = rows["row"].to_numpy().astype(np.int64)
    return Readings(row, number, earliest, latest, slots), Allowed(table, OPEN, strict)


@dataclass(frozen=True, slots=True)
class _Known:
    loose: tuple[Readings, Allowed]
    """By all bounds."""
    strict: tuple[Readings, Allowed]
    """By measured bounds alone."""
    sound: Mapping[int, frozenset[int]]
    """Of acts that two sources record: row to the measured offsets that they agree with."""

    def place(self, row: int) -> int:
        import numpy as np

        return int(np.searchsorted(self.loose[0].row, row))

    def excesses(
        self, before: Sequence[int], after: int, *, measured: bool = False
    ) -> Sequence[int]:
        """µs by which each reading is past that of the later event, allowances taken off."""
        import numpy as np

        readings, allowed = self.strict if measured else self.loose
        ones = np.searchsorted(readings.row, np.array(before, dtype=np.int64))
        other = np.full(len(ones), self.place(after))
        most = allowed.of(readings, ones, other)
        gap = readings.earliest[ones] - readings.latest[other] - most
        dated = (readings.clock[ones] >= 0) & (readings.clock[other] >= 0)
        found: list[int] = np.where(dated, gap, NEVER).tolist()
        return found

    def clock(self, row: int) -> int:
        return int(self.loose[0].clock[self.place(row)])


def _told(
    found: pl.DataFrame, laws: pl.DataFrame, known: _Known, placed: AbstractSet[tuple[int, int]]
) -> list[Proof]:
    """Proofs part by part; a loop over what is denied, which is little."""
    out: list[Proof] = []
    graph = Graph.of(laws)
    for _, part in found.group_by("part", maintain_order=True):
        seeds = [int(row) for row in part["after"]]
        out += _part(seeds, graph, known, placed)
    return sorted(out, key=lambda proof: (proof.after, proof.before))


def _part(
    seeds: Sequence[int], graph: Graph, known: _Known, placed: AbstractSet[tuple[int, int]]
) -> list[Proof]:
    out: list[Proof] = []
    gone: set[int] = set()
    denials = _denials(seeds, graph, known, gone)
    while denials:
        chains = [(graph.chain(a, e, gone), excess) for (a, e), excess in denials.items()]
        path, excess = min(chains, key=_plainness)
        if _last((path, excess)) in placed:
            # A late line explains where it stands, and not what stands in it.
            held = [one for one in chains if one[0][-1] == path[-1] and _last(one) not in placed]
            path, excess = min(held, key=_plainness, default=(path, excess))
        left = {row: _denials(seeds, graph, known, gone | {row}) for row in path}
        fewest = min(len(one) for one in left.values())
        restores = tuple(row for row in path if not left[row])
        # The one whose absence leaves the least; of equals the later by law, which asserts more.
        worst = [row for row in path if len(left[row]) == fewest][-1]
        solved = {row for pair in denials if pair not in left[worst] for row in pair}
        firm = _firm(path, graph, known, gone)
        against = tuple(sorted(solved - {worst}))
        out.append(Proof(tuple(path), excess, firm, restores, worst, against))
        gone.add(worst)
        denials = left[worst]
    return out


def _plainness(one: tuple[list[int], int]) -> tuple[int, int, list[int]]:
    path, excess = one
    return len(path), -excess, path


def _last(one: tuple[list[int], int]) -> tuple[int, int]:
    """The last law of a chain."""
    return one[0][-2], one[0][-1]


def _denials(
    seeds: Sequence[int], graph: Graph, known: _Known, gone: set[int]
) -> dict[tuple[int, int], int]:
    """µs by (earlier, later) of all denied pairs that end in a seed, without what is gone."""
    found = {}
    for after in seeds:
        if after in gone:
            continue
        earlier = list(graph.ancestors(after, gone))
        for before, excess in zip(earlier, known.excesses(earlier, after), strict=True):
            if excess > 0:
                found[before, after] = excess
    return found


def _sound(pairs: pl.LazyFrame, settled: Settled, laws: pl.DataFrame) -> dict[int, frozenset[int]]:
    """Rows of pairs that bound both sides, and the measured offsets that they are within.

    Days that one offset fits, drift allowed for, count as one. One side alone proves little: an
    hour's delay hides an hour's step.
    """
    both = pairs.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    whole = pl.LazyFrame(
        [
            (one.first, one.second, one.since, one.until, number)
            for number, one in enumerate(stretches(settled.offsets.filter(measured())))
        ],
        schema={
            **{name: OFFSETS[name] for name in ("first", "second", "since", "until")},
            "stretch": pl.UInt32(),
        },
        orient="row",
    )
    held = (
        both.join(settled.dissent.lazy(), on=["before", "after", "law"], how="anti")
        .join(whole.with_columns(pl.col(KEYS).cast(PAIRS["first"])), on=KEYS)
        .filter(pl.col("at").is_between("since", "until"))
    )
    ends = pl.concat([held.select(row=end, stretch="stretch") for end in ("before", "after")])
    spoken = pl.concat([laws["before"], laws["after"]]).unique().rename("row").to_frame()
    ends = ends.join(spoken.lazy(), on="row", how="semi")
    by_row = ends.group_by("row").agg(pl.col("stretch").unique()).collect(engine="streaming")
    return {row: frozenset(found) for row, found in by_row.iter_rows()}


def _firm(path: Sequence[int], graph: Graph, known: _Known, gone: set[int]) -> bool:
    """Whether no one step of a clock explains it.

    A clock that stepped stays stepped, and its records before and after agree with no one offset.
    So for each clock there must be an act that by law came before the reading in question and one
    that came after it, both recorded by another source too, both within one measured offset.
    The earlier event may itself be such an act; and its clock's bound must be measured at that
    time, while pairs watched it (:mod:`recon.time.watched`): an order that is denied by a reading
    of another time is undetermined, however alike what stands before and after.
    """
    before, after = path[0], path[-1]
    if known.excesses([before], after, measured=True)[0] <= 0:
        return False
    if known.clock(before) == known.clock(after):
        return _held(before, after, graph, known, gone)
    earlier, later = graph.ancestors(after, gone), graph.descendants(after, gone)
    return _held(before, before, graph, known, gone) and _met(
        _stretches(earlier, after, known), _stretches(later, after, known)
    )


def _held(first: int, last: int, graph: Graph, known: _Known, gone: set[int]) -> bool:
    """Whether the clock of ``first`` had one offset up to it and after ``last``."""
    earlier = chain([first], graph.ancestors(first, gone))
    later = chain([first] if first == last else [], graph.descendants(last, gone))
    return _met(_stretches(earlier, first, known), _stretches(later, first, known))


def _met(one: Iterator[int], other: Iterator[int]) -> bool:
    """Whether both give one number; each is gone through no further than is needed."""
    seen: tuple[set[int], set[int]] = (set(), set())
    for pair in zip_longest(one, other):
        for side, number in enumerate(pair):
            if number is not None:
                if number in seen[1 - side]:
                    return True
                seen[side].add(number)
    return False


def _stretches(rows: Iterable[int], like: int, known: _Known) -> Iterator[int]:
    """Measured offsets that acts of the same clock agree with, as they are met."""
    clock = known.clock(like)
    for row in rows:
        if row in known.sound and known.clock(row) == clock:
            yield from sorted(known.sound[row])
