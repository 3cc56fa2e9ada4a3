"""Rows that an earlier snapshot of a table holds and a later one does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.re_registered import REPLACED, RESTORED
from recon.rules.views import claims, named, snapshots


@rule("vanished-row", needs=("claim", "snapshot"))
def vanished_row(timeline: Timeline) -> Iterator[Draft]:
    """A row has vanished iff a snapshot holds its subject and a later, complete one does not.

    Missing where the table was recreated, truncated or restored between the two. Observation
    where the log records deletes from the table in between and no such act: deleting is what
    tables are for. Undetermined where it records both, or nothing says what happened in between.
    Innocent: retention that deletes old rows; a row whose subject was renamed.
    Source: PostgreSQL documentation, 26.1 "SQL Dump": a dump is a consistent snapshot.
    """
    gone = _gone(timeline).collect()
    acts = _acts(timeline).collect()
    logged = timeline.coverage.filter(pl.col("kind").str.starts_with("table.")).collect()
    for row in gone.sort("subject", "table").iter_rows(named=True):
        between = acts.filter(
            (pl.col("source") == row["source"])
            & pl.col("table").is_in([row["table"], ""])
            & (pl.col("latest") >= row["held_from"])
            & (pl.col("earliest") <= row["absent_to"])
        )
        row["is_logged"] = not logged.filter(
            (pl.col("source") == row["source"])
            & (pl.col("earliest") <= row["held_from"])
            & (pl.col("latest") >= row["absent_to"])
        ).is_empty()
        yield _draft(row, list(between.sort("earliest", "row").iter_rows(named=True)))


def _gone(timeline: Timeline) -> pl.LazyFrame:
    """Per subject and table: the last snapshot that holds it, the first complete one that lacks it.

    Only where no later snapshot holds it again.
    """
    complete = (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"])
    )
    held = (
        claims(timeline)
        .filter(pl.col("table").is_not_null() & pl.col("seen_to").is_not_null())
        .sort("part")
        .group_by("source", "table", "subject", "item")
        .agg(
            claim=pl.col("row").first(),
            attribute=pl.col("attribute").first(),
            value=pl.col("value").first(),
            held_from=pl.col("seen_from").first(),
            held_to=pl.col("seen_to").first(),
            seen=pl.col("snapshot").first(),
        )
    )
    subjects = held.select("source", "table", "subject").unique()
    absent = (
        complete.join(subjects, on=["source", "table"])
        .join(held, on=["source", "table", "subject", "item"], how="anti")
        .select(
            "source",
            "table",
            "subject",
            absent_item="item",
            absent_from="seen_from",
            absent_to="seen_to",
            absent="snapshot",
        )
    )
    last_held = pl.col("held_to") == pl.col("held_to").max().over("source", "table", "subject")
    key = ["source", "table", "subject"]
    return (
        held.filter(last_held)
        .unique(key, keep="first", maintain_order=True)
        .join(absent, on=key)
        .filter(pl.col("absent_from") > pl.col("held_to"))
        .sort("absent_from", "absent_item")
        .unique(key, keep="first", maintain_order=True)
    )


def _acts(timeline: Timeline) -> pl.LazyFrame:
    """What could have taken rows away: acts on tables, restores, and transactions that deleted."""
    return (
        timeline.events.filter(
            pl.col("kind").is_in([*REPLACED, *RESTORED, "table.drop"])
            | (
                (pl.col("kind") == "table.write")
                & (pl.col("value").str.extract(r"delete=(\d+)").cast(pl.Int64) > 0)
            )
        )
        .filter(pl.col("earliest").is_not_null())
        .select(
            "source",
            "row",
            "kind",
            "earliest",
            "latest",
            "stream",
            "value",
            table=pl.when(pl.col("kind").is_in(RESTORED)).then(pl.lit("")).otherwise("subject"),
            xid=named("xid:"),
        )
    )


def _draft(row: dict[str, Any], acts: list[dict[str, Any]]) -> Draft:
    replaced = [act for act in acts if act["kind"] != "table.write"]
    deleted = [act for act in acts if act["kind"] == "table.write"]
    table = row["table"].rsplit("/", 1)[-1]
    held = show_interval(row["held_from"], row["held_to"])
    absent = show_interval(row["absent_from"], row["absent_to"])
    # A recreation is a drop as well; the fuller word is the one to use.
    replaced.sort(key=lambda one: one["kind"] == "table.drop")
    act = next(iter(replaced or deleted), None)
    events = [("held", row["claim"]), ("seen", row["seen"]), ("absent", row["absent"])]
    steps: list[Step] = [
        step("states", "held", attribute=row["attribute"], value=row["value"] or ""),
        step("seen", "held", "seen", seen=held),
        step("absent", "absent", table=table, subject=row["subject"], seen=absent),
    ]
    if act is not None:
        role = "replaced" if replaced else "deleted"
        events.append((role, act["row"]))
        steps.append(step("between", "seen", role, "absent"))
    return Draft(
        verdict=_verdict(replaced, deleted),
        subject=row["subject"],
        statement=f"{table} held a row for {row['subject']} in the snapshot of "
        f"{say_interval(row['held_from'], row['held_to'])}, and holds none in that of "
        f"{say_interval(row['absent_from'], row['absent_to'])}; {_what(act, table)}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the row would have had to be taken out on purpose "
        "between the two snapshots.",
        alibi="Both snapshots cover the whole table.",
        innocent=_innocent(deleted, is_logged=row["is_logged"]),
    )


def _verdict(replaced: list[dict[str, Any]], deleted: list[dict[str, Any]]) -> Verdict:
    if replaced and deleted:
        return "undetermined"
    return "missing" if replaced else "observation" if deleted else "undetermined"


def _what(act: dict[str, Any] | None, table: str) -> str:
    if act is None:
        return f"no record at hand says what happened to {table} in between"
    when = say_interval(act["earliest"], act["latest"])
    if act["kind"] == "table.write":
        return f"in between a transaction deleted rows of it, on {when} ({act['value']})"
    done = {
        "table.recreate": "the table was recreated",
        "table.truncate": "the table was truncated",
        "table.drop": "the table was dropped",
    }.get(act["kind"], "the cluster went on from an earlier state, as by a restore or a failover")
    return f"in between {done}, on {when}"


def _innocent(deleted: list[dict[str, Any]], *, is_logged: bool) -> list[Innocent]:
    return [
        Innocent(
            "An ordinary delete or a retention job took the row out.",
            False if deleted else (True if is_logged else None),
            "The log records deletes from the table between the two snapshots."
            if deleted
            else "The log covers all of the time between the two snapshots and records no delete "
            "from the table."
            if is_logged
            else "No delete from the table is on record; the log does not cover all of the time "
            "between the two snapshots.",
        ),
        Innocent(
            "The subject was renamed: the row is there under another name.",
            None,
            "The other rows of the later snapshot would show the same values.",
        ),
    ]
