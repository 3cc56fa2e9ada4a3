"""What the write-ahead log leaves known of a table between a snapshot and an instant."""

from __future__ import annotations

import polars as pl

from recon.names import within
from recon.rules.base import Timeline


def quiet(timeline: Timeline, states: pl.LazyFrame, at: pl.Expr) -> pl.LazyFrame:
    """Tables and snapshots between which and the instant the log covers all and records no write.

    It must have recorded something of the table before: a log that knows the table's file by no
    name is silent of all its writes. ``states``: of tables, ``source``, ``table``, ``seen_from``,
    ``seen_to``. Columns ``source``, ``table``, ``seen_from``, ``seen_to``,
    ``quiet``.
    """
    key = ["source", "table", "seen_from", "seen_to"]
    spans = (
        states.filter(pl.col("table").is_not_null() & (pl.col("seen_to") <= at))
        .select(key)
        .unique()
    )
    covered = (
        timeline.coverage.filter(pl.col("kind").str.starts_with("table."))
        .select("source", covered="subject", covered_from="earliest", covered_to="latest")
        .join(spans, on="source")
        .filter(
            (pl.col("covered_from") <= pl.col("seen_from"))
            & (pl.col("covered_to") >= at)
            & within(pl.col("table"), pl.col("covered"))
        )
        .select(key)
        .unique()
    )
    logged = (
        timeline.events.filter(
            pl.col("kind").str.starts_with("table.")
            & pl.col("earliest").is_not_null()
            & pl.col("stream").is_not_null()
        )
        .select("source", "earliest", "latest", table="subject")
        .join(covered, on=["source", "table"])
    )
    # The snapshot may have been taken at any time of its interval.
    writes = logged.filter((pl.col("latest") >= pl.col("seen_from")) & (pl.col("earliest") <= at))
    followed = logged.filter(pl.col("latest") < pl.col("seen_from")).select(key).unique()
    return (
        covered.join(followed, on=key, how="semi")
        .join(writes.select(key).unique(), on=key, how="anti")
        .with_columns(quiet=pl.lit(True))
    )


def misnamed(timeline: Timeline, at: pl.Expr) -> pl.LazyFrame:
    """Tables made under another name, of which no drop of the old one by the instant is known.

    Columns ``source``, ``table``, ``misnamed_since``.
    """
    own = pl.format("name={}", pl.col("table").str.extract(r"\.([^.]*)$"))
    # What the log tells of names; an act seen between two snapshots names no other table.
    logged = timeline.kind("table.create", "table.recreate").filter(pl.col("stream").is_not_null())
    acts = logged.select("source", "kind", "earliest", "value", table="subject")
    replaced = (
        acts.filter((pl.col("kind") == "table.recreate") & (pl.col("earliest") <= at))
        .group_by("source", "table")
        .agg(replaced=pl.col("earliest").max())
    )
    return (
        acts.filter((pl.col("kind") == "table.create") & (pl.col("earliest") <= at))
        .filter((pl.col("value") != own).fill_null(True))
        .join(replaced, on=["source", "table"], how="left")
        .filter((pl.col("earliest") > pl.col("replaced")).fill_null(True))
        .group_by("source", "table")
        .agg(misnamed_since=pl.col("earliest").min())
    )
