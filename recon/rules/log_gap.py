"""Logs that go on after a stretch that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step

_ELSEWHERE = Innocent(
    "What is missing was kept, and was left out of what was handed over.",
    None,
    "Another copy of the log would say.",
)
_MOST = 3
"""Stretches that are named; the others are counted."""


@rule("log-gap", needs=("*",))
def log_gap(timeline: Timeline) -> Iterator[Draft]:
    """A log has a gap iff it counts its records, goes on, and lacks some in between.

    Missing in a log that counts by a number, as the case declares it, where numbers are not there;
    in a write-ahead log, whose every byte has a place, where segments between two others are not
    there; and in the chain of CloudTrail's digests, one for each hour, where hours are not there.
    Undetermined where nothing says that a log counts: it may be whole or not, and that is silent.
    Observation where CloudTrail itself records that logging was stopped before such hours, and not
    that it was started again before them.
    A log that begins anew, as ``pg_resetwal`` and ``pg_upgrade`` have it, lacks nothing.
    Innocent: an export that leaves records out; a counter that several logs share, or one of a
    database, which passes over numbers of what was rolled back; an archive that was thinned out.
    Source: PostgreSQL documentation, 30.6 "WAL Internals" (LSN); AWS CloudTrail User Guide,
    "Validating CloudTrail log file integrity"; RFC 5424, 7.3.1 (sequenceId).
    """
    yield from _numbers(timeline)
    yield from _segments(timeline)
    yield from _hours(timeline)


def _numbers(timeline: Timeline) -> Iterator[Draft]:
    """One finding a log."""
    gaps = (
        timeline.kind("log.gap")
        .sort("source", "earliest", "row", nulls_last=True)
        .unique(["source", "value"], keep="first", maintain_order=True)
        .collect()
    )
    for _, group in gaps.group_by("source", maintain_order=True):
        first = group.row(0, named=True)
        named = group["value"].head(_MOST).to_list()
        more = f" and {group.height - _MOST} more stretches" if group.height > _MOST else ""
        yield Draft(
            verdict="missing",
            subject=first["subject"],
            statement=f"{first['source']} counts its records by {first['attribute']}, and goes on "
            f"without those of the numbers {', '.join(named)}{more}",
            events=[("after", first["row"])],
            steps=[
                step(
                    "numbers-missing",
                    "after",
                    by=first["attribute"],
                    numbers=first["value"],
                    stretches=group.height,
                )
            ],
            excuse="For this to be innocent the numbers would have had to be passed over by their "
            "writer, or their records to be left out of what was handed over.",
            alibi="The case declares that the log counts its records by that number.",
            innocent=[
                _ELSEWHERE,
                Innocent(
                    "The counter is shared with other logs, or passes over numbers.",
                    None,
                    "The documentation of the program that writes it would say.",
                ),
            ],
        )


def _segments(timeline: Timeline) -> Iterator[Draft]:
    """One finding a gap of a write-ahead log, on one timeline of a cluster."""
    covered = (
        timeline.coverage.filter(
            (pl.col("kind") == "wal.*")
            & pl.col("earliest").is_not_null()
            & pl.col("latest").is_not_null()
        )
        .select("source", "stream", "earliest", "latest")
        .unique()
        .sort("source", "stream", "earliest", "latest")
        .with_columns(until=pl.col("latest").cum_max().shift(1).over("source", "stream"))
        .filter(pl.col("earliest") > pl.col("until"))
        .select("source", "stream", ends="until", begins="earliest")
    )
    commits = (
        timeline.kind("wal.commit")
        .filter(pl.col("earliest").is_not_null())
        .select("source", "stream", "position", "row", "earliest", "latest")
    )
    both = covered.join(commits, on=["source", "stream"])
    key = ["source", "stream", "ends", "begins"]
    before = (
        both.filter(pl.col("earliest") <= pl.col("ends"))
        .sort("position")
        .unique(key, keep="last", maintain_order=True)
        .select(*key, before="row", before_at="position")
    )
    after = (
        both.filter(pl.col("latest") >= pl.col("begins"))
        .sort("position")
        .unique(key, keep="first", maintain_order=True)
        .select(*key, after="row", after_at="position")
    )
    # Of a log that begins anew, as after pg_upgrade, nothing is missing before its first record.
    anew = (
        timeline.kind("wal.checkpoint")
        .filter(pl.col("value").str.contains(r"prev=0/0\b"))
        .select("source", "stream", "position")
    )
    begun = (
        after.join(anew, on=["source", "stream"])
        .join(before, on=key)
        .filter(pl.col("position").is_between("before_at", "after_at"))
        .select(key)
        .unique()
    )
    found = before.join(after, on=key).join(begun, on=key, how="anti").sort(key).collect()
    for row in found.filter(pl.col("before") != pl.col("after")).iter_rows(named=True):
        yield _segment(row)


def _segment(row: Mapping[str, Any]) -> Draft:
    span = say_interval(row["ends"], row["begins"])
    return Draft(
        verdict="missing",
        subject=f"pg:{row['source']}",
        statement=f"The write-ahead log of {row['source']} ({row['stream']}) is at hand before and "
        f"after, and not in between: {span}",
        events=[("before", row["before"]), ("after", row["after"])],
        steps=[step("log-missing", "before", "after", span=span)],
        excuse="For this to be innocent the segments would have had to be left out of what was "
        "handed over, or to be removed as the archive's own rules have it.",
        alibi="Every byte of a write-ahead log has a place, its LSN: what is after it proves that "
        "it was there.",
        innocent=[_ELSEWHERE],
    )


def _hours(timeline: Timeline) -> Iterator[Draft]:
    """One finding a stretch that no digest spans."""
    gaps = timeline.kind("trail.gap").select("source", "subject", "value", "earliest", "row")
    # The digest before the gap ends where it begins.
    begins = (
        timeline.kind("trail.digest")
        .select("source", ended="latest")
        .join(gaps, on="source")
        .filter(pl.col("ended") <= pl.col("earliest"))
        .group_by("row")
        .agg(begins=pl.col("ended").max())
    )
    gaps = gaps.join(begins, on="row", how="left")
    stops = timeline.kind("trail.StopLogging").select(
        "source", stopped="earliest", stop="row", by=pl.col("actor").fill_null("nobody named")
    )
    starts = timeline.kind("trail.StartLogging").select("source", started="earliest")
    started = (
        gaps.join(starts, on="source")
        .filter(pl.col("started") <= pl.col("begins"))
        .group_by("row")
        .agg(pl.col("started").max())
    )
    told = (
        gaps.join(started, on="row", how="left")
        .join(stops, on="source")
        .filter(
            (pl.col("stopped") <= pl.col("earliest"))
            & (pl.col("stopped") > pl.col("started")).fill_null(value=True)
        )
        .sort("stopped", "stop")
        .unique("row", keep="last", maintain_order=True)
        .select("row", "stop", "by")
    )
    for row in gaps.join(told, on="row", how="left").sort("subject", "row").collect().to_dicts():
        stopped = row["stop"] is not None
        verdict: Verdict = "observation" if stopped else "missing"
        who = f"; it records that {row['by']} stopped it before" if stopped else ""
        yield Draft(
            verdict=verdict,
            subject=row["subject"],
            statement=f"CloudTrail's chain of digests in {row['source']} has a gap: {row['value']}"
            f"{who}",
            events=[("gap", row["row"])] + [("stopped", row["stop"])] * stopped,
            steps=[
                step("digest-says", "gap", what=row["subject"], why=row["value"]),
                *([step("logging-stopped", "stopped", actor=row["by"])] * stopped),
            ],
            excuse="For this to be innocent logging would have had to be stopped for that time by "
            "someone who may.",
            alibi="CloudTrail makes a digest for every hour in which it logs, whether or not "
            "anything happened.",
            innocent=[
                _ELSEWHERE,
                Innocent(
                    "Logging was stopped and started again.",
                    False if stopped else None,
                    "CloudTrail records that it was stopped."
                    if stopped
                    else "Its own record of StopLogging would say.",
                ),
            ],
        )
