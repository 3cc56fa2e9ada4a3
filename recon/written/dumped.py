"""Absent in the dump of one day, present in what was read later.

A dump knows no transactions. A row version with a subject and digests is not in a dump that has no
row of the subject, or rows with other digests alone; the same values may be another version's.
What dumps say is never firm: the dump may be of a standby that lagged, its time is the client's,
and noted before the snapshot is taken. Source: ``pg_dump.c`` (``CreateArchive``, then
``setup_connection``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.written.items import KEY

if TYPE_CHECKING:
    from recon.rules.base import Timeline

_RECORD = ["source", "item", "citation"]


def dumped(timeline: Timeline, versions: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """The last dump before a row was first seen that lacks it; for a dump's row, that dump too."""
    dumps = items.filter(~pl.col("captured") & pl.col("complete")).with_columns(
        day=pl.int_range(pl.len()).over(KEY)
    )
    if dumps.is_empty():
        return versions.clear().select(
            "row",
            firm=pl.lit(False),
            earliest="earliest",
            latest="latest",
            clock="clock",
            because="clock",
            from_event="row",
            to_event="row",
        )
    rows = _known(timeline, versions)
    same = rows.select("identity", *KEY, "item").unique()
    runs = (
        same.join(dumps.select(*KEY, "item", "day"), on=[*KEY, "item"])
        .sort("identity", "day")
        .with_columns(run=pl.col("day") - pl.int_range(pl.len()).over("identity"))
        .group_by("identity", "run")
        .agg(start=pl.col("day").min(), end=pl.col("day").max())
        .sort("start")
    )
    # Of the dumps before: by their end, as a dump that was not finished may show what came later.
    earlier = dumps.select(*KEY, "seen_to", upto="day").sort("seen_to")
    found = (
        rows.join(items.select(*KEY, "item", "seen_from", "seen_to"), on=[*KEY, "item"])
        .sort("seen_from")
        .join_asof(
            earlier, left_on="seen_from", right_on="seen_to", by=KEY, strategy="backward",
            allow_exact_matches=False, check_sortedness=False, suffix="_dump",
        )
        .sort("upto")
        .join_asof(
            runs.select("identity", "start", "end"), left_on="upto", right_on="start",
            by="identity", strategy="backward", check_sortedness=False,
        )
        .with_columns(
            lacking=pl.when(pl.col("end") >= pl.col("upto"))
            .then(pl.col("start") - 1)
            .otherwise("upto")
        )
        .join(
            dumps.select(*KEY, "day", then="seen_from", from_event="snapshot"),
            left_on=[*KEY, "lacking"], right_on=[*KEY, "day"], how="left",
        )
        .join(
            dumps.select(*KEY, "item", now="seen_to", to_event="snapshot"),
            on=[*KEY, "item"], how="left",
        )
    )  # fmt: skip
    lacks, holds = pl.col("then").is_not_null(), pl.col("now").is_not_null()
    because = (
        pl.when(lacks & holds)
        .then(pl.lit("absent in one dump of the table, present in this one"))
        .when(holds)
        .then(pl.lit("present in this dump of the table"))
        .otherwise(pl.lit("absent in a dump of the table, or there with other digests"))
    )
    return found.filter(lacks | holds).select(
        "row",
        firm=pl.lit(False),
        earliest="then",
        latest="now",
        clock=pl.format("pg:{}/dump", "source"),
        because=because,
        from_event="from_event",
        to_event="to_event",
    )


def _known(timeline: Timeline, versions: pl.DataFrame) -> pl.DataFrame:
    """``row``, ``source``, ``table``, ``item``, and ``identity``: a number for equal rows.

    Only digests count that every item of the table has: other columns may not have been there.
    """
    digests = (
        timeline.kind("claim")
        .filter(pl.col("digest").is_not_null())
        .select(*_RECORD, "attribute", "digest")
        .collect(engine="streaming")
        .join(versions.select(*_RECORD, "table"), on=_RECORD)
    )
    with_rows = versions.select(*KEY, "item").unique().group_by(KEY).agg(of=pl.len())
    everywhere = (
        digests.group_by(*KEY, "attribute")
        .agg(pl.col("item").n_unique())
        .join(with_rows, on=KEY)
        .filter(pl.col("item") == pl.col("of"))
        .select(*KEY, "attribute")
    )
    content = (
        digests.join(everywhere, on=[*KEY, "attribute"], how="semi")
        .group_by(_RECORD)
        .agg(content=pl.concat_str("attribute", pl.lit("="), "digest").sort().str.join(" "))
    )
    said = versions.select("row", *_RECORD, "table", "subject").join(
        content, on=_RECORD, how="left"
    )
    identity = (
        said.select(*KEY, "subject", "content")
        .unique(maintain_order=True)
        .with_row_index("identity")
    )
    return said.join(identity, on=[*KEY, "subject", "content"], nulls_equal=True).select(
        "row", *KEY, "item", "identity"
    )
