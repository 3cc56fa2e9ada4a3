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
    ``shown_by`` is the source whose listing shows it, where two list one bucket (:func:`_twins`).
    """
    return timeline.once("vanished", _vanished)


def unlisted(timeline: Timeline) -> pl.DataFrame:
    """The same of versions that a log records and no listing shows; ``oldest`` of the key.

    By its upload, else by the last read of it that was answered; ``told_by`` and ``told_as`` are
    source and kind of that record.
    """
    return timeline.once("unlisted", _unlisted)


def _vanished(timeline: Timeline) -> pl.DataFrame:
    again, twins = relisted(timeline), _twins(timeline)
    if not again and not twins:
        return pl.DataFrame()
    acts = (
        timeline.kind("object.put", "object.delete")
        .filter(pl.col("source").is_in([*again, *(one for pair in twins for one in pair)]))
        .join(snapshots(timeline), on=["source", "item"])
    )
    # Also a delete marker, and also what a later listing alone shows: what was current when it was
    # listed was noncurrent from then on.
    newest = acts.select("subject", by="source", newer="earliest")
    puts = (
        acts.filter(pl.col("kind") == "object.put")
        .with_columns(version=version_name(), shown_by="source")
        .filter(pl.col("version").is_not_null())
    )
    shown = (
        pl.concat([puts.filter(pl.col("source").is_in(again)), *_elsewhere(puts, twins)])
        .sort("seen_to", "row")
        .unique(["source", "version", "seen_clock"], keep="last", maintain_order=True)
    )
    gone = first_absence(timeline, shown)
    if gone.is_empty():
        return gone
    gone = _told_once(gone.join(puts.select("shown_by", put="row").collect(), on="put"))
    newer = (
        gone.lazy()
        .select("source", "shown_by", "subject", "version", "earliest", "listed_to")
        .join(newest, on="subject")
        .filter((pl.col("by") == pl.col("source")) | (pl.col("by") == pl.col("shown_by")))
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
            & ~pl.col("version").str.ends_with("?versionId=null"),
            sure=pl.col("sure") & _one_domain(timeline, twins),
        )
        .join(due(timeline).rename({"source": "shown_by"}), on=["shown_by", "version"], how="left")
        .pipe(lambda rows: ended(timeline, rows))
        .collect()
    )


def _twins(timeline: Timeline) -> list[tuple[str, str]]:
    """Pairs of sources that list one bucket, either way round: of one name, with one version id.

    Ids are the server's own, and are not made twice. A replica keeps them, under the same name at
    another place perhaps: then who may write there is another domain.
    """
    listed = timeline.kind("snapshot").filter(pl.col("subject").cast(pl.String).str.contains(_NAME))
    of_bucket = listed.select(pl.col("source", "subject").cast(pl.String)).unique().collect()
    several = of_bucket.filter(pl.col("subject").is_duplicated())
    if several.is_empty():
        return []
    versions = (
        timeline.kind("object.put")
        .filter(pl.col("source").cast(pl.String).is_in(several["source"].implode()))
        .select(pl.col("source").cast(pl.String), version=version_name())
        .filter(pl.col("version").is_not_null() & ~_IS_NULL)
        .unique()
    )
    return (
        versions.join(versions, on="version", suffix="_other")
        .select("source", "source_other")
        .filter(pl.col("source") != pl.col("source_other"))
        .unique()
        .sort("source", "source_other")
        .collect()
        .rows()
    )


_NAME = r"^s3:[^/?]+$"
_IS_NULL = pl.col("version").str.ends_with("?versionId=null")


def _elsewhere(puts: pl.LazyFrame, twins: list[tuple[str, str]]) -> list[pl.LazyFrame]:
    """What one of two sources shows and the other never, as if it were the other's to show."""
    named = puts.select("source", "version").unique()
    return [
        puts.filter((pl.col("shown_by") == by) & ~_IS_NULL)
        .join(named.filter(pl.col("source") == other).select("version"), on="version", how="anti")
        .with_columns(source=pl.lit(other).cast(puts.collect_schema()["source"]))
        for by, other in twins
    ]


def _told_once(gone: pl.DataFrame) -> pl.DataFrame:
    """Of another source's listing nothing is told that the source's own later one shows."""
    own = pl.col("shown_by") == pl.col("source")
    others = gone.filter(~own).sort("sure", "listed_from", "put", descending=[True, False, False])
    others = others.join(gone.filter(own), on="version", how="anti", maintain_order="left")
    return pl.concat(
        [gone.filter(own), others.unique("version", keep="first", maintain_order=True)]
    )


def _one_domain(timeline: Timeline, twins: list[tuple[str, str]]) -> pl.Expr:
    """Whether who may write to the one source may to the other, as the case declares it."""
    domain = {source: name for source, (name, _) in timeline.domains.items()}
    apart = [pair for pair in twins if domain.get(pair[0]) != domain.get(pair[1])]
    one = pl.lit(value=True)
    for by, other in apart:
        one &= ~((pl.col("shown_by") == by) & (pl.col("source") == other))
    return one


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
