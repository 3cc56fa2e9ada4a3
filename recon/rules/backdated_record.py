"""Times that writers supplied and that are too early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent
from recon.instants import say_interval, show_interval, show_span
from recon.names import named
from recon.rules.alibis import excuse
from recon.rules.base import Draft, Timeline, rule, seconds, step
from recon.rules.denial_words import alibi, argument, events, innocent, statement
from recon.rules.denials import Denial, told
from recon.rules.views import RECORD, snapshots
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import Norm

_TOLERANCE = 86_400.0
"""Seconds: a transaction may be open for long, and assert its beginning."""


@rule("backdated-record", needs=("*",))
def backdated_record(timeline: Timeline) -> Iterator[Draft]:
    """A record is backdated iff a time that its writer supplied is denied by a stamped one.

    That is, by law: a chain of laws (its bytes contain a digest, the medium's own order) has it
    come after a record whose time the medium stamped, and it reads earlier than that by more than
    a minute beyond all that the two clocks can be apart. Then it is a contradiction where the
    bound was measured before and after by records of both clocks. By norm, where the case declares
    one: a row that the log inserts gives a time earlier than the commit of the insert by more
    than ``tolerance`` (seconds, by default a day), and no earlier record holds the row. Then it is
    a breach where a complete snapshot from between the two times lacks the row; ``table`` is a
    glob of the tables that the norm is about, ``since`` leaves out what was written before.
    Undetermined where a single step of a clock would explain it, where nothing measures the two
    clocks, where the time is a column of a row, which an update keeps, and, by norm, where no
    snapshot from between lacks the row.
    Innocent: imported history gives the times of the history; a migration or a reload copies rows
    with theirs; a long transaction asserts its beginning; a message waits in a queue; a retry
    writes anew what it wrote; an author date is when a change was made and may be years before
    its commit: no law ties it to anything.
    Source: design, section 5 and 6; PostgreSQL documentation, 9.9.5 (``now()`` is the start of
    the transaction); git-commit(1), "Commit information" (author and committer dates).
    """
    for one in told(timeline, "backdated-record"):
        yield _denied(timeline, one)
    for norm in timeline.norms:
        if norm.rule == "backdated-record":
            yield from _judged(timeline, norm)


def _denied(timeline: Timeline, one: Denial) -> Draft:
    return Draft(
        verdict="contradiction" if one.certain else "undetermined",
        subject=one.after.subject,
        statement=statement(one),
        events=events(one),
        steps=argument(timeline, one),
        excuse=excuse(one.after.by, one.before.by, one.apart),
        alibi=alibi(timeline, one),
        innocent=innocent(timeline, one),
        margin_seconds=one.excess / 1e6,
    )


def _judged(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    parameters = norm.model_extra or {}
    tolerance = norm.tolerance if "tolerance" in norm.model_fields_set else _TOLERANCE
    rows = _inserted(timeline)
    if norm.since is not None:
        rows = rows.filter(pl.col("written_from") >= norm.since)
    late = (
        rows.filter(pl.col("table").str.contains(glob(f"*{parameters.get('table', '')}")))
        .with_columns(margin=seconds(pl.col("written_from") - pl.col("latest")))
        .filter(pl.col("margin") > tolerance)
        .pipe(_first_seen, timeline)
        .sort("row")
        .unique(["source", "subject", "clock"], keep="first", maintain_order=True)
        .collect()
    )
    lacking = _lacking(timeline, late)
    for row in late.iter_rows(named=True):
        yield _row(timeline, row, lacking.get(row["row"]), tolerance)


def _inserted(timeline: Timeline) -> pl.LazyFrame:
    """Claims of rows that the log inserts, with the commit."""
    inserts = (
        timeline.kind("row.insert")
        .filter(pl.col("earliest").is_not_null())
        .select(
            *RECORD,
            table=named("pg:"),
            xid=named("xid:"),
            written="row",
            written_from="earliest",
            written_to="latest",
            written_clock="clock",
        )
    )
    return (
        timeline.kind("claim")
        .filter((pl.col("basis") == "asserted") & pl.col("latest").is_not_null())
        .select(*RECORD, "row", "subject", "clock", "earliest", "latest")
        .join(inserts, on=RECORD)
    )


def _first_seen(rows: pl.LazyFrame, timeline: Timeline) -> pl.LazyFrame:
    """Without rows that an earlier record holds, or whose transaction replaced the table.

    Of any table and database: a migration copies rows from one into another.
    """
    keys = ["subject", "earliest"]
    said = timeline.kind("claim").filter(pl.col("basis") == "asserted").select(*RECORD, *keys)
    logged = timeline.kind("row.insert", "row.update", "row.before", "row.delete").select(
        *RECORD, seen=pl.col("latest")
    )
    dumped = snapshots(timeline).select("source", "item", seen="seen_to")
    known = pl.concat(
        [
            said.join(logged, on=RECORD).select(*keys, "seen"),
            said.join(dumped, on=["source", "item"]).select(*keys, "seen"),
        ]
    ).filter(pl.col("seen").is_not_null())
    before = known.group_by(keys).agg(first=pl.col("seen").min())
    acts = (
        timeline.kind("table.create", "table.recreate", "table.truncate")
        .select("source", table="subject", xid=named("xid:"))
        .unique()
    )
    return (
        rows.join(before, on=keys, how="left")
        .filter(~(pl.col("first") < pl.col("written_from")).fill_null(value=False))
        .join(acts, on=["source", "table", "xid"], how="anti")
    )


def _lacking(timeline: Timeline, late: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """By row: the last complete snapshot from between the two times, which lacks the row."""
    whole = (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"])
    )
    held = timeline.kind("claim").select("source", "item", "subject").unique()
    found = (
        late.lazy()
        .select("row", "source", "table", "subject", "latest", "written_from")
        .join(whole, on=["source", "table"])
        # As the clock shows it that stamps the commit.
        .filter((pl.col("at_from") > pl.col("latest")) & (pl.col("at_to") < pl.col("written_from")))
        .join(held, on=["source", "item", "subject"], how="anti")
        .sort("row", "seen_to", "item")
        .unique("row", keep="last", maintain_order=True)
        .collect()
    )
    return {row["row"]: row for row in found.iter_rows(named=True)}


def _row(
    timeline: Timeline, row: dict[str, Any], lacks: dict[str, Any] | None, tolerance: float
) -> Draft:
    table = row["table"].rsplit("/", 1)[-1]
    readings = [
        step(
            "reads",
            role,
            earliest=row[f"{which}earliest" if not which else f"{which}from"],
            latest=row[f"{which}latest" if not which else f"{which}to"],
            clock=row[f"{which}clock"],
            basis=basis,
        )
        for role, which, basis in (("asserted", "", "asserted"), ("written", "written_", "stamped"))
    ]
    absent = (
        []
        if lacks is None
        else [
            step(
                "absent",
                "lacking",
                table=table,
                seen=show_interval(lacks["seen_from"], lacks["seen_to"]),
                subject=row["subject"],
            )
        ]
    )
    roles = [("asserted", row["row"]), ("written", row["written"])]
    return Draft(
        verdict="breach" if lacks else "undetermined",
        subject=row["subject"],
        statement=f"The row of {table} for {row['subject']} asserts "
        f"{say_interval(row['earliest'], row['latest'])}, and the log inserts it on "
        f"{say_interval(row['written_from'], row['written_to'])}; the case's norm promises a time "
        f"no more than {show_span(tolerance)} earlier",
        events=[*roles, *([("lacking", lacks["snapshot"])] if lacks else [])],
        steps=[
            step(
                "norm",
                rule="backdated-record",
                promises=f"a row's own time is no more than {show_span(tolerance)} before its "
                "commit",
            ),
            *readings,
            step("later", "asserted", "written", seconds=row["margin"]),
            *absent,
        ],
        excuse=excuse(row["clock"], row["written_clock"], row["margin"]),
        alibi=_habit(timeline, row),
        innocent=[
            Innocent(
                "History was imported, with the times of the history.",
                None,
                "The place that it came from, or the people who ran the transaction, would say.",
            ),
            Innocent(
                "A migration or a reload copied the row with its time.",
                True if lacks else None,
                f"The snapshot of {show_interval(lacks['seen_from'], lacks['seen_to'])} is whole "
                "and lacks it; it could come from another place alone."
                if lacks
                else "No complete snapshot from between the two times is at hand.",
            ),
        ],
        margin_seconds=row["margin"] - tolerance,
    )


def _habit(timeline: Timeline, row: dict[str, Any]) -> str:
    """How the writer's time usually stands beside the commit."""
    for one in timeline.measured.beside:
        if (one.first, one.second) == (row["clock"], row["written_clock"]) and one.measured:
            return (
                f"{one.agreeing} of {one.pairs} rows have a commit {show_span(one.low)} to "
                f"{show_span(one.high)} after the time that they give."
            )
    return f"No other record of the case bounds the clock {row['clock']}."
