"""The clocks of a case: how far apart they are and when, by which pairs, and what dissents.

1. Pairs from laws, from what the case declares, and from what is proposed where nothing is.
2. Settled: offsets by stretch of time, pairs that dissent, cycles that miss themselves.
3. As a person reads it: stretches joined, steps between them, two clocks bounded through others.
4. Beside that, apart from it: what writers put into records against what stamped them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from recon import schema
from recon.readings import TRUE_TIME
from recon.time.agreement import Agreement
from recon.time.anchors import Anchor, DeclaredAnchor, anchors
from recon.time.beside import beside
from recon.time.correspondences import Proposal
from recon.time.declared import Declared
from recon.time.laws.stamps import TIMESTAMP
from recon.time.pairs import KEYS, PAIRS
from recon.time.settle import Missed, Settled
from recon.time.stretches import MOST_CLOCKS, Step, Stretch, steps, stretches, through
from recon.time.utc import Ahead, ahead

if TYPE_CHECKING:
    from recon.rules import Timeline
    from recon.time.known import Known


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that dates events of the case."""

    name: str
    events: int
    stamped: int
    """Of its events, those that the medium stamped; the writers of the others put the time in."""
    since: int
    """Its least reading, µs since 1970."""
    until: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What the pairs of a stretch rest on."""

    name: str
    """A law's name, what the correspondence is called, or whose word an anchor is."""
    basis: str
    """``law``, ``anchor``, ``declared`` or ``proposed``; the last is an assumption of the tool."""
    pairs: int


@dataclass(frozen=True, slots=True)
class Dissent:
    """A pair that the others of its stretch exclude: one of its two records may be wrong."""

    first: str
    second: str
    at: int
    """Reading of the first clock, µs since 1970."""
    low: int | None
    """µs; what the pair says of D(second) − D(first)."""
    high: int | None
    before: str
    """Event id of the earlier record."""
    after: str
    law: str
    bracketed: bool
    """Whether agreeing pairs lie before and after it: no one step of a clock explains it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Clocks that are bound together, directly or through each other, at some time.

    Nothing bounds a clock of one group against one of another.
    """

    clocks: Sequence[str]
    """Sorted; UTC among them where an anchor ties one to it."""
    unbounded: Sequence[tuple[str, str]] | None
    """Two of them each that are nevertheless not bounded, as both are bounded against a third from
    one side alone; None: of so many clocks that is not looked for."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the evidence says of the clocks of a case."""

    clocks: Sequence[Clock]
    stretches: Sequence[Stretch]
    """By clocks and time. Two clocks that stand in none are not bounded against each other."""
    rests: Mapping[Stretch, Sequence[Ground]]
    steps: Sequence[Step]
    dissent: Sequence[Dissent]
    missed: Sequence[Missed]
    """Pairs through three or more clocks that cannot all be true."""
    proposals: Sequence[Proposal]
    declared: Sequence[Declared]
    all_beside: Callable[[], Sequence[Agreement]]
    """:attr:`beside`, whole: few ask for it, and it goes through all records."""
    settled: Settled
    """What all of it is made from, and what proofs take."""
    pairs: pl.LazyFrame
    """Rows of :data:`~recon.time.pairs.PAIRS`."""
    ids: Mapping[int, str]
    """Event ids by row, of the events that are named here."""

    tied: frozenset[tuple[str, str]]
    """Two clocks each that are bounded against each other, at some time, from one side at least."""
    anchors: Sequence[Anchor] = ()
    """What binds clocks from outside the records, whole."""
    asked: str = "*"
    """Glob of the clocks that are asked about."""

    @property
    def beside(self) -> list[Agreement]:
        """Apart from all else: readings of one record, the writer's and the medium's."""
        return [
            one
            for one in self.all_beside()
            if fnmatchcase(one.first, self.asked) or fnmatchcase(one.second, self.asked)
        ]

    @property
    def ahead(self) -> dict[str, list[Ahead]]:
        """How far each clock that is asked about is ahead of UTC; empty: not bound to it."""
        names = [one.name for one in self.clocks if fnmatchcase(one.name, self.asked)]
        found = ahead(names, self.stretches, self.rests)
        return {name: found[name] for name in names if name != TRUE_TIME}

    @property
    def groups(self) -> list[Group]:
        """Clocks that are bound together; of those that hold one that is asked about, each.

        The largest first; a clock that nothing ties to any other is alone.
        """
        names = {one.name for one in self.clocks}
        names |= {name for two in self.tied for name in two}
        found = [
            Group(tuple(own), self._loose(own))
            for own in _tied(sorted(names), self.tied)
            if own != [TRUE_TIME] and any(fnmatchcase(name, self.asked) for name in own)
        ]
        return sorted(found, key=lambda one: (-len(one.clocks), one.clocks))

    def _loose(self, own: Sequence[str]) -> list[tuple[str, str]] | None:
        if len(own) > MOST_CLOCKS:
            return None
        return [
            (first, second)
            for first, second in combinations(own, 2)
            if (first, second) not in self.tied
            and (fnmatchcase(first, self.asked) or fnmatchcase(second, self.asked))
        ]


