"""What an earlier acquisition or export shows, and a later one of the same source does not.

A table, a log or the refs of a repository that were acquired again, and a bucket that was listed
again, are states of one source: each says what stood there when it was taken. What the later one
gives no more was said until some time between the two.
"""

from __future__ import annotations

import polars as pl

from recon import schema
from recon.rules.base import Timeline
from recon.rules.buckets import first_absence, relisted, version_name
from recon.rules.views import snapshots

_WHOLE = r"^(records|log):"
"""Subjects of snapshots of a source that is taken whole each time."""
_STATES = r"^(records|log|git):"
_STATEMENT = ["source", "subject", "attribute", "value", "earliest", "latest"]
GONE: dict[str, pl.DataType] = {
    "row": pl.UInt64(),
    "gone_from": schema.INSTANT,
    "gone_to": schema.INSTANT,
    "gone_by": pl.String(),
    "gone": pl.UInt64(),
}
"""A claim that a later state does not give: when that one was taken, by which clock, its row."""


def gone(timeline: Timeline) -> pl.DataFrame:
    """Rows of :data:`GONE`, made once; a case whose sources were each taken once has none.

    A statement is known by its subject, attribute, value and time, wherever in a file it stands.
    Of the refs of a repository only those count that the later state gives otherwise: a bundle
    may hold some of them alone.
    """
    return timeline.once("gone-claims", lambda own: pl.concat([_of_states(own), _of_listings(own)]))


def _of_states(timeline: Timeline) -> pl.DataFrame:
    taken = timeline.kind("snapshot").filter(pl.col("subject").str.contains(_STATES))
    states = (
        taken.group_by("source", "earliest", "latest")
        .agg(
            whole=pl.col("subject").str.contains(_WHOLE).all(),
            gone_by=pl.col("clock").min(),
            gone=pl.col("row").min(),
            item=pl.col("item").unique(),
        )
        .collect()
        .sort("source", "latest", "earliest")
        .with_columns(
            number=pl.int_range(pl.len()).over("source"), count=pl.len().over("source").cast(int)
        )
        .filter(pl.col("count") > 1)
    )
    if states.is_empty():
        return pl.DataFrame(schema=GONE)
    states = states.rename({"earliest": "gone_from", "latest": "gone_to"})
    items = states.lazy().select("source", "number", "count", "item").explode("item")
    given = (
        timeline.kind("claim")
        .filter(pl.col("source").is_in(states["source"].unique().to_list()))
        .select("row", "item", *_STATEMENT)
        .join(items, on=["source", "item"])
        .collect(engine="streaming")
    )
    ended = (
        given.group_by(_STATEMENT)
        .agg(number=pl.col("number").max() + 1, count=pl.col("count").first())
        .filter(pl.col("number") < pl.col("count"))
        .drop("count")
        .join(states.drop("item", "count"), on=["source", "number"])
    )
    about = ["source", "subject", "attribute", "number"]
    otherwise = ended.join(given.select(about).unique(), on=about, how="semi", nulls_equal=True)
    ended = pl.concat([ended.filter("whole"), otherwise.filter(~pl.col("whole"))])
    return (
        given.select("row", *_STATEMENT)
        .join(ended, on=_STATEMENT, nulls_equal=True)
        .select(list(GONE))
        .unique("row")
        .sort("row")
    )


def _of_listings(timeline: Timeline) -> pl.DataFrame:
    """Versions of objects that a later listing of all that is there does not show."""
    nothing = pl.DataFrame(schema=GONE)
    again = relisted(timeline)
    if not again:
        return nothing
    shown = (
        timeline.kind("object.put")
        .filter(pl.col("source").is_in(again))
        .join(snapshots(timeline), on=["source", "item"])
        .with_columns(version=version_name())
        .filter(pl.col("version").is_not_null())
        .sort("seen_to", "row")
        .unique(["source", "version", "seen_clock"], keep="last", maintain_order=True)
    )
    absent = first_absence(timeline, shown).filter("sure")
    if absent.is_empty():
        return nothing
    ended = absent.select(
        *("source", "version"),
        gone_from="listed_from",
        gone_to="listed_to",
        gone_by="listed_clock",
        gone="listing",
    )
    return (
        timeline.kind("claim")
        .select("row", "source", version=version_name())
        .join(ended.lazy(), on=["source", "version"])
        .select(list(GONE))
        .collect(engine="streaming")
        .unique("row")
        .sort("row")
    )
