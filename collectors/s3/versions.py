"""Versions and delete markers of listings, with their times and their order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from collectors.s3 import times
from collectors.s3.listing import VERSIONS
from recon.collector import Source, Warn
from recon.schema import BASIS, DRAFT, INSTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.sheets import Listing

LISTED: dict[str, pl.DataType] = {
    **VERSIONS,
    "listing": pl.String(),
    "page": pl.UInt32(),
    "item": pl.String(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "stream": pl.String(),
    "position": pl.UInt64(),
}
"""One row a version of a page. ``stream`` and ``position`` are null where the order is unknown."""

# The ETag of an upload in parts ends in the number of parts (S3 User Guide, multipart upload).
MULTIPART = r"-\d+$"
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


def table(source: Source, listings: Sequence[Listing], warnings: list[Warn]) -> pl.DataFrame:
    """All versions of the listings, in their order."""
    parts = [
        sheet.page.versions.with_columns(
            pl.lit(listing.label).alias("listing"),
            pl.lit(sheet.item.sha256).alias("item"),
            pl.lit(
                sheet.seen.latest if sheet.seen.clock == f"s3:{source.id}" else None, INSTANT
            ).alias("seen"),
            pl.lit(sheet.page.ordered).alias("ordered"),
            pl.lit(number, pl.UInt32()).alias("page"),
        )
        for listing in listings
        for number, sheet in enumerate(listing.sheets)
    ]
    if not parts:
        return pl.DataFrame(schema=LISTED)
    rows = _dated(pl.concat(parts))
    _incomplete(rows, warnings)
    rows = rows.drop_nulls(["key", "version"])
    rows = _ordered(rows, source.options.bucket, warnings)
    return rows.select(list(LISTED))


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """The bytes of one page once, although a later listing, or a copy, may be the same."""
    first = rows.select("item", "listing", "page").unique("item", keep="first", maintain_order=True)
    return rows.join(first, on=["item", "listing", "page"], how="semi", maintain_order="left")


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """``LastModified`` covers its second.

    Of an upload in parts it is the initiation (S3 User Guide, multipart upload): the object was
    put between it and the time of the listing; with no such time, there is no latest.
    """
    ended = pl.when(pl.col("seen") >= pl.col("earliest")).then("seen")
    in_parts = pl.col("etag").str.contains(MULTIPART)
    return rows.with_columns(times.modified(rows["modified"])).with_columns(
        latest=pl.when(in_parts).then(ended).otherwise("latest")
    )


def _ordered(rows: pl.DataFrame, bucket: str, warnings: list[Warn]) -> pl.DataFrame:
    """Position of each version among those of its key, counted from the oldest.

    S3 lists key after key, and within a key newest first. A key has no order here where the page
    contradicts that: it comes in two places, another than its first is the latest, or an older
    version has the later time. Replicas keep the source's times, and not every server keeps the
    order. In JSON, delete markers stand apart from the versions: they have no place among them.
    Nor has the version ``null``: SeaweedFS lists it last, whenever it was stored.
    """
    is_null = pl.col("version") == "null"
    is_apart = ~pl.col("ordered") & (pl.col("kind") == "object.delete")
    rows = rows.with_columns(aside=is_null | is_apart).with_row_index("row")
    # Versions of a key by the number of the first of them: numbers are faster than names.
    rows = rows.with_columns(group=pl.col("row").first().over("listing", "key", "aside"))
    rows = rows.join(_contradicted(rows), on="group", how="left", maintain_order="left")
    wrong = rows.filter("contradicted")
    if not wrong.is_empty():
        one = wrong.row(0, named=True)
        warnings.append(
            Warn(
                one["item"],
                one["citation"],
                f"expected the versions of a key together and newest first, found"
                f" {wrong['key'].n_unique()} keys (such as {one['key']!r}) that are listed"
                " otherwise: no order is read of them",
            )
        )
    known = ~pl.col("contradicted") & ~pl.col("aside")
    back = pl.len().cast(pl.UInt64()) - 1 - pl.int_range(pl.len(), dtype=pl.UInt64())
    return rows.with_columns(
        position=pl.when(known).then(back.over("group")),
        stream=pl.when(known).then(pl.format("s3:{}/{}@{}", pl.lit(bucket), "key", "listing")),
    )


def _contradicted(rows: pl.DataFrame) -> pl.DataFrame:
    """Each group, and whether the page contradicts that its versions stand newest first."""
    run = (pl.col("key") != pl.col("key").shift(1)).fill_null(True).cum_sum()
    runs = rows.select(
        "group", "earliest", "latest", "latest_version", run=run.over("listing", "aside")
    )
    newer = pl.col("latest").fill_null(_FOREVER).cum_min().shift(1)
    # One version alone contradicts nothing.
    several = runs.filter(pl.col("group").is_duplicated())
    wrong = several.group_by("group").agg(
        contradicted=(pl.col("earliest") > newer).fill_null(False).any()
        | (pl.col("latest_version").shift(1).is_not_null() & pl.col("latest_version")).any()
        | (pl.col("run").n_unique() > 1)
    )
    return (
        rows.select(pl.col("group").unique())
        .join(wrong, on="group", how="left")
        .with_columns(pl.col("contradicted").fill_null(False))
    )


def _incomplete(rows: pl.DataFrame, warnings: list[Warn]) -> None:
    """What names no version, or no time, is said once per item."""
    for missing, message in (
        (pl.col("key").is_null() | pl.col("version").is_null(), "key and version id; left out"),
        (pl.col("earliest").is_null(), "a LastModified that is a time; undated"),
    ):
        found = rows.filter(missing).group_by("item", maintain_order=True)
        for item, citation, count in found.agg(pl.col("citation").first(), pl.len()).iter_rows():
            text = f"expected {message}: {count} versions of the page, this one first"
            warnings.append(Warn(item, citation, text))


def events(source: Source, shown: pl.DataFrame) -> pl.DataFrame:
    """``object.put`` and ``object.delete`` of versions that :func:`digests.join` gave digests.

    The actor is the owner of the object, marked as such: S3 does not say who uploaded it.
    """
    bucket = pl.lit(source.options.bucket)
    known = [
        pl.format("sha256:{}", pl.col("sha256")),
        pl.format("md5:{}", pl.col("md5")),
        pl.format("s3:{}/{}?versionId={}", bucket, "key", "version"),
    ]
    return shown.select(
        kind="kind",
        subject=pl.format("s3:{}/{}", bucket, "key"),
        attribute=pl.lit(None, pl.String()),
        value="version",
        digest=pl.coalesce(known[:2]),
        clock=pl.lit(f"s3:{source.id}"),
        basis=pl.lit("stamped").cast(BASIS),
        earliest="earliest",
        latest="latest",
        stream="stream",
        position="position",
        actor=pl.format("owner:{}", "owner"),
        names=pl.concat_list(known).list.drop_nulls(),
        item="item",
        citation="citation",
        part=pl.lit(0, pl.UInt32()),
    ).select(list(DRAFT))
