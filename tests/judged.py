"""Worlds as the tool judges them, and what of their falsehoods can be seen at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from recon.time.anchors import anchor_pairs
from recon.time.bounds import Bounds, bounds
from recon.time.pairs import act_pairs, law_pairs
from recon.time.proofs import Proof, proofs
from recon.time.settle import Settled, settle
from tests.worlds import Constraint, World, feasible, solvable, together

DRIFT = 15e-6


@dataclass
class Judged:
    """One world and what is said of it, in its own numbers."""

    world: World
    proofs: list[Proof]
    """By the rows of the whole timeline."""
    shown: set[int]
    """Events of proofs, those set aside, and those of pairs that dissent or miss each other."""
    against: set[int]
    """Events that contradict one that was set aside."""
    firm: set[int]
    """Events of firm proofs."""
    offsets: pl.DataFrame
    """Its rows of OFFSETS; clocks by their own names."""


@dataclass
class Batch:
    """Worlds judged as one timeline."""

    worlds: Sequence[World]
    settled: Settled
    proofs: list[Proof]
    """By the rows of the whole timeline."""
    loose: Bounds
    frames: tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]
    pairs: pl.LazyFrame

    @property
    def each(self) -> list[Judged]:
        begins, at = [], 0
        for world in self.worlds:
            begins.append(at)
            at += len(world.events)
        named = set(self.settled.dissent["before"]) | set(self.settled.dissent["after"])
        named |= {row for one in self.settled.missed for pair in one.pairs for row in pair}
        for one in self.proofs:
            named |= {*one.chain, one.aside}
        out = []
        for number, (world, begin) in enumerate(zip(self.worlds, begins, strict=True)):
            rows = range(begin, begin + len(world.events))
            head = f"w{number}:"
            offsets = self.settled.offsets.filter(pl.col("first").str.starts_with(head))
            own = [one for one in self.proofs if one.before in rows]
            out.append(
                Judged(
                    world,
                    own,
                    {row - begin for row in named if row in rows},
                    {row - begin for one in own for row in one.against},
                    {row - begin for one in own if one.firm for row in one.chain},
                    offsets.with_columns(pl.col("first", "second").str.strip_prefix(head)),
                )
            )
        return out


def judged(worlds: Sequence[World], drift: float = DRIFT) -> Batch:
    """What the tool says of all of them at once."""
    frames = together(worlds)
    events, relations, acts = frames
    told = [law_pairs(events, relations), act_pairs(events, acts), anchor_pairs(events)]
    pairs = pl.concat(told).collect().lazy()
    settled = settle(pairs, drift)
    loose = bounds(settled.offsets, only_measured=False).everywhere()
    return Batch(worlds, settled, proofs(events, relations, pairs, settled), loose, frames, pairs)


def visible(world: World, false: int) -> bool:
    """Whether a falsehood contradicts the rest, were it the only one: the oracle's answer."""
    kept = {other: world.events[other].shift for other in world.false if other != false}
    for other in kept:
        world.events[other].shift = 0
    seen = not feasible(world)
    for other, shift in kept.items():
        world.events[other].shift = shift
    return seen


def holds(batch: Batch, chain: Sequence[int], *, bounded: bool = True) -> bool:
    """Whether events can all be as recorded, by the laws among them and the bound of its ends.

    The oracle: linear programming over the events' true times and their clocks' offsets.
    """
    events, relations, _ = batch.frames
    rows = list(chain)
    read = {
        row: (clock, low, high)
        for row, clock, low, high in events.filter(pl.col("row").is_in(rows))
        .select("row", "clock", pl.col("earliest", "latest").dt.epoch("us"))
        .collect()
        .iter_rows()
    }
    base = min(low for _, low, _ in read.values())
    time = {row: at for at, row in enumerate(rows)}
    off = {row: len(rows) + at for at, row in enumerate(rows)}
    out: list[Constraint] = []
    for row, (_, low, high) in read.items():
        both = {time[row]: 1, off[row]: 1}
        out += [(both, high - base), (dict.fromkeys(both, -1), base - low)]
    laws = relations.filter(pl.col("before").is_in(rows) & pl.col("after").is_in(rows)).collect()
    out += [({time[a]: 1, time[b]: -1}, 0) for a, b in laws.select("before", "after").iter_rows()]
    # The earlier end is read late by an offset that is at most that much above the later one's.
    first, last = rows[0], rows[-1]
    most = _most(batch.loose, read[last][:2], read[first][:2]) if bounded else None
    if most is not None and first != last:
        out.append(({off[first]: 1, off[last]: -1}, most))
    return solvable(out, 2 * len(rows))


def _most(loose: Bounds, tail: tuple[str, int], head: tuple[str, int]) -> int | None:
    if tail[0] == head[0]:
        return loose.steps.get(tail[0], 0)
    known = [
        most
        for clock, at in (tail, head)
        if (most := loose.most(tail[0], head[0], clock, at)) is not None
    ]
    return max(known, default=None)
