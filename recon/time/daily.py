"""Pairs of clocks by day: how many, and the tightest bounds; and which days are taken together."""

from __future__ import annotations

import polars as pl

from recon.time.pairs import KEYS

DAY = 86_400_000_000
"""µs."""
_HOUR = DAY // 24
FEW = 8
"""Pairs below which a day is taken together with the next."""
_LONGEST = 32 * DAY
_NUMBERS = 2**62
"""Numbers that a column has room for, and some."""


def hourly(pairs: pl.LazyFrame) -> pl.DataFrame:
    """For each two clocks and hour of the first one's reading: tightest bounds, and counts."""
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    return _by(
        pairs,
        _HOUR,
        pl.col("low").max(),
        pl.col("high").min(),
        pl.len().alias("pairs"),
        since=pl.col("at").min(),
        until=pl.col("at").max(),
        held_since=pl.when(both).then("at").min(),
        held_until=pl.when(both).then("at").max(),
        held=both.sum(),
    ).with_columns(day=pl.col("part") // (DAY // _HOUR))


def daily(pairs: pl.LazyFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """The same by day, and all bounds of the day, sorted: no join has to find a pair's day again.

    ``hours``: what :func:`hourly` gives.
    """
    bounds = _by(
        pairs,
        DAY,
        lows=pl.col("low").drop_nulls().sort(),
        highs=pl.col("high").drop_nulls().sort(),
    )
    days = hours.group_by(*KEYS, "day", maintain_order=True).agg(
        pl.col("low").max(),
        pl.col("high").min(),
        pl.col("since", "held_since").min(),
        pl.col("until", "held_until").max(),
        pl.col("pairs", "held").sum(),
    )
    # Both are in the order of clocks and days, and have a row for each.
    return days.with_columns(bounds["lows"], bounds["highs"])


def _by(pairs: pl.LazyFrame, width: int, *what: pl.Expr, **named: pl.Expr) -> pl.DataFrame:
    """What is asked for each two clocks and ``part``, so many µs of the first one's reading."""
    slim = pairs.select(*KEYS, "at", "low", "high").collect(engine="streaming")
    first, second = (pl.col(name).to_physical().cast(pl.Int64) for name in KEYS)
    part = pl.col("at") // width
    clocks, begin, end = slim.select(
        pl.max_horizontal(first.max(), second.max()).fill_null(0) + 1,
        part.min().fill_null(0).alias("begin"),
        part.max().fill_null(0).alias("end"),
    ).row(0)
    # One number is grouped by twice as fast as three columns, where one has room for them.
    number = (first * clocks + second) * (end - begin + 1) + part - begin
    has_room = clocks * clocks * (end - begin + 1) < _NUMBERS
    keys = [number.alias("number")] if has_room else [*KEYS, part.alias("part")]
    names = [*(pl.col(name).first() for name in KEYS), part.first().alias("part")]
    return (
        slim.lazy()
        .group_by(keys)
        .agg(*what, *(names * has_room), **named)
        .with_columns(pl.col(KEYS).cast(pl.String))
        .collect(engine="streaming")
        .sort(*KEYS, "part")
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
    # As a rule a group is a day, whose bounds are sorted.
    alone = pl.len().over(keys) == 1
    low, high = (
        pl.col(name).explode(empty_as_null=True, keep_nulls=True).drop_nulls().sort()
        for name in ("lows", "highs")
    )
    of_days = (
        groups.filter(~alone)
        .group_by(keys)
        .agg(
            certain_low=low.get(low.len() // 2, null_on_oob=True),
            certain_high=high.get((high.len() - 1) // 2, null_on_oob=True),
        )
    )
    lows, highs = pl.col("lows").list, pl.col("highs").list
    found = groups.filter(alone).select(
        *keys,
        certain_low=lows.get(lows.len() // 2, null_on_oob=True),
        certain_high=highs.get((highs.len().cast(pl.Int64) - 1) // 2, null_on_oob=True),
    )
    return (
        pl.concat([found, of_days])
        .join(slack_of, on=keys)
        .select(
            *keys,
            certain_low=pl.col("certain_low") - pl.col("slack"),
            certain_high=pl.col("certain_high") + pl.col("slack"),
        )
    )
