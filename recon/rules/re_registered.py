"""Rows whose asserted registration is older than the table they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from recon.findings import Step
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, seconds, step
from recon.rules.earlier import Compared, Earlier, attributes_of, compare, earlier, record
from recon.rules.identity import Identities, identities
from recon.rules.re_registered_words import (
    Case,
    Neighbours,
    alibi,
    dated_by,
    excuse,
    innocent,
)
from recon.rules.replaced import candidates
from recon.rules.views import RECORD, named, versions
from recon.rules.writes import Log, log, slacks
from recon.time.agreement import Agreement, agreements
from recon.written import BASES

_VERB = {
    "table.recreate": "recreated the table",
    "table.truncate": "truncated the table",
    "table.create": "created the table that has that name now",
    "timeline.fork": "went on from an earlier state",
    "timeline.end-of-recovery": "went on from an earlier state",
}


@rule("re-registered", needs=("claim", "row.version", "table.*"))
def re_registered(timeline: Timeline) -> Iterator[Draft]:
    """A row is re-registered iff it is older by its own word than the act that replaced its table.

    That is: it asserts a time before its table was recreated, truncated or restored, or before
    another table took that one's place; it was inserted by that transaction or a later one; and a
    value of it differs from the one that the latest snapshot before that act holds for the same
    row, while the log follows the table from that snapshot on and records no update of it and no
    delete from it.
    Undetermined where when it was written is but an estimate, where no snapshot from before the
    act holds the row, where the log has a gap or records such a write, so that the value may have
    changed in the ordinary way, where it records one so shortly before the time of a dump that the
    dump's clock may be that far off, where the snapshot is of another table than the log follows,
    as it is after a move, where an older snapshot gives the value of today, and where a value is
    there that was empty, or the reverse; and where the clocks are known to be so far apart, or so
    loosely, that the order of these times may be another one.
    Observation where the values are those of the snapshot, or those but for how they are written,
    and where the log is read row by row and an update of this row, the last change of it before the
    act, gave the values of today.
    Innocent: VACUUM FULL, CLUSTER and ALTER move rows and replace no table; an UPDATE writes a
    new row version of an old row; a migration that copies rows keeps their values and dates; a
    reload from a dump brings back what the dump held; a job that loads the table whole brings the
    corrections of the place that it loads from; a long transaction asserts its beginning.
    Source: PostgreSQL documentation, 73.6 "Database Page Layout" (xmin) and 30 "WAL";
    design, section 6.
    """
    rows = candidates(timeline).collect()
    if rows.is_empty():
        return
    attributes = attributes_of(timeline)
    before = earlier(timeline, rows, attributes)
    agreed = _agreement(timeline, rows)
    neighbours = _neighbours(timeline, rows)
    written = log(timeline)
    known = identities(timeline)
    slack = slacks(timeline)
    key = itemgetter("subject", "source", "table", "act")
    ordered = rows.sort("subject", "source", "table", "act", "written_from", "written", "part")
    for (subject, source, table, act), group in groupby(ordered.iter_rows(named=True), key):
        then = before.get((source, subject, table, act))
        claimed = list(group)
        if then is None and claimed[0]["act_kind"] == "table.create":
            continue  # nothing says that a table of its name stood there before
        cases = _cases(claimed, then, attributes, written, known, slack)
        # One finding for a subject and an act: its heaviest row, of equals the first written.
        case = min(cases, key=lambda one: _ORDER.index(one.verdict))
        yield _draft(case, agreed, neighbours[act])


_ORDER = ("conflict", "undetermined", "observation")


def _cases(  # noqa: PLR0913, PLR0917  (each is one frame of the timeline)
    group: Sequence[Mapping[str, Any]],
    before: Earlier | None,
    attributes: Mapping[tuple[str, str], frozenset[str]],
    written: Log,
    known: Identities,
    slack: Mapping[tuple[str, str], timedelta],
) -> list[Case]:
    """The rows of one subject, each beside what it was."""
    items: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in group:
        items.setdefault(row["item"], {}).setdefault(row["citation"], []).append(row)
    cases = []
    for item, records in items.items():
        claims_of = list(records.values())
        now = [record(rows, attributes[item, rows[0]["table"]]) for rows in claims_of]
        for rows, compared in zip(claims_of, compare(now, before), strict=True):
            cases.append(_case(rows, before, compared, written, known, slack))
    # Where some rows are those of the snapshot, others beside them are rows of their own.
    return [case for case in cases if case.compared] or cases


def _case(  # noqa: PLR0913, PLR0917  (as above)
    rows: Sequence[Mapping[str, Any]],
    before: Earlier | None,
    compared: Compared | None,
    written: Log,
    known: Identities,
    slack: Mapping[tuple[str, str], timedelta],
) -> Case:
    first = rows[0]
    by_attribute = {row["attribute"]: row for row in rows}
    if before is None:
        return Case(by_attribute, first, before, compared, covered=False, changes=(), near=())
    covered, changes = written.stretch(
        first["source"],
        first["table"],
        before.at_from,
        first["wrote_to"],
        first["act_from"],
    )
    # What the log follows is not what a snapshot of another cluster shows.
    source, table = first["source"], first["table"]
    covered = covered and not known.differ(source, table, before.item, before.at_from)
    near = written.shortly_before(
        source,
        table,
        first["subject"],
        before.at_from,
        slack.get((source, before.item), timedelta()),
    )
    case = Case(by_attribute, first, before, compared, covered=covered, changes=changes, near=near)
    if not case.differing or not (near or changes):
        return case
    # The time of the snapshot may be that far off: what came just before it may have come after.
    since = min(one["earliest"] for one in (*near, *changes))
    told = written.updates.explain(
        (source, table, first["subject"]),
        min(since, before.at_from),
        first["act_from"],
        (first["earliest"], first["latest"]),
        {name: case.values.get(name) for name in case.differing},
    )
    return replace(case, explained=told)


def _neighbours(timeline: Timeline, rows: pl.DataFrame) -> dict[int, Neighbours]:
    """By act: the nearest commits by LSN, which no clock orders."""
    commits = timeline.kind("wal.commit").select(
        "stream", "position", "earliest", "row", commit_xid=named("xid:")
    )
    acts = rows.select("act", "act_stream", "act_position", "act_xids").unique(
        "act", maintain_order=True
    )
    near = (
        acts.lazy()
        .join(commits, left_on="act_stream", right_on="stream")
        .with_columns(gap=pl.col("position").cast(pl.Int64) - pl.col("act_position").cast(pl.Int64))
        .filter((pl.col("gap") != 0) & ~pl.col("commit_xid").is_in(pl.col("act_xids")))
        .filter(pl.col("gap").abs() == pl.col("gap").abs().min().over("act", pl.col("gap") > 0))
        .collect()
    )
    found = {act: Neighbours(None, None) for act in acts["act"]}
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
        .filter(pl.col("written_basis").is_in(BASES[:2]) & pl.col("latest").is_not_null())
        .sort("row")
        .unique([*RECORD, "clock"], keep="first", maintain_order=True)
        .unique(["source", "xid", "subject", "clock"], keep="first", maintain_order=True)
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


def _draft(case: Case, agreed: dict[tuple[str, str], Agreement], near: Neighbours) -> Draft:
    first, shown, before, compared = case.first, case.shown, case.before, case.compared
    events = [("asserted", shown["row"]), ("written", first["written"]), ("replaced", first["act"])]
    steps = _steps(shown, first, near)
    if before and compared:
        name = case.name if case.name in compared.was.rows else next(iter(compared.was.rows))
        events += [("earlier", compared.was.rows[name]), ("seen", before.snapshot)]
        seen = show_interval(before.seen_from, before.seen_to)
        steps.append(step("seen", "earlier", "seen", seen=seen))
        steps += _compare(case, compared, seen)
    elif before:
        events.append(("seen", before.snapshot))
        if not before.records:
            seen = show_interval(before.seen_from, before.seen_to)
            table = first["table"].rsplit("/", 1)[-1]
            steps.append(step("absent", "seen", table=table, subject=first["subject"], seen=seen))
    if case.explained:
        events.append(("updated", case.explained.row))
        names = ", ".join(case.differing)
        steps.append(step("same-values", "updated", "asserted", attributes=names))
    late = [one for one in case.changes if one["earliest"] < first["written_from"]]
    if before and late and case.differing and not case.explained:
        events.append(("changed", late[-1]["row"]))
        steps.append(step("between", "seen", "changed", "written"))
    if first["written_basis"] != BASES[0] and first["written_by"] is not None:
        events.append(("dated", first["written_by"]))
    agreement = agreed.get((first["clock"], first["written_clock"]))
    if agreement and agreement.measured:
        steps.append(_bounded(agreement))
    return Draft(
        verdict=case.verdict,
        subject=first["subject"],
        statement=_statement(case),
        events=events,
        steps=steps,
        margin_seconds=first["margin"],
        excuse=excuse(case),
        alibi=alibi(agreement, near, first),
        innocent=innocent(case),
    )


def _statement(case: Case) -> str:
    row, before, compared = case.first, case.before, case.compared
    where = "in the transaction that" if row["same_transaction"] else "after an act that"
    text = (
        f"The row of {case.table} for {row['subject']} asserts "
        f"{say_interval(row['earliest'], row['latest'])}, and was written on "
        f"{say_interval(row['written_from'], row['written_to'])}{dated_by(row)}, {where} "
        f"{_VERB[row['act_kind']]}"
    )
    if before is None:
        return f"{text}; no snapshot from before that act says what the row held"
    seen = f"the snapshot of {say_interval(before.seen_from, before.seen_to)}"
    if compared is None:
        lacks = "has no row for it that asserts that time"
        if not before.records:
            lacks = "which holds the whole table, has no row for it"
        return f"{text}; {seen}{' ' if before.records else ', '}{lacks}"
    if not compared.differing:
        return f"{text}; its values are those of {seen}"
    changes = "; ".join(
        f"its {name} was {compared.was.values.get(name) or 'empty'} in {seen} and is "
        f"{case.values.get(name) or 'empty'} now"
        for name in compared.differing
    )
    if case.explained:
        when = say_interval(case.explained.earliest, case.explained.latest)
        return f"{text}; {changes}, as the log records that an update of {when} made it"
    if case.verdict == "observation":
        return f"{text}; its values are those of {seen} but for how they are written: {changes}"
    doubt = f", though {case.doubts[0]}" if case.doubts else ""
    return f"{text}; {changes}{doubt}"


def _steps(shown: Mapping[str, Any], row: Mapping[str, Any], near: Neighbours) -> list[Step]:
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
        _written(row),
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


def _written(row: Mapping[str, Any]) -> Step:
    """When the row was written: as its record reads, or by what else dates its transaction."""
    when = {"earliest": row["written_from"], "latest": row["written_to"]}
    clock = row["written_clock"]
    if row["written_basis"] == BASES[0]:
        return step("reads", "written", **when, clock=clock, basis="stamped")
    roles = ("written", "dated") if row["written_by"] is not None else ("written",)
    xid = row["xid"].rsplit("/", 1)[-1]
    return step("dated", *roles, **when, clock=clock, basis=row["written_basis"], xid=xid)


def _compare(case: Case, compared: Compared, seen: str) -> list[Step]:
    if not compared.differing:
        same = ", ".join(compared.likeness)
        return [step("same-values", "earlier", "asserted", attributes=same, seen=seen)]
    return [
        step(
            "differs",
            "earlier",
            "asserted",
            attribute=name,
            was=compared.was.values.get(name) or "empty",
            now=case.values.get(name) or "empty",
            seen=seen,
        )
        for name in compared.differing
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
