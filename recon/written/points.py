"""Points of the count of transactions: which number came next, and from which on any still ran.

A checkpoint notes both as it begins, and so does the snapshot of a capture. Three things follow:

- a transaction whose number is not below ``next_xid`` got it after the point, and so
  committed later;
- one whose number is below ``running`` had ended by then, so it committed earlier;
- one in between had begun by then and may have ended much later.

Source: ``xlog.c`` (``CreateCheckPoint``: time, oldest active transaction and next transaction are
read in this order, one right after the other), ``procarray.c`` (``GetOldestActiveTransactionId``:
prepared transactions count), PostgreSQL documentation, 9.27.9 ``pg_current_snapshot``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from recon.schema import INSTANT
from recon.written.histories import Histories
from recon.written.streams import stream_parts
from recon.written.xids import ROUND

if TYPE_CHECKING:
    from recon.rules.base import Timeline

POINTS: dict[str, pl.DataType] = {
    "history": pl.UInt32(),
    "next_xid": pl.Int64(),
    "running": pl.Int64(),
    "time_from": INSTANT,
    "time_to": INSTANT,
    "point": pl.UInt64(),
    "what": pl.String(),
    "clock": pl.String(),
    "doubted": pl.Boolean(),
}
"""One row per history and point of it. ``next_xid`` and ``running`` are full numbers, null where
they are not said. ``point``: the event's row; ``what``: its kind in words; ``doubted``:
that it is of this history is likely, and not certain."""

_LAG = timedelta(seconds=1)
"""Between a checkpoint's time and its reading of the transactions: no more than a few calls, given
a second, so that a bound holds where the second turned in between."""


def points(timeline: Timeline, checked: pl.DataFrame, known: Histories) -> pl.DataFrame:
    """Rows of :data:`POINTS`, by history and next number; ``checked``: :func:`checkpoints`."""
    found = pl.concat([checked.drop("first"), _snapshots(timeline).collect()])
    found = _placed(found, known)
    stretches = known.stretches.select(
        *("history", "source", "system", "timeline", "since", "until", "below", "linked", "maybe")
    )
    # What has no place in the log is of its own timeline alone: a parent may have gone on.
    inside = pl.col("until").is_null() | (pl.col("position") <= pl.col("until"))
    begun = (pl.col("position") >= pl.col("since")).fill_null(True)
    return (
        found.join(stretches, on=["source", "system", "timeline"])
        .filter(inside.fill_null(False) & begun)
        .filter(pl.col("below").is_null() | (pl.col("next_xid") <= pl.col("below")))
        .with_columns(doubted=pl.col("linked") | pl.col("maybe"))
        .select(list(POINTS))
        .sort("history", "next_xid", "time_from", "point")
    )


def _placed(found: pl.DataFrame, known: Histories) -> pl.DataFrame:
    """With a timeline for the points of captures that read no control data, if there is but one."""
    only = (
        known.tips.group_by("source", "system")
        .agg(pl.len(), only=pl.col("timeline").first())
        .filter(pl.col("len") == 1)
        .select("source", "system", "only")
    )
    return (
        found.join(only, on=["source", "system"], how="left", maintain_order="left")
        .with_columns(timeline=pl.coalesce("timeline", "only"))
        .drop("only")
        .filter(pl.col("timeline").is_not_null())
    )


def checkpoints(timeline: Timeline) -> pl.DataFrame:
    """Checkpoints in the log and in control data, of whatever history.

    ``source``, ``system``, ``timeline``, ``position``, the columns of :data:`POINTS`, and
    ``first``: nothing is before it in the log.
    """
    value = pl.col("value")
    epoch = value.str.extract(r"\bnext_xid=(\d{1,10}):\d").cast(pl.Int64, strict=False)
    low = value.str.extract(r"\bnext_xid=(?:\d{1,10}:)?(\d{1,19})\b").cast(pl.Int64, strict=False)
    oldest = value.str.extract(r"\boldest_running_xid=(\d{1,10})\b").cast(pl.Int64, strict=False)
    return (
        timeline.kind("wal.checkpoint", "control.checkpoint")
        .filter(pl.col("stream").is_not_null() & pl.col("earliest").is_not_null())
        .select(
            "source",
            **stream_parts(),
            position="position",
            next_xid=epoch.fill_null(0) * ROUND + low,
            oldest=pl.when(oldest > 0).then(oldest),
            time_from="earliest",
            time_to=pl.col("latest") + _LAG,
            point="row",
            what=pl.when(pl.col("kind") == "wal.checkpoint")
            .then(pl.lit("checkpoint"))
            .otherwise(pl.lit("control data")),
            clock="clock",
            first=value.str.contains(r"\bprev=0/0\b").fill_null(False),
        )
        .filter(pl.col("next_xid").is_not_null() & pl.col("timeline").is_not_null())
        .with_columns(running=pl.col("next_xid") - (pl.col("next_xid") - pl.col("oldest")) % ROUND)
        .drop("oldest")
        .collect()
    )


def _snapshots(timeline: Timeline) -> pl.LazyFrame:
    """Snapshots of captures whose text says the numbers; a standby's show a state of the past.

    The files of one capture are read in one transaction, which has one beginning: the timeline is
    that of the control data which were read with it.
    """
    value = pl.col("value")
    is_standby = value.str.contains(r"\bin_recovery=true\b")
    controls = timeline.kind("control.checkpoint").filter(pl.col("stream").is_not_null())
    seen = timeline.kind("snapshot").filter(value.str.contains(r"\bsnapshot=\d+:\d+:"))
    of_control = (
        controls.select("source", "item", **stream_parts())
        .join(seen.select("source", "item", "earliest"), on=["source", "item"])
        .select("source", "system", "timeline", "earliest")
        .unique(["source", "system", "earliest"], keep="none")
    )
    return (
        seen.with_columns(
            system=value.str.extract(r"\bsystem=(\d+)\b"),
            next_xid=value.str.extract(r"\bsnapshot=\d+:(\d{1,19}):").cast(pl.Int64, strict=False),
            running=value.str.extract(r"\bsnapshot=(\d{1,19}):").cast(pl.Int64, strict=False),
        )
        .join(of_control, on=["source", "system", "earliest"], how="left")
        .filter(pl.col("system").is_not_null() & pl.col("earliest").is_not_null())
        .select(
            "source",
            "system",
            "timeline",
            position=pl.lit(None, pl.UInt64),
            # On a standby a transaction that is not seen yet may have ended long ago.
            next_xid=pl.when(~is_standby.fill_null(False)).then("next_xid"),
            time_from="earliest",
            time_to="latest",
            point="row",
            what=pl.lit("capture"),
            clock="clock",
            running="running",
        )
    )
