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

from recon import rowlog, schema
from recon.asof_changes import Change, changes
from recon.asof_clocks import EXACT, KEY, THEN, Instant, dated, doubt, nearest, standing, told
from recon.asof_exports import gone
from recon.asof_log import misnamed, quiet
from recon.instants import show
from recon.rules.base import Timeline
from recon.rules.values import alike
from recon.rules.views import LOGGED, RECORD, claims, snapshots
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
    then = _said_then(timeline, wanted, shown).collect(engine="streaming")
    now = _says_now(timeline, wanted, shown).collect(engine="streaming")
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


def _newest(timeline: Timeline, rows: pl.LazyFrame, order: pl.Expr, *columns: str) -> pl.LazyFrame:
    """Per key the row that is newest by ``order`` (an instant); of equals the surest, the last.

    Only numbers are carried through the grouping; the words are fetched for the rows it leaves.
    """
    first = pl.lit(datetime.min.replace(tzinfo=UTC)).cast(schema.INSTANT)
    rank = pl.struct(order.fill_null(first).alias("newest"), *columns, "row")
    best = rows.group_by(KEY).agg(pl.col("row", *columns).max_by(rank))
    best = best.collect(engine="streaming").lazy()
    words = timeline.events.select("row", "value", event=schema.event_id())
    return words.join(best, on="row")


def _said_then(timeline: Timeline, wanted: pl.LazyFrame, instant: Instant) -> pl.LazyFrame:
    at = pl.lit(instant.at).cast(schema.INSTANT)
    # Stamped as stored: by its row version, or by the claim's own clock.
    stored_to = pl.coalesce(
        "logged_to", "written_to", pl.when(pl.col("basis") == "stamped").then(pl.col("latest"))
    )
    stored_from = pl.coalesce(
        "logged_from",
        "written_from",
        pl.when(pl.col("basis") == "stamped").then(pl.col("earliest")),
    )
    judged = wanted.with_columns(stored_from=stored_from, stored_to=stored_to).join(
        # Small, and read first: a streaming join holds the side that it cannot size.
        quiet(timeline, wanted, instant.upto()).collect(engine="streaming").lazy(),
        on=["source", "table", "seen_from", "seen_to"],
        how="left",
        nulls_equal=True,
    )
    misnamed_tables = misnamed(timeline, instant.upto()).collect(engine="streaming").lazy()
    judged = judged.join(misnamed_tables, on=["source", "table"], how="left")
    judged = _logged(timeline, judged, wanted, instant.upto())
    judged = dated(judged, instant)
    no_more = gone(timeline)
    judged = judged.join(no_more.lazy().drop("gone"), on="row", how="left")
    if no_more.height:
        judged = instant.beside(judged, pl.col("gone_by"), "end")
    else:
        judged = judged.with_columns(end_at=pl.lit(None, schema.INSTANT))
    # Of a clock that is bounded, and not exactly, no snapshot is of the very instant.
    exact = ~pl.col("shot_measured") | (pl.col("shot_from") == pl.col("shot_to"))
    exact &= (pl.col("read_from") == at) & (pl.col("read_to") == at)
    whole = timeline.coverage.filter(
        (pl.col("kind") == "claim") & (pl.col("earliest") == at) & (pl.col("latest") == at)
    ).select("source", "item", table="subject")
    seen = snapshots(timeline).select("source", "item", "seen_clock")
    whole = instant.beside(
        whole.join(seen, on=["source", "item"], how="left"), pl.col("seen_clock"), "x"
    )
    whole = whole.filter(~pl.col("x_measured") | (pl.col("x_from") == pl.col("x_to"))).select(
        "source", "table", whole=pl.lit(value=True)
    )
    judged = judged.join(whole.unique().collect().lazy(), on=["source", "table"], how="left")
    of_log, stored_at, seen_at = pl.col("commit_at"), pl.col("store_at"), pl.col("shot_at")
    logged = pl.col("version").is_in(LOGGED)
    still = pl.col("ended_from").is_null() | (pl.col("ended_from") > of_log)
    followed = (pl.col("followed_to") >= of_log) & (
        pl.col("blind_since").is_null() | (pl.col("blind_since") < pl.col("began"))
    )
    held_at = pl.col("seen_from") >= seen_at
    other_name = pl.col("stored_to") >= pl.col("misnamed_since")
    cases = (
        pl.when(exact)
        .then(pl.lit("3 held at that very instant"))
        .when(pl.col("whole"))
        .then(pl.lit(None))
        .when((pl.col("ended_to") <= of_log) & (~held_at).fill_null(True))
        .then(pl.lit(None))
        .when(pl.col("gone_to") <= pl.col("end_at"))
        .then(pl.lit(None))
        .when(pl.col("gone_to").is_not_null() & (pl.col("seen_to") <= seen_at))
        .then(pl.lit("2 held before; what was written up to then is not known"))
        .when(logged & (pl.col("began") <= of_log) & still & followed)
        .then(pl.lit("3 written before, and the log records no end of it up to then"))
        .when(logged & (pl.col("began") <= of_log))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged & (pl.col("stored_to") <= stored_at))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged)
        .then(pl.lit(None))
        .when((pl.col("stored_to") <= stored_at) & other_name & held_at)
        .then(pl.lit("1 stored before, in a table that may have had another name then"))
        .when((pl.col("stored_to") <= stored_at) & (held_at | pl.col("seen_to").is_null()))
        .then(pl.lit("3 stored before, and held after"))
        .when((pl.col("stored_to") <= stored_at) & pl.col("table").is_null())
        .then(pl.lit("3 stored before"))
        .when((pl.col("seen_to") <= seen_at) & pl.col("quiet"))
        .then(pl.lit("3 held before, and the log records no write to the table up to then"))
        .when((pl.col("seen_to") <= seen_at) & pl.col("untouched"))
        .then(pl.lit("3 held before, and the log records no change of that row up to then"))
        .when(pl.col("seen_to") <= seen_at)
        .then(pl.lit("2 held before; what was written up to then is not known"))
        .when(pl.col("stored_from") > stored_at)
        .then(pl.lit(None))
        .when(pl.col("stored_from") <= stored_at)
        .then(pl.lit("1 stored about then"))
        .when(pl.col("table").is_not_null())
        .then(pl.lit(None))
        .when(pl.col("earliest") <= pl.col("own_at"))
        .then(pl.lit("1 dated before by its writer; nothing stamps it"))
    )
    # Of what was there, the newest counts: by when it was stored, then by when it was seen.
    # When a table or log was taken that its writer dated says nothing of which line is newer.
    taken = pl.when(pl.col("table").is_not_null()).then("seen_to")
    newest = pl.coalesce("stored_to", "began", taken, "latest")
    newest = (
        pl.when(pl.col("seen_to") <= seen_at)
        .then(pl.max_horizontal(newest, "seen_to"))
        .otherwise(newest)
    )
    every = judged.with_columns(case=cases, newest=newest)
    closest = nearest(every.filter(~exact.fill_null(value=False)), THEN)
    held = every.filter(pl.col("case").is_not_null())
    held, marked = standing(timeline, held, instant)
    held = held.select(*KEY, "row", "case", "newest")
    case, close = pl.col("case"), pl.col("near").fill_null(value=False)
    close |= pl.col("marked").fill_null(value=False)
    exactly = case.str.ends_with(EXACT)
    return (
        _newest(timeline, held, pl.col("newest"), "case")
        .join(closest, on=KEY, how="left")
        .join(marked, on="row", how="left")
        .select(
            *KEY,
            "value",
            "event",
            certainty=pl.when(case.str.starts_with("3") & (~close | exactly))
            .then(pl.lit("certain"))
            .otherwise(pl.lit("possible")),
            because=pl.when(close & ~exactly)
            .then(pl.concat_str(case.str.slice(2), pl.lit("; "), doubt()))
            .otherwise(case.str.slice(2)),
            **told(),
        )
    )


