"""Offsets between clocks over time: grouped bounds, what dissents, what stepped.

1. Pairs are grouped by clocks and day; of each group the greatest low and the least high are taken.
2. Days with few pairs are taken together with those that follow, for a month at most.
3. Where a group's bounds cross by more than drift can do, its pairs are looked at one by one:
   stretches with an offset of their own, and pairs that dissent (:mod:`recon.time.segments`).

So the cost is one grouping, whatever the number of pairs, and looking closer only where it helps.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.time.consensus import ENOUGH, OPEN
from recon.time.daily import DAY, FEW, begins, certain, grouped, hourly, together
from recon.time.envelope import tightened
from recon.time.pairs import KEYS, PAIRS
from recon.time.segments import DRIFT, Segment, segments

if TYPE_CHECKING:
    from recon.time.consensus import Mask, Micros

_PASSES = 16
"""How often two clocks are gone through again without what is far from all else."""

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

IN_ORDER = (*KEYS, "at", "before", "after", "law", "low", "high", "bracketed")
"""How rows of :data:`DISSENT` are sorted: two laws may hold one pair, and say the same of it."""


def measured() -> pl.Expr:
    """Rows of :data:`OFFSETS` that at least three agreeing pairs hold from both sides.

    Pairs that bound one side each may lie on either side of a step and be satisfied all the same.
    """
    return pl.col("clear") & (pl.col("held") >= ENOUGH)


def offsets(pairs: pl.LazyFrame, drift: float = DRIFT) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of :data:`OFFSETS` and of :data:`DISSENT`, from rows of ``PAIRS``."""
    found, dissent = _once(pairs, drift)
    apart = looked = _alone(found, pairs, drift)
    for _ in range(_PASSES):
        if looked.is_empty():
            break
        # Two clocks each for themselves: the others stay as they are.
        own = looked.select(KEYS).unique()
        rest = pairs.join(named(own), on=KEYS, how="semi").join(
            apart.lazy(), on=["before", "after", "law"], how="anti"
        )
        again, told = _once(rest, drift)
        found = pl.concat([found.join(own, on=KEYS, how="anti"), again])
        dissent = pl.concat([dissent.join(own, on=KEYS, how="anti"), told])
        looked = _alone(again, rest, drift)
        apart = pl.concat([apart, looked])
    dissent = pl.concat([dissent, apart])
    return found.sort(*KEYS, "since", "until", "low", "high"), dissent.sort(*IN_ORDER)


def named(frame: pl.DataFrame) -> pl.LazyFrame:
    """With its clocks as they stand in ``PAIRS``, to be joined with them."""
    return frame.lazy().with_columns(pl.col(KEYS).cast(PAIRS["first"]))


