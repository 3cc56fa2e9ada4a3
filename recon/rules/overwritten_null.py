"""Claimed bytes under the version id ``null`` that a later PUT took the place of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import version_name


@rule("overwritten-null", needs=("object.put", "claim"))
def overwritten_null(timeline: Timeline) -> Iterator[Draft]:
    """A version ``null`` was overwritten iff one key has it with two times, and other bytes.

    Judged are keys that the case claims something of: other objects may change by design.
    Undetermined where the digest of one of them is not known.
    Innocent: the same bytes uploaded again, which is silent; two uploads of one second, which
    have no order.
    Source: Amazon S3 User Guide, "Adding objects to versioning-suspended buckets": a PUT
    overwrites the version whose id is null; what it was is gone.
    """
    puts = timeline.kind("object.put").filter(
        pl.col("value") == "null", pl.col("earliest").is_not_null()
    )
    # What they name is slow to read.
    if puts.select("row").limit(1).collect(engine="streaming").is_empty():
        return
    null = puts.with_columns(version=version_name()).collect(engine="streaming")
    claimed = timeline.kind("claim").select("source", version=version_name()).unique()
    puts = (
        null.lazy()
        .join(claimed, on=["source", "version"], how="semi")
        # A listing that had a HEAD beside it knows more than one that had none.
        .sort("earliest", pl.col("digest").is_null(), "row")
        .unique(["source", "version", "earliest"], keep="first", maintain_order=True)
        .select("source", "subject", "version", "digest", "earliest", "latest", "row")
    )
    columns = ("digest", "earliest", "latest", "row")
    found = (
        puts.sort("source", "version", "earliest")
        .with_columns(
            pl.col(c).shift(-1).over("source", "version").name.prefix("next_") for c in columns
        )
        .filter(
            (pl.col("next_earliest") > pl.col("latest"))
            & (_plain("digest") != _plain("next_digest")).fill_null(True)
        )
        .sort("subject", "row")
        .collect()
    )
    for row in found.iter_rows(named=True):
        yield _draft(row)


def _draft(row: dict[str, Any]) -> Draft:
    known = _kind(row["digest"]) is not None and _kind(row["digest"]) == _kind(row["next_digest"])
    verdict: Verdict = "missing" if known else "undetermined"
    was, now = row["digest"] or "a digest not known", row["next_digest"] or "a digest not known"
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} held version null of {row['subject']} with {was}, stored at "
        f"{say_interval(row['earliest'], row['latest'])}, and has it with {now}, stored at "
        f"{say_interval(row['next_earliest'], row['next_latest'])}",
        events=[("first", row["row"]), ("overwritten", row["next_row"])],
        steps=[step("differs", "first", "overwritten", attribute="digest", was=was, now=now)],
        excuse="For this to be innocent the object would have had to be meant to change.",
        alibi="Both are records of one key under one version id, by one clock.",
        innocent=[
            Innocent(
                "The same bytes were uploaded again.",
                True if known else None,
                "The digests differ." if known else "One of the digests is not known.",
            )
        ],
    )


def _plain(column: str) -> pl.Expr:
    """Hexadecimal digits are the same in either case."""
    return pl.col(column).str.to_lowercase()


def _kind(digest: str | None) -> str | None:
    """Digests of two kinds cannot be compared."""
    return digest.partition(":")[0].lower() if digest else None
