"""Reports of S3 Inventory as events: versions, locks, and when the report was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.s3 import drafts, sheets
from collectors.s3.sheets import Seen
from recon.collector import Source
from recon.schema import DRAFT, INSTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.inventory import Report

LOCKED = pl.col("lock_mode").is_not_null() | pl.col("lock_until").is_not_null()


def events(source: Source, reports: Sequence[Report]) -> pl.DataFrame:
    """A ``snapshot`` a report; of its rows ``object.put`` and ``object.delete`` (part 0).

    Where a row has them, also ``object.retention`` (1) and ``object.legal-hold`` (2).
    """
    parts = [pl.DataFrame(schema=DRAFT)]
    for report in reports:
        seen = _seen(source, report)
        parts += [_snapshot(source, report, seen), _versions(source, report)]
        parts += _locks(source, report, seen)
    return pl.concat(parts).unique(["item", "citation", "part"], keep="first", maintain_order=True)


def _seen(source: Source, report: Report) -> Seen:
    """A row was so when the report was begun, or not long before."""
    if report.manifest is not None and report.manifest.created is not None:
        created = report.manifest.created
        return Seen(created, created, f"s3:{source.id}", "stamped")
    seen = sheets.seen(source, report.item)
    newest = report.rows["earliest"].max() if seen.earliest is None else seen.earliest
    return Seen(newest, seen.latest, seen.clock, seen.basis)  # type: ignore[arg-type]  # a column of instants


def _snapshot(source: Source, report: Report, seen: Seen) -> pl.DataFrame:
    return drafts.draft(
        pl.DataFrame({"item": [report.item.sha256]}),
        kind=pl.lit("snapshot"),
        subject=pl.lit(f"s3:{source.options.bucket}"),
        attribute=pl.lit("inventory"),
        clock=pl.lit(seen.clock),
        basis=pl.lit(seen.basis),
        earliest=pl.lit(seen.earliest, INSTANT),
        latest=pl.lit(seen.latest, INSTANT),
    )


def _versions(source: Source, report: Report) -> pl.DataFrame:
    bucket = source.options.bucket
    # Of an upload in parts it is the initiation: put no later than the report was begun.
    created = report.manifest.created if report.manifest is not None else None
    ended = pl.lit(created, INSTANT)
    in_parts = pl.col("in_parts").fill_null(False)
    return drafts.draft(
        report.rows.drop_nulls("key").with_columns(item=pl.lit(report.item.sha256)),
        kind=pl.col("kind"),
        citation=pl.format("row {}", "number"),
        subject=pl.format("s3:{}/{}", pl.lit(bucket), "key"),
        value=pl.col("version"),
        clock=pl.lit(f"s3:{source.id}"),
        basis=pl.lit("stamped"),
        earliest=pl.col("earliest"),
        latest=pl.when(in_parts)
        .then(pl.when(ended >= pl.col("earliest")).then(ended))
        .otherwise("latest"),
        names=pl.concat_list(drafts.version(bucket)),
    )


def _locks(source: Source, report: Report, seen: Seen) -> list[pl.DataFrame]:
    bucket = source.options.bucket
    rows = report.rows.drop_nulls("key").with_columns(item=pl.lit(report.item.sha256))
    same = {
        "citation": pl.format("row {}", "number"),
        "subject": pl.format("s3:{}/{}", pl.lit(bucket), "key"),
        "clock": pl.lit(seen.clock),
        "basis": pl.lit(seen.basis),
        "earliest": pl.lit(seen.earliest, INSTANT),
        "latest": pl.lit(seen.latest, INSTANT),
        "names": pl.concat_list(drafts.version(bucket)),
    }
    until = pl.col("lock_until").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        drafts.draft(
            rows.filter(LOCKED),
            part=pl.lit(1),
            kind=pl.lit("object.retention"),
            attribute=pl.lit("retention"),
            value=pl.format(
                "{} until {}",
                pl.col("lock_mode").fill_null("a mode not said"),
                until.fill_null("a date not said"),
            ),
            **same,
        ),
        drafts.draft(
            rows.filter(pl.col("legal_hold").is_not_null()),
            part=pl.lit(2),
            kind=pl.lit("object.legal-hold"),
            attribute=pl.lit("legal-hold"),
            value=pl.col("legal_hold").str.to_uppercase(),
            **same,
        ),
    ]
