"""Norm: a release is uploaded before it is registered, and registered before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_span
from recon.names import named
from recon.rules.alibis import MEASURED, ordered
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import UPLOADED, version_key, version_name
from recon.rules.views import RECORD, snapshots
from recon.subjects import glob
from recon.time.corrected import READING, Reading

if TYPE_CHECKING:
    from recon.config import Norm

STEPS = ("uploaded", "registered", "deployed")
_SAME_ACT = 1.0
"""Seconds: the precision of ``LastModified`` and of most logs."""
_SECOND = 1_000_000
_KEY = ["subject", "digest"]
_LATER = Reading("clock_later", "earliest_later", "latest_later")


@rule("release-order", needs=("claim",), is_norm=True)
def release_order(timeline: Timeline) -> Iterator[Draft]:
    """The norm is broken iff every record of a step is later than one of the step after it.

    The steps of a release, told apart by subject and digest of its artifact: *uploaded* (a bucket
    stamped a version), *registered* (a row of a database gives the digest), *deployed* (a log's
    record of a kind `deploy.finish` gives it). Each is compared with the next. A registration is
    dated by what stamped its row, by what the row asserts, and by every snapshot that shows it, and
    each of them must deny the order: a row that was written anew later was registered when it was.
    Readings of two clocks are compared by what three or more pairs of records measure of them.
    Parameters of the norm: `artifact` (name of the attribute, by default that word), `deployed`
    (glob of kinds, by default `deploy.finish`), `since` (a release with an earlier record is not
    judged), `tolerance`.
    Undetermined where the readings deny it, and nothing measures the two clocks; and where a bucket
    or CloudTrail has an upload to the same key from before the step after it, whose bytes are not
    known: it may have been of the same.
    Innocent: an earlier version of the object that was removed, or one that was copied anew; a
    registration by hand after an emergency; a deployment that was logged before it was done; a job
    that registers what it deploys, after its own `deploy.start`.
    Source: SLSA 1.0, provenance; the case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule != "release-order":
            continue
        found = _records(timeline, norm).collect()
        for earlier, later in pairwise(STEPS):
            late = _late(timeline, found, (earlier, later), norm)
            yield from _judge(timeline, late, (earlier, later))


def _records(timeline: Timeline, norm: Norm) -> pl.LazyFrame:
    """``subject``, ``digest``, ``step``, a reading with its ``row``, and what it ``shows``.

    The ``time`` of the step; a time that its writer ``said``; or that it was done ``by then``.
    """
    parameters = norm.model_extra or {}
    claims = timeline.kind("claim").filter(
        (pl.col("attribute") == parameters.get("artifact", "artifact"))
        & pl.col("digest").is_not_null()
    )
    own = timeline.events.filter((pl.col("part") == 0) & (pl.col("kind") != "snapshot"))
    of_tables = own.filter(named("pg:").is_not_null())
    uploads = claims.filter((pl.col("basis") == "stamped") & pl.col("clock").str.starts_with("s3:"))
    rows = claims.join(of_tables.select(RECORD), on=RECORD, how="semi")
    stamped = rows.select(*RECORD, *_KEY).join(
        of_tables.filter(pl.col("basis") == "stamped").select(
            *RECORD, "clock", "basis", "earliest", "latest", "row"
        ),
        on=RECORD,
    )
    seen = rows.select(*RECORD, *_KEY).join(
        snapshots(timeline)
        .join(timeline.events.select("clock", "basis", snapshot="row"), on="snapshot")
        .rename({"seen_from": "earliest", "seen_to": "latest", "snapshot": "row"}),
        on=["source", "item"],
    )
    deploys = claims.join(
        own.filter(
            pl.col("kind").str.contains(glob(str(parameters.get("deployed", "deploy.finish"))))
        ).select(RECORD),
        on=RECORD,
        how="semi",
    )
    columns = [*_KEY, "clock", "basis", "earliest", "latest", "row"]
    parts = (
        (uploads, STEPS[0], "time"),
        # What a row's writer put in says nothing of when the row was there.
        (rows, STEPS[1], "said"),
        (stamped, STEPS[1], "time"),
        (seen, STEPS[1], "by then"),
        (deploys, STEPS[2], "time"),
    )
    return pl.concat(
        [
            frame.select(*columns, step=pl.lit(name), shows=pl.lit(shows))
            for frame, name, shows in parts
        ]
    ).filter(
        (pl.col("clock").is_not_null() | (pl.col("shows") == "by then"))
        & pl.col("latest").is_not_null()
    )


