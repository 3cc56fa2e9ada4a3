"""Where the log of a cluster begins anew: before that its numbers may have been another's.

``pg_resetwal`` writes the first checkpoint of a log that has nothing before it, and sets which
transaction comes next. ``pg_upgrade`` does so in the new cluster, which has until then counted for
itself: what it archived before that is of transactions that no row of the old cluster knows, under
the same numbers.
Source: ``pg_resetwal.c`` (``WriteEmptyXLOG``: ``xl_prev`` is 0), ``pg_upgrade.c``
(``copy_xact_xlog_xid``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from recon.written.streams import stream_parts

if TYPE_CHECKING:
    from recon.rules.base import Timeline

_YOUNG = 2**14
"""A cluster made for ``pg_upgrade`` is empty until then: some hundreds of transactions."""
_KEY = ["source", "system", "timeline"]


class Reset(NamedTuple):
    """The last new beginning of a timeline's log."""

    at: int
    """LSN of the first checkpoint after it, or of the first outcome after a gap that hides it."""
    next_xid: int
    """The transaction (full) that came next then: what it wrote before has lower numbers."""


def resets(timeline: Timeline, counts: pl.DataFrame) -> dict[tuple[str, str, int], Reset]:
    """By source, system and timeline, where there was one in the log at hand, or may have been.

    It shows as a checkpoint without a record before it, or as a count that falls. Where neither is
    at hand, it may lie where the log of a cluster that was young until then has a gap.

    Args:
        timeline: what the log covers.
        counts: :func:`recon.written.points.checkpoints`.
    """
    key = _KEY
    placed = counts.filter(pl.col("position").is_not_null()).sort(*key, "position", "next_xid")
    earlier = pl.col("next_xid").cum_max().shift().over(key)
    # The last place up to here from which on the log has no gap, and that of the point before.
    pieces = _pieces(timeline)
    placed = placed.sort("position").join_asof(
        pieces, on="position", by=key, strategy="backward", check_sortedness=False
    )
    placed = placed.sort(*key, "position", "next_xid")
    parted = pl.col("piece").ne_missing(pl.col("piece").shift().over(key))
    told = pl.col("first") | (pl.col("next_xid") < earlier).fill_null(False)
    hidden = (parted & (earlier < _YOUNG)).fill_null(False)
    placed = placed.with_columns(at=pl.when(told).then("position").otherwise("piece"))
    # The first checkpoint of all, of initdb, has nothing before it either.
    inner = pl.col("position") > pl.col("position").min().over(key)
    found = placed.filter((told | hidden) & inner).unique(key, keep="last", maintain_order=True)
    return {
        (source, system, timeline): Reset(at, next_xid)
        for source, system, timeline, at, next_xid in found.select(*key, "at", "next_xid").rows()
    }


def _pieces(timeline: Timeline) -> pl.DataFrame:
    """Where the log goes on after a gap: ``position`` of its first outcome there, ``piece``."""
    begun = (
        timeline.coverage.filter((pl.col("kind") == "wal.*") & pl.col("stream").is_not_null())
        .select("source", "stream", "earliest")
        .unique()
        # The one that begins first has none before it.
        .filter(pl.col("earliest") > pl.col("earliest").min().over("source", "stream"))
    )
    return (
        timeline.kind("wal.commit", "wal.abort")
        .filter(pl.col("position").is_not_null())
        .select("source", "stream", "earliest", "position")
        .join(begun, on=["source", "stream", "earliest"], how="semi")
        .group_by("source", "stream", "earliest")
        .agg(pl.col("position").min())
        .select("source", **stream_parts(), position="position", piece="position")
        .collect(engine="streaming")
        .sort("position")
    )


def since_reset(counts: pl.DataFrame, found: Mapping[tuple[str, str, int], Reset]) -> pl.DataFrame:
    """The counts without those from before a new beginning."""
    if not found:
        return counts
    begun = pl.DataFrame(
        [(*key, reset.at) for key, reset in found.items()],
        schema={"source": pl.String, "system": pl.String, "timeline": pl.Int64, "at": pl.UInt64},
        orient="row",
    )
    return (
        counts.join(begun, on=["source", "system", "timeline"], how="left", maintain_order="left")
        .filter((pl.col("position") >= pl.col("at")).fill_null(True))
        .drop("at")
    )
