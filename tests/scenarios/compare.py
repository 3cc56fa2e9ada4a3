"""What recon reads in a scenario's evidence, held against the truth: exactly, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.rules.base import Timeline
from recon.rules.views import versions
from tests.scenarios.truth import (
    SOURCE,
    Found,
    Interval,
    Snapshot,
    Transaction,
    Truth,
    table_subject,
)

if TYPE_CHECKING:
    from recon.case import Case

_ACTS = ("table.create", "table.drop", "table.recreate", "table.truncate", "table.rewrite")
_LOSSES = ("vanished-row", "lost-in-restore")
"""Rules that say of a row that it is gone."""


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario, judged: empty lists where all is as it was."""

    missed: list[Found] = field(default_factory=list)
    """Findings that should be there."""
    extra: list[Found] = field(default_factory=list)
    """Findings that should not."""
    closed: list[Found] = field(default_factory=list)
    """What was written down as a gap, and is none any more."""
    transactions: list[str] = field(default_factory=list)
    """Of which the timeline tells something else than the server did."""
    rows: list[str] = field(default_factory=list)
    """The same of rows."""
    times: list[str] = field(default_factory=list)
    """Commit times outside the interval that recon gives."""
    lost: list[str] = field(default_factory=list)
    """Rows taken away that are not reported, and rows reported as missing that nothing took."""
    dated: int = 0
    """Row versions that recon gives a time of writing."""
    undated: int = 0
    """Row versions that it gives none."""
    widest: float = 0.0
    """Seconds, of the widest interval it gives."""

    @property
    def wrong(self) -> dict[str, list[Any]]:
        """All that differs, by name."""
        names = ("missed", "extra", "closed", "transactions", "rows", "times", "lost")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def judge(truth: Truth, case: Case) -> Result:
    """Every comparison over a case that has been collected."""
    found = {Found(one.rule, one.verdict, one.subject) for one in case.findings().findings}
    gaps = {gap.found for gap in truth.gaps}
    events = case.timeline().filter(pl.col("source") == SOURCE).collect()
    covered = case.coverage().filter(pl.col("source") == SOURCE).collect()
    told = _transactions(events)
    archived = [one for one in truth.transactions if _segment(one) in truth.archived]
    gone = {one for one in found if one.rule in _LOSSES and one.verdict != "observation"}
    reported = {one.subject for one in gone}
    missing = {one.subject for one in gone if one.verdict == "missing"}
    written = _written(case)
    dated = [one for one in written if one is not None]
    return Result(
        missed=sorted(truth.findings - found),
        extra=sorted(found - truth.findings - gaps),
        closed=sorted(found & gaps),
        transactions=[
            *(line for one in archived for line in _transaction(one, told, truth)),
            *_others(told, truth),
        ],
        rows=[
            *(line for one in truth.snapshots for line in _snapshot(one, case, events)),
            *(line for one in archived for line in _logged(one, events, covered)),
        ],
        times=list(_times(truth, case)),
        lost=[
            *sorted((truth.lost - reported) | (missing - truth.lost)),
            *_left_behind(events, truth, told="lost-in-restore" in {one.rule for one in gone}),
        ],
        dated=len(dated),
        undated=len(written) - len(dated),
        widest=max(dated, default=0.0),
    )


# Transactions


@dataclass(slots=True)
class _Told:
    """What the timeline tells of one transaction."""

    when: Interval | None = None
    aborted: bool = False
    acts: set[tuple[str, str]] = field(default_factory=set)
    writes: dict[str, str] = field(default_factory=dict)


def _transactions(events: pl.DataFrame) -> dict[tuple[str, str], _Told]:
    """By cluster and timeline (``SYSTEM/TLI``) and transaction (``xid:SYSTEM/XID``)."""
    told: dict[tuple[str, str], _Told] = {}
    logged = events.filter(pl.col("stream").is_not_null() & (pl.col("names").list.len() > 0))
    for event in logged.iter_rows(named=True):
        xid = next((name for name in event["names"] if name.startswith("xid:")), None)
        if xid is None:
            continue
        one = told.setdefault((event["stream"].removeprefix("pg:"), xid), _Told())
        match event["kind"]:
            case "wal.commit":
                one.when = Interval(event["earliest"], event["latest"])
            case "wal.abort":
                one.aborted = True
            case "table.write":
                one.writes[event["subject"]] = event["value"]
            case kind if kind in _ACTS:
                one.acts.add((kind, event["subject"]))
    return told