def _tied(names: Sequence[str], tied: Collection[tuple[str, str]]) -> list[list[str]]:
    """Names in groups, each reached from each other by ties."""
    near: dict[str, list[str]] = {name: [] for name in names}
    for first, second in tied:
        near[first].append(second)
        near[second].append(first)
    out, seen = [], set[str]()
    for name in names:
        if name not in seen:
            seen.add(name)
            own = [name]
            for at in own:
                fresh = [one for one in near[at] if one not in seen]
                seen.update(fresh)
                own += fresh
            out.append(sorted(set(own)))
    return out


def clocks(
    timeline: Timeline,
    known: Known,
    relations: pl.LazyFrame,
    anchored: Sequence[DeclaredAnchor] = (),
) -> Clocks:
    """From the timeline, what its pairs settle to, its laws and the anchors of the case."""
    events, pairs, settled = timeline.events, known.pairs, known.settled
    told_by = anchors(events, relations, anchored, pairs)
    own = stretches(settled.offsets)
    all_ = sorted(
        [*own, *through(settled.offsets)], key=lambda one: (one.first, one.second, one.since)
    )
    ids = _ids(events, settled)
    return Clocks(
        clocks=_clocks(timeline.readings),
        stretches=all_,
        rests=_rests(own, pairs, settled, _bases(known.declared, told_by)),
        steps=list(steps(own)),
        dissent=_dissent(settled, ids),
        missed=settled.missed,
        proposals=known.proposals,
        declared=known.declared,
        all_beside=lambda: timeline.once("beside", beside),
        settled=settled,
        pairs=pairs,
        ids=ids,
        tied=frozenset((one.first, one.second) for one in all_ if one.state != "unbounded"),
        anchors=told_by,
    )


def chosen(found: Clocks, glob: str) -> Clocks:
    """What is said of clocks that match a glob, against whatever other clock.

    ``clocks``, ``missed``, ``proposals``, ``declared`` and ``anchors`` stay whole.
    """

    def speaks(*names: str) -> bool:
        return any(fnmatchcase(name, glob) for name in names)

    return replace(
        found,
        stretches=[one for one in found.stretches if speaks(one.first, one.second)],
        steps=[one for one in found.steps if speaks(one.first, one.second)],
        dissent=[one for one in found.dissent if speaks(one.first, one.second)],
        asked=glob,
    )


def _clocks(read: pl.DataFrame) -> list[Clock]:
    rows = (
        read.lazy()
        .filter(pl.col("clock").is_not_null() & pl.col("earliest").is_not_null())
        .group_by("clock")
        .agg(
            events=pl.len(),
            stamped=pl.col("stamped").sum(),
            since=pl.col("earliest").min(),
            until=pl.col("earliest").max(),
        )
        .sort("clock")
        .collect(engine="streaming")
    )
    return [Clock(*row) for row in rows.iter_rows()]


def _ids(events: pl.LazyFrame, settled: Settled) -> dict[int, str]:
    named = {row for one in settled.missed for pair in one.pairs for row in pair}
    named |= set(settled.dissent["before"]) | set(settled.dissent["after"])
    if not named:
        return {}
    rows = pl.LazyFrame({"row": sorted(named)}, schema={"row": pl.UInt64()})
    found = events.join(rows, on="row", how="semi").select("row", id=schema.event_id())
    return dict(found.collect(engine="streaming").iter_rows())


def _bases(declared: Sequence[Declared], anchored: Sequence[Anchor]) -> dict[str, str]:
    """By a pair's name what it rests on; laws and proposals are told apart by their sides."""
    found = {one.name: "anchor" for one in anchored if one.kind == "reading"}
    found |= {one.name: "declared" for one in anchored if one.kind == "declared"}
    return (
        found | {one.correspondence.name: "declared" for one in declared} | {TIMESTAMP.name: "law"}
    )


def _rests(
    own: Sequence[Stretch], pairs: pl.LazyFrame, settled: Settled, bases: Mapping[str, str]
) -> dict[Stretch, list[Ground]]:
    """What the agreeing pairs of each stretch rest on, the most pairs first."""
    spans = pl.LazyFrame(
        [(n, one.first, one.second, one.since, one.until) for n, one in enumerate(own)],
        schema={
            "n": pl.Int64(),
            "first": pl.String(),
            "second": pl.String(),
            "since": pl.Int64(),
            "until": pl.Int64(),
        },
        orient="row",
    )
    counted = (
        pairs.join(settled.dissent.lazy(), on=["before", "after", "law"], how="anti")
        .join(spans.with_columns(pl.col(KEYS).cast(PAIRS["first"])), on=KEYS)
        .filter(pl.col("at").is_between("since", "until"))
        .group_by("n", "law")
        .agg(act=(pl.col("low").is_not_null() & pl.col("high").is_not_null()).any(), pairs=pl.len())
        .collect(engine="streaming")
        .sort("n", "pairs", "law", descending=[False, True, False])
    )
    out: dict[Stretch, list[Ground]] = {one: [] for one in own}
    for number, law, act, count in counted.select("n", "law", "act", "pairs").iter_rows():
        basis = bases.get(law, "proposed" if act else "law")
        out[own[number]].append(Ground(law, basis, count))
    return out


def _dissent(settled: Settled, ids: Mapping[int, str]) -> list[Dissent]:
    return [
        Dissent(
            first=row["first"],
            second=row["second"],
            at=row["at"],
            low=row["low"],
            high=row["high"],
            before=ids[row["before"]],
            after=ids[row["after"]],
            law=row["law"],
            bracketed=row["bracketed"],
        )
        for row in settled.dissent.iter_rows(named=True)
    ]
