"""Offsets between clocks over time: grouped bounds, what dissents, what stepped.

1. Pairs are grouped by clocks and day; of each group the greatest low and the least high are taken.
2. Days with few pairs are taken together with those that follow, for a month at most.
3. Where a group's bounds cross by more than drift can do, its pairs are looked at one by one:
   stretches with an offset of their own, and pairs that dissent (:mod:`recon.time.segments`).

So the cost is one grouping, whatever the number of pairs, and looking closer only where it helps.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from recon.time.consensus import ENOUGH, OPEN
from recon.time.segments import DRIFT, Segment, segments

DAY = 86_400_000_000
"""µs."""
_FEW = 8
"""Pairs below which a day is taken together with the next."""
_LONGEST = 32 * DAY

OFFSETS: dict[str, pl.DataType] = {
    "first": pl.String(),
    "second": pl.String(),
    "since": pl.Int64(),
    "until": pl.Int64(),
    "low": pl.Int64(),
    "high": pl.Int64(),
    "certain_low": pl.Int64(),
    "certain_high": pl.Int64(),
    "pairs": pl.UInt32(),
    "agreeing": pl.UInt32(),
    "held": pl.UInt32(),
    "clear": pl.Boolean(),
}
"""One row for each two clocks (in alphabetical order) and stretch of time with one offset.

``since``, ``until``: the first clock's readings at the first and last pair that agrees, µs since
1970; of those that bound both sides, where there are any: a pair that bounds one side alone may be
satisfied long before and after the offset was another.
``low``, ``high``: bounds of D(second) − D(first), µs, by the pairs that agree; null: unbounded.
``certain_low``, ``certain_high``: bounds that hold as long as on each side less than half of the
pairs are false. ``agreeing`` of ``pairs``; ``held``: those of them that bound both sides.
``clear``: whether one offset has the most pairs.
"""

DISSENT: dict[str, pl.DataType] = {
    "first": pl.String(),
    "second": pl.String(),
    "at": pl.Int64(),
    "low": pl.Int64(),
    "high": pl.Int64(),
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "law": pl.String(),
    "bracketed": pl.Boolean(),
}
"""Rows of :data:`~recon.time.pairs.PAIRS` that the others of their stretch exclude.

``bracketed``: the pairs that agree were read before it and after it, and at least three of them,
so that one step of a clock does not explain it.
"""


def measured() -> pl.Expr:
    """Rows of :data:`OFFSETS` that at least three agreeing pairs hold from both sides.

    Pairs that bound one side each may lie on either side of a step and be satisfied all the same.
    """
    return pl.col("clear") & (pl.col("held") >= ENOUGH)


def offsets(pairs: pl.LazyFrame, drift: float = DRIFT) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of :data:`OFFSETS` and of :data:`DISSENT`, from rows of ``PAIRS``."""
    keys = ["first", "second"]
    day = pl.col("at") // DAY
    # What every pair is needed for, made once: the joins behind the pairs cost the most.
    slim = (
        pairs.select(pl.col(keys).cast(pl.Categorical), "at", "low", "high")
        .collect(engine="streaming")
        .lazy()
    )
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    daily = (
        slim.group_by(*keys, day.alias("day"))
        .agg(
            pl.col("low").max(),
            pl.col("high").min(),
            pl.len().alias("pairs"),
            since=pl.col("at").min(),
            until=pl.col("at").max(),
            held_since=pl.col("at").filter(both).min(),
            held_until=pl.col("at").filter(both).max(),
            held=both.sum(),
            # By day, so that no join has to find each pair's group again.
            lows=pl.col("low").drop_nulls(),
            highs=pl.col("high").drop_nulls(),
        )
        .with_columns(pl.col(keys).cast(pl.String))
        .collect(engine="streaming")
        .sort(*keys, "day")
    )
    groups = daily.with_columns(group=_grouped(daily))
    whole = groups.group_by(*keys, "group", maintain_order=True).agg(
        pl.col("since", "held_since").min(),
        pl.col("until", "held_until").max(),
        pl.col("low").max(),
        pl.col("high").min(),
        pl.col("pairs", "held").sum(),
    )
    slack = ((pl.col("until") - pl.col("since")) * (drift / 2)).cast(pl.Int64) + 1
    whole = whole.with_columns(low=pl.col("low") - slack, high=pl.col("high") + slack)
    crossed = (pl.col("low") > pl.col("high")).fill_null(value=False)
    grouped = groups.select(*keys, "day", "group").lazy()
    middles = _certain(groups, slack_of=whole.select(*keys, "group", slack=slack))
    chosen = pairs.join(grouped, left_on=[*keys, day], right_on=[*keys, "day"])
    plain = (
        whole.filter(~crossed)
        .join(middles, on=[*keys, "group"])
        .select(
            *keys,
            *("low", "high", "certain_low", "certain_high"),
            pl.col("pairs").cast(pl.UInt32),
            since=pl.coalesce("held_since", "since"),
            until=pl.coalesce("held_until", "until"),
            agreeing=pl.col("pairs").cast(pl.UInt32),
            held=pl.col("held").cast(pl.UInt32),
            clear=pl.lit(True),
        )
    )
    looked, dissent = _closer(chosen, whole.filter(crossed).select(*keys, "group"), drift)
    found = pl.concat([plain.select(list(OFFSETS)), looked]).sort(*keys, "since", "until")
    alone = _alone(found, pairs, drift)
    if not alone.is_empty():
        rest = pairs.join(alone.lazy(), on=["before", "after", "law"], how="anti")
        found, dissent = offsets(rest, drift)
        dissent = pl.concat([dissent, alone])
    return found, dissent.sort(*keys, "at", "before", "after")


