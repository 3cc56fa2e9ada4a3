"""Files of a trail that are not what CloudTrail's digests say, or that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step

_TRAIL = r"_CloudTrail-Digest_(.+)_[0-9]{8}T[0-9]{6}Z"
"""Region and name of a trail, in the key of a digest."""


@rule("broken-digest-chain", needs=("trail.digest",))
def broken_digest_chain(timeline: Timeline) -> Iterator[Draft]:
    """A chain of digests is broken iff a file has another hash than it says, or is not there.

    Contradiction where a digest whose signature verifies holds another SHA-256 than the file has,
    or a file's own signature, held by the next digest, does not verify: no file has two hashes.
    Conflict where that digest is itself proved by no signature. Missing where a digest names a file
    that is not there; all of one digest are one finding.
    Undetermined where the evidence has no log file of the trail at all, and so cannot lack one. The
    digest before the first one at hand is not said to be missing.
    Innocent: a copy that was damaged on its way; an export that begins or ends within an hour, or
    leaves files out; files that the bucket's own lifecycle removed.
    Source: AWS CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity
    validation"; FIPS 180-4 (SHA-256).
    """
    valid = timeline.kind("trail.valid").select("source", digest_of="subject").unique()
    digests = (
        timeline.kind("trail.digest")
        .select("source", "item", digest_of="subject", by="row", begins="earliest")
        .sort("by")
        .unique(["source", "item"], keep="first", maintain_order=True)
        .with_columns(trail=pl.col("digest_of").str.extract(_TRAIL))
        .with_columns(is_first=pl.col("begins") == pl.col("begins").min().over("source", "trail"))
        .join(
            valid.with_columns(is_valid=pl.lit(value=True)),
            on=["source", "digest_of"],
            how="left",
        )
        .with_columns(pl.col("is_valid").fill_null(value=False))
    )
    found = (
        timeline.kind("trail.altered", "trail.missing")
        .select("source", "item", "kind", "subject", "value", "row")
        .join(digests, on=["source", "item"])
        .sort("source", "subject", "row")
        .collect()
    )
    for row in found.filter(kind="trail.altered").iter_rows(named=True):
        yield _altered(row)
    gone = found.filter(
        pl.col("kind") == "trail.missing",
        ~(pl.col("is_first") & pl.col("subject").str.contains(_TRAIL)),
    )
    if gone.is_empty():
        return
    read = timeline.events.filter(
        pl.col("kind").str.starts_with("trail.") & pl.col("clock").str.ends_with("/cloudtrail")
    )
    here = set(read.select(pl.col("source").unique()).collect()["source"])
    for _, group in gone.group_by("source", "by", maintain_order=True):
        yield _missing(group, has_logs=group["source"][0] in here)


def _altered(row: dict[str, Any]) -> Draft:
    itself = row["subject"] == row["digest_of"]
    verdict: Verdict = "contradiction" if row["is_valid"] else "conflict"
    proved = (
        "The digest that says so is signed by CloudTrail, and its signature verifies."
        if row["is_valid"]
        else "No signature at hand proves the digest that says so."
    )
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['subject']} is not what CloudTrail's digest says of it: {row['value']}",
        events=[("altered", row["row"]), *([] if itself else [("digest", row["by"])])],
        steps=[step("digest-says", "altered", what=row["subject"], why=row["value"])],
        excuse="For this to be innocent the copy at hand would have had to be damaged on its way.",
        alibi=proved,
        innocent=[
            Innocent(
                "The copy was damaged on its way.", None, "Another copy of the bucket would say."
            )
        ],
    )


def _missing(group: pl.DataFrame, *, has_logs: bool) -> Draft:
    row = group.row(0, named=True)
    more = f" and {group.height - 1} more" if group.height > 1 else ""
    return Draft(
        verdict="missing" if has_logs else "undetermined",
        subject=row["digest_of"],
        statement=f"A digest of CloudTrail names {row['subject']}{more}, which the evidence of "
        f"{row['source']} does not have",
        events=[("missing", row["row"]), ("digest", row["by"])],
        steps=[
            step("digest-says", "missing", what=row["subject"], why=row["value"]),
            *([step("and-more", count=group.height - 1)] if more else []),
        ],
        excuse="For this to be innocent the files would have had to be left out of what was handed "
        "over, or removed as the bucket's own rules have it.",
        alibi="A digest names every log file that CloudTrail delivered in its hour.",
        innocent=[
            Innocent(
                "What was handed over leaves files out.",
                None if has_logs else False,
                "A listing of the trail's bucket would say."
                if has_logs
                else "It has no log file of the trail at all.",
            )
        ],
    )
