"""Offsets that one set of clocks can have, and the pairs that were set aside to get there.

Two clocks may agree among themselves and still not fit a third. Then a cycle of pairs misses
itself, and all pairs on it cannot be true. Fewest pairs are set aside: the edge that the fewest
stand behind goes; where edges have equally few, nothing tells which is wrong, and all of these go.
The bounds that are left are looser, and hold whichever it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from recon.time.bounds import cycles
from recon.time.network import Cycle, Edge
from recon.time.offsets import DISSENT, OFFSETS, offsets
from recon.time.segments import DRIFT

_ROUNDS = 1000
"""Cycles that are broken; a case with more has clocks that nothing can be said of."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Pairs through three or more clocks that cannot all be true."""

    pairs: Sequence[tuple[int, int]]
    """(before, after) of each, rows of the timeline, in the order of the cycle."""
    excess: int
    """µs by which they miss each other."""
    set_aside: Sequence[int]
    """Positions in ``pairs`` of those that were set aside."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What the pairs of a case say of its clocks."""

    offsets: pl.DataFrame
    """Rows of :data:`~recon.time.offsets.OFFSETS`, without negative cycles."""
    dissent: pl.DataFrame
    """Rows of :data:`~recon.time.offsets.DISSENT`."""
    missed: Sequence[Missed]


def settle(pairs: pl.LazyFrame, drift: float = DRIFT) -> Settled:
    """From rows of :data:`~recon.time.pairs.PAIRS`."""
    found, dissent = offsets(pairs, drift)
    missed: list[Missed] = []
    for _ in range(_ROUNDS):
        cycle = next(cycles(found), None)
        if cycle is None:
            break
        edges = [_behind(pairs, dissent, edge, cycle) for edge in cycle.edges]
        fewest = min(len(one) for one in edges)
        aside = [place for place, one in enumerate(edges) if len(one) == fewest]
        tightest = [(int(one["before"][0]), int(one["after"][0])) for one in edges]
        missed.append(Missed(tightest, -cycle.weight, aside))
        for place in aside:
            first, second = sorted((cycle.edges[place].tail, cycle.edges[place].head))
            out = edges[place].with_columns(bracketed=pl.lit(True)).select(list(DISSENT))
            dissent = pl.concat([dissent, out])
            own = (pl.col("first") == first) & (pl.col("second") == second)
            rest = pairs.filter(own).join(dissent.lazy(), on=["before", "after", "law"], how="anti")
            again, _ = offsets(rest, drift)
            found = pl.concat([found.filter(~own), again]).sort("first", "second", "since", "until")
    keys = ["first", "second", "at", "before", "after"]
    return Settled(found.select(list(OFFSETS)), dissent.unique().sort(keys), missed)


def _behind(pairs: pl.LazyFrame, dissent: pl.DataFrame, edge: Edge, cycle: Cycle) -> pl.DataFrame:
    """Pairs of the edge's stretch of time that the rest of the cycle excludes, tightest first."""
    first, second = sorted((edge.tail, edge.head))
    own = pairs.filter(
        (pl.col("first") == first)
        & (pl.col("second") == second)
        & pl.col("at").is_between(edge.before, edge.after)
    ).join(dissent.lazy(), on=["before", "after", "law"], how="anti")
    weight = pl.col("high") if edge.tail == first else -pl.col("low")
    ordered = own.with_columns(weight=weight).filter(pl.col("weight").is_not_null())
    ordered = ordered.sort("weight", "before", "after")
    found = ordered.filter(pl.col("weight") < cycle.without(edge)).collect()
    # Drift may have moved the edge past its own pairs: then the tightest stands for it.
    return found if len(found) else ordered.head(1).collect()