def _once(pairs: pl.LazyFrame, drift: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    import numpy as np

    hours = hourly(pairs)
    by_day = begins(hours.bounds.select(*KEYS, "day"))
    days = together(hours.bounds, by_day, *KEYS, "day")
    days = days.with_columns(group=grouped(days))
    by_group = begins(days.select("group"))
    whole = together(days, by_group, *KEYS, "group")
    # One offset fits where the bounds miss each other by no more than drift can do on the way.
    span = pl.col("until") - pl.col("since")
    half = (span * (drift / 2)).cast(pl.Int64) + 1
    crossed = (pl.col("low") - half > pl.col("high") + half).fill_null(value=False)
    whole = whole.with_columns(crossed=crossed, slack=(span * drift).cast(pl.Int64) + 1)
    middles = certain(hours.pairs, hours.begin[by_day[by_group]])
    # With all the drift of its time, until it is known where in it the pairs are.
    whole = pl.concat([whole, middles], how="horizontal").with_columns(
        pl.col("low", "certain_low") - pl.col("slack"),
        pl.col("high", "certain_high") + pl.col("slack"),
    )
    number = np.repeat(days["group"].to_numpy(), np.diff(by_day, append=len(hours.bounds)))
    whole = tightened(whole, hours.bounds.with_columns(group=pl.Series(number)), drift)
    plain = whole.filter(~pl.col("crossed")).select(
        *KEYS,
        *("low", "high", "certain_low", "certain_high"),
        pl.col("pairs").cast(pl.UInt32),
        since=pl.coalesce("held_since", "since"),
        until=pl.coalesce("held_until", "until"),
        agreeing=pl.col("pairs").cast(pl.UInt32),
        held=pl.col("held").cast(pl.UInt32),
        clear=pl.lit(True),
    )
    crossing = days.select(*KEYS, "day", "group").join(
        whole.filter("crossed"), on="group", how="semi"
    )
    looked, dissent = _closer(pairs, crossing, drift)
    return pl.concat([plain.select(list(OFFSETS)), looked]), dissent


def _alone(found: pl.DataFrame, pairs: pl.LazyFrame, drift: float) -> pl.DataFrame:
    """Pairs far from all others in time, that the nearest offset of many pairs excludes.

    A reading that is weeks off takes its pair to a time where no other is, and there it would
    agree with itself. So few are no offset; a step of a clock explains them, though.
    """
    known = measured() | (
        pl.col("clear")
        & (pl.col("agreeing") >= FEW)
        & pl.col("low").is_not_null()
        & pl.col("high").is_not_null()
    )
    held = found.filter(known).sort(*KEYS, "since", "until").rows_by_key(KEYS, named=True)
    begins = {key: [row["since"] for row in rows] for key, rows in held.items()}
    spans = []
    few = found.filter(~known & (pl.col("pairs") < FEW))
    # One by one: rows are stretches of time, and few of them hold so little.
    for row in few.iter_rows(named=True):
        key = (row["first"], row["second"])
        # Stretches follow one another: the nearest begins next before or after.
        at = bisect_right(begins.get(key, ()), row["since"])
        near = min(
            held.get(key, ())[max(at - 2, 0) : at + 2],
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
            spans.append((*key, row["since"], row["until"], low, high))
    return _outside(pairs, spans) if spans else pl.DataFrame(schema=DISSENT)


def _outside(pairs: pl.LazyFrame, spans: list[tuple[str, str, int, int, int, int]]) -> pl.DataFrame:
    """Pairs of ``(first, second, since, until, least, most)`` whose bounds are not within."""
    import numpy as np

    columns = (*KEYS, "since", "until", "l", "m")
    frame = pl.DataFrame(
        spans,
        schema={name: OFFSETS.get(name, pl.Int64()) for name in columns},
        orient="row",
    )
    own = pairs.join(named(frame.select(KEYS).unique()), on=KEYS, how="semi")
    ordered = own.collect(engine="streaming").sort("at", "before", "after", "law")
    by_clocks = frame.partition_by(KEYS, as_dict=True)
    out = [pl.DataFrame(schema=DISSENT)]
    for key, group in sorted(
        ordered.partition_by(KEYS, as_dict=True).items(), key=lambda one: one[0]
    ):
        at, of = group["at"].to_numpy(), by_clocks[key]
        begin = np.searchsorted(at, of["since"].to_numpy())
        size = np.searchsorted(at, of["until"].to_numpy(), "right") - begin
        span = np.repeat(np.arange(len(of)), size)
        within = np.arange(len(span)) - np.repeat(np.cumsum(size) - size, size)
        held = pl.concat([group[begin[span] + within], of.select("l", "m")[span]], how="horizontal")
        outside = (pl.col("low") > pl.col("m")) | (pl.col("high") < pl.col("l"))
        out.append(_dissenting(held.filter(outside.fill_null(value=False)), bracketed=False))
    return pl.concat(out).unique(maintain_order=True)


def _dissenting(pairs: pl.DataFrame, *, bracketed: bool | pl.Series) -> pl.DataFrame:
    told = pl.lit(bracketed)
    return pairs.select(
        *(pl.col(name).cast(kind) for name, kind in DISSENT.items() if name != "bracketed"),
        bracketed=told,
    )


def _closer(
    pairs: pl.LazyFrame, days: pl.DataFrame, drift: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Groups whose bounds cross, pair by pair; ``days``: their clocks, days and numbers."""
    import numpy as np

    if days.is_empty():
        return pl.DataFrame(schema=OFFSETS), pl.DataFrame(schema=DISSENT)
    by_day = pairs.with_columns(day=pl.col("at") // DAY)
    held = by_day.join(named(days), on=[*KEYS, "day"]).collect(engine="streaming")
    # All groups in one frame: there may be thousands of them, of a few pairs each.
    held = held.with_columns(pl.col(KEYS).cast(pl.String)).sort(
        *KEYS, "group", "at", "before", "after", "law", "low", "high"
    )
    at = held["at"].to_numpy()
    low, high = held["low"].fill_null(-OPEN).to_numpy(), held["high"].fill_null(OPEN).to_numpy()
    both = (low > -OPEN) & (high < OPEN)
    rows: list[dict[str, Any]] = []
    told: list[tuple[Micros, Mask]] = []
    agreed: list[Micros] = []
    groups = held.group_by(*KEYS, "group", maintain_order=True).len()
    begin = 0
    for first, second, _, size in groups.iter_rows():
        own = slice(begin, begin + size)
        for one in segments(at[own], low[own], high[own], drift):
            rows.append({"first": first, "second": second, **_row(at[own], both[own], one)})
            told.append(_dissenters(at[own], one, begin))
            agreed.append(one.members[~one.agreed.dissent] + begin)
        begin += size
    places, bracketed = (np.concatenate(one) for one in zip(*told, strict=True))
    dissent = _dissenting(held[places], bracketed=pl.Series(bracketed))
    number = pl.Series(np.repeat(np.arange(len(agreed)), [len(one) for one in agreed]))
    parts = held[np.concatenate(agreed)].with_columns(since="at", until="at", group=number)
    whole = pl.DataFrame(rows, schema=OFFSETS, orient="row").with_row_index("group")
    found = tightened(whole.with_columns(pl.col("group").cast(number.dtype)), parts, drift)
    return found.select(list(OFFSETS)), dissent


def _row(at: Micros, both: Mask, segment: Segment) -> dict[str, Any]:
    low, high = segment.certain
    agree = segment.members[~segment.agreed.dissent]
    held = at[agree[both[agree]]]
    return {
        "since": int(held.min()) if len(held) else segment.first,
        "until": int(held.max()) if len(held) else segment.last,
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


def _dissenters(at: Micros, one: Segment, begin: int) -> tuple[Micros, Mask]:
    """Places of the pairs that the others of their stretch exclude, and whether it brackets them.

    ``begin``: where the group's first pair stands among all.
    """
    import numpy as np

    outside = one.agreed.dissent
    own, inside = one.members[outside], at[one.members[~outside]]
    bracketed = np.zeros(len(own), dtype=bool)
    if one.measured and len(inside):
        bracketed = (at[own] >= inside.min()) & (at[own] <= inside.max())
    return own + begin, bracketed