def _transaction(
    one: Transaction, told: dict[tuple[str, str], _Told], truth: Truth
) -> Iterator[str]:
    name = f"xid:{one.cluster}/{one.xid}"
    heard = told.get((f"{one.cluster}/{one.timeline}", name))
    claimed = {table_subject(table) for shot in truth.snapshots for table in shot.rows}
    if heard is None:
        yield f"{name}: not in the timeline"
        return
    if heard.aborted != (one.committed is None):
        yield f"{name}: aborted {heard.aborted}"
    if one.committed is not None and not _overlap(heard.when, one.committed):
        yield f"{name}: committed {one.committed}, told {heard.when}"
    acts = {(act.kind, table_subject(act.table)) for act in one.acts}
    heard_acts = {act for act in heard.acts if act[1] in claimed}
    if heard_acts != acts:
        yield f"{name}: acts {sorted(acts)}, told {sorted(heard_acts)}"
    writes = {
        table_subject(table): f"delete={n.deleted} insert={n.inserted} update={n.updated}"
        for table, n in one.writes.items()
    }
    heard_writes = {table: n for table, n in heard.writes.items() if table in claimed}
    if heard_writes != writes:
        yield f"{name}: wrote {writes}, told {heard_writes}"


def _others(told: Mapping[tuple[str, str], _Told], truth: Truth) -> Iterator[str]:
    """Transactions that touched a claimed table, by the timeline, and that no server ran."""
    claimed = {table_subject(table) for shot in truth.snapshots for table in shot.rows}
    ran = {(one.cluster, one.xid) for one in truth.transactions} | truth.unwatched
    # What came before is initdb's and pg_upgrade's.
    first = {one.cluster: one.xid for one in reversed(truth.transactions) if one.lsn > 1}
    for (stream, name), heard in sorted(told.items()):
        cluster, xid = name.removeprefix("xid:").split("/")
        touched = {table for _, table in heard.acts} | set(heard.writes)
        own = int(xid) >= first.get(cluster, 0) and not heard.aborted
        if touched & claimed and own and (cluster, int(xid)) not in ran:
            yield f"{name}: told on {stream}, and nobody ran it"


def _segment(one: Transaction) -> str:
    """Cluster and segment (of 1 MB) that the transaction's last record begins in."""
    number = (one.lsn - 1) >> 20
    return f"{one.cluster}/{one.timeline:08X}{number >> 12:08X}{number & 0xFFF:08X}"


def _overlap(told: Interval | None, true: Interval) -> bool:
    return told is not None and told.earliest <= true.latest and true.earliest <= told.latest


# Rows


def _snapshot(shot: Snapshot, case: Case, events: pl.DataFrame) -> Iterator[str]:
    """Rows as the item gives them against those that the server gave."""
    items = {one.sha256 for one in case.items() if shot.native in one.native}
    here = events.filter(pl.col("item").is_in(items))
    for table, rows in shot.rows.items():
        true = sorted(
            (row.subject, name, value, row.asserted, row.xid if shot.has_versions else None)
            for row in rows
            for name, value in row.values.items()
        )
        said = sorted(_claimed(here, table_subject(table)))
        for row in [one for one in true if one not in said]:
            yield f"{shot.native}: not told: {row}"
        for row in [one for one in said if one not in true]:
            yield f"{shot.native}: told and not so: {row}"


