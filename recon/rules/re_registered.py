"""Rows whose asserted registration is older than the table they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.instants import say_interval, show, show_interval, show_span
from recon.rules.base import Draft, Timeline, rule, seconds, step
from recon.rules.views import RECORD, claims, named, versions
from recon.time.agreement import Agreement, agreements

REPLACED = ("table.recreate", "table.truncate")
"""Acts after which no earlier row version is left in the table."""
RESTORED = ("timeline.fork", "timeline.end-of-recovery")
"""Acts after which the cluster goes on from an earlier state, on a timeline of its own.

They take rows away and leave the table, and say nothing about a row updated later.
A failover begins a timeline as well, and may take nothing away.
"""

_VERB = {
    "table.recreate": "recreated the table",
    "table.truncate": "truncated the table",
    "timeline.fork": "went on from an earlier state",
    "timeline.end-of-recovery": "went on from an earlier state",
}


@rule("re-registered", needs=("claim", "row.version", "table.*"))
def re_registered(timeline: Timeline) -> Iterator[Draft]:
    """A row is re-registered iff it is older by its own word than the act that replaced its table.

    That is: it asserts a time before its table was recreated, truncated or restored, it was
    inserted by that transaction or a later one, and its values differ from those that the latest
    snapshot before that act holds for the same subject.
    Undetermined where no snapshot from before the act holds the subject, so that nothing says
    what the row said before, or where the row may have been updated after the act.
    Observation where the values are those of the snapshot: the row was written again, unchanged.
    Innocent: VACUUM FULL, CLUSTER and ALTER move rows and replace no table; an UPDATE writes a
    new row version of an old row; a migration that copies rows keeps their values and dates; a
    long transaction asserts its beginning.
    Source: PostgreSQL documentation, 73.6 "Database Page Layout" (xmin) and 30 "WAL";
    design, section 6.
    """
    rows = _candidates(timeline).collect()
    if rows.is_empty():
        return
    before = _before(timeline, rows)
    agreed = _agreement(timeline, rows)
    neighbours = _neighbours(timeline, rows)
    for group in rows.sort("subject", "written").partition_by(
        "subject", "source", "table", "act", maintain_order=True
    ):
        yield _draft(group, before, agreed, neighbours)


def _candidates(timeline: Timeline) -> pl.LazyFrame:
    """Claims of row versions that assert a time before the act they were written in or after."""
    tables = timeline.kind("row.version").select("source", table=named("pg:")).unique()
    restores = (
        timeline.kind(*RESTORED)
        .drop("subject")
        .join(tables.rename({"table": "subject"}), on="source")
    )
    acts = pl.concat([timeline.kind(*REPLACED), restores], how="diagonal").select(
        "source",
        table="subject",
        act="row",
        act_kind="kind",
        act_from="earliest",
        act_to="latest",
        act_xid=named("xid:"),
        act_stream="stream",
        act_position="position",
    )
    # Rows that a transaction updated carry its xmin without having been inserted by it.
    updated = (
        timeline.kind("table.write")
        .with_columns(
            updates=pl.col("value").str.extract(r"update=(\d+)").cast(pl.Int64),
        )
        .group_by(
            "source",
            xid=named("xid:"),
            table="subject",
        )
        .agg(updates=pl.col("updates").sum())
    )
    first_capture = pl.col("seen_to") == pl.col("seen_to").min().over("subject", "table", "xid")
    return (
        claims(timeline)
        .filter(
            (pl.col("basis") == "asserted")
            & pl.col("written_from").is_not_null()
            & pl.col("latest").is_not_null()
        )
        .join(acts, on=["source", "table"])
        .filter(
            (pl.col("latest") < pl.col("act_from")) & (pl.col("act_from") <= pl.col("written_to"))
        )
        # Of several acts the last before the row was written is the one that replaced it.
        .filter(pl.col("act_from") == pl.col("act_from").max().over(RECORD))
        .filter(first_capture)
        .join(updated, on=["source", "xid", "table"], how="left")
        # After a restore, an ordinary update of an old row looks the same and means nothing.
        .filter(~pl.col("act_kind").is_in(RESTORED) | (pl.col("updates") == 0))
        .with_columns(
            same_transaction=pl.col("xid") == pl.col("act_xid"),
            margin=seconds(pl.col("written_from") - pl.col("latest")),
        )
    )


def _before(timeline: Timeline, rows: pl.DataFrame) -> dict[tuple[str, str, int], _Earlier]:
    """By (subject, table, act): what the latest snapshot before the act said of the subject."""
    keys = rows.select("source", "subject", "table", "act", "act_from").unique()
    held = (
        claims(timeline)
        .select(
            "source",
            "subject",
            "table",
            "attribute",
            "value",
            "row",
            "seen_from",
            "seen_to",
            "snapshot",
            "item",
        )
        .join(keys.lazy(), on=["source", "subject", "table"])
        .filter(pl.col("seen_to") < pl.col("act_from"))
        .filter(pl.col("seen_to") == pl.col("seen_to").max().over("subject", "table", "act"))
        .unique(["subject", "table", "act", "attribute", "item"], keep="first", maintain_order=True)
        .collect()
    )
    found: dict[tuple[str, str, int], _Earlier] = {}
    for row in held.sort("row").iter_rows(named=True):
        key = (row["subject"], row["table"], row["act"])
        earlier = found.setdefault(
            key, _Earlier({}, {}, row["seen_from"], row["seen_to"], row["snapshot"])
        )
        earlier.values[row["attribute"]] = row["value"]
        earlier.rows[row["attribute"]] = row["row"]
    return found


class _Earlier(NamedTuple):
    """One subject in the latest snapshot before the act."""

    values: dict[str, str | None]
    rows: dict[str, int]
    seen_from: datetime
    seen_to: datetime
    snapshot: int
    """Row of the event that dates the snapshot."""


class _Neighbours(NamedTuple):
    """Commit records that stand just before and after the act in the log."""

    before: tuple[datetime, int] | None
    after: tuple[datetime, int] | None


def _neighbours(timeline: Timeline, rows: pl.DataFrame) -> dict[int, _Neighbours]:
    """By act: the nearest commits by LSN, which no clock orders."""
    commits = timeline.kind("wal.commit").select(
        "stream", "position", "earliest", "row", commit_xid=named("xid:")
    )
    acts = rows.select("act", "act_stream", "act_position", "act_xid").unique(maintain_order=True)
    near = (
        acts.lazy()
        .join(commits, left_on="act_stream", right_on="stream")
        .with_columns(gap=pl.col("position").cast(pl.Int64) - pl.col("act_position").cast(pl.Int64))
        .filter((pl.col("gap") != 0) & (pl.col("commit_xid") != pl.col("act_xid")))
        .filter(pl.col("gap").abs() == pl.col("gap").abs().min().over("act", pl.col("gap") > 0))
        .collect()
    )
    found = {act: _Neighbours(None, None) for act in acts["act"]}
    for row in near.iter_rows(named=True):
        place = (row["earliest"], row["row"])
        both = found[row["act"]]
        found[row["act"]] = (
            both._replace(after=place) if row["gap"] > 0 else both._replace(before=place)
        )
    return found


def _agreement(timeline: Timeline, rows: pl.DataFrame) -> dict[tuple[str, str], Agreement]:
    """How asserted and commit clocks agree on rows written by other transactions."""
    suspect = rows.select("source", "xid").unique().lazy()
    both = (
        timeline.kind("claim")
        .filter(pl.col("basis") == "asserted")
        .join(versions(timeline), on=RECORD)
        .filter(pl.col("written_from").is_not_null() & pl.col("latest").is_not_null())
        .unique([*RECORD, "clock"], keep="any")
        .unique(["source", "xid", "subject", "clock"], keep="any")
        .join(suspect, on=["source", "xid"], how="anti")
        .select(
            first="clock",
            second="written_clock",
            low=seconds(pl.col("written_from") - pl.col("latest")),
            high=seconds(pl.col("written_to") - pl.col("earliest")),
        )
        .filter(pl.col("second").is_not_null())
    )
    return agreements(both)


def _draft(
    group: pl.DataFrame,
    before: dict[tuple[str, str, int], _Earlier],
    agreed: dict[tuple[str, str], Agreement],
    neighbours: dict[int, _Neighbours],
) -> Draft:
    attributes = group.unique("attribute", keep="first", maintain_order=True)
    rows = {row["attribute"]: row for row in attributes.sort("part").iter_rows(named=True)}
    first = next(iter(rows.values()))
    earlier = before.get((first["subject"], first["table"], first["act"]))
    differing = [
        name
        for name, row in rows.items()
        if earlier and name in earlier.values and earlier.values[name] != row["value"]
    ]
    shown = rows[differing[0]] if differing else first
    updated = bool(first["updates"])
    verdict = _verdict(earlier, differing, updated=updated)
    events = [("asserted", shown["row"]), ("written", first["written"]), ("replaced", first["act"])]
    steps = _steps(shown, first, neighbours[first["act"]])
    if earlier:
        name = differing[0] if differing else next(iter(earlier.rows))
        events += [("earlier", earlier.rows[name]), ("seen", earlier.snapshot)]
        steps.append(
            step("seen", "earlier", "seen", seen=show_interval(earlier.seen_from, earlier.seen_to))
        )
        steps += _compare(rows, earlier, differing)
    agreement = agreed.get((first["clock"], first["written_clock"]))
    if agreement and agreement.measured:
        steps.append(_bounded(agreement))
    return Draft(
        verdict=verdict,
        subject=first["subject"],
        statement=_statement(shown, earlier, differing, updated=updated),
        events=events,
        steps=steps,
        margin_seconds=first["margin"],
        excuse=_excuse(first, differing),
        alibi=_alibi(agreement, neighbours[first["act"]], first),
        innocent=_innocent(first, earlier, differing, updated=updated),
    )


def _verdict(earlier: _Earlier | None, differing: list[str], *, updated: bool) -> Verdict:
    if earlier is None or (updated and differing):
        return "undetermined"
    return "conflict" if differing else "observation"


def _statement(
    row: dict[str, Any], earlier: _Earlier | None, differing: list[str], *, updated: bool
) -> str:
    where = "in the transaction that" if row["same_transaction"] else "after an act that"
    verb = _VERB[row["act_kind"]]
    table = row["table"].rsplit("/", 1)[-1]
    text = (
        f"The row of {table} for {row['subject']} asserts "
        f"{say_interval(row['earliest'], row['latest'])}, and was written on "
        f"{say_interval(row['written_from'], row['written_to'])}, {where} {verb}"
    )
    if earlier is None:
        return f"{text}; no snapshot from before that act says what the row held"
    seen = f"the snapshot of {say_interval(earlier.seen_from, earlier.seen_to)}"
    if not differing:
        return f"{text}; its values are those of {seen}"
    changes = "; ".join(
        f"its {name} was {earlier.values[name]} in {seen} and is "
        f"{row['value'] if name == row['attribute'] else 'another value'} now"
        for name in differing
    )
    late = ", though an update after that act may have changed it" if updated else ""
    return f"{text}; {changes}{late}"


def _steps(shown: dict[str, Any], row: dict[str, Any], near: _Neighbours) -> list[Step]:
    steps = [
        step(
            "reads",
            "asserted",
            earliest=shown["earliest"],
            latest=shown["latest"],
            clock=shown["clock"],
            basis="asserted",
        ),
        step("same-record", "asserted", "written"),
        step(
            "reads",
            "written",
            earliest=row["written_from"],
            latest=row["written_to"],
            clock=row["written_clock"],
            basis="stamped",
        ),
    ]
    if row["same_transaction"]:
        steps.append(
            step("one-transaction", "written", "replaced", xid=row["xid"].rsplit("/", 1)[-1])
        )
    steps.append(
        step(
            "replaced",
            "replaced",
            act=_VERB[row["act_kind"]],
            table=row["table"].rsplit("/", 1)[-1],
        )
    )
    if near.before and near.after:
        steps.append(step("in-log", "replaced", previous=near.before[0], next=near.after[0]))
    steps.append(step("later", "asserted", "written", seconds=row["margin"]))
    return steps


def _compare(
    rows: dict[str, dict[str, Any]], earlier: _Earlier, differing: list[str]
) -> list[Step]:
    if not differing:
        same = ", ".join(name for name in rows if name in earlier.values)
        return [
            step(
                "same-values",
                "earlier",
                "asserted",
                attributes=same,
                seen=show_interval(earlier.seen_from, earlier.seen_to),
            )
        ]
    return [
        step(
            "differs",
            "earlier",
            "asserted",
            attribute=name,
            was=earlier.values[name] or "",
            now=rows[name]["value"] or "",
            seen=show_interval(earlier.seen_from, earlier.seen_to),
        )
        for name in differing
    ]


def _bounded(agreement: Agreement) -> Step:
    return step(
        "bounded",
        first=agreement.first,
        second=agreement.second,
        low=agreement.low,
        high=agreement.high,
        agreeing=agreement.agreeing,
        pairs=agreement.pairs,
    )


def _excuse(row: dict[str, Any], differing: list[str]) -> str:
    text = (
        f"For the asserted time to be when this row was stored, the clock {row['written_clock']} "
        f"would have had to read {show_span(row['margin'])} ahead of {row['clock']} for this "
        "transaction"
    )
    if differing:
        return (
            f"{text}; or the row copies an earlier registration time, and its "
            f"{' and '.join(differing)} was changed on purpose while it was copied."
        )
    return f"{text}; or the row copies an earlier registration and its time with it."


def _alibi(agreement: Agreement | None, near: _Neighbours, row: dict[str, Any]) -> str:
    parts = []
    if agreement and agreement.measured:
        parts.append(
            f"{agreement.agreeing} of {agreement.pairs} rows written by other transactions hold "
            f"{agreement.second} within {show_span(agreement.low)} to "
            f"{show_span(agreement.high)} of {agreement.first}"
        )
    if near.before and near.after:
        parts.append(
            "in the write-ahead log, whose order needs no clock, the commit before it reads "
            f"{show(near.before[0])} and the commit after it {show(near.after[0])}"
        )
    if not parts:
        return f"No other record of the case bounds the clock {row['written_clock']}."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _innocent(
    row: dict[str, Any], earlier: _Earlier | None, differing: list[str], *, updated: bool
) -> list[Innocent]:
    if earlier is None:
        copied = Innocent(
            "A migration copied the rows with their values and times.",
            None,
            "A snapshot of the table from before that act would say.",
        )
    else:
        seen = show_interval(earlier.seen_from, earlier.seen_to)
        copied = Innocent(
            "A migration copied the rows with their values and times.",
            bool(differing),
            f"The values differ from those of {seen} in: {', '.join(differing)}."
            if differing
            else f"All values compared are those of {seen}.",
        )
    moved = Innocent(
        "VACUUM FULL, CLUSTER or ALTER TABLE gave the table a new file.",
        True,
        "Those keep the table's identity and replace no table; the log records that this act did.",
    )
    back_filled = Innocent(
        "An honest back-fill entered history with the dates of the history.",
        None,
        "The people who ran the transaction, or its change ticket, would say.",
    )
    late = Innocent(
        "The row was updated after the act, by an ordinary change.",
        False if updated else (True if row["updates"] is not None else None),
        "The log records updates of this table by the transaction that wrote the row."
        if updated
        else (
            "The log records that the transaction inserted rows and updated none."
            if row["updates"] is not None
            else "The log of the writes of that transaction is not at hand."
        ),
    )
    return [copied, moved, late, back_filled]
