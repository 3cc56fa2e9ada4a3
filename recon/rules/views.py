"""Frames that several rules start from: claims with the other readings of the same record."""

from __future__ import annotations

import polars as pl

from recon.rules.base import Timeline

RECORD = ["source", "item", "citation"]
"""What one record is known by: events of one record share it."""


def snapshots(timeline: Timeline) -> pl.LazyFrame:
    """When each item's state was read: ``source``, ``item``, ``seen_from``, ``seen_to``.

    An item that several snapshots date (pages of a listing) is dated by all of them together.
    """
    return (
        timeline.kind("snapshot")
        .group_by("source", "item")
        .agg(
            seen_from=pl.col("earliest").min(),
            seen_to=pl.col("latest").max(),
            snapshot=pl.col("row").min(),
        )
    )


def claims(timeline: Timeline) -> pl.LazyFrame:
    """Claims, each with the table it stands in (null outside databases) and its item's snapshot.

    Columns of the timeline, and ``table``, ``xid`` (of the row version), ``written`` (row of the
    event that stamped the record), ``written_from``, ``written_to``, ``seen_from``, ``seen_to``.
    """
    return (
        timeline.kind("claim")
        .join(versions(timeline), on=RECORD, how="left")
        .join(snapshots(timeline), on=["source", "item"], how="left")
        .with_columns(
            table=pl.coalesce("table", named("pg:")),
        )
    )


def versions(timeline: Timeline) -> pl.LazyFrame:
    """Row versions with the transaction that wrote them, dated by whatever dates it.

    The commit timestamp that the server kept, else the COMMIT record of the transaction in WAL.
    Where two timelines have a commit of that number, the interval covers both.
    """
    commits = (
        timeline.kind("wal.commit")
        .select("source", "earliest", "latest", xid=xids())
        # A row written in a savepoint names the subtransaction, which commits with its parent.
        .explode("xid")
        .group_by("source", "xid")
        .agg(commit_from=pl.col("earliest").min(), commit_to=pl.col("latest").max())
    )
    return (
        timeline.kind("row.version", "row.dumped")
        .select(
            *RECORD,
            written="row",
            written_clock="clock",
            written_from="earliest",
            written_to="latest",
            table=named("pg:"),
            xid=named("xid:"),
        )
        .join(commits, on=["source", "xid"], how="left")
        .with_columns(
            written_from=pl.coalesce("written_from", "commit_from"),
            written_to=pl.coalesce("written_to", "commit_to"),
        )
        .drop("commit_from", "commit_to")
    )


def named(prefix: str) -> pl.Expr:
    """The first name that starts with the prefix; null where there is none."""
    names = pl.col("names")
    return names.list.filter(pl.element().str.starts_with(prefix)).list.first()


def xids() -> pl.Expr:
    """Every transaction that an event names: its own, then its subtransactions."""
    return pl.col("names").list.filter(pl.element().str.starts_with("xid:"))
