"""Pairs of clocks by day: how many, and the tightest bounds; and which days are taken together."""

from __future__ import annotations

import polars as pl

from recon.time.pairs import KEYS

DAY = 86_400_000_000
"""µs."""
FEW = 8
"""Pairs below which a day is taken together with the next."""
_LONGEST = 32 * DAY
_NUMBERS = 2**62
"""Numbers that a column has room for, and some."""


def daily(pairs: pl.LazyFrame) -> pl.DataFrame:
    """For each two clocks and day of the first one's reading: tightest bounds, counts, and all."""
    slim = pairs.select(*KEYS, "at", "low", "high").collect(engine="streaming")
    first, second = (pl.col(name).to_physical().cast(pl.Int64) for name in KEYS)
    day = pl.col("at") // DAY
    clocks, begin, end = slim.select(
        pl.max_horizontal(first.max(), second.max()).fill_null(0) + 1,
        day.min().fill_null(0).alias("begin"),
        day.max().fill_null(0).alias("end"),
    ).row(0)
    # One number is grouped by twice as fast as three columns, where one has room for them.
    number = (first * clocks + second) * (end - begin + 1) + day - begin
    has_room = clocks * clocks * (end - begin + 1) < _NUMBERS
    keys = [number.alias("number")] if has_room else [*KEYS, day.alias("day")]
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    return (
        slim.lazy()
        .group_by(keys)
        .agg(
            pl.col("low").max(),
            pl.col("high").min(),
            pl.len().alias("pairs"),
            *([*(pl.col(name).first() for name in KEYS), day.first().alias("day")] * has_room),
            since=pl.col("at").min(),
            until=pl.col("at").max(),
            held_since=pl.when(both).then("at").min(),
            held_until=pl.when(both).then("at").max(),
            held=both.sum(),
            # By day, so that no join has to find each pair's group again.
            lows=pl.col("low").drop_nulls(),
            highs=pl.col("high").drop_nulls(),
        )
        .with_columns(pl.col(KEYS).cast(pl.String))
        .collect(engine="streaming")
        .sort(*KEYS, "day")
    )


def grouped(found: pl.DataFrame) -> pl.Series:
    """A number for each day's group: days with few pairs share one with those that follow."""
    numbers: list[int] = []
    key: tuple[str, str] | None = None
    number, held, begun = -1, 0, 0
    # One by one: where a group ends depends on where it began. A row is a day, not a pair.
    for first, second, day, count in found.select("first", "second", "day", "pairs").iter_rows():
        if (first, second) != key or held >= FEW or (day - begun) * DAY >= _LONGEST:
            key, number, held, begun = (first, second), number + 1, 0, day
        numbers.append(number)
        held += count
    return pl.Series(numbers, dtype=pl.Int64)


def certain(groups: pl.DataFrame, slack_of: pl.DataFrame) -> pl.DataFrame:
    """Lower median of the highs, upper median of the lows: see ``consensus.certain``."""
    keys = [*KEYS, "group"]
    low, high = (
        pl.col(name).explode(empty_as_null=True, keep_nulls=True).drop_nulls().sort()
        for name in ("lows", "highs")
    )
    found = groups.group_by(keys).agg(
        certain_low=low.get(low.len() // 2, null_on_oob=True),
        certain_high=high.get((high.len() - 1) // 2, null_on_oob=True),
    )
    return found.join(slack_of, on=keys).select(
        *keys,
        certain_low=pl.col("certain_low") - pl.col("slack"),
        certain_high=pl.col("certain_high") + pl.col("slack"),
    )
