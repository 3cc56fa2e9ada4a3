"""Deploys of bytes that only a version had that is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from recon.findings import Verdict
from recon.instants import say_interval, show_interval
from recon.rules.acts import deploys
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import lifecycles, version_name
from recon.rules.endings import EXCUSE, ending, judged, judged_unlisted
from recon.rules.gone import unlisted, vanished
from recon.rules.views import RECORD

_SHA256 = pl.col("digest").str.starts_with("sha256:")


@rule("released-from-vanished-version", needs=("deploy.*", "claim", "object.put"))
def released_from_vanished_version(timeline: Timeline) -> Iterator[Draft]:
    """A release is from a vanished version iff only versions had its bytes that are gone.

    That is: a log records a deploy of a SHA-256, a version of an object had it, a later and
    complete listing lacks that version, and no version that is not gone has it, in any bucket.
    Missing where somebody deleted it, or nothing says that a rule did.
    Undetermined where a lifecycle rule may have expired it, where the clocks leave it open which
    listing is the later one, and where the bytes of another version of its key are not known.
    Observation where S3 records its expiry, or a rule was due to remove it.
    Innocent: expiry of what was replaced by the bucket's own lifecycle; a copy in a bucket that the
    case did not ask; a release that was taken back.
    Source: SLSA 1.0, provenance (an artifact is held for as long as it is in use); Amazon S3 User
    Guide, "Deleting object versions from a versioning-enabled bucket".
    """
    shown, unseen = vanished(timeline), unlisted(timeline)
    configured = lifecycles(timeline)
    known = _known(timeline)
    parts = [
        (frame, judge)
        for frame, judge in ((shown, judged), (unseen, judged_unlisted))
        if not frame.is_empty()
    ]
    if not parts:
        return
    gone = pl.concat([frame.select("source", "subject", "version") for frame, _ in parts]).lazy()
    kept = known.join(gone, on="version", how="anti")
    unread = (
        timeline.kind("object.put")
        .select("subject", version=version_name())
        .join(known, on="version", how="anti")
        .join(gone, on="version", how="anti")
        .select("subject")
        .unique()
        .collect()["subject"]
    )
    released = _released(timeline)
    for frame, judge in parts:
        rows = (
            frame.lazy()
            .drop("digest", "value")
            .join(known, on="version")
            .join(kept.select("digest").unique(), on="digest", how="anti")
            .join(released, on="digest")
            .sort("deployed_subject", "deployed", "put")
            .unique(["deployed_subject", "digest"], keep="first", maintain_order=True)
            .collect()
        )
        for row in rows.iter_rows(named=True):
            of = (row["source"], row.get("shown_by"))
            verdict, _ = found = judge(row, has_lifecycle=not configured.isdisjoint(of))
            is_open = not row["sure"] or row["subject"] in unread
            yield _draft(row, found, "undetermined" if is_open else verdict)


def _known(timeline: Timeline) -> pl.LazyFrame:
    """``version`` and ``digest``, the SHA-256 of its bytes, by whatever gives it."""
    return (
        timeline.events.filter(_SHA256)
        .select(version=version_name(), digest=pl.col("digest").str.to_lowercase())
        .filter(pl.col("version").is_not_null())
        .unique()
    )


def _released(timeline: Timeline) -> pl.LazyFrame:
    """The first deploy of a subject with a digest."""
    return (
        timeline.kind("claim")
        .filter(_SHA256)
        .join(deploys(timeline).select(RECORD).unique(), on=RECORD, how="semi")
        .sort("earliest", "row", nulls_last=True)
        .select(
            digest=pl.col("digest").str.to_lowercase(),
            deployed="row",
            deployed_subject="subject",
            deployed_source="source",
            deployed_from="earliest",
            deployed_to="latest",
        )
        .unique(["deployed_subject", "digest"], keep="first", maintain_order=True)
    )


def _draft(row: Mapping[str, Any], found: tuple[Verdict, Any], verdict: Verdict) -> Draft:
    own, innocent = found
    end = ending(row, was_due=own == "observation")
    seen, gone = (show_interval(row[f"{one}_from"], row[f"{one}_to"]) for one in ("seen", "listed"))
    dated = row["deployed_from"] is not None
    when = f" on {say_interval(row['deployed_from'], row['deployed_to'])}" if dated else ""
    return Draft(
        verdict=verdict,
        subject=row["deployed_subject"],
        statement=f"{row['deployed_source']} records a deploy of {row['deployed_subject']} with "
        f"{row['digest']}{when}; {row['version']} had these bytes, no version that is still there "
        f"has them, and {row['source']} does not list it in the snapshot of "
        f"{say_interval(row['listed_from'], row['listed_to'])}{end.said}",
        events=[
            ("deployed", row["deployed"]),
            ("listed", row["put"]),
            ("absent", row["listing"]),
            *end.events,
        ],
        steps=[
            step("states", "deployed", attribute="the artifact", value=row["digest"]),
            step("states", "listed", attribute="version", value=row["version"], seen=seen),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
            *end.steps,
        ],
        excuse=EXCUSE,
        alibi="A SHA-256 is of these bytes alone; all buckets of the case were searched for them.",
        innocent=[innocent],
    )
