"""Versions that CloudTrail saw being put and that no listing of the bucket shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import UPLOADED, first_absence, lifecycles, version_name
from recon.rules.endings import EXCUSE, ended, ending
from recon.rules.resting import resting
from recon.time.between import BASES


@rule("unlisted-version", needs=("object.put", "snapshot", "trail.PutObject"))
def unlisted_version(timeline: Timeline) -> Iterator[Draft]:
    """A version is unlisted iff CloudTrail records its upload and a later listing lacks it.

    The listing is complete, covers the key, and was made after the upload; no other listing shows
    the version either. The first version of a key is said to be it.
    Undetermined where the bucket has a lifecycle configuration, which may have expired it: how
    long it was noncurrent no listing shows; and where two clocks date the record and the listing
    and leave it open which came later.
    Observation where S3's own log records its expiry. A delete or an expiry from after that listing
    is not the end of what it lacks, and is not named.
    Innocent: expiry by the bucket's own lifecycle; an upload that failed, which CloudTrail records
    with its error; a bucket whose versions have no ids.
    Source: AWS CloudTrail User Guide, "Logging data events"; Amazon S3 User Guide, "Deleting object
    versions from a versioning-enabled bucket".
    """
    named = timeline.kind("object.put").select(version=version_name()).unique()
    sources = timeline.kind("object.put").select(bucket=_bucket(), listed_source="source").unique()
    puts = (
        timeline.kind(*UPLOADED)
        .with_columns(version=version_name(), bucket=_bucket())
        .filter(pl.col("version").is_not_null() & (pl.col("value") != "null"))
        .join(named, on="version", how="anti")
        .join(sources, on="bucket")
        .with_columns(
            source="listed_source", seen_clock="clock", seen_from="earliest", seen_to="latest"
        )
        .sort("earliest", "row")
        .unique(["source", "version"], keep="first", maintain_order=True)
    )
    gone = first_absence(timeline, puts)
    if gone.is_empty():
        return
    oldest = (
        timeline.kind("object.put")
        .group_by("source", "subject")
        .agg(oldest=pl.col("earliest").min())
    )
    rows = (
        gone.lazy()
        .join(oldest, on=["source", "subject"], how="left")
        .pipe(lambda rows: ended(timeline, rows))
        .sort("subject", "put")
        .collect()
    )
    configured = lifecycles(timeline)
    for row in rows.iter_rows(named=True):
        yield _draft(row, has_lifecycle=row["source"] in configured)


def _bucket() -> pl.Expr:
    return pl.col("subject").str.splitn("/", 2).struct.field("field_0")


def _draft(row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    verdict: Verdict = "missing"
    cause = "A lifecycle rule of the bucket expired it."
    innocent = Innocent(cause, None, "No lifecycle configuration is among the evidence.")
    gone = show_interval(row["listed_from"], row["listed_to"])
    if row["deleted"] is not None:
        innocent = Innocent(cause, True, "A record names who deleted it.")
    elif row["expired"] is not None:
        verdict, innocent = "observation", Innocent(cause, False, "S3's own log records it.")
    elif has_lifecycle:
        verdict = "undetermined"
        innocent = Innocent(cause, None, "The bucket has a lifecycle configuration.")
    end = ending(row)
    if not row["sure"]:
        verdict = "undetermined"
    alibi = "The listing covers the key, is complete, and was made after the upload."
    if row["later_basis"] != BASES[0]:
        alibi += f" {resting(row, 'later', row['seen_clock'], row['listed_clock'])}."
    is_first = row["oldest"] is None or row["earliest"] < row["oldest"]
    which = "the first version known" if is_first else "a version"
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"CloudTrail records the upload of {which} of {row['subject']}, {row['value']}, "
        f"at {say_interval(row['earliest'], row['latest'])}, and {row['source']} does not list it "
        f"in the snapshot of {say_interval(row['listed_from'], row['listed_to'])}{end.said}",
        events=[("put", row["put"]), ("absent", row["listing"]), *end.events],
        steps=[
            step(
                "states", "put", attribute="version", value=row["value"] or "", seen="in CloudTrail"
            ),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
            *end.steps,
        ],
        excuse=EXCUSE,
        alibi=alibi,
        innocent=[innocent],
    )
