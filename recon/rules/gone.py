"""Versions that were there and are not: what an earlier listing, or CloudTrail, says of each."""

from __future__ import annotations

import polars as pl

from recon.rules.base import Timeline
from recon.rules.buckets import READ, UPLOADED, due, first_absence, relisted, version_name
from recon.rules.endings import ended
from recon.rules.views import snapshots


def vanished(timeline: Timeline) -> pl.DataFrame:
    """Versions with the last listing that shows them and the first complete one that does not.

    What :func:`recon.rules.buckets.first_absence` gives, with what is recorded of their end, what
    is :func:`~recon.rules.buckets.due`, and ``is_newest``: no other version followed it.
    """
    return timeline.once("vanished", _vanished)


def unlisted(timeline: Timeline) -> pl.DataFrame:
    """The same of versions that a log records and no listing shows; ``oldest`` of the key.

    By its upload, else by the last read of it that was answered; ``told_by`` and ``told_as`` are
    source and kind of that record.
    """
    return timeline.once("unlisted", _unlisted)


def _vanished(timeline: Timeline) -> pl.DataFrame:
    again = relisted(timeline)
    if not again:
        return pl.DataFrame()
    acts = (
        timeline.kind("object.put", "object.delete")
        .filter(pl.col("source").is_in(again))
        .join(snapshots(timeline), on=["source", "item"])
    )
    # Also a delete marker, and also what a later listing alone shows: what was current when it was
    # listed was noncurrent from then on.
    newest = acts.select("source", "subject", newer="earliest")
    shown = (
        acts.filter(pl.col("kind") == "object.put")
        .with_columns(version=version_name())
        .filter(pl.col("version").is_not_null())
        .sort("seen_to", "row")
        .unique(["source", "version", "seen_clock"], keep="last", maintain_order=True)
    )
    gone = first_absence(timeline, shown)
    if gone.is_empty():
        return gone
    newer = (
        gone.lazy()
        .select("source", "subject", "version", "earliest", "listed_to")
        .join(newest, on=["source", "subject"])
        .filter((pl.col("newer") > pl.col("earliest")) & (pl.col("newer") <= pl.col("listed_to")))
        .select("source", "version", is_newest=pl.lit(False))
        .unique()
    )
    return (
        gone.lazy()
        .join(newer, on=["source", "version"], how="left")
        .with_columns(
            is_newest=pl.col("is_newest").fill_null(True)
            # Without versioning a rule removes the current object itself.
            & ~pl.col("version").str.ends_with("?versionId=null")
        )
        .join(due(timeline), on=["source", "version"], how="left")
        .pipe(lambda rows: ended(timeline, rows))
        .collect()
    )


def _unlisted(timeline: Timeline) -> pl.DataFrame:
    if not timeline.has(*UPLOADED, *READ):
        return pl.DataFrame()
    named = timeline.kind("object.put").select(version=version_name()).unique()
    sources = timeline.kind("object.put").select(bucket=_bucket(), listed_source="source").unique()
    told = (
        timeline.kind(*UPLOADED, *READ)
        .with_columns(version=version_name(), bucket=_bucket())
        .filter(pl.col("version").is_not_null() & (pl.col("value") != "null"))
        .join(named, on="version", how="anti")
        .join(sources, on="bucket")
        .with_columns(
            told_by="source",
            source="listed_source",
            seen_clock="clock",
            seen_from="earliest",
            seen_to="latest",
        )
        .sort("earliest", "row")
    )
    key = ["source", "version"]
    uploads = told.filter(pl.col("kind").is_in(UPLOADED)).unique(
        key, keep="first", maintain_order=True
    )
    reads = told.filter(pl.col("kind").is_in(READ)).join(uploads, on=key, how="anti")
    last = reads.sort("earliest", "row").unique(key, keep="last", maintain_order=True)
    puts = pl.concat([uploads, last])
    records = puts.select("told_by", told_as="kind", put="row").unique()
    gone = first_absence(timeline, puts)
    if gone.is_empty():
        return gone
    oldest = (
        timeline.kind("object.put")
        .group_by("source", "subject")
        .agg(oldest=pl.col("earliest").min())
    )
    return (
        gone.lazy()
        .join(oldest, on=["source", "subject"], how="left")
        .join(records, on="put", how="left")
        .pipe(lambda rows: ended(timeline, rows))
        .collect()
    )


def _bucket() -> pl.Expr:
    return pl.col("subject").str.splitn("/", 2).struct.field("field_0")
