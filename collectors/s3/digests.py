"""Digests of versions, from HEADs; and what a claimed version thereby claims."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from collectors.s3 import claims, drafts, heads, sheets, times
from collectors.s3.kinds import CLI_HEAD, HEAD
from collectors.s3.listing import NotAListingError
from recon.collector import Items, Source, Warn
from recon.schema import INSTANT

HEADED: dict[str, pl.DataType] = {
    **heads.HEADS,
    "copy": pl.UInt32(),
    "clock": pl.String(),
    "basis": pl.String(),
    "seen_from": INSTANT,
    "seen_to": INSTANT,
    "earliest": INSTANT,
    "latest": INSTANT,
}
"""A HEAD that was answered: when, and when the version that it speaks of was stored.

``copy`` counts, from 0, the times that the same bytes were read: the AWS CLI prints no date.
"""

_OK = 200


def table(source: Source, items: Items, listed: pl.DataFrame, warnings: list[Warn]) -> pl.DataFrame:
    """Rows of :data:`HEADED`: answered HEADs whose key is known."""
    rows: list[dict[str, Any]] = []
    copies: Counter[str] = Counter()
    for item in items.of(HEAD, CLI_HEAD):
        try:
            row = (heads.ours if item.kind == HEAD else heads.cli)(items.read(item))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        if row["key"] is None and any(x["name"] == "x-amz-meta-signature" for x in row["said"]):
            # Of a digest of CloudTrail: it is read there.
            continue
        problem = _problem(source, row)
        if problem:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {problem}"))
            continue
        seen = sheets.seen(source, item)
        rows.append(
            {
                **row,
                "item": item.sha256,
                "copy": copies[item.sha256],
                "clock": seen.clock,
                "basis": seen.basis,
                "seen_from": seen.earliest,
                "seen_to": seen.latest,
            }
        )
        copies[item.sha256] += 1
    frame = pl.DataFrame(rows, schema=HEADED, orient="row")
    frame = frame.with_columns(times.modified(frame["modified"])).with_columns(
        # Of an upload in parts it is the initiation: put between it and the HEAD.
        latest=pl.when(pl.col("etag").str.contains(r"-\d+$"))
        .then(pl.when(pl.col("clock") == f"s3:{source.id}").then("seen_to"))
        .otherwise("latest"),
        seen_from=pl.coalesce("seen_from", "earliest"),
    )
    return _keyed(frame, listed, warnings)


def _problem(source: Source, row: dict[str, Any]) -> str:
    if row["bucket"] not in (None, source.options.bucket):
        return f"expected the bucket {source.options.bucket!r}, found {row['bucket']!r}"
    if row["status"] != _OK:
        return f"expected status 200, found {row['status']}: no digest of this version"
    if row["version"] is None:
        return "expected a version id, found none"
    return ""


def _keyed(frame: pl.DataFrame, listed: pl.DataFrame, warnings: list[Warn]) -> pl.DataFrame:
    """The AWS CLI prints no key: it is that of the one listed version with this id, ETag and time.

    Where more than one has, or none, the HEAD says nothing of any key.
    """
    bare = frame.filter(pl.col("key").is_null())
    if bare.is_empty():
        return frame
    puts = listed.filter(pl.col("kind") == "object.put").select(
        "version", "etag", "earliest", found="key"
    )
    matched = (
        bare.join(puts.unique(), on=["version", "etag", "earliest"])
        .group_by("item")
        .agg(pl.col("found").unique())
    )
    resolved = bare.join(matched, on="item", how="left", maintain_order="left").with_columns(
        count=pl.col("found").list.len().fill_null(0)
    )
    warnings += [
        Warn(
            row["item"],
            "",
            f"expected one listed version {row['version']} with this ETag and LastModified,"
            f" found {row['count']}: not used",
        )
        for row in resolved.filter(pl.col("count") != 1).iter_rows(named=True)
    ]
    one = resolved.filter(pl.col("count") == 1).with_columns(key=pl.col("found").list.first())
    return pl.concat([frame.filter(pl.col("key").is_not_null()), one.select(frame.columns)])


def join(listed: pl.DataFrame, frame: pl.DataFrame, warnings: list[Warn]) -> pl.DataFrame:
    """Listed versions with ``sha256`` and ``md5``, where a HEAD speaks of the same bytes.

    The same means: same key, id, ETag and second, as the bytes under the id ``null`` may change.
    Two HEADs that disagree give no digest, and are named.
    """
    same = ["key", "version", "etag", "earliest"]
    known = (
        frame.filter(pl.col("copy") == 0)
        .sort("item")
        .group_by(same, maintain_order=True)
        .agg(
            pl.col("sha256").drop_nulls().unique(maintain_order=True),
            pl.col("md5").drop_nulls().first(),
            pl.col("item").first(),
        )
    )
    warnings += [
        Warn(
            row["item"],
            "",
            f"expected one SHA-256 of {row['key']!r} {row['version']}, found"
            f" {', '.join(row['sha256'])} in several HEADs: none is used for the listing",
        )
        for row in known.filter(pl.col("sha256").list.len() > 1).iter_rows(named=True)
    ]
    one = pl.when(pl.col("sha256").list.len() == 1).then(pl.col("sha256").list.first())
    return listed.join(
        known.select(*same, "md5", sha256=one), on=same, how="left", maintain_order="left"
    )


def events(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    """Per HEAD a ``snapshot`` of the object (part 0), ``object.head`` (1) and claims (2 …).

    A claim has the version's time, not the HEAD's: it was stored then, and is only read now.
    Bytes that were read again give one more snapshot each, after the claims.
    """
    bucket = source.options.bucket
    frame = frame.with_columns(
        subject=pl.format("s3:{}/{}", pl.lit(bucket), "key"),
        whole=pl.format("sha256:{}", "sha256"),
        names=pl.concat_list(
            pl.format("sha256:{}", "sha256"),
            pl.format("md5:{}", "md5"),
            pl.format("s3:{}/{}?versionId={}", pl.lit(bucket), "key", "version"),
        ).list.drop_nulls(),
    )
    seen = {
        "clock": pl.col("clock"),
        "basis": pl.col("basis"),
        "earliest": pl.col("seen_from"),
        "latest": pl.col("seen_to"),
    }
    stored = {
        "clock": pl.lit(f"s3:{source.id}"),
        "basis": pl.lit("stamped"),
        "earliest": pl.col("earliest"),
        "latest": pl.col("latest"),
        "digest": pl.col("whole"),
        "names": pl.col("names"),
    }
    number = pl.col("copy") + 1 + len(source.claims)
    part = pl.when(pl.col("copy") == 0).then(0).otherwise(number)
    snapshots = drafts.draft(
        frame, part=part, kind=pl.lit("snapshot"), subject=pl.col("subject"), **seen
    )
    frame = frame.filter(pl.col("copy") == 0)
    parts = [
        snapshots,
        drafts.draft(
            frame,
            part=pl.lit(1),
            **seen,
            kind=pl.lit("object.head"),
            subject=pl.col("subject"),
            value=pl.col("version"),
            digest=pl.coalesce("whole", pl.format("md5:{}", "md5")),
            names=pl.col("names"),
        ),
    ]
    proven = frame.filter(pl.col("sha256").is_not_null())
    parts += [
        drafts.draft(
            proven.filter(claims.matches(claim)),
            part=pl.lit(number),
            **stored,
            kind=pl.lit("claim"),
            subject=claims.subject(claim),
            attribute=pl.lit(claim.attribute),
            value=pl.col("sha256"),
        )
        for number, claim in enumerate(source.claims, 2)
    ]
    return pl.concat(parts)
