"""Orders that laws force and readings deny, made once for the rules that tell of them.

1. Proofs (:mod:`recon.time.proofs`): denied beyond all that the clocks' bounds allow.
2. Inversions: where nothing measures two clocks, pairs whose readings run the other way while
   other pairs of the same clocks do not, or by more than any zone. A lone pair is its own bound
   there, and so proves nothing.

Each is told by one rule: ``backdated-record`` where the later record's time was supplied by its
writer and the earlier one's stamped; ``clock-step`` where the lines of one log alone deny their
own order, as one that was written late does; else ``impossible-order``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from recon.rules.base import Timeline
from recon.rules.inversions import PROMPT, ZONES, Inversion, inversions
from recon.schema import RELATIONS
from recon.time.between import BASES, MEASURED
from recon.time.held import held, micros
from recon.time.order import Order
from recon.time.pairs import by_record
from recon.time.proofs import proofs

if TYPE_CHECKING:
    from recon.time.clocks import Clocks

Teller = Literal["impossible-order", "backdated-record", "clock-step"]


@dataclass(frozen=True, slots=True)
class Event:
    """What a denial needs of an event."""

    row: int
    source: str
    kind: str
    subject: str
    attribute: str | None
    clock: str | None
    basis: str | None
    earliest: datetime | None
    latest: datetime | None
    stream: str | None
    item: str
    citation: str
    part: int
    last: bool
    """Whether no other event of its record is later by the same clock."""

    @property
    def at(self) -> datetime:
        """Its reading; the ends of a denial are dated."""
        if self.earliest is None:
            raise AssertionError(f"row {self.row} is undated")
        return self.earliest

    @property
    def by(self) -> str:
        """Its clock; the ends of a denial have one."""
        if self.clock is None:
            raise AssertionError(f"row {self.row} has no clock")
        return self.clock

    @property
    def meant(self) -> bool:
        """Whether the time is a column of a row: meant to be of the event, and kept by updates."""
        return self.basis == "asserted" and self.by.startswith("pg:")

    @property
    def closes(self) -> bool:
        """Whether the time is of when the record was made, or of the end of what it tells.

        A medium's own stamp is, and the dates of a git object; of what a log's writer supplies, the
        time of what the log itself calls an end. A time of a beginning may be before all else that
        the record holds.
        """
        return (
            self.basis == "stamped"
            or self.kind.startswith("git.")
            or self.kind.endswith((".finish", ".end"))
        )


@dataclass(frozen=True, slots=True)
class Law:
    """Why one event of a chain came before the next."""

    law: str
    because: str


@dataclass(frozen=True, slots=True)
class Denial:
    """One order that laws force and readings deny; of several alike, the plainest."""

    chain: Sequence[Event]
    """From the earlier event to the later one, by laws."""
    laws: Sequence[Law]
    """Between neighbours."""
    excess: int
    """µs beyond what the clocks' bounds allow."""
    firm: bool
    """Whether no single step of a clock explains it."""
    measured: bool
    """Whether the clocks' bounds were had from other records, or nothing bounds them."""
    assumed: bool
    """Whether the bounds rest on records that the tool alone takes to be of one act."""
    restores: frozenset[int]
    """Rows of which each alone, set aside, leaves the rest consistent."""
    against: int
    """Events whose readings cannot be true together with the one set aside."""
    told_by: Teller
    straight: int = 0
    """Where nothing measures the clocks: other pairs of the two that read in the laws' order."""
    alike: int = 0
    """Others of the same clocks that are not told one by one."""

    @property
    def before(self) -> Event:
        """The earlier one by law, with the later reading."""
        return self.chain[0]

    @property
    def after(self) -> Event:
        """The later one by law, with the earlier reading."""
        return self.chain[-1]

    @property
    def apart(self) -> float:
        """Seconds by which the earlier one by law reads later."""
        latest = self.after.latest or self.after.at
        return (self.before.at - latest).total_seconds()

    @property
    def placed(self) -> bool:
        """Whether the later one is dated by its writer, and only stands after what is before it."""
        return self.laws[-1].law == "order" and self.after.basis == "asserted"

    @property
    def certain(self) -> bool:
        """Whether the records cannot all be true.

        Firm, no time is only meant to be of its event or may be of a beginning, and no bound is
        assumed by the tool alone.
        """
        meant = self.after.meant or self.before.meant or not self.after.closes
        return self.firm and not (self.assumed or meant)


