"""Frames that rules about buckets start from: versions by name, their ends, what covers them."""

from __future__ import annotations

import polars as pl

from recon.names import named, version_name
from recon.rules.base import Timeline
from recon.rules.views import last_of, snapshots
from recon.subjects import glob
from recon.time.corrected import Reading

__all__ = [
    "MARKED_BY_S3",
    "deletions",
    "due",
    "expirations",
    "first_absence",
    "lifecycles",
    "version_name",
]

_SHOWN = Reading("seen_clock", "seen_from", "seen_to")
_LISTED = Reading("listed_clock", "listed_from", "listed_to")

DELETED = (
    "log.REST.DELETE.OBJECT",
    "log.BATCH.DELETE.OBJECT",
    "trail.DeleteObject",
    "trail.DeleteObjects",
)
"""Records of a delete that was done; with a version id it removes that version."""
EXPIRED = ("log.S3.EXPIRE.OBJECT",)
"""What S3 did by a lifecycle rule; CloudTrail does not record it."""
UPLOADED = (
    "trail.PutObject",
    "trail.CopyObject",
    "trail.CompleteMultipartUpload",
    "trail.PostObject",
)
"""CloudTrail's records of uploads that were done."""
READ = (
    "log.REST.GET.OBJECT",
    "log.REST.HEAD.OBJECT",
    "trail.GetObject",
    "trail.HeadObject",
)
"""Records of reads that were answered: a version that was read by its id was there."""
MARKED_BY_S3 = ("log.S3.CREATE.DELETEMARKER",)


def version_key() -> pl.Expr:
    """``s3:BUCKET/KEY`` of the column ``version``; a key may hold the words of a query itself."""
    return pl.col("version").str.replace(r"(?s)^(.*)\?versionId=.*$", "${1}")


def deletions(timeline: Timeline) -> pl.LazyFrame:
    """``version``, and the first record of its removal: ``deleted`` (row), ``…_by``, ``…_source``.

    ``…_clock``, ``…_from``, ``…_to`` say when. A delete without a version id removes none: it puts
    a marker, whose id CloudTrail answers.
    """
    asked = pl.col("value").is_not_null() & version_name().is_not_null()
    markers = timeline.kind("object.delete").select(version=version_name()).unique()
    return (
        timeline.kind(*DELETED)
        .filter(asked)
        .select(
            version=version_name(),
            deleted="row",
            deleted_by=pl.col("actor").fill_null("nobody named"),
            deleted_source="source",
            deleted_clock="clock",
            deleted_from="earliest",
            deleted_to="latest",
        )
        .join(markers, on="version", how="anti")
        .sort("deleted_from", "deleted", nulls_last=True)
        .unique("version", keep="first", maintain_order=True)
    )


def expirations(timeline: Timeline) -> pl.LazyFrame:
    """``version``, and S3's own record of its expiry: ``expired`` (row), ``expired_source``.

    ``expired_clock``, ``expired_from``, ``expired_to`` say when.
    """
    return (
        timeline.kind(*EXPIRED)
        .select(
            version=version_name(),
            expired="row",
            expired_source="source",
            expired_clock="clock",
            expired_from="earliest",
            expired_to="latest",
        )
        .filter(pl.col("version").is_not_null())
        .sort("expired_from", "expired", nulls_last=True)
        .unique("version", keep="first", maintain_order=True)
    )


def due(timeline: Timeline) -> pl.LazyFrame:
    """``source``, ``version``, and the first rule that is due to remove it.

    ``due`` (row), ``due_from``, ``due_why``, ``due_sure`` (the rule asks for no tags).
    """
    return (
        timeline.kind("object.expires")
        .select(
            "source",
            version=version_name(),
            due="row",
            due_from="earliest",
            due_why="value",
            due_sure=pl.col("attribute") == "rule",
        )
        .sort("due_from", "due", nulls_last=True)
        .unique(["source", "version"], keep="first", maintain_order=True)
    )


def lifecycles(timeline: Timeline) -> set[str]:
    """Sources whose bucket has a lifecycle configuration."""
    return set(
        timeline.kind("bucket.configuration")
        .filter(pl.col("attribute").str.starts_with("lifecycle") & pl.col("value").is_not_null())
        .select("source")
        .unique()
        .collect()["source"]
    )


def relisted(timeline: Timeline) -> list[str]:
    """Sources of which something was read before a complete listing of theirs began.

    Of any other source no version can be absent from a later listing. Where several clocks date
    what was read, their order is left to :func:`first_absence`.
    """
    listed = (
        timeline.coverage.filter(
            pl.col("kind").str.starts_with("object") & pl.col("earliest").is_not_null()
        )
        .group_by("source")
        .agg(last=pl.col("earliest").max())
    )
    return sorted(
        timeline.kind("snapshot")
        .group_by("source")
        .agg(
            first=pl.col("latest").min(),
            undated=pl.col("latest").is_null().any(),
            clocks=pl.col("clock").n_unique(),
        )
        .join(listed, on="source")
        .filter((pl.col("first") < pl.col("last")) | (pl.col("clocks") > 1) | pl.col("undated"))
        .collect()["source"]
    )


def first_absence(timeline: Timeline, shown: pl.LazyFrame) -> pl.DataFrame:
    """Versions with the first complete listing after ``seen_to`` that covers their key.

    Args:
        timeline: with its coverage and clocks.
        shown: events with ``version`` (its name), ``seen_clock``, ``seen_from``, ``seen_to``: the
            last that shows it, by each clock, as readings do not say which of them is the last.
            What a listing shows again is not absent from it.

    Returns:
        ``put`` (row), what ``shown`` says, of the listing ``listed_clock``, ``listed_from``,
        ``listed_to`` and ``listing`` (row of its snapshot), ``sure`` (whether it is known to be the
        later one), and ``later_low``, ``later_high``, ``later_basis`` for
        :func:`recon.rules.alibis.ordered`.
    """
    covered = timeline.coverage.filter(
        pl.col("kind").str.starts_with("object") & pl.col("earliest").is_not_null()
    ).select(
        "source", prefix="subject", listed_from="earliest", listed_to="latest", listed_item="item"
    )
    dated = snapshots(timeline).select(
        "source", listed_item="item", listed_clock="seen_clock", listing="snapshot"
    )
    keys = ["source", "subject", "version"]
    later = (
        shown.join(covered, on="source")
        .join(dated, on=["source", "listed_item"], how="left")
        .pipe(timeline.clocks.apart, _SHOWN, _LISTED, "later")
        .pipe(last_of, "later", [*keys, "listed_item"], ("seen_to", "listed_from"))
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
        .unique(keys, keep="first", maintain_order=True)
        .select(
            *keys,
            *("value", "digest", "earliest", "latest", "seen_from", "seen_to"),
            *("listed_from", "listed_to", "listing"),
            *("sure", "seen_clock", "listed_clock", "later_low", "later_high", "later_basis"),
            put="row",
        )
        .collect()
    )


def locked(timeline: Timeline) -> pl.LazyFrame:
    """``version`` of what a retention or a legal hold keeps, and ``lock`` (row that says so)."""
    held = pl.col("value").is_not_null() & (pl.col("value").str.to_uppercase() != "OFF")
    return (
        timeline.kind("object.retention", "object.legal-hold")
        .filter(held)
        .select(version=named("s3:"), lock="row", locked_as="value")
        .sort("lock")
        .unique("version", keep="first", maintain_order=True)
    )
