"""Bounds that hold throughout a stretch of time, from bounds that each hold somewhere in it.

What a pair says of an offset is said of one moment; at another, the clocks may have drifted apart
by as much as drift can do in between. So a pair's bound opens like a V around its moment, all of
them together are bounded by the lowest of these, and throughout holds the worst that is left
between two pairs. Where pairs are near each other, that is little.
"""

from __future__ import annotations

import polars as pl

from recon.time.consensus import OPEN
from recon.time.pairs import KEYS


def tightened(whole: pl.DataFrame, parts: pl.DataFrame, drift: float) -> pl.DataFrame:
    """``whole``, by clocks and ``group``, with the ``low`` and ``high`` that its parts give.

    Pairs that one offset fits only as drift would have had time somewhere else in the stretch
    leave nothing between them: there what ``whole`` has stays, which is looser.
    """
    own = throughout(parts, drift)
    crossed = (pl.col("low_own") > pl.col("high_own")).fill_null(value=False)
    return (
        whole.join(own, on=[*KEYS, "group"], how="left", suffix="_own", maintain_order="left")
        .with_columns(
            pl.when(crossed).then(end).otherwise(f"{end}_own").alias(end) for end in ("low", "high")
        )
        .drop("low_own", "high_own")
    )


def throughout(parts: pl.DataFrame, drift: float) -> pl.DataFrame:
    """``low`` and ``high`` by clocks and ``group``, µs; null: not bounded.

    Args:
        parts: ``first``, ``second``, ``group``, and ``since``, ``until``, ``low``, ``high``: bounds
            that hold somewhere between two readings. Parts of a group do not overlap.
        drift: by how much the offset may change, µs per µs.
    """
    keys = [*KEYS, "group"]
    ordered = parts.lazy().sort(*keys, "since")
    begin = pl.col("since").min().over(keys)
    ordered = ordered.with_columns(since=pl.col("since") - begin, until=pl.col("until") - begin)
    worst = {
        "low": -_worst(-pl.col("low"), drift, keys),
        "high": _worst(pl.col("high"), drift, keys),
    }
    return (
        ordered.select(*keys, **worst)
        .group_by(keys, maintain_order=True)
        .agg(pl.col("low").min(), pl.col("high").max())
        .with_columns(pl.when(pl.col(end).abs() < OPEN // 2).then(end) for end in worst)
        .collect()
    )


def _worst(bound: pl.Expr, drift: float, keys: list[str]) -> pl.Expr:
    """The least upper bound that holds in each part and up to the next; OPEN: there is none."""

    def drifted(span: pl.Expr) -> pl.Expr:
        return (span * drift).ceil().cast(pl.Int64)

    since, until = pl.col("since"), pl.col("until")
    own = bound.fill_null(OPEN) + drifted(until - since)
    # At a time t a part before says no more than that and the drift up to t, as does one behind.
    before = (own - drifted(until)).cum_min().over(keys)
    behind = (own + drifted(since)).cum_min(reverse=True).over(keys)
    earlier = before.shift(1).over(keys).fill_null(OPEN)
    later = behind.shift(-1).over(keys).fill_null(OPEN)
    within = pl.min_horizontal(own, earlier + drifted(until), later - drifted(since))
    # Between two parts one says more with time and the other less: at worst both say the same.
    between = pl.min_horizontal(
        (before + later) // 2,
        before + drifted(since.shift(-1).over(keys)),
        later - drifted(until),
    )
    return pl.max_horizontal(within, pl.when(later < OPEN // 2).then(between)) + 1
