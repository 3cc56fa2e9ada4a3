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
from datetime import datetime
from typing import Any, Literal

import polars as pl

from recon import schema
from recon.asof_changes import Change, changes
from recon.asof_clocks import Instant, doubt
from recon.asof_judged import CASES, EXACT, judged
from recon.asof_records import KEY, Records, records
from recon.instants import show
from recon.rules.base import Timeline
from recon.rules.values import alike

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
    own = records(timeline, subjects)
    return worded(timeline, said(timeline, own, instant, clock))


def said(
    timeline: Timeline, own: Records, instant: datetime, clock: str | None = None
) -> pl.DataFrame:
    """The same as :func:`asof_frame` of claims that were read, by row and without their words.

    ``key``, ``then_row``, ``now_row``, ``row`` (one of the two), and the fields of :class:`Said`
    but ``value`` and ``event``.
    """
    found = judged(timeline, own, Instant.of(timeline, own.read_by, instant, clock)).lazy()
    cases = pl.Series(CASES)
    case = pl.col("case")
    exactly = pl.lit(cases.str.ends_with(EXACT)).gather(case)
    firm = pl.lit(cases.str.starts_with("3")).gather(case)
    close = pl.col("then_near").fill_null(value=False) | pl.col("marked").fill_null(value=False)
    close_now = pl.col("now_near").fill_null(value=False)
    now = pl.lit("in the newest snapshot, dated at or before the instant")
    return found.select(
        *("key", "then_row", "now_row"),
        pl.coalesce("then_row", "now_row").alias("row"),
        **_told(
            "then",
            pl.lit(cases.str.slice(2)).gather(case),
            firm & (~close | exactly),
            close & ~exactly,
        ),
        **_told("now", now, pl.col("sure") & ~close_now, close_now),
    ).collect()


def _told(when: str, because: pl.Expr, sure: pl.Expr, doubtful: pl.Expr) -> dict[str, pl.Expr]:
    """Fields of :class:`Said`; null where nothing was said."""
    fields = {
        "certainty": pl.when(sure).then(pl.lit("certain")).otherwise(pl.lit("possible")),
        "because": pl.when(doubtful)
        .then(pl.concat_str(because, pl.lit("; "), doubt(when)))
        .otherwise(because),
        "clock": pl.col(f"{when}_clock"),
        "margin_seconds": pl.col(f"{when}_margin") / 1_000_000,
        "measured": pl.col(f"{when}_measured"),
    }
    there = pl.col(f"{when}_row").is_not_null()
    return {f"{when}_{name}": pl.when(there).then(one) for name, one in fields.items()}


def worded(timeline: Timeline, found: pl.DataFrame) -> pl.DataFrame:
    """What :func:`said` gives with words, sorted by ``instant`` (where there is one) and key."""
    rows = pl.concat([found["row"], found["then_row"], found["now_row"]]).drop_nulls().unique()
    words = (
        timeline.kind("claim")
        .select("row", *KEY, "value", "item", "citation", "part")
        .join(rows.to_frame("row").lazy(), on="row", how="semi")
        .select("row", *KEY, "value", event=schema.event_id())
        .collect(engine="streaming")
    )
    # Words are put in order once, and then taken by their places.
    instant = [name for name in found.columns if name == "instant"]
    places = words.sort(KEY)
    at = pl.lit(_places(places["row"]))
    rows_at = {"place": "row", "then_at": "then_row", "now_at": "now_row"}
    placed = found.with_columns(
        at.gather(pl.col(row)).alias(name) for name, row in rows_at.items()
    ).sort(*instant, "place")
    taken = {
        f"{when}_{name}": pl.lit(places[name]).gather(f"{when}_at")
        for when in ("then", "now")
        for name in ("value", "event")
    }
    columns = [f"{when}_{name}" for when in ("then", "now") for name in _SAID]
    keys = [pl.lit(places[name]).gather("place").alias(name) for name in KEY]
    return placed.with_columns(*keys, **taken).select(*instant, *KEY, *columns)


def _places(rows: pl.Series) -> pl.Series:
    """By row of the timeline the place at which it stands among these: no join is needed."""
    import numpy as np

    own = rows.to_numpy()
    at = np.zeros(int(own.max(initial=0)) + 1, dtype=np.uint32)
    at[own] = np.arange(len(own), dtype=np.uint32)
    return pl.Series(at)


def _said(row: dict[str, Any], when: str) -> Said | None:
    if row[f"{when}_certainty"] is None:
        return None
    return Said(*(row[f"{when}_{name}"] for name in _SAID))