def _alone(found: pl.DataFrame, pairs: pl.LazyFrame, drift: float) -> pl.DataFrame:
    """Pairs far from all others in time, that the nearest offset of many pairs excludes.

    A reading that is weeks off takes its pair to a time where no other is, and there it would
    agree with itself. So few are no offset; a step of a clock explains them, though.
    """
    spans = []
    known = measured() | (
        pl.col("clear")
        & (pl.col("agreeing") >= _FEW)
        & pl.col("low").is_not_null()
        & pl.col("high").is_not_null()
    )
    held = found.filter(known).rows_by_key(["first", "second"], named=True)
    few = found.filter(~known & (pl.col("pairs") < _FEW))
    # One by one: rows are stretches of time, and few of them hold so little.
    for row in few.iter_rows(named=True):
        near = min(
            held.get((row["first"], row["second"]), ()),
            key=lambda one: max(one["since"] - row["until"], row["since"] - one["until"]),
            default=None,
        )
        if near is None:
            continue
        away = max(near["until"], row["until"]) - min(near["since"], row["since"])
        slack = int(drift * away) + 1
        low, high = near["low"] - slack, near["high"] + slack
        above = row["low"] is not None and row["low"] > high
        if above or (row["high"] is not None and row["high"] < low):
            spans.append((row["first"], row["second"], row["since"], row["until"], low, high))
    columns = ("first", "second", "since", "until", "most_low", "most_high")
    schema = {name: OFFSETS.get(name, pl.Int64()) for name in columns}
    outside = (pl.col("low") > pl.col("most_high")) | (pl.col("high") < pl.col("most_low"))
    return (
        pairs.join(pl.LazyFrame(spans, schema=schema, orient="row"), on=["first", "second"])
        .filter(pl.col("at").is_between("since", "until") & outside.fill_null(value=False))
        .with_columns(bracketed=pl.lit(value=False))
        .select(list(DISSENT))
        .unique()
        .collect(engine="streaming")
        if spans
        else pl.DataFrame(schema=DISSENT)
    )


def _grouped(daily: pl.DataFrame) -> pl.Series:
    """A number for each day's group: days with few pairs share one with those that follow."""
    numbers: list[int] = []
    key: tuple[str, str] | None = None
    number, held, begun = -1, 0, 0
    # One by one: where a group ends depends on where it began. A row is a day, not a pair.
    for first, second, day, count in daily.select("first", "second", "day", "pairs").iter_rows():
        if (first, second) != key or held >= _FEW or (day - begun) * DAY >= _LONGEST:
            key, number, held, begun = (first, second), number + 1, 0, day
        numbers.append(number)
        held += count
    return pl.Series(numbers, dtype=pl.Int64)


def _certain(groups: pl.DataFrame, slack_of: pl.DataFrame) -> pl.DataFrame:
    """Lower median of the highs, upper median of the lows: see ``consensus.certain``."""
    keys = ["first", "second", "group"]
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


def _closer(
    pairs: pl.LazyFrame, groups: pl.DataFrame, drift: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Groups whose bounds cross, pair by pair."""
    rows: list[dict[str, Any]] = []
    dissent = [pl.DataFrame(schema=DISSENT)]
    if not groups.is_empty():
        keys = ["first", "second", "group"]
        held = pairs.join(groups.lazy(), on=keys, how="semi").collect(engine="streaming")
        for (first, second, _), group in sorted(
            held.partition_by(keys, as_dict=True).items(), key=lambda one: one[0]
        ):
            ordered = group.sort("at", "before", "after", "low", "high")
            at, low, high = (
                ordered["at"].to_numpy(),
                ordered["low"].fill_null(-OPEN).to_numpy(),
                ordered["high"].fill_null(OPEN).to_numpy(),
            )
            for segment in segments(at, low, high, drift):
                rows.append({"first": first, "second": second, **_row(ordered, segment)})
                dissent.append(_dissenters(ordered, segment))
    return pl.DataFrame(rows, schema=OFFSETS, orient="row"), pl.concat(dissent)


def _row(ordered: pl.DataFrame, segment: Segment) -> dict[str, Any]:
    low, high = segment.certain
    agree = ordered[segment.members[~segment.agreed.dissent].tolist()]
    held = agree.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())["at"]
    return {
        "since": segment.first if held.is_empty() else held.min(),
        "until": segment.last if held.is_empty() else held.max(),
        "low": _bound(segment.low),
        "high": _bound(segment.high),
        "certain_low": _bound(low),
        "certain_high": _bound(high),
        "pairs": len(segment.members),
        "agreeing": segment.agreed.agreeing,
        "held": len(held),
        "clear": segment.agreed.clear,
    }


def _bound(value: int) -> int | None:
    # A bound of nothing, with room for drift, is still one of nothing.
    return value if abs(value) < OPEN // 2 else None


def _dissenters(ordered: pl.DataFrame, segment: Segment) -> pl.DataFrame:
    outside = segment.agreed.dissent
    inside = segment.members[~outside]
    own = ordered[segment.members[outside].tolist()]
    held = ordered["at"][inside.tolist()] if len(inside) else None
    bracketed = pl.lit(False)
    if held is not None and segment.measured:
        bracketed = pl.col("at").is_between(held.min(), held.max())
    found: pl.DataFrame = own.with_columns(bracketed=bracketed).select(list(DISSENT))
    return found
