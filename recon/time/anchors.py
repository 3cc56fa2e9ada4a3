"""Anchors: what ties the clocks of a case to each other and to UTC from outside its records.

Three kinds, each of which bounds what it can and no more:

- Readings of two clocks at one instant (:mod:`recon.readings`) bound both sides. Where one of the
  clocks is UTC, the other is bound to UTC.
- A timestamp (RFC 3161, or a Roughtime response whose nonce is a digest) over bytes is a law: what
  stands in the bytes was written before it, and what names the timestamp was written after it.
- What the case declares of a clock (``[[anchor]]``), taken as given, and said to be.

Every anchor is one pair among all others of two clocks: a false one is outvoted and named, as any
record is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recon.readings import READING, TRUE_TIME, not_utc
from recon.time.bounds import ROOM
from recon.time.consensus import ENOUGH
from recon.time.daily import DAY
from recon.time.declared import seconds
from recon.time.laws.stamps import TIMESTAMP, TIMESTAMPS
from recon.time.pairs import CORRESPONDENCES, PAIRS, act_pairs, readings

AS_THE_CASE_SAYS = "as the case says: "
"""How the name of a bound begins that rests on ``[[anchor]]``."""
_SECOND = 1_000_000


class DeclaredAnchor(BaseModel):
    """``[[anchor]]``: how far a clock is ahead of UTC, as the case takes it from elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clock: str = Field(min_length=1, description="The clock, as `recon clocks` names it.")
    ahead: tuple[float, float] = Field(
        description="Seconds by which it is ahead of UTC: [least, most], or one number for ± that."
    )
    because: str = Field(
        min_length=1, max_length=200, description="Who says so, or by what; shown with the bound."
    )
    since: datetime | None = Field(None, description="First reading that it holds for.")
    until: datetime | None = Field(None, description="Last reading that it holds for.")

    @field_validator("ahead", mode="before")
    @classmethod
    def _span(cls, value: object) -> object:
        return seconds(value)

    _other = field_validator("clock")(not_utc)

    @field_validator("since", "until")
    @classmethod
    def _zoned(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant with its zone, such as 2026-03-08T12:00:00Z")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> DeclaredAnchor:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("`until` no earlier than `since`")
        return self

    @property
    def name(self) -> str:
        """What it is called where a bound rests on it."""
        return f"{AS_THE_CASE_SAYS}{self.because}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One source of trust, and what came of it."""

    name: str
    """Who says so: ``NTP as chronyd tells it``, a TSA's name, what the case declares."""
    source: str | None
    """Of the case; None: ``case.toml`` itself."""
    kind: str
    """``reading``, ``timestamp`` or ``declared``."""
    clocks: Sequence[str]
    """What it ties to each other, ``utc`` among them where it does."""
    count: int
    """Instants, timestamps, or days."""
    used: int
    """Of timestamps, those that stamp, or are named by, records of the case; else ``count``."""


def anchor_pairs(events: pl.LazyFrame, declared: Sequence[DeclaredAnchor] = ()) -> pl.LazyFrame:
    """Rows of :data:`~recon.time.pairs.PAIRS` from readings of one instant and from ``[[anchor]]``.

    Timestamps are laws, and are among the pairs of these.
    """
    instants = _instants(events).collect(engine="streaming")
    # As a rule there is none, and then no event need be read.
    acts = [] if instants.is_empty() else [act_pairs(events, instants.lazy())]
    return pl.concat([pl.LazyFrame(schema=PAIRS), *acts, *_declared(events, declared)])


def _instants(events: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``CORRESPONDENCES``: readings of one instant, each two of different clocks."""
    key = ["source", "item", "citation", "value", "actor"]
    own = events.filter((pl.col("kind") == READING) & pl.col("value").is_not_null())
    own = own.select(*key, "row", "clock")
    return (
        own.join(own, on=key, suffix="_other")
        .filter((pl.col("row") < pl.col("row_other")) & (pl.col("clock") != pl.col("clock_other")))
        .select(
            before="row",
            after="row_other",
            least=pl.lit(0, dtype=pl.Int64),
            most=pl.lit(0, dtype=pl.Int64),
            name="actor",
        )
        .select(list(CORRESPONDENCES))
    )


def _declared(events: pl.LazyFrame, declared: Sequence[DeclaredAnchor]) -> list[pl.LazyFrame]:
    """Pairs at the first, middle and last reading of each day that a declaration holds for.

    As many as measure a clock: who declares one takes it for measured, on whatever few days it was
    read. A pair before and one behind all of them make it hold for as long as it was declared
    for; without an end, for as long as anything is stamped. Where records that do measure the clock
    exclude them, the most pairs decide, as of all pairs.
    """
    if not declared:
        return []
    stamped = events.filter((pl.col("basis") == "stamped") & pl.col("clock").is_not_null())
    at = pl.col("earliest").dt.epoch("us")
    begin, end = stamped.select(at.min(), at.max().alias("end")).collect(engine="streaming").row(0)
    return [_pairs_of(one, readings(events), begin, end) for one in declared]


def _pairs_of(
    one: DeclaredAnchor, read: pl.LazyFrame, begin: int | None, end: int | None
) -> pl.LazyFrame:
    """Rows of ``PAIRS``; ``begin``, ``end``: the first and last time that anything is stamped."""
    least, most = (round(bound * _SECOND) for bound in one.ahead)
    own = read.filter(pl.col("clock") == one.clock)
    for limit, keep in ((one.since, pl.Expr.ge), (one.until, pl.Expr.le)):
        if limit is not None:
            own = own.filter(keep(pl.col("earliest"), _micros(limit)))
    own = own.sort("earliest", "row")
    at, away = pl.col("earliest"), abs(least) + abs(most) + 2 * ROOM
    ends = (
        pl.lit(_micros(one.since)) if one.since else pl.min_horizontal(at.first(), begin) - away,
        pl.lit(_micros(one.until)) if one.until else pl.max_horizontal(at.last(), end) + away,
    )
    whole = own.select(
        row=pl.concat([pl.col("row").first(), pl.col("row").last()]), at=pl.concat(list(ends))
    )
    whole = whole.filter(pl.col("row").is_not_null())
    places = (pl.len().cast(pl.Int64) - 1) * pl.int_range(ENOUGH) // (ENOUGH - 1)
    daily = (
        own.group_by(day=at // DAY)
        .agg(pl.col("row").gather(places), at=at.gather(places))
        .select("row", "at")
        .explode("row", "at")
    )
    forward = one.clock < TRUE_TIME
    return (
        pl.concat([daily, whole])
        .select(
            first=pl.lit(one.clock if forward else TRUE_TIME, PAIRS["first"]),
            second=pl.lit(TRUE_TIME if forward else one.clock, PAIRS["second"]),
            # By the first of the two, which may be UTC.
            at=pl.col("at") - (0 if forward else (least + most) // 2),
            low=pl.lit(-most if forward else least, dtype=pl.Int64),
            high=pl.lit(-least if forward else most, dtype=pl.Int64),
            before="row",
            after="row",
            law=pl.lit(one.name),
        )
        .select(list(PAIRS))
    )


def anchors(
    events: pl.LazyFrame,
    relations: pl.LazyFrame,
    declared: Sequence[DeclaredAnchor],
    pairs: pl.LazyFrame,
) -> list[Anchor]:
    """All sources of trust of a case, and what came of each."""
    own = events.filter(pl.col("kind") == READING)
    read = (
        own.group_by("actor", "source")
        .agg(clocks=pl.col("clock").unique().sort(), count=pl.struct("item", "value").n_unique())
        .sort("actor", "source")
        .collect()
    )
    out = [
        Anchor(name, source, "reading", clocks, count, count)
        for name, source, clocks, count in read.iter_rows()
    ]
    used = relations.filter(pl.col("law") == TIMESTAMP.name)
    both = pl.concat([used.select(row=end) for end in ("before", "after")]).unique()
    tokens = (
        events.filter(pl.col("kind").is_in(TIMESTAMPS))
        .join(both.with_columns(used=pl.lit(1)), on="row", how="left")
        .group_by("actor", "source", "clock")
        .agg(count=pl.len(), used=pl.col("used").sum())
        .sort("actor", "source", "clock")
        .collect()
    )
    out += [
        Anchor(name, source, "timestamp", [clock] if clock else [], count, used)
        for name, source, clock, count, used in tokens.iter_rows()
    ]
    for one in declared:
        its = (pl.col("law") == one.name) & (
            (pl.col("first") == one.clock) | (pl.col("second") == one.clock)
        )
        # Three of each day, and two that hold them.
        days = max(pairs.filter(its).select(pl.len()).collect().item() - 2, 0) // ENOUGH
        out.append(Anchor(one.name, None, "declared", [one.clock, TRUE_TIME], days, days))
    return out


def _micros(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * _SECOND)