def _late(
    timeline: Timeline, found: pl.DataFrame, steps: tuple[str, str], norm: Norm
) -> pl.DataFrame:
    """Records of the earlier step, where all are later than the first of the later one.

    With ``late`` (µs by which it is at least) and ``known`` (whether the clocks are measured).
    """
    earlier, later = steps
    first = (
        found.filter(
            (pl.col("step") == later) & (pl.col("shows") != "said") & pl.col("clock").is_not_null()
        )
        .sort("latest", "row")
        .unique(_KEY, keep="first", maintain_order=True)
    )
    both = found.filter(pl.col("step") == earlier).join(first, on=_KEY, suffix="_later")
    if both.is_empty():
        return both
    gap = (pl.col("earliest") - pl.col("latest_later")).dt.total_microseconds()
    measured = pl.col("apart_basis").cast(pl.String).is_in(MEASURED)
    allowed = {one: timeline.allowed(one) for one in both["clock"].drop_nulls().unique()}
    own = pl.col("clock").replace_strict(allowed, default=0.0, return_dtype=pl.Float64)
    # Between two clocks what the case allows them is in the comparison.
    own = pl.when(pl.col("clock") == pl.col("clock_later")).then(own).otherwise(0.0)
    both = (
        timeline.clocks.apart(both.lazy(), _LATER, READING, "apart")
        .with_columns(
            late=pl.coalesce("apart_least", gap),
            known=(measured & pl.col("apart_least").is_not_null()).fill_null(value=False),
        )
        .collect()
    )
    # All of them: one record that fits the order keeps the norm.
    least = (pl.max_horizontal(own, pl.lit(norm.tolerance)) + _SAME_ACT) * _SECOND
    denies = (pl.col("late") > least).all().over(_KEY)
    judged = pl.lit(value=True)
    if norm.since is not None:
        since = pl.min_horizontal(pl.col("earliest").min(), pl.col("earliest_later").min())
        judged = (since >= norm.since).over(_KEY)
    # A snapshot that shows the step done, later on, does not say that it was not done before.
    return (
        both.filter(denies & judged).filter(pl.col("shows") != "by then").sort(*_KEY, "late", "row")
    )


def _unread(timeline: Timeline, late: pl.DataFrame) -> set[int]:
    """Rows of uploads to whose key others were uploaded in time, with bytes that are not known."""
    uploads = timeline.kind("object.put", *UPLOADED).with_columns(version=version_name())
    read = timeline.events.filter(pl.col("digest").is_not_null()).select(version=version_name())
    unread = (
        uploads.filter(pl.col("digest").is_null() & pl.col("earliest").is_not_null())
        .join(read.drop_nulls().unique(), on="version", how="anti")
        .group_by(key="subject")
        .agg(first=pl.col("earliest").min())
    )
    found = (
        timeline.events.select("row", version=version_name())
        .join(late.lazy().select("row", "latest_later").unique(), on="row")
        .with_columns(key=version_key())
        .join(unread, on="key")
        .filter(pl.col("first") <= pl.col("latest_later"))
    )
    return set(found.select("row").collect()["row"])


def _judge(timeline: Timeline, late: pl.DataFrame, steps: tuple[str, str]) -> Iterator[Draft]:
    """One finding for a release: where a record's clock is not measured, it may fit the order."""
    unread = set() if late.is_empty() else _unread(timeline, late)
    for _, rows in late.group_by(_KEY, maintain_order=True):
        unknown = rows.filter(~pl.col("known"))
        one = (rows if unknown.is_empty() else unknown).row(0, named=True)
        sure = one["known"] and unread.isdisjoint(rows["row"])
        yield _draft(timeline, one, steps, "breach" if sure else "undetermined")


def _draft(
    timeline: Timeline, row: Mapping[str, Any], steps: tuple[str, str], verdict: Verdict
) -> Draft:
    earlier, later = steps
    margin = row["late"] / _SECOND
    known = "Both times are of one clock, which would have had to be set back between them."
    if row["clock"] != row["clock_later"]:
        clocks = row["clock_later"], row["clock"]
        known = ordered(timeline.measured, row, "apart", clocks, row["earliest_later"])
    corrected = row["known"] and row["clock"] != row["clock_later"]
    further, than = ("further ", " than it is known to be") if corrected else ("", "")
    readings: Sequence[tuple[str, str]] = ((earlier, ""), (later, "_later"))
    said = [say_interval(row[f"earliest{end}"], row[f"latest{end}"]) for _, end in readings]
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"The artifact of {row['subject']} was {earlier} on {said[0]}, by the earliest "
        f"record of it, and {later} on {said[1]}; the case's norm promises that it is {earlier} "
        f"before it is {later}",
        events=[(earlier, row["row"]), (later, row["row_later"])],
        steps=[
            step(
                "norm",
                rule="release-order",
                promises=f"an artifact is {earlier} before it is {later}",
            ),
            *(
                step(
                    "reads",
                    name,
                    earliest=row[f"earliest{end}"],
                    latest=row[f"latest{end}"],
                    clock=row[f"clock{end}"],
                    basis=row[f"basis{end}"] or "asserted",
                )
                for name, end in readings
            ),
            step("later", later, earlier, seconds=margin),
        ],
        margin_seconds=margin,
        excuse=f"For the norm to be kept, {row['clock']} would have had to read "
        f"{show_span(margin)} {further}ahead of {row['clock_later']}{than}.",
        alibi=known,
        innocent=[
            Innocent(
                f"It was {earlier} before, and the record of that was removed or written anew.",
                None,
                "An older copy of that source would say.",
            ),
            Innocent(
                f"The record of when it was {later} was made before the act.",
                None,
                "Another record of the same act would say.",
            ),
        ],
    )