def _logged(
    timeline: Timeline, judged: pl.LazyFrame, wanted: pl.LazyFrame, at: pl.Expr
) -> pl.LazyFrame:
    """Claims with what the log tells of their rows; all null where it tells of none."""
    instants = ("began", "ended_from", "ended_to", "followed_to", "blind_since")
    if not rowlog.has_rows(timeline):
        nothing = {name: pl.lit(None, schema.INSTANT) for name in instants}
        return judged.with_columns(**nothing, untouched=pl.lit(None, pl.Boolean))
    lives = rowlog.lives(timeline).collect(engine="streaming").lazy()
    judged = judged.join(lives, on=RECORD, how="left").with_columns(
        began=pl.coalesce("stored_to", "began")
    )
    judged = rowlog.ended(timeline, judged)
    key = ["source", "table", "subject", "seen_from", "seen_to"]
    still = rowlog.untouched(timeline, wanted, at).lazy()
    return judged.join(
        rowlog.unnamed(timeline, at).lazy(), on=["source", "table"], how="left"
    ).join(still, on=key, how="left", nulls_equal=True)


def _says_now(timeline: Timeline, wanted: pl.LazyFrame, instant: Instant) -> pl.LazyFrame:
    # A database's newest snapshot stands for what it says; a record gone from it is said no more.
    in_snapshot = pl.col("table").is_not_null() & pl.col("seen_to").is_not_null()
    # A state without any row of the table is one too.
    whole = (
        timeline.coverage.filter(pl.col("kind") == "claim")
        .select("source", "item", table="subject")
        .join(snapshots(timeline), on=["source", "item"])
        .group_by("source", "table")
        .agg(whole_to=pl.col("seen_to").max())
    ).collect()
    wanted = wanted.join(whole.lazy(), on=["source", "table"], how="left")
    newest_of_table = pl.col("seen_to") == pl.max_horizontal(
        pl.col("seen_to").max().over("source", "table"), "whole_to"
    )
    # What the log alone shows was said in its time, and is no word of now.
    logged = pl.col("version").is_in(LOGGED).fill_null(False)
    every = pl.concat(
        [wanted.filter(in_snapshot).filter(newest_of_table), wanted.filter(~in_snapshot & ~logged)]
    )
    every = every.join(gone(timeline).lazy(), on="row", how="anti")
    every = instant.beside(every, pl.col("clock"), "own")
    said = every.filter(pl.col("earliest").is_null() | (pl.col("earliest") <= pl.col("own_at")))
    said, _ = standing(timeline, said)
    closest = nearest(every, (("own", "earliest", "latest"),))
    close = pl.col("near").fill_null(value=False)
    because = "in the newest snapshot, dated at or before the instant"
    sure = (pl.col("latest") <= pl.col("own_at")) & ~close
    return (
        _newest(timeline, said, pl.col("latest"), "latest", "own_at")
        .join(closest, on=KEY, how="left")
        .select(
            *KEY,
            "value",
            "event",
            certainty=pl.when(sure).then(pl.lit("certain")).otherwise(pl.lit("possible")),
            because=pl.when(close)
            .then(pl.concat_str(pl.lit(f"{because}; "), doubt()))
            .otherwise(pl.lit(because)),
            **told(),
        )
    )