def denials(timeline: Timeline) -> Sequence[Denial]:
    """All of them; in the order of the later event's row."""
    return timeline.once("denials", _denials)


def told(timeline: Timeline, rule: Teller) -> list[Denial]:
    """Those that a rule tells of."""
    return [one for one in denials(timeline) if one.told_by == rule]


def _denials(timeline: Timeline) -> Sequence[Denial]:
    found = timeline.measured
    records = _records(timeline).lazy()
    every = proofs(timeline.events, records, found.pairs, found.settled, timeline.readings)
    proved = [one for one in every if one.excess > PROMPT]
    named = {row for one in proved for row in one.chain}
    lone = inversions(timeline)
    rows = named | {row for pair in lone for row in pair[:2]}
    if not rows:
        return []
    events = _events(timeline, rows)
    lone = _unmeasured(timeline, lone, events)
    laws = _laws(timeline, rows)
    made = [
        _made(
            [events[row] for row in one.chain],
            laws,
            excess=one.excess,
            firm=one.firm,
            measured=True,
            assumed=_assumed(found, events[one.before], events[one.after]),
            restores=frozenset(one.restores),
            against=len(one.against),
        )
        for one in proved
    ] + [
        _made(
            [events[before], events[after]],
            laws,
            excess=excess,
            firm=False,
            measured=False,
            assumed=False,
            restores=frozenset({before, after}),
            against=1,
            straight=straight,
        )
        for before, after, excess, straight in lone
    ]
    kept = [one for one in made if one and one.excess > _allowed(timeline, one)]
    # What a record holds says more of its time than where it stands, which a late line explains.
    held_up = {_record(one.after) for one in kept if one.told_by != "clock-step" and not one.placed}
    kept = [one for one in kept if not one.placed or _record(one.after) not in held_up]
    proved_rows = {event.row for one in kept if one.measured for event in (one.before, one.after)}
    kept = [
        one
        for one in kept
        if one.measured or proved_rows.isdisjoint({one.before.row, one.after.row})
    ]
    order = Order.among(timeline.events, events)
    return sorted(_fewest(kept, order), key=lambda one: (one.after.row, one.before.row))


def _records(timeline: Timeline) -> pl.DataFrame:
    """Laws between records: what one record says twice is denied once."""
    return timeline.once(
        "laws between records", lambda own: by_record(own.events, own.laws, own.beside)
    )


def _record(event: Event) -> tuple[str, str, str]:
    return event.source, event.item, event.citation


def _made(
    chain: Sequence[Event],
    laws: Mapping[tuple[int, int], Law],
    **more: Any,  # noqa: ANN401
) -> Denial | None:
    before, after = chain[0], chain[-1]
    if not after.last:
        return None  # its record has a later time as well: this one is of a beginning
    steps = [laws[one.row, other.row] for one, other in pairwise(chain)]
    ordered = steps[-1].law == "order" and after.basis == "asserted"
    one_clock = before.clock == after.clock
    teller: Teller = "impossible-order"
    if ordered or (one_clock and not more["firm"] and all(one.law == "order" for one in steps)):
        # Where a record stands says when it was written; the time in it may be of what it tells.
        teller = "clock-step" if more["excess"] <= ZONES else teller
        more["firm"] = False if ordered else more["firm"]
    elif after.basis == "asserted" and before.basis == "stamped":
        teller = "backdated-record"
    return Denial(chain=chain, laws=steps, told_by=teller, **more)


def _assumed(found: Clocks, before: Event, after: Event) -> bool:
    """Whether no bound of the two that laws or the case give holds without what is assumed."""
    if not found.proposals:
        return False
    known = held(found, before.by, after.by, micros(before.at)) if before.by != after.by else None
    # Through other clocks, or of one clock: which pairs stand behind it is not told apart.
    return known is None or not known.pairs or known.assumed


