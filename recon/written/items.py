"""The items that show a table whole, in the order in which they were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.names import named

if TYPE_CHECKING:
    from recon.rules.base import Timeline

KEY = ["source", "table"]


def items(timeline: Timeline) -> pl.DataFrame:
    """One row per item and table of it, by time.

    ``source``, ``table``, ``item``, ``seen_from``, ``seen_to``, ``snapshot`` (row of the event that
    dates it), ``complete`` (it holds every row of the table), ``captured`` (it is a capture, and
    knows transactions; else a dump), ``standby``, ``system`` (null where it is not said).
    """
    value = pl.col("value")
    seen = (
        timeline.kind("snapshot")
        .filter(pl.col("earliest").is_not_null())
        .group_by("source", "item")
        .agg(
            seen_from=pl.col("earliest").min(),
            seen_to=pl.col("latest").max(),
            snapshot=pl.col("row").min(),
            standby=value.str.contains(r"\bin_recovery=true\b").any().fill_null(False),
            said=value.str.starts_with("rows ").any().fill_null(False),
            system=value.str.extract(r"\bsystem=(\d+)\b").first(),
        )
    )
    whole = (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .with_columns(complete=pl.lit(True))
    )
    holds = (
        timeline.kind("row.version", "row.dumped")
        .group_by("source", "item", table=named("pg:"))
        .agg(captured=(pl.col("kind") == "row.version").any())
    )
    return (
        whole.join(holds, on=["source", "item", "table"], how="full", coalesce=True)
        .join(seen, on=["source", "item"])
        .filter(pl.col("table").is_not_null())
        .with_columns(
            complete=pl.col("complete").fill_null(False),
            captured=pl.col("captured").fill_null(False) | pl.col("said"),
        )
        .drop("said")
        .collect(engine="streaming")
        .sort(*KEY, "seen_from", "seen_to", "item")
    )
