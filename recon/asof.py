"""The two answers: what each source said at an instant, and what it says now about then.

*Said then* counts what the evidence shows to have stood in the source at the instant:

- a record that a snapshot of the very instant holds (a database rebuilt as it stood then):
  ``certain``; and of such a table nothing that the snapshot does not hold was there;
- a record whose storing is stamped at or before the instant and that a later snapshot still
  holds stood there in between: ``certain``;
- a record that a snapshot from before the instant holds stood there when the snapshot was taken.
  It stood there still at the instant if the write-ahead log covers the time from the snapshot to
  the instant, follows its table, and records no write to it: ``certain``; else ``possible``;
- a row that the write-ahead log shows being written, and not being ended, by commits up to the
  instant stood there: ``certain`` where the log is whole from the one to the other. A row that
  the log shows being ended only had stood since the log began. What was deleted is said no more;
- a record stored in a table that was made under another name, which it may still have had at the
  instant: ``possible``;
- a record that nothing stamps, such as a line that its writer dated, may have been there:
  ``possible``.

What a delete marker was put over is said no more from then on, though its bytes may be there;
and what a later acquisition of a table, a log or a bucket does not hold is said no more since that.

*Says now* is what the newest snapshot of the source gives for records that are, by their own
word, from before the instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from recon import schema
from recon.asof_changes import Change, changes
from recon.asof_clocks import EXACT, KEY, Instant, doubt, nearest, standing, told
from recon.asof_judged import judged
from recon.instants import show
from recon.rules.base import Timeline
from recon.rules.values import alike
from recon.rules.views import claims
from recon.subjects import glob
from recon.time.between import BASES, MEASURED

Certainty = Literal["certain", "possible"]

_SAID = ("value", "certainty", "event", "because", "clock", "margin_seconds", "measured")


@dataclass(frozen=True, slots=True)
class Said:
    """One value, how sure it is, and the event that says so."""

    value: str | None
    certainty: Certainty
    event: str
    """Event id."""
    because: str
    clock: str | None = None
    """Clock of the record whose order to the instant is the least sure; None: none is dated."""
    margin_seconds: float | None = None
    """By how much that clock would have to be off for the order to be another."""
    measured: bool | None = None
    """Whether the evidence bounds that clock against the instant; else it is taken to be right
    within an hour, or the tolerance of the case where that is more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the two answers."""

    subject: str
    attribute: str
    source: str
    said_then: Said | None
    """None where nothing of the source is known to have said anything then."""
    says_now: Said | None
    """None where the source gives no such record any more."""
    change: Change | None = None
    """When it came to tell another story; None where it tells the same, or nobody asked."""

    @property
    def changed(self) -> bool:
        """Whether the source tells another story now, and not the same digest in other letters."""
        then = self.said_then.value if self.said_then else None
        now = self.says_now.value if self.says_now else None
        return alike(then, now) != "same"

    def to_json(self) -> dict[str, Any]:
        """Plain data, with ``changed``; instants as RFC 3339."""
        plain = {**asdict(self), "changed": self.changed}
        for end in ("earliest", "latest") if self.change else ():
            moment = plain["change"][end]
            plain["change"][end] = show(moment) if moment else None
        return plain


def asof(
    timeline: Timeline,
    instant: datetime,
    subjects: Sequence[str] = (),
    clock: str | None = None,
) -> list[Answer]:
    """Both answers for every subject, attribute and source, sorted by those; and the changes.

    Args:
        timeline: the case's timeline.
        instant: aware UTC.
        subjects: globs; all subjects where empty.
        clock: that showed the instant; else it is one of UTC.
    """
    answers = [
        Answer(
            subject=row["subject"],
            attribute=row["attribute"],
            source=row["source"],
            said_then=_said(row, "then"),
            says_now=_said(row, "now"),
        )
        for row in asof_frame(timeline, instant, subjects, clock).iter_rows(named=True)
    ]
    when = changes(timeline, answers)
    return [
        replace(one, change=when[one.subject, one.attribute, one.source]) if one.changed else one
        for one in answers
    ]


def asof_frame(
    timeline: Timeline,
    instant: datetime,
    subjects: Sequence[str] = (),
    clock: str | None = None,
) -> pl.DataFrame:
    """The same as columns, for many subjects.

    ``subject``, ``attribute``, ``source``, and for *then* and *now* each field of :class:`Said`,
    with the word before: ``then_value``. Null certainty: nothing said.
    """
    wanted = claims(timeline, logged=True)
    if subjects:
        wanted = wanted.filter(
            pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
        )
    # Snapshots as the clock shows them that stamps what the source stores.
    wanted = wanted.with_columns(
        read_from="seen_from",
        read_to="seen_to",
        seen_from="at_from",
        seen_to="at_to",
        shown_by=pl.when(pl.col("at_basis") == BASES[MEASURED])
        .then("log_clock")
        .otherwise("seen_clock"),
    ).drop("at_from", "at_to", "at_low", "at_high")
    shown = Instant.of(timeline, instant, clock)
    every = judged(timeline, wanted, shown)
    then = _said_then(timeline, every, shown).collect(engine="streaming")
    now = _says_now(timeline, every).collect(engine="streaming")
    words = _words(timeline, pl.concat([then["row"], now["row"]])).collect()
    then, now = (one.join(words, on="row", how="left").select(*KEY, *_SAID) for one in (then, now))
    return (
        then.rename(lambda name: name if name in KEY else f"then_{name}")
        .join(
            now.rename(lambda name: name if name in KEY else f"now_{name}"),
            on=KEY,
            how="full",
            coalesce=True,
        )
        .sort(KEY)
    )


def _said(row: dict[str, Any], when: str) -> Said | None:
    if row[f"{when}_certainty"] is None:
        return None
    return Said(*(row[f"{when}_{name}"] for name in _SAID))


def _newest(rows: pl.LazyFrame, order: pl.Expr, *columns: str) -> pl.LazyFrame:
    """Per key the row that is newest by ``order`` (an instant); of equals the surest, the last.

    Only numbers are carried through the grouping; the words are fetched for the rows it leaves.
    """
    first = pl.lit(datetime.min.replace(tzinfo=UTC)).cast(schema.INSTANT)
    rank = pl.struct(order.fill_null(first).alias("newest"), *columns, "row")
    return rows.group_by(KEY).agg(pl.col("row", *columns).max_by(rank))


def _words(timeline: Timeline, rows: pl.Series) -> pl.LazyFrame:
    """``row``, ``value`` and ``event`` (its id) of claims."""
    own = timeline.kind("claim").select("row", "value", "item", "citation", "part")
    found = own.join(rows.unique().to_frame().lazy(), on="row", how="semi")
    return found.collect(engine="streaming").lazy().select("row", "value", event=schema.event_id())


def _said_then(timeline: Timeline, every: pl.DataFrame, instant: Instant) -> pl.LazyFrame:
    near_by = nearest(every.lazy().filter(~pl.col("exact")), "then")
    held = every.lazy().filter(pl.col("case").is_not_null())
    held, marked = standing(timeline, held, instant)
    case, close = pl.col("case"), pl.col("near").fill_null(value=False)
    close |= pl.col("marked").fill_null(value=False)
    exactly = case.str.ends_with(EXACT)
    return (
        _newest(held, pl.col("newest"), "case")
        .join(near_by, on=KEY, how="left")
        .join(marked, on="row", how="left")
        .select(
            *KEY,
            "row",
            certainty=pl.when(case.str.starts_with("3") & (~close | exactly))
            .then(pl.lit("certain"))
            .otherwise(pl.lit("possible")),
            because=pl.when(close & ~exactly)
            .then(pl.concat_str(case.str.slice(2), pl.lit("; "), doubt()))
            .otherwise(case.str.slice(2)),
            **told(),
        )
    )


def _says_now(timeline: Timeline, every: pl.DataFrame) -> pl.LazyFrame:
    # A database's newest snapshot stands for what it says; a record gone from it is said no more.
    said, _ = standing(timeline, every.lazy().filter("said_now"))
    near_by = nearest(every.lazy(), "now")
    close = pl.col("near").fill_null(value=False)
    because = "in the newest snapshot, dated at or before the instant"
    sure = (pl.col("latest") <= pl.col("own_at")) & ~close
    return (
        _newest(said, pl.col("latest"), "latest", "own_at")
        .join(near_by, on=KEY, how="left")
        .select(
            *KEY,
            "row",
            certainty=pl.when(sure).then(pl.lit("certain")).otherwise(pl.lit("possible")),
            because=pl.when(close)
            .then(pl.concat_str(pl.lit(f"{because}; "), doubt()))
            .otherwise(pl.lit(because)),
            **told(),
        )
    )