def _allowed(timeline: Timeline, one: Denial) -> float:
    """µs that the case's tolerance for the two clocks gives besides."""
    clocks = {one.before.by, one.after.by}
    return sum(timeline.allowed(clock) for clock in clocks) * 1e6


def _fewest(made: Iterable[Denial], order: Order) -> list[Denial]:
    """One of those that say the same: of one record, or, where nothing is certain, of two clocks.

    Of equals the one with the fewest events, then the widest, then the first in the order.
    """
    groups: dict[tuple[Any, ...], list[Denial]] = {}
    for one in made:
        groups.setdefault(_same(one), []).append(one)
    out = []
    for those in groups.values():
        best = min(
            those, key=lambda one: (len(one.chain), -one.excess, [*map(order.place, _rows(one))])
        )
        records = {(one.after.item, one.after.citation) for one in those}
        readings = {(one.after.subject, one.after.at) for one in those}
        # A row that stands in several snapshots is one record.
        out.append(replace(best, alike=min(len(records), len(readings)) - 1))
    return out


def _rows(one: Denial) -> list[int]:
    return [event.row for event in one.chain]


def _same(one: Denial) -> tuple[Any, ...]:
    if one.certain:
        return (one.told_by, one.after.item, one.after.citation)
    scheme = one.after.subject.split(":", 1)[0]
    # Of the sources' own things one stands for all; models and runs are told one by one.
    about = scheme if scheme in {"git", "pg", "s3", "log"} else one.after.subject
    return (one.told_by, one.before.source, one.after.source, one.after.clock, about)


def _events(timeline: Timeline, rows: Iterable[int]) -> dict[int, Event]:
    wanted = pl.LazyFrame({"row": sorted(rows)}, schema={"row": pl.UInt64()})
    own = timeline.events.join(wanted, on="row", how="semi")
    record = ["item", "citation", "clock"]
    # A record can hold a beginning and an end; the last time in it bounds when it was written.
    latest = (
        timeline.events.join(own.select(record).unique(), on=record, how="semi")
        .group_by(record)
        .agg(last=pl.col("earliest").max())
    )
    columns = [
        *("row", "source", "kind", "subject", "attribute", "clock", "basis"),
        *("earliest", "latest", "stream", "item", "citation", "part"),
    ]
    found = (
        own.join(latest, on=record, how="left")
        .select(*columns, last=(pl.col("last") <= pl.col("earliest")).fill_null(value=True))
        .collect(engine="streaming")
    )
    return {row["row"]: Event(**row) for row in found.iter_rows(named=True)}


def _laws(timeline: Timeline, rows: Iterable[int]) -> dict[tuple[int, int], Law]:
    """Laws among events; of two for one pair a digest before a stream's order."""
    wanted = pl.LazyFrame({"row": sorted(rows)}, schema={"row": pl.UInt64()})
    every = timeline.laws.with_row_index("place")
    own = _records(timeline).lazy().pipe(_among, wanted)
    words = every.join(own, on="place", how="semi").select("place", "because")
    own = own.join(words, on="place").select(list(RELATIONS))
    found = (
        pl.concat([own, timeline.laws.pipe(_among, wanted).select(list(RELATIONS))])
        .sort("before", "after", "law")
        .unique(["before", "after"], keep="first", maintain_order=True)
        .collect(engine="streaming")
    )
    columns = found.select("before", "after", "law", "because").iter_rows()
    return {(before, after): Law(law, because) for before, after, law, because in columns}


def _among(laws: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Those between two of the rows."""
    for end in ("before", "after"):
        laws = laws.join(rows, left_on=end, right_on="row", how="semi")
    return laws


def _unmeasured(
    timeline: Timeline, lone: Sequence[Inversion], events: Mapping[int, Event]
) -> list[Inversion]:
    """Those that no third clock measures either: what one does measure, proofs judge."""
    readings = [
        [(one.clock, one.earliest, one.latest) for one in (events[pair[end]] for pair in lone)]
        for end in (0, 1)
    ]
    apart = timeline.clocks.compared(*readings)
    return [pair for pair, one in zip(lone, apart, strict=True) if one.basis != BASES[MEASURED]]
