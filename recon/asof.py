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

What a delete marker was put over is said no more from then on, though its bytes may be there.

*Says now* is what the newest snapshot of the source gives for records that are, by their own
word, from before the instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from recon import rowlog, schema
from recon.names import within
from recon.rules.base import Timeline
from recon.rules.values import alike
from recon.rules.views import LOGGED, RECORD, claims
from recon.subjects import glob

Certainty = Literal["certain", "possible"]

_KEY = ["subject", "attribute", "source"]


@dataclass(frozen=True, slots=True)
class Said:
    """One value, how sure it is, and the event that says so."""

    value: str | None
    certainty: Certainty
    event: str
    """Event id."""
    because: str


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

    @property
    def changed(self) -> bool:
        """Whether the source tells another story now, and not the same digest in other letters."""
        then = self.said_then.value if self.said_then else None
        now = self.says_now.value if self.says_now else None
        return alike(then, now) != "same"

    def to_json(self) -> dict[str, Any]:
        """Plain data, with ``changed``."""
        return {**asdict(self), "changed": self.changed}


def asof(timeline: Timeline, instant: datetime, subjects: Sequence[str] = ()) -> list[Answer]:
    """Both answers for every subject, attribute and source, sorted by those.

    Args:
        timeline: the case's timeline.
        instant: aware UTC.
        subjects: globs; all subjects where empty.
    """
    return [
        Answer(
            subject=row["subject"],
            attribute=row["attribute"],
            source=row["source"],
            said_then=_said(row, "then"),
            says_now=_said(row, "now"),
        )
        for row in asof_frame(timeline, instant, subjects).iter_rows(named=True)
    ]


def asof_frame(timeline: Timeline, instant: datetime, subjects: Sequence[str] = ()) -> pl.DataFrame:
    """The same as columns, for many subjects.

    ``subject``, ``attribute``, ``source``, and for *then* and *now* each ``value``, ``certainty``,
    ``event`` and ``because``, with the word before: ``then_value``. Null certainty: nothing said.
    """
    wanted = claims(timeline, logged=True)
    if subjects:
        wanted = wanted.filter(
            pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
        )
    then = _said_then(timeline, wanted, instant).collect(engine="streaming")
    now = _says_now(timeline, wanted, instant).collect(engine="streaming")
    return (
        then.rename(lambda name: name if name in _KEY else f"then_{name}")
        .join(
            now.rename(lambda name: name if name in _KEY else f"now_{name}"),
            on=_KEY,
            how="full",
            coalesce=True,
        )
        .sort(_KEY)
    )


def _said(row: dict[str, Any], when: str) -> Said | None:
    if row[f"{when}_certainty"] is None:
        return None
    return Said(*(row[f"{when}_{name}"] for name in ("value", "certainty", "event", "because")))


def _newest(timeline: Timeline, rows: pl.LazyFrame, order: pl.Expr, *columns: str) -> pl.LazyFrame:
    """Per key the row that is newest by ``order`` (an instant); of equals the surest, the last.

    Only numbers are carried through the grouping; the words are fetched for the rows it leaves.
    """
    first = pl.lit(datetime.min.replace(tzinfo=UTC)).cast(schema.INSTANT)
    rank = pl.struct(order.fill_null(first).alias("newest"), *columns, "row")
    best = rows.group_by(_KEY).agg(pl.col("row", *columns).max_by(rank))
    best = best.collect(engine="streaming").lazy()
    words = timeline.events.select("row", "value", event=schema.event_id())
    return words.join(best, on="row")


