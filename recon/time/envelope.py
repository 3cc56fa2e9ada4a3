"""Bounds that hold throughout a stretch of time, from bounds that each hold somewhere in it.

What a pair says of an offset is said of one moment; at another, the clocks may have drifted apart
by as much as drift can do in between. So a pair's bound opens like a V around its moment, all of
them together are bounded by the lowest of these, and throughout holds the worst that is left
between two pairs. Where pairs are near each other, that is little.
"""

from __future__ import annotations

import polars as pl

from recon.time.consensus import OPEN


def tightened(whole: pl.DataFrame, parts: pl.DataFrame, drift: float) -> pl.DataFrame:
    """``whole``, by ``group``, with the ``low`` and ``high`` that its parts give.

    Pairs that one offset fits only as drift would have had time somewhere else in the stretch
    leave nothing between them: there what ``whole`` has stays, which is looser.
    """
    own = throughout(parts, drift)
    crossed = (pl.col("low_own") > pl.col("high_own")).fill_null(value=False)
    return (
        whole.join(own, on="group", how="left", suffix="_own", maintain_order="left")
        .with_columns(
            pl.when(crossed).then(end).otherwise(f"{end}_own").alias(end) for end in ("low", "high")
        )
        .drop("low_own", "high_own")
    )


def throughout(parts: pl.DataFrame, drift: float) -> pl.DataFrame:
    """``low`` and ``high`` by ``group``, µs; null: not bounded.

    Args:
        parts: ``group``, and ``since``, ``until``, ``low``, ``high``: bounds that hold somewhere
            between two readings. In the order of time; parts of a group do not overlap.
        drift: by how much the offset may change, µs per µs.
    """
    begin = pl.col("since").min().over("group")
    ordered = parts.lazy().select(
        *("group", "low", "high"), since=pl.col("since") - begin, until=pl.col("until") - begin
    )
    worst = {"low": -_worst(-pl.col("low"), drift), "high": _worst(pl.col("high"), drift)}
    return (
        ordered.select("group", **worst)
        .group_by("group", maintain_order=True)
        .agg(pl.col("low").min(), pl.col("high").max())
        .with_columns(pl.when(pl.col(end).abs() < OPEN // 2).then(end) for end in worst)
        .collect()
    )


def _worst(bound: pl.Expr, drift: float) -> pl.Expr:
    """The least upper bound that holds in each part and up to the next; OPEN: there is none."""

    def drifted(span: pl.Expr) -> pl.Expr:
        return (span * drift).ceil().cast(pl.Int64)

    since, until = pl.col("since"), pl.col("until")
    own = bound.fill_null(OPEN) + drifted(until - since)
    # At a time t a part before says no more than that and the drift up to t, as does one behind.
    before = (own - drifted(until)).cum_min().over("group")
    behind = (own + drifted(since)).cum_min(reverse=True).over("group")
    earlier = before.shift(1).over("group").fill_null(OPEN)
    later = behind.shift(-1).over("group").fill_null(OPEN)
    within = pl.min_horizontal(own, earlier + drifted(until), later - drifted(since))
    # Between two parts one says more with time and the other less: at worst both say the same.
    between = pl.min_horizontal(
        (before + later) // 2,
        before + drifted(since.shift(-1).over("group")),
        later - drifted(until),
    )
    return pl.max_horizontal(within, pl.when(later < OPEN // 2).then(between)) + 1
