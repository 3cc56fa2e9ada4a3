"""Object versions that an earlier listing of a bucket shows and a later one does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.resting import resting
from recon.rules.views import last_of, snapshots
from recon.subjects import glob
from recon.time.between import BASES
from recon.time.corrected import Reading

_SHOWN = Reading("seen_clock", "seen_from", "seen_to")
_LISTED = Reading("listed_clock", "listed_from", "listed_to")


@rule("vanished-version", needs=("object.put", "snapshot"))
def vanished_version(timeline: Timeline) -> Iterator[Draft]:
    """A version has vanished iff an earlier listing shows it and a later, complete one does not.

    Undetermined where the version was not the newest of its key and the bucket has a lifecycle
    configuration, which may have expired it, and where two clocks date the listings and leave it
    open which is the later one. A current version of a versioned bucket is never
    expired by a rule: the rule puts a delete marker over it.
    Innocent: expiry of noncurrent versions by the bucket's own lifecycle; a listing of another
    prefix, which does not cover the key.
    Source: Amazon S3 User Guide, "Deleting object versions from a versioning-enabled bucket":
    a delete that names a version id leaves no trace in the listing.
    """
    gone = _gone(timeline).collect()
    configured = set(
        timeline.kind("bucket.configuration")
        .filter(pl.col("attribute").str.starts_with("lifecycle") & pl.col("value").is_not_null())
        .select("source")
        .unique()
        .collect()["source"]
    )
    for row in gone.sort("subject", "put").iter_rows(named=True):
        yield _draft(row, has_lifecycle=row["source"] in configured)


def _gone(timeline: Timeline) -> pl.LazyFrame:
    """Versions with the last listing that shows them and the first complete one that does not."""
    version = pl.col("names").list.filter(pl.element().str.contains("?versionId=", literal=True))
    puts = (
        timeline.kind("object.put")
        .with_columns(version=version.list.first())
        .filter(pl.col("version").is_not_null())
        .join(snapshots(timeline), on=["source", "item"])
        .with_columns(
            is_newest=pl.col("earliest")
            == pl.col("earliest").max().over("source", "subject", "seen_to")
        )
    )
    # By each clock the last listing that shows it: which of them is the last, readings do not say.
    shown = puts.sort("seen_to", "row").unique(
        ["source", "version", "seen_clock"], keep="last", maintain_order=True
    )
    covered = timeline.coverage.filter(
        pl.col("kind").str.starts_with("object") & pl.col("earliest").is_not_null()
    ).select(
        "source", prefix="subject", listed_from="earliest", listed_to="latest", listed_item="item"
    )
    dated = snapshots(timeline).select(
        "source", listed_item="item", listed_clock="seen_clock", listing="snapshot"
    )
    later = (
        shown.join(covered, on="source")
        .join(dated, on=["source", "listed_item"], how="left")
        .pipe(timeline.clocks.apart, _SHOWN, _LISTED, "later")
        .pipe(last_of, "later", ["source", "version", "listed_item"], ("seen_to", "listed_from"))
        .collect()
    )
    # Globs differ per listing and are few: one pass each.
    kept = [
        group.filter(pl.col("subject").str.contains(glob(prefix)))
        for (prefix,), group in later.group_by("prefix", maintain_order=True)
    ]
    matched = pl.concat(kept) if kept else later
    return (
        matched.lazy()
        .filter(pl.col("listing").is_not_null())
        .sort("sure", "listed_from", "listed_item", descending=[True, False, False])
        .unique(["source", "version"], keep="first", maintain_order=True)
        .select(
            "source",
            "subject",
            "version",
            "value",
            "digest",
            "earliest",
            "latest",
            "seen_from",
            "seen_to",
            "listed_from",
            "listed_to",
            "is_newest",
            "listing",
            *("sure", "seen_clock", "listed_clock", "later_low", "later_high", "later_basis"),
            put="row",
        )
    )


def _draft(row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    may_expire = has_lifecycle and not row["is_newest"]
    verdict: Verdict = "undetermined" if may_expire or not row["sure"] else "missing"
    alibi = "Both listings cover the key, and the later one is complete."
    if row["later_basis"] != BASES[0]:
        alibi += f" {resting(row, 'later', row['seen_clock'], row['listed_clock'])}."
    seen = show_interval(row["seen_from"], row["seen_to"])
    gone = show_interval(row["listed_from"], row["listed_to"])
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} listed version {row['value']} of {row['subject']} in the "
        f"snapshot of {say_interval(row['seen_from'], row['seen_to'])}, and does not in that of "
        f"{say_interval(row['listed_from'], row['listed_to'])}",
        events=[("listed", row["put"]), ("absent", row["listing"])],
        steps=[
            step("states", "listed", attribute="version", value=row["value"] or "", seen=seen),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
        ],
        excuse="For this to be innocent the version would have had to be expired by a rule of the "
        "bucket, or deleted as intended by someone who may.",
        alibi=alibi,
        innocent=[
            Innocent(
                "A lifecycle rule of the bucket expired the noncurrent version.",
                not may_expire if has_lifecycle or row["is_newest"] else None,
                "It was noncurrent, and the bucket has a lifecycle configuration."
                if may_expire
                else "It was the current version, which no rule removes from a versioned bucket."
                if row["is_newest"]
                else "No lifecycle configuration of the bucket is among the evidence.",
            ),
        ],
    )
