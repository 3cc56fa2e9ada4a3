"""Row versions: of captures by the transaction that wrote them, of dumps without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from recon.names import named
from recon.written.histories import Histories
from recon.written.streams import stream_parts
from recon.written.xids import FIRST_NORMAL, before, near, number_of, system_of

if TYPE_CHECKING:
    from recon.rules.base import Timeline


def row_versions(timeline: Timeline) -> pl.LazyFrame:
    """One row per ``row.version`` and ``row.dumped`` event.

    ``row``, ``source``, ``item``, ``citation``, ``kind``, ``subject``, ``clock``, ``earliest``,
    ``latest``, ``table``, ``system`` and ``number`` (32 bits; null where none is known).
    """
    return (
        timeline.kind("row.version", "row.dumped")
        .select(
            *("row", "source", "item", "citation", "kind", "subject", "clock"),
            *("earliest", "latest"),
            table=named("pg:"),
            xid=named("xid:"),
        )
        .with_columns(system=system_of(pl.col("xid")), number=number_of(pl.col("xid")))
        .drop("xid")
    )


class Placed(NamedTuple):
    """Versions in each history that they may be of."""

    rows: pl.DataFrame
    """``row``, ``history``, ``xid`` (full), and ``sure``: whether it is the one history."""
    told: pl.DataFrame
    """``source``, ``item``, ``history``: items whose timeline control data tell."""


def placed(
    timeline: Timeline, versions: pl.DataFrame, known: Histories, points: pl.DataFrame
) -> Placed:
    """By the control data that were read with the rows; every timeline of the cluster else.

    Frozen and bootstrap transactions have no time, and are left out.
    """
    normal = versions.filter(pl.col("number") >= FIRST_NORMAL).select(
        "row", "source", "item", "system", "number"
    )
    items = normal.select("source", "item", "system").unique()
    tips = known.tips
    seen = _read_with(timeline, items)
    here = (
        items.join(seen, on=["source", "item", "system"], how="left")
        .join(tips, on=["source", "system"], suffix="_tip")
        .filter((pl.col("timeline") == pl.col("timeline_tip")).fill_null(True))
        .with_columns(sure=pl.len().over("source", "item", "system") == 1)
        .select("source", "item", "system", "history", "timeline", "end", "sure")
    )
    last = points.group_by("history").agg(last=pl.col("next_xid").max())
    full = (
        pl.when(pl.col("end").is_not_null())
        .then(before(pl.col("number"), pl.col("end")))
        .when(pl.col("last").is_not_null())
        .then(near(pl.col("number"), pl.col("last")))
        .otherwise("number")
    )
    rows = (
        normal.join(here, on=["source", "item", "system"])
        .join(last, on="history", how="left")
        .select("row", "history", "sure", xid=full)
    )
    told = here.filter(pl.col("timeline").is_not_null()).select("source", "item", "history")
    return Placed(rows, told)


def _read_with(timeline: Timeline, items: pl.DataFrame) -> pl.DataFrame:
    """By item: the timeline that control data read in the same transaction name, and ``end``.

    ``end`` is the number that came next when the item was read, where it says so.
    """
    snapshots = timeline.kind("snapshot").select(
        "source",
        "item",
        "earliest",
        end=pl.col("value").str.extract(r"\bsnapshot=\d+:(\d{1,19}):").cast(pl.Int64, strict=False),
    )
    controls = (
        timeline.kind("control.checkpoint")
        .filter(pl.col("stream").is_not_null())
        .select("source", "item", **stream_parts())
        .join(snapshots.drop("end"), on=["source", "item"])
        .select("source", "system", "timeline", "earliest")
        .unique(["source", "system", "earliest"], keep="none")
    )
    return (
        items.lazy()
        .join(snapshots.unique(["source", "item"], keep="none"), on=["source", "item"])
        .join(controls, on=["source", "system", "earliest"], how="left")
        .select("source", "item", "system", "timeline", "end")
        .collect()
    )
