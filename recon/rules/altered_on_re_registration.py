"""Rows that stand anew under their old time, with another value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_interval
from recon.names import named
from recon.rules.alibis import witnessed
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.doubtful import fetched, varying
from recon.rules.replaced import replaced_rows
from recon.rules.values import alike
from recon.rules.views import claims
from recon.rules.writes import counted

_ROW = ["source", "table", "subject", "earliest", "latest"]
"""A row is known again by its subject and the time that it gives."""
_HOW = {
    "row.insert": "inserted anew",
    "row.update": "updated",
}


@rule("altered-on-re-registration", needs=("claim", "snapshot"))
def altered_on_re_registration(timeline: Timeline) -> Iterator[Draft]:
    """A row is altered on re-registration iff it was inserted anew, as of its old time, altered.

    That is: an earlier snapshot of a table holds a row that asserts a time, a later one holds a
    row of that subject that asserts the same time, a value of it is another one, and the log has
    the later one inserted in between. A table that was recreated, truncated or restored is left to
    ``re-registered``, which tells of each row of it.
    Undetermined where the log does not say how the row came to be, and the value is a digest: a
    row that says what was released then has no second answer, and may have been corrected.
    Observation where the log has the row updated, and the value is a digest: who may correct a row
    may do so, and a reader must know that it gives the time of before.
    Innocent: a row that was inserted within the very time that it gives, as a second registration
    on one day where the column is a date; a correction; a back-fill of a column that was empty; an
    export that writes a value in another way; a job that deletes and loads its rows, with
    corrections made elsewhere.
    Source: design, section 6 (`conflict`); PostgreSQL documentation, 73.6 "Database Page Layout"
    (an UPDATE writes a new version of a row, an INSERT a row).
    """
    about = varying(timeline)
    if about.is_empty():
        return
    found = _altered(timeline, about)
    if found.is_empty():
        return
    how = _written(timeline, found)
    key = itemgetter(*_ROW, "row")
    for _, group in groupby(found.iter_rows(named=True), itemgetter(*_ROW)):
        rows = list(group)
        told = [how.get(key(row)) for row in rows]
        draft = _judge(timeline, rows, next((one for one in told if one), None))
        if draft is not None:
            yield draft


def _stated(timeline: Timeline, about: pl.DataFrame) -> pl.LazyFrame:
    """Rows of tables as snapshots show them; ``table`` is the source where it has but one."""
    of_tables = pl.col("table").is_not_null() | pl.col("clock").str.starts_with("records:")
    return (
        claims(timeline, of=fetched(timeline, about))
        .filter(
            (pl.col("basis") == "asserted")
            & of_tables.fill_null(value=False)
            & pl.col("earliest").is_not_null()
            & pl.col("at_from").is_not_null()
            & pl.col("at_to").is_not_null()
        )
        .with_columns(table=pl.coalesce("table", "source"))
        .select(
            *(*_ROW, "attribute", "value", "digest", "row", "item", "clock"),
            *("at_from", "at_to", "seen_from", "seen_to", "snapshot", "xid"),
        )
    )


def _altered(timeline: Timeline, about: pl.DataFrame) -> pl.DataFrame:
    """Each value with the one of the snapshot before, where they differ; rows of one table."""
    key = [*_ROW, "attribute"]
    # It is gone through several times.
    stated = _stated(timeline, about).collect(engine="streaming").lazy()
    changing = stated.group_by(key).agg(n=pl.col("value").n_unique()).filter(pl.col("n") > 1)
    # Several rows of one subject and time are no row that is known again.
    single = (
        stated.join(changing.select(key), on=key, how="semi", nulls_equal=True)
        .group_by(*key, "item")
        .agg(pl.all().sort_by("row").first(), n=pl.col("value").n_unique())
    )
    several = single.filter(pl.col("n") > 1).select(key).unique()
    kept = ["value", "digest", "row", "at_from", "at_to", "seen_from", "seen_to", "snapshot"]
    pairs = (
        single.join(several, on=key, how="anti", nulls_equal=True)
        .sort(*key, "at_from", "at_to", "row")
        .with_columns(pl.col(one).shift(1).over(key).name.prefix("was_") for one in kept)
        .filter(
            (pl.col("value") != pl.col("was_value")) & (pl.col("at_from") > pl.col("was_at_to"))
        )
    )
    told = replaced_rows(timeline)
    if not told.is_empty():
        acts = told.lazy().select("source", "table", "subject", "act_from", "act_to")
        by_table = (
            pairs.join(acts, on=["source", "table", "subject"])
            .filter(
                (pl.col("act_to") >= pl.col("was_at_from"))
                & (pl.col("act_from") <= pl.col("at_to"))
            )
            .select("row")
            .unique()
        )
        pairs = pairs.join(by_table, on="row", how="anti")
    return (
        pairs
        # What is told is the first change of a row.
        .filter(pl.col("at_from") == pl.col("at_from").min().over(_ROW))
        .sort(*_ROW, "attribute", "row")
        .collect()
    )


class _How(NamedTuple):
    """How the log has a row written."""

    kind: str
    event: int
    at: datetime


def _written(timeline: Timeline, found: pl.DataFrame) -> dict[tuple[Any, ...], _How]:
    """By row as found: how the log has it written; the last word of the log."""
    rows = found.lazy().select(*_ROW, "row", "at_to", "was_at_to", "xid")
    window = (pl.col("at") >= pl.col("was_at_to")) & (pl.col("at") <= pl.col("at_to"))
    logged = timeline.kind("row.insert", "row.update", "row.delete").select(
        "source", "subject", "kind", table=named("pg:"), at="earliest", event="row"
    )
    by_row = (
        rows.join(logged, on=["source", "table", "subject"])
        .filter(window)
        .sort("at", "event")
        .unique("row", keep="last", maintain_order=True)
        .select(*_ROW, "row", "kind", "event", "at")
    )
    tables, xids = (found[name].unique().implode() for name in ("table", "xid"))
    writes = (
        timeline.kind("table.write")
        .filter(named("xid:").is_in(xids))
        .select(
            "source",
            table="subject",
            xid=named("xid:"),
            at="earliest",
            event="row",
            inserted=counted("insert"),
            updated=counted("update"),
        )
        # Of one transaction there is little, and words are slow to compare with others.
        .collect(engine="streaming")
        .lazy()
        .filter(pl.col("table").is_in(tables))
    )
    # A transaction that did but one of the two says which of them the row is of.
    one = (pl.col("inserted") > 0) != (pl.col("updated") > 0)
    kind = (
        pl.when(pl.col("inserted") > 0).then(pl.lit("row.insert")).otherwise(pl.lit("row.update"))
    )
    by_xid = (
        rows.join(writes, on=["source", "table", "xid"])
        .filter(window & one)
        .sort("at", "event")
        .unique("row", keep="last", maintain_order=True)
        .select(*_ROW, "row", kind=kind, event="event", at="at")
    )
    told = pl.concat([by_row, by_xid]).unique("row", keep="first", maintain_order=True).collect()
    return {tuple(row[:6]): _How(*row[6:]) for row in told.rows()}


def _judge(timeline: Timeline, rows: Sequence[Mapping[str, Any]], how: _How | None) -> Draft | None:
    """The finding of a row, or None: nothing of it is another value, or nothing need be said."""
    other = [row for row in rows if alike(row["was_value"], row["value"]) == "other"]
    digests = [row for row in other if row["digest"] is not None]
    inserted = how is not None and how.kind == "row.insert"
    told = other if inserted else digests
    if how and inserted and rows[0]["earliest"] <= how.at <= rows[0]["latest"]:
        # It gives the time at which it was inserted: a registration of its own.
        return None
    if not told or (how is not None and how.kind not in _HOW):
        return None
    verdict: Verdict = "conflict" if inserted else "observation" if how else "undetermined"
    first = told[0]
    held = witnessed(timeline.measured, first["clock"], first["earliest"])
    return _draft(told, verdict, how, held)


def _draft(
    rows: Sequence[Mapping[str, Any]],
    verdict: Verdict,
    how: _How | None,
    held: str | None,
) -> Draft:
    first = rows[0]
    table = first["table"].rsplit("/", 1)[-1]
    then = say_interval(first["was_seen_from"], first["was_seen_to"])
    now = say_interval(first["seen_from"], first["seen_to"])
    changes = "; ".join(
        f"its {row['attribute']} was {row['was_value']} and is {row['value']}" for row in rows
    )
    came = f", and the log has it {_HOW[how.kind]} in between" if how else ""
    return Draft(
        verdict=verdict,
        subject=first["subject"],
        statement=f"The row of {table} for {first['subject']} asserts "
        f"{say_interval(first['earliest'], first['latest'])} in the snapshot of {then} and in that "
        f"of {now}; {changes}{came}",
        events=[
            ("earlier", first["was_row"]),
            ("later", first["row"]),
            *([("written", how.event)] if how else []),
        ],
        steps=[
            *(
                step(
                    "differs",
                    "earlier",
                    "later",
                    attribute=row["attribute"],
                    was=row["was_value"],
                    now=row["value"],
                    seen=show_interval(row["was_seen_from"], row["was_seen_to"]),
                )
                for row in rows
            ),
            *([step("came", "written", "later", how=_HOW[how.kind])] if how else []),
        ],
        excuse="For this to be innocent the value would have had to be corrected, and the time to "
        "be kept as that of the first registration.",
        alibi=" ".join(
            [
                "Both rows assert one time, to the last digit.",
                "Nothing in the log says how the later one came to be." * (how is None),
                held or "",
            ]
        )
        .replace("  ", " ")
        .strip(),
        innocent=[
            Innocent(
                "The row was corrected by an UPDATE.",
                None if how is None else how.kind == "row.insert",
                "The write-ahead log of that time would say."
                if how is None
                else f"The log has it {_HOW[how.kind]}.",
            ),
            Innocent(
                "A job deletes its rows and loads them again, with corrections made elsewhere.",
                None,
                "The place that it loads from would say.",
            ),
        ],
    )
