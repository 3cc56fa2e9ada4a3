"""Where the log of a cluster begins anew: before that its numbers may have been another's.

``pg_resetwal`` writes the first checkpoint of a log that has nothing before it, and sets which
transaction comes next. ``pg_upgrade`` does so in the new cluster, which has until then counted for
itself: what it archived before that is of transactions that no row of the old cluster knows, under
the same numbers.
Source: ``pg_resetwal.c`` (``WriteEmptyXLOG``: ``xl_prev`` is 0), ``pg_upgrade.c``
(``copy_xact_xlog_xid``).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl


class Reset(NamedTuple):
    """The last new beginning of a timeline's log."""

    at: int
    """LSN of the first checkpoint after it."""
    next_xid: int
    """The transaction (full) that came next then: what it wrote before has lower numbers."""


def resets(counts: pl.DataFrame) -> dict[tuple[str, str, int], Reset]:
    """By source, system and timeline, where there was one in the log at hand.

    It shows as a checkpoint without a record before it, or as a count that falls, where that
    checkpoint is not at hand.

    Args:
        counts: :func:`recon.written.points.checkpoints`.
    """
    key = ["source", "system", "timeline"]
    placed = counts.filter(pl.col("position").is_not_null()).sort(*key, "position", "next_xid")
    earlier = pl.col("next_xid").cum_max().shift().over(key)
    begins = pl.col("first") | (pl.col("next_xid") < earlier).fill_null(False)
    # The first checkpoint of all, of initdb, has nothing before it either.
    inner = pl.col("position") > pl.col("position").min().over(key)
    found = placed.filter(begins & inner).unique(key, keep="last", maintain_order=True)
    return {
        (source, system, timeline): Reset(at, next_xid)
        for source, system, timeline, at, next_xid in found.select(
            *key, "position", "next_xid"
        ).rows()
    }


def since_reset(counts: pl.DataFrame) -> pl.DataFrame:
    """The counts without those from before a new beginning."""
    found = resets(counts)
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
