"""Norm: what a table records as deployed is in the log of deploys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent
from recon.instants import say_interval
from recon.rules.acts import FINISHED, acts, deploys, judged, keyed, parameter, rows_of
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.copies import Reads

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "record-without-deploy"


@rule(_NAME, needs=("claim",), is_norm=True)
def record_without_deploy(timeline: Timeline) -> Iterator[Draft]:
    """A record is without deploy iff a table has a row of one, and no log of deploys has that.

    The norm promises that each row of the table is of a deploy, and that the logs hold all of
    them, from the first record of a log to its last. A row and its deploy are one act by their
    subject, or by an attribute that names it, such as a run.
    Parameters of the norm: `table` (its name, or the id of the source whose table it is), `by`
    (attribute, or scheme of the subject, that names the act; by default the subject), `deployed`
    (glob of kinds, by default `deploy.finish`), `since`.
    Undetermined where the time that the row gives is not known to lie between the first and the
    last record of a log of deploys, and where that log was rewritten or lacks numbers that it
    counts by; all such rows of one table are one finding.
    Innocent: a log that was rotated away; a deploy by hand, which no job logs; a row that was
    entered ahead, and whose deploy was called off.
    Source: NIST SP 800-92, 2.1.3 (completeness of logs); the case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME and parameter(norm, "table", ""):
            yield from _judge(timeline, norm)


@dataclass(frozen=True, slots=True)
class _Log:
    """From when to when a log of deploys is at hand."""

    source: str
    first: Reads
    last: Reads
    whole: bool
    """Whether nothing says that it was rewritten or lacks something."""


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    table, by = parameter(norm, "table", ""), parameter(norm, "by", "") or None
    kinds = parameter(norm, "deployed", FINISHED)
    logs = _logs(timeline, kinds)
    if not logs:
        return
    without = (
        keyed(rows_of(timeline, table).filter(judged(norm)), by)
        .sort("earliest", "row", nulls_last=True)
        .unique(["source", "key"], keep="first", maintain_order=True)
        .join(acts(timeline, by, kinds).select("key").unique(), on="key", how="anti")
        .sort("source", "earliest", "row", nulls_last=True)
        .collect()
    )
    open_: dict[str, list[Mapping[str, Any]]] = {}
    for row in without.iter_rows(named=True):
        reads = row["clock"], row["earliest"], row["latest"]
        within = [log for log in logs if log.whole and _within(timeline, log, reads)]
        if within:
            yield _draft(table, [row], within)
        else:
            open_.setdefault(row["source"], []).append(row)
    for found in open_.values():
        yield _draft(table, found, [])


def _logs(timeline: Timeline, kinds: str) -> list[_Log]:
    """Sources that record deploys, each as far as its dated records go."""
    own = deploys(timeline, kinds).select("source").unique()
    broken = timeline.kind("log.rewritten", "log.gap").select("source").unique().collect()
    records = (
        timeline.events.join(own, on="source", how="semi")
        .filter(
            pl.col("attribute").is_null()
            & pl.col("earliest").is_not_null()
            & pl.col("clock").str.starts_with("log:")
        )
        .select("source", "clock", "earliest", "latest")
        .sort("source", "earliest", "latest", "clock")
    )
    ends = [
        records.unique("source", keep=keep, maintain_order=True).collect().rows()
        for keep in ("first", "last")
    ]
    return [
        _Log(first[0], first[1:], last[1:], first[0] not in broken["source"])
        for first, last in zip(*ends, strict=True)
    ]


def _within(timeline: Timeline, log: _Log, reads: Reads) -> bool:
    """Whether a record is certainly from the time that the log is at hand of."""
    if reads[1] is None:
        return False
    began, ended = timeline.clocks.compared([log.first, reads], [reads, log.last])
    return began.not_after and ended.not_after


def _draft(table: str, rows: Sequence[Mapping[str, Any]], logs: Sequence[_Log]) -> Draft:
    row = rows[0]
    dated = row["earliest"] is not None
    when = f" of {say_interval(row['earliest'], row['latest'])}" if dated else ""
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    names = ", ".join(log.source for log in logs)
    hand = (
        f"{names}, which goes on before and after, has no deploy of it"
        if logs
        else "no log of deploys has it, and none that is whole is at hand of that time"
    )
    return Draft(
        verdict="breach" if logs else "undetermined",
        subject=row["subject"],
        statement=f"{row['source']} has a row of {row['key']}{when}{more} in {table}; {hand}",
        events=[("recorded", row["row"])],
        steps=[
            step("norm", rule=_NAME, promises=f"each row of {table} is of a deploy that is logged"),
            step("no-deploy", "recorded", logs=names or "none of that time", key=row["key"]),
            *([step("and-more", count=len(rows) - 1)] if more else []),
        ],
        excuse="For this to be innocent the deploy would have had to be done without being logged, "
        "or the row to be entered without a deploy, and meant so.",
        alibi="The log has records from before that time and from after it."
        if logs
        else "Without a log of that time its absence says nothing.",
        innocent=[
            Innocent(
                "The log of that time is not at hand.",
                True if logs else None,
                "It has records from before and from after."
                if logs
                else "A rotated part of the log would say.",
            ),
            Innocent(
                "It was deployed by hand, which no job logs.",
                None,
                "Whoever deployed it would say.",
            ),
        ],
    )
