"""Offsets that one set of clocks can have, and the pairs that were set aside to get there.

Two clocks may agree among themselves and still not fit a third. Then a cycle of pairs misses
itself, and all pairs on it cannot be true. Fewest pairs are set aside: the edge that the fewest
stand behind goes; where edges have equally few, nothing tells which is wrong, and all of these go.
The bounds that are left are looser, and hold whichever it was.

A time between two stretches of two clocks is spoken of by both: if a clock was set once meanwhile,
the offset was the one or the other. What contradicts both is set aside too, last, as what one more
step of a clock would explain.

Cycles that share no stretch of time are broken together, and so often and no more: of what still
contradicts itself after that, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from recon.time.bounds import contested, cycles
from recon.time.network import Cycle, Edge
from recon.time.offsets import DISSENT, IN_ORDER, OFFSETS, named, offsets
from recon.time.pairs import KEYS
from recon.time.segments import DRIFT

_ROUNDS = 32
"""How often cycles are broken: each round goes through the pairs of their clocks once."""
_PAIR = ["before", "after", "law"]


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
    contested: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OFFSETS))
    """Rows of OFFSETS that contradict each other through other clocks too often to tell which
    pairs are wrong; they bound nothing."""


def settle(pairs: pl.LazyFrame, drift: float = DRIFT) -> Settled:
    """From rows of :data:`~recon.time.pairs.PAIRS`."""
    return untangled(pairs, *offsets(pairs, drift), drift)


def untangled(
    pairs: pl.LazyFrame, found: pl.DataFrame, dissent: pl.DataFrame, drift: float = DRIFT
) -> Settled:
    """From the pairs, and what :func:`~recon.time.offsets.offsets` gives for them."""
    missed: list[Missed] = []
    left: dict[tuple[str, str], pl.DataFrame] = {}
    for _ in range(_ROUNDS):
        aside: dict[tuple[str, str], list[pl.DataFrame]] = {}
        # What a stretch says of its own time comes before what two say of a time between them.
        bridged = next(cycles(found), None) is None
        for cycle in cycles(found, drift if bridged else None):
            for edge in cycle.edges:
                if _clocks(edge) not in left:
                    left[_clocks(edge)] = _of(pairs, dissent, _clocks(edge))
            one, out = _broken(cycle, left, bracketed=not bridged)
            missed.append(one)
            for key, frame in out:
                aside.setdefault(key, []).append(frame)
        if not aside:
            break
        touched = pl.DataFrame(sorted(aside), schema=dict.fromkeys(KEYS, pl.String()), orient="row")
        for key, frames in aside.items():
            out_of = pl.concat(frames).unique(maintain_order=True)
            left[key] = left[key].join(out_of, on=_PAIR, how="anti", maintain_order="left")
            dissent = pl.concat([dissent, _told(out_of)])
        again, more = offsets(pl.concat([left[key] for key in sorted(aside)]).lazy(), drift)
        for key, own in more.partition_by(KEYS, as_dict=True).items():
            left[key] = left[key].join(own, on=_PAIR, how="anti", maintain_order="left")
        dissent = pl.concat([dissent, more])
        found = pl.concat([found.join(touched, on=KEYS, how="anti"), again])
        found = found.sort(*KEYS, "since", "until", "low", "high")
    found, against = contested(found)
    dissent = dissent.unique().sort(*IN_ORDER)
    return Settled(found.select(list(OFFSETS)), dissent, missed, against)


def _clocks(edge: Edge) -> tuple[str, str]:
    first, second = sorted((edge.tail, edge.head))
    return first, second


def _of(pairs: pl.LazyFrame, dissent: pl.DataFrame, key: tuple[str, str]) -> pl.DataFrame:
    """Pairs of two clocks that no other pair of these excludes, in the order of time."""
    own = pl.DataFrame([key], schema=dict.fromkeys(KEYS, pl.String()), orient="row")
    return (
        pairs.join(named(own), on=KEYS, how="semi")
        .join(dissent.lazy(), on=_PAIR, how="anti")
        .collect(engine="streaming")
        .sort("at", *_PAIR)
    )


def _broken(
    cycle: Cycle, left: Mapping[tuple[str, str], pl.DataFrame], *, bracketed: bool
) -> tuple[Missed, list[tuple[tuple[str, str], pl.DataFrame]]]:
    """A cycle as it is told, and by clocks the pairs that are set aside to break it."""
    edges = [_behind(left[_clocks(edge)], edge, cycle) for edge in cycle.edges]
    fewest = min(len(one) for one in edges)
    aside = [place for place, one in enumerate(edges) if len(one) == fewest]
    tightest = [(int(one["before"][0]), int(one["after"][0])) for one in edges]
    told = pl.lit(bracketed).alias("bracketed")
    out = [(_clocks(cycle.edges[place]), edges[place].with_columns(told)) for place in aside]
    return Missed(tightest, -cycle.weight, aside), out


def _behind(own: pl.DataFrame, edge: Edge, cycle: Cycle) -> pl.DataFrame:
    """Pairs of the edge's stretch of time that the rest of the cycle excludes, tightest first."""
    begin = own["at"].search_sorted(edge.before, "left")
    end = own["at"].search_sorted(edge.after, "right")
    weight = pl.col("high") if edge.tail == _clocks(edge)[0] else -pl.col("low")
    weighed = own[begin:end].with_columns(weight=weight).filter(pl.col("weight").is_not_null())
    ordered = weighed.sort("weight", *_PAIR)
    found = ordered.filter(pl.col("weight") < cycle.without(edge))
    # Drift may have moved the edge past its own pairs: then the tightest stands for it.
    return (found if len(found) else ordered.head(1)).drop("weight")


def _told(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.select(pl.col(name).cast(kind) for name, kind in DISSENT.items())
