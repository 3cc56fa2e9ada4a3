"""What points of the count say of a transaction: after which it began, by which it had ended."""

from __future__ import annotations

import polars as pl


def brackets(
    placed: pl.DataFrame, points: pl.DataFrame, shown: pl.DataFrame, own: pl.DataFrame
) -> pl.DataFrame:
    """``row``, ``history``, ``xid`` and the ends that points give; each null where there is none.

    ``after``: of the last point at which the number was still to come, so that the transaction
    committed later. ``ended``: of the first one that knows it ended, or of the first capture that
    shows a row of it. ``given``: of the first point by which the number was given out: a
    transaction that is not long had ended about then. Each has ``…_time``, ``…_event``, ``…_what``.

    Args:
        placed: rows by history and number.
        points: :data:`recon.written.points.POINTS`.
        shown: ``history``, ``xid``, and ``ended_…`` of the first capture that shows one of it.
        own: ``row`` and ``own_…`` of the capture that shows this one.
    """
    wanted = placed.select("history", "xid").unique().sort("history", "xid")
    counted = points.filter(pl.col("next_xid").is_not_null())
    after = counted.sort("next_xid", "time_from", "point").select(
        *("history", "next_xid"),
        after_time="time_from",
        after_event="point",
        after_what="what",
        after_clock="clock",
        after_doubted="doubted",
    )
    given = counted.sort("next_xid", "time_to", "point").select(
        *("history", "next_xid"), given_time="time_to", given_event="point", given_what="what"
    )
    ended = (
        points.filter(pl.col("running").is_not_null())
        .sort("running", "time_to", "point")
        .select(
            *("history", "running"),
            by_time="time_to",
            by_event="point",
            by_what="what",
            by_clock="clock",
        )
    )
    found = (
        wanted.with_columns(above=pl.col("xid") + 1)
        .sort("xid")
        .join_asof(
            after,
            left_on="xid",
            right_on="next_xid",
            by="history",
            strategy="backward",
            check_sortedness=False,
        )
        .join_asof(
            given,
            left_on="above",
            right_on="next_xid",
            by="history",
            strategy="forward",
            check_sortedness=False,
        )
        .join_asof(
            ended,
            left_on="above",
            right_on="running",
            by="history",
            strategy="forward",
            check_sortedness=False,
        )
        .join(shown, on=["history", "xid"], how="left")
    )
    rows = placed.join(found, on=["history", "xid"]).join(own, on="row", how="left")
    rows = rows.with_columns(
        pl.coalesce(f"ended_{part}", f"own_{part}").alias(f"ended_{part}")
        for part in ("time", "event", "clock")
    )
    by_point = (pl.col("by_time") <= pl.col("ended_time")).fill_null(pl.col("ended_time").is_null())
    return rows.select(
        *("row", "sure", "history", "xid"),
        *(f"after_{part}" for part in ("time", "event", "what", "clock", "doubted")),
        *(f"given_{part}" for part in ("time", "event", "what")),
        *(
            pl.when(by_point).then(f"by_{part}").otherwise(f"ended_{part}").alias(f"ended_{part}")
            for part in ("time", "event", "clock")
        ),
        ended_what=pl.when(by_point).then("by_what").otherwise(pl.lit("row")),
    )