def _claimed(
    events: pl.DataFrame, table: str
) -> Iterator[tuple[str, str, str, datetime | None, int | None]]:
    versions_ = events.filter(
        pl.col("kind").is_in(["row.version", "row.dumped"]) & pl.col("names").list.contains(table)
    ).select("item", "citation", version="names")
    claims = events.filter(pl.col("kind") == "claim").join(versions_, on=["item", "citation"])
    for row in claims.iter_rows(named=True):
        xid = next((name for name in row["version"] if name.startswith("xid:")), None)
        yield (
            row["subject"],
            row["attribute"],
            row["value"],
            row["earliest"],
            int(xid.rsplit("/", 1)[1]) if xid else None,
        )


def _logged(one: Transaction, events: pl.DataFrame, covered: pl.DataFrame) -> Iterator[str]:
    """Rows that the log tells of, where its rows are read, against those that the server gave.

    They are read where there are any, and where the coverage says that they are.
    """
    if one.committed is None:
        return
    read = not events.filter(pl.col("kind") == "row.insert").is_empty()
    whole = covered.filter(
        (pl.col("kind") == "row.*")
        & (pl.col("earliest") <= one.committed.earliest)
        & (pl.col("latest") >= one.committed.latest)
    )["subject"].to_list()
    stream, name = f"pg:{one.cluster}/{one.timeline}", f"xid:{one.cluster}/{one.xid}"
    here = events.filter((pl.col("stream") == stream) & pl.col("names").list.contains(name))
    for table, written in one.writes.items():
        if not read and table_subject(table) not in whole:
            continue
        rows = here.filter(pl.col("names").list.contains(table_subject(table)))
        made = rows.filter(pl.col("kind").is_in(["row.insert", "row.update"]))
        claims = events.filter(pl.col("kind") == "claim").join(
            made.select("item", "citation"), on=["item", "citation"], how="semi"
        )
        told = sorted(claims.select("subject", "attribute", "value").rows())
        true = sorted(
            (row.subject, *pair) for row in one.came[table] for pair in row.values.items()
        )
        if told != true:
            yield f"{name}: {table}: rows written {true}, told {told}"
        deleted = rows.filter(pl.col("kind") == "row.delete")["subject"].to_list()
        if len(deleted) != written.deleted:
            yield f"{name}: {table}: deleted {written.deleted}, told {deleted}"
        went = {row.subject for row in (*one.went.get(table, ()), *one.came.get(table, ()))}
        if not set(deleted) <= {*went, table_subject(table)}:
            yield f"{name}: {table}: deleted of {sorted(went)}, told {deleted}"


def _left_behind(events: pl.DataFrame, truth: Truth, *, told: bool) -> Iterator[str]:
    """Transactions that wrote to claimed tables and that a restore left out."""
    lost = events.filter(pl.col("kind") == "table.lost-write")["names"].explode().to_list()
    numbers = {int(name.rsplit("/", 1)[1]) for name in lost if name and name.startswith("xid:")}
    differ = (numbers if told else set()) ^ truth.lost_transactions
    yield from (f"lost transaction {xid}" for xid in sorted(differ))


# Times


def _frame(case: Case) -> pl.DataFrame:
    timeline = Timeline(case.timeline(), case.coverage())
    return versions(timeline).filter(pl.col("xid").is_not_null()).collect()


def _written(case: Case) -> list[float | None]:
    """Seconds of the interval of each row version; None where there is none."""
    width = pl.col("written_to") - pl.col("written_from")
    found: list[float | None] = (
        _frame(case).select(width.dt.total_seconds(fractional=True))["written_to"].to_list()
    )
    return found


def _times(truth: Truth, case: Case) -> Iterator[str]:
    """Every time of writing that recon gives holds the true one."""
    true: dict[str, list[Interval]] = {}
    for one in truth.transactions:
        if one.committed:
            true.setdefault(f"xid:{one.cluster}/{one.xid}", []).append(one.committed)
    for row in _frame(case).iter_rows(named=True):
        if row["written_from"] is None or row["xid"] not in true:
            continue
        told = Interval(row["written_from"], row["written_to"])
        if not any(_overlap(told, when) for when in true[row["xid"]]):
            yield f"{row['xid']}: written {true[row['xid']]}, told {told}"