def _said_then(timeline: Timeline, wanted: pl.LazyFrame, instant: datetime) -> pl.LazyFrame:
    at = pl.lit(instant).cast(schema.INSTANT)
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
        _quiet(timeline, wanted, instant).collect(engine="streaming").lazy(),
        on=["source", "table", "seen_from", "seen_to"],
        how="left",
        nulls_equal=True,
    )
    misnamed_tables = _misnamed(timeline, instant).collect(engine="streaming").lazy()
    judged = judged.join(misnamed_tables, on=["source", "table"], how="left")
    judged = _logged(timeline, judged, wanted, at)
    whole = timeline.coverage.filter(
        (pl.col("kind") == "claim") & (pl.col("earliest") == at) & (pl.col("latest") == at)
    ).select("source", table="subject", whole=pl.lit(value=True))
    judged = judged.join(whole.unique().collect().lazy(), on=["source", "table"], how="left")
    logged = pl.col("version").is_in(LOGGED)
    standing = pl.col("ended_from").is_null() | (pl.col("ended_from") > at)
    followed = (pl.col("followed_to") >= at) & (
        pl.col("blind_since").is_null() | (pl.col("blind_since") < pl.col("began"))
    )
    held_at = pl.col("seen_from") >= at
    misnamed = pl.col("stored_to") >= pl.col("misnamed_since")
    cases = (
        pl.when((pl.col("seen_from") == at) & (pl.col("seen_to") == at))
        .then(pl.lit("3 held at that very instant"))
        .when(pl.col("whole"))
        .then(pl.lit(None))
        .when((pl.col("ended_to") <= at) & (~held_at).fill_null(True))
        .then(pl.lit(None))
        .when(logged & (pl.col("began") <= at) & standing & followed)
        .then(pl.lit("3 written before, and the log records no end of it up to then"))
        .when(logged & (pl.col("began") <= at))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged & (pl.col("stored_to") <= at))
        .then(pl.lit("2 written before; what was written up to then is not known"))
        .when(logged)
        .then(pl.lit(None))
        .when((pl.col("stored_to") <= at) & misnamed & held_at)
        .then(pl.lit("1 stored before, in a table that may have had another name then"))
        .when((pl.col("stored_to") <= at) & (held_at | pl.col("seen_to").is_null()))
        .then(pl.lit("3 stored before, and held after"))
        .when((pl.col("stored_to") <= at) & pl.col("table").is_null())
        .then(pl.lit("3 stored before"))
        .when((pl.col("seen_to") <= at) & pl.col("quiet"))
        .then(pl.lit("3 held before, and the log records no write to the table up to then"))
        .when((pl.col("seen_to") <= at) & pl.col("untouched"))
        .then(pl.lit("3 held before, and the log records no change of that row up to then"))
        .when(pl.col("seen_to") <= at)
        .then(pl.lit("2 held before; what was written up to then is not known"))
        .when(pl.col("stored_from") > at)
        .then(pl.lit(None))
        .when(pl.col("stored_from") <= at)
        .then(pl.lit("1 stored about then"))
        .when(pl.col("table").is_not_null())
        .then(pl.lit(None))
        .when(pl.col("earliest") <= at)
        .then(pl.lit("1 dated before by its writer; nothing stamps it"))
    )
    # Of what was there, the newest counts: by when it was stored, then by when it was seen.
    newest = pl.coalesce("stored_to", "began", "seen_to", "latest")
    newest = (
        pl.when(pl.col("seen_to") <= at)
        .then(pl.max_horizontal(newest, "seen_to"))
        .otherwise(newest)
    )
    held = judged.with_columns(case=cases, newest=newest).filter(pl.col("case").is_not_null())
    held = _standing(timeline, held, at).select(*_KEY, "row", "case", "newest")
    case = pl.col("case")
    return _newest(timeline, held, pl.col("newest"), "case").select(
        *_KEY,
        "value",
        "event",
        certainty=pl.when(case.str.starts_with("3"))
        .then(pl.lit("certain"))
        .otherwise(pl.lit("possible")),
        because=case.str.slice(2),
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


def _quiet(timeline: Timeline, wanted: pl.LazyFrame, instant: datetime) -> pl.LazyFrame:
    """Tables and snapshots between which and the instant the log covers all and records no write.

    It must have recorded something of the table before: a log that knows the table's file by no
    name is silent of all its writes. Columns ``source``, ``table``, ``seen_from``, ``seen_to``,
    ``quiet``.
    """
    at = pl.lit(instant).cast(schema.INSTANT)
    key = ["source", "table", "seen_from", "seen_to"]
    spans = (
        wanted.filter(pl.col("table").is_not_null() & (pl.col("seen_to") <= at))
        .select(key)
        .unique()
    )
    covered = (
        timeline.coverage.filter(pl.col("kind").str.starts_with("table."))
        .select("source", covered="subject", covered_from="earliest", covered_to="latest")
        .join(spans, on="source")
        .filter(
            (pl.col("covered_from") <= pl.col("seen_from"))
            & (pl.col("covered_to") >= at)
            & within(pl.col("table"), pl.col("covered"))
        )
        .select(key)
        .unique()
    )
    logged = (
        timeline.events.filter(
            pl.col("kind").str.starts_with("table.")
            & pl.col("earliest").is_not_null()
            & pl.col("stream").is_not_null()
        )
        .select("source", "earliest", "latest", table="subject")
        .join(covered, on=["source", "table"])
    )
    # The snapshot may have been taken at any time of its interval.
    writes = logged.filter((pl.col("latest") >= pl.col("seen_from")) & (pl.col("earliest") <= at))
    followed = logged.filter(pl.col("latest") < pl.col("seen_from")).select(key).unique()
    return (
        covered.join(followed, on=key, how="semi")
        .join(writes.select(key).unique(), on=key, how="anti")
        .with_columns(quiet=pl.lit(True))
    )


def _misnamed(timeline: Timeline, instant: datetime) -> pl.LazyFrame:
    """Tables made under another name, of which no drop of the old one by the instant is known.

    Columns ``source``, ``table``, ``misnamed_since``.
    """
    at = pl.lit(instant).cast(schema.INSTANT)
    own = pl.format("name={}", pl.col("table").str.extract(r"\.([^.]*)$"))
    # What the log tells of names; an act seen between two snapshots names no other table.
    logged = timeline.kind("table.create", "table.recreate").filter(pl.col("stream").is_not_null())
    acts = logged.select("source", "kind", "earliest", "value", table="subject")
    replaced = (
        acts.filter((pl.col("kind") == "table.recreate") & (pl.col("earliest") <= at))
        .group_by("source", "table")
        .agg(replaced=pl.col("earliest").max())
    )
    return (
        acts.filter((pl.col("kind") == "table.create") & (pl.col("earliest") <= at))
        .filter((pl.col("value") != own).fill_null(True))
        .join(replaced, on=["source", "table"], how="left")
        .filter((pl.col("earliest") > pl.col("replaced")).fill_null(True))
        .group_by("source", "table")
        .agg(misnamed_since=pl.col("earliest").min())
    )


def _standing(timeline: Timeline, rows: pl.LazyFrame, at: pl.Expr | None = None) -> pl.LazyFrame:
    """Rows but those of an object over which a delete marker was put since, up to ``at``."""
    markers = timeline.kind("object.delete").filter(pl.col("earliest").is_not_null())
    if at is not None:
        markers = markers.filter(pl.col("latest") <= at)
    # The join below holds all rows in memory; most timelines have no marker.
    if markers.limit(1).collect().is_empty():
        return rows
    key = (
        pl.col("names")
        .list.filter(pl.element().str.contains("?versionId=", literal=True))
        .list.first()
        .str.replace(r"\?versionId=.*$", "")
    )
    covered = (
        rows.with_columns(key=key)
        .filter(pl.col("key").is_not_null())
        .join(
            markers.select("source", key="subject", marked="earliest"),
            on=["source", "key"],
        )
        .filter(pl.col("marked") >= pl.col("latest"))
        .select("row")
        .unique()
    )
    return rows.join(covered, on="row", how="anti")


def _says_now(timeline: Timeline, wanted: pl.LazyFrame, instant: datetime) -> pl.LazyFrame:
    at = pl.lit(instant).cast(schema.INSTANT)
    # A database's newest snapshot stands for what it says; a record gone from it is said no more.
    in_snapshot = pl.col("table").is_not_null() & pl.col("seen_to").is_not_null()
    newest_of_table = pl.col("seen_to") == pl.col("seen_to").max().over("source", "table")
    # What the log alone shows was said in its time, and is no word of now.
    logged = pl.col("version").is_in(LOGGED).fill_null(False)
    said = pl.concat(
        [wanted.filter(in_snapshot).filter(newest_of_table), wanted.filter(~in_snapshot & ~logged)]
    ).filter(pl.col("earliest").is_null() | (pl.col("earliest") <= at))
    said = _standing(timeline, said)
    return _newest(timeline, said, pl.col("latest"), "latest").select(
        *_KEY,
        "value",
        "event",
        certainty=pl.when(pl.col("latest") <= at)
        .then(pl.lit("certain"))
        .otherwise(pl.lit("possible")),
        because=pl.lit("in the newest snapshot, dated at or before the instant"),
    )
