"""Rows whose asserted registration is older than the table they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from recon.rules.alibis import witnessed
from recon.rules.base import Draft, Timeline, rule, seconds
from recon.rules.earlier import Compared, Earlier, attributes_of, compare, earlier, record
from recon.rules.identity import Identities, identities
from recon.rules.re_registered_draft import draft
from recon.rules.re_registered_words import Case, Neighbours
from recon.rules.replaced import replaced_rows
from recon.rules.views import RECORD, named, versions
from recon.rules.writes import Log, log, slacks
from recon.time.agreement import Agreement, agreements
from recon.written import BASES


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
    Its margin is how far the asserted time lies before the writing; or, where that is less, how
    long before a dump the log records the last change, or begins.
    Innocent: VACUUM FULL, CLUSTER and ALTER move rows and replace no table; an UPDATE writes a
    new row version of an old row; a migration that copies rows keeps their values and dates; a
    reload from a dump brings back what the dump held; a job that loads the table whole brings the
    corrections of the place that it loads from; a long transaction asserts its beginning.
    Source: PostgreSQL documentation, 73.6 "Database Page Layout" (xmin) and 30 "WAL";
    design, section 6.
    """
    rows = replaced_rows(timeline)
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
        held = witnessed(timeline.measured, case.first["written_clock"], case.first["written_from"])
        yield draft(case, agreed, neighbours[act], held)


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
    if not case.differing:
        return case
    if covered and (source, before.item) in slack:
        until = max(before.at_from, first["wrote_to"])
        silent = written.silent_since(source, table, first["subject"], before.at_from, until)
        ahead = (before.at_from - silent).total_seconds() if silent else None
        case = replace(case, ahead=ahead)
    if not (near or changes):
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
