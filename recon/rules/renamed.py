"""Subjects that are gone from a table, and stand there under another name."""

from __future__ import annotations

import polars as pl

from recon.rules.base import Timeline
from recon.rules.views import claims


def renamed(
    timeline: Timeline, gone: pl.DataFrame, told: pl.LazyFrame
) -> dict[tuple[str, str, str], str]:
    """By source, table and subject gone: a subject that only the later snapshot has.

    It has equal values, of which one is a digest: few other values are a row's own. ``told``: the
    claims of all subjects of which not every complete state of the table has a row.
    """
    whole = timeline.coverage.filter(pl.col("kind") == "claim").select("source", held_item="item")
    partial = gone.lazy().join(whole, on=["source", "held_item"], how="anti").collect()
    key = ["source", "table"]
    values = (
        # What a complete state has not, and a later one has, is among them.
        (told if partial.is_empty() else claims(timeline))
        .filter(pl.col("table").is_not_null())
        .group_by(*key, "item", "subject")
        .agg(
            said=pl.concat_str("attribute", pl.lit("="), "value").sort(),
            is_own=pl.col("digest").is_not_null().any(),
        )
        .with_columns(said=pl.col("said").list.join("\n"))
    )
    lost = (
        gone.lazy()
        .select(*key, "subject", "held_item", "absent_item")
        .join(values, left_on=[*key, "held_item", "subject"], right_on=[*key, "item", "subject"])
        .filter("is_own")
    )
    known = values.select(*key, held_item="item", other="subject")
    found = (
        lost.join(
            values.rename({"subject": "other", "item": "absent_item"}),
            on=[*key, "absent_item", "said"],
        )
        .join(known, on=[*key, "held_item", "other"], how="anti")
        .sort("other")
        .unique([*key, "subject"], keep="first", maintain_order=True)
        .select(*key, "subject", "other")
        .collect()
    )
    return {(source, table, subject): other for source, table, subject, other in found.rows()}
