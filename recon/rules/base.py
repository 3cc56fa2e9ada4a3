"""What a rule is: a pure function from the timeline to findings, with a declared need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.names import plain
from recon.schema import BESIDE
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import Domain, Norm
    from recon.time.anchors import DeclaredAnchor
    from recon.time.clocks import Clocks
    from recon.time.corrected import Corrected
    from recon.time.declared import Correspondence
    from recon.time.known import Known


Made = TypeVar("Made")
_GROUP = 262_144
"""Rows that a timeline's file has in a group, which is read whole or not at all."""
_APART = 8
"""Groups that are named one by one; of more, all from the first to the last are read."""
_STAMPING = ("wal.commit", "table.write", "row.version", "object.put")


@dataclass(frozen=True, slots=True)
class Timeline:
    """What rules see: the timeline's frames, and nothing of the case but its declared norms."""

    events: pl.LazyFrame
    """:data:`recon.schema.EVENTS`; :data:`recon.schema.PLAIN` is put beside it where it is not."""
    coverage: pl.LazyFrame
    """:data:`recon.schema.COVERAGE`."""
    norms: Sequence[Norm] = ()
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Seconds by glob of clock."""
    relations: pl.LazyFrame | None = None
    """:data:`recon.schema.RELATIONS`; None: they are derived from the events."""
    correspondences: Sequence[Correspondence] = ()
    """Two records of one act, as the case declares them."""
    anchors: Sequence[DeclaredAnchor] = ()
    """How far clocks are ahead of UTC, as the case declares it."""
    domains: Mapping[str, tuple[str, Domain]] = field(default_factory=dict)
    """By source: the name of its domain, and the domain, as the case declares it."""

    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    beside: pl.LazyFrame | None = field(default=None, init=False, repr=False, compare=False)
    """The events with the columns of :data:`recon.schema.BESIDE`; None where they are not there."""

    def __post_init__(self) -> None:
        """Events are :func:`recon.names.plain`, and what is beside them is apart."""
        every = plain(self.events)
        is_there = set(BESIDE) <= set(self.events.collect_schema())
        object.__setattr__(self, "beside", every if is_there else None)
        object.__setattr__(self, "events", every.drop(*BESIDE, strict=False))

    def once(self, name: str, make: Callable[[Timeline], Made]) -> Made:
        """What several rules need, made when it is first asked for."""
        if name not in self._kept:
            self._kept[name] = make(self)
        made: Made = self._kept[name]
        return made

    @property
    def laws(self) -> pl.LazyFrame:
        """Laws between the events."""
        from recon.time.relations import relations

        return relations(self.events, self.coverage) if self.relations is None else self.relations

    @property
    def readings(self) -> pl.DataFrame:
        """:func:`recon.time.pairs.every_reading`."""
        from recon.time.pairs import every_reading

        return self.once("readings", lambda own: every_reading(own.events))

    @property
    def known(self) -> Known:
        """Pairs of readings and what they settle to, made when first asked for."""
        from recon.time.known import known

        return self.once(
            "known",
            lambda own: known(own.events, own.laws, own.correspondences, own.anchors, own.readings),
        )

    @property
    def measured(self) -> Clocks:
        """How far apart the clocks are and when, and by which records."""
        from recon.time.clocks import clocks

        return self.once("measured", lambda own: clocks(own, own.known, own.laws, own.anchors))

    @property
    def clocks(self) -> Corrected:
        """What every comparison of times goes through; estimated when it is first asked for."""
        from recon.time.corrected import Corrected

        return self.once("clocks", lambda own: Corrected.of(own.known, own.tolerance))

    @property
    def stamping(self) -> Mapping[str, str]:
        """By source the clock that stamps what it stores, such as that of a database's commits.

        Empty where nothing is known of any clock: then it makes no difference.
        """
        return self.once("stamping", _stamping)

    def log_clock(self, source: str = "source") -> pl.Expr:
        """:attr:`stamping` of a column of sources; null where it is not known."""
        if not self.stamping:
            return pl.lit(None, pl.String)
        return pl.col(source).replace_strict(self.stamping, default=None, return_dtype=pl.String)

    def allowed(self, clock: str, default: float = 0.0) -> float:
        """Seconds: the widest tolerance that the case declares for a clock, or the default."""
        import re

        widest = [
            value
            for name, value in self.tolerance.items()
            if re.match(glob(name).replace(r"\z", r"\Z"), clock)
        ]
        return max([*widest, default])

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of events that there are; what needs others costs nothing."""
        return self.once(
            "kinds",
            lambda own: frozenset(
                own.events.select(pl.col("kind").unique()).collect(engine="streaming")["kind"]
            ),
        )

    def locate(self) -> None:
        """Learn where in the timeline which kinds are: worth it where many are asked for."""
        groups = self.once("groups", _groups)
        self.once("kinds", lambda _own: frozenset(groups))

    def has(self, *kinds: str) -> bool:
        """Whether there is any event of the kinds."""
        return not self.kinds.isdisjoint(kinds)

    def kind(self, *kinds: str, of: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Events of the kinds; where there is none, a frame that costs nothing to read.

        ``of``: these events, with other columns, in the place of all.
        """
        events = self.events if of is None else of
        if not self.has(*kinds):
            return events.clear()
        found = events.filter(pl.col("kind").is_in(kinds))
        groups: Mapping[str, Sequence[int]] = self._kept.get("groups", {})
        here = sorted({one for kind in kinds for one in groups.get(kind, ())})
        if not here:
            return found
        where = [(one, one) for one in here] if len(here) <= _APART else [(here[0], here[-1])]
        # Of a file, what holds no such row is not read.
        return found.filter(
            pl.any_horizontal(
                pl.col("row").is_between(low * _GROUP, (high + 1) * _GROUP - 1)
                for low, high in where
            )
        )


def _groups(timeline: Timeline) -> dict[str, list[int]]:
    """By kind the groups of rows in which there is any event of it."""
    number = pl.col("row") // _GROUP
    found = timeline.events.select("kind", number=number).unique().collect(engine="streaming")
    out: dict[str, list[int]] = {}
    for kind, one in found.sort("kind", "number").iter_rows():
        out.setdefault(kind, []).append(one)
    return out


def _stamping(timeline: Timeline) -> dict[str, str]:
    if timeline.clocks.plain:
        return {}
    found = (
        timeline.kind(*_STAMPING)
        .filter(pl.col("clock").is_not_null())
        .group_by("source")
        .agg(pl.col("clock").min())
        .sort("source")
        .collect(engine="streaming")
    )
    return dict(found.iter_rows())


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding as a rule gives it: rows of this timeline, not yet ids."""

    verdict: Verdict
    subject: str
    statement: str
    """One neutral sentence: who records what. Never who did it or why."""
    events: Sequence[tuple[str, int]]
    """(role, row of the timeline): the fewest that show it, in the order of the argument."""
    steps: Sequence[Step]
    excuse: str
    """What would have to be so for it to be innocent."""
    alibi: str
    """What the other records say about that excuse."""
    innocent: Sequence[Innocent]
    margin_seconds: float | None = None


Check = Callable[[Timeline], Iterable[Draft]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One named check."""

    name: str
    needs: Sequence[str]
    """Kinds of events without which the rule says nothing: then it is *not run*.

    ``a|b``: of several kinds one is enough. ``a.*``: any that begins so.
    """
    is_norm: bool
    """Whether it judges a norm, and so runs only where the case declares one."""
    check: Check

    @property
    def definition(self) -> str:
        """The docstring: definition, undetermined, innocent causes, source."""
        return self.check.__doc__ or ""


def rule(name: str, needs: Sequence[str], *, is_norm: bool = False) -> Callable[[Check], Rule]:
    """Make a rule of a function."""

    def made(check: Check) -> Rule:
        return Rule(name, tuple(needs), is_norm, check)

    return made


def step(kind: str, *events: str, **data: Any) -> Step:  # noqa: ANN401  (JSON)
    """A step; instants become RFC 3339 text so that the data is JSON."""
    from recon.instants import show

    plain = {k: show(v) if isinstance(v, datetime) else v for k, v in data.items()}
    return Step(kind, events, plain)


def seconds(span: pl.Expr) -> pl.Expr:
    """A duration in seconds, to the microsecond."""
    return span.dt.total_microseconds() / 1_000_000
