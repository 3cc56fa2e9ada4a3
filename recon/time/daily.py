"""Pairs of clocks by hour and day: how many, and the tightest bounds; which days go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from recon.time.pairs import KEYS

if TYPE_CHECKING:
    from recon.time.consensus import Micros

DAY = 86_400_000_000
"""µs."""
_HOUR = DAY // 24
FEW = 8
"""Pairs below which a day is taken together with the next."""
LONGEST = 32 * DAY
"""µs from the first to the last of the days that are taken together."""
_NUMBERS = 2**62
"""Numbers that a column has room for, and some."""
_AT_ONCE = 2**15
"""Pairs that are looked at together."""
_LEAST = ("since", "held_since", "high")
_MOST = ("until", "held_until", "low")
_SUM = ("pairs", "held")


@dataclass(frozen=True, slots=True)
class Hours:
    """Pairs in the order of their clocks' names and of hours, and what each hour says."""

    pairs: pl.DataFrame
    """``low`` and ``high`` of each, as in :data:`~recon.time.pairs.PAIRS`."""
    begin: Micros
    """Of each hour the place of its first pair."""
    bounds: pl.DataFrame
    """Of each hour ``first``, ``second``, ``day``, and what :func:`together` gives."""


def hourly(pairs: pl.LazyFrame) -> Hours:
    """For each two clocks and hour of the first one's reading: tightest bounds, and counts."""
    slim = pairs.select(*KEYS, "at", "low", "high").collect(engine="streaming")
    number = _numbers(slim)
    if not number.is_sorted():
        slim = slim.with_columns(number=number).sort("number")
        number = slim["number"]
    begin = begins(number.to_frame())
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    each = slim.with_columns(
        **dict.fromkeys(("since", "until"), pl.col("at")),
        **dict.fromkeys(("held_since", "held_until"), pl.when(both).then("at")),
        pairs=pl.repeat(1, pl.len(), dtype=pl.Int64()),
        held=both.cast(pl.Int64),
    )
    bounds = together(each, begin, *KEYS, "at").with_columns(
        pl.col(KEYS).cast(pl.String), day=pl.col("at") // DAY
    )
    return Hours(slim.select("low", "high"), begin, bounds)


def _numbers(pairs: pl.DataFrame) -> pl.Series:
    """One number for two clocks and an hour, in the order of names and time: quick to compare."""
    import numpy as np

    clocks = pl.concat([pairs[key].unique() for key in KEYS]).unique().to_frame("clock")
    named = clocks.select(code=pl.col("clock").to_physical(), name=pl.col("clock").cast(pl.String))
    codes = named.sort("name")["code"].to_numpy()
    place = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.int64)
    place[codes] = np.arange(len(codes))
    hour = pl.col("at") // _HOUR
    begin, end = pairs.select(hour.min().fill_null(0), end=hour.max().fill_null(0)).row(0)
    if len(codes) ** 2 * (end - begin + 1) >= _NUMBERS:
        whole = pl.struct(pl.col(KEYS).cast(pl.String), hour)
        return pairs.select(number=whole.rank("dense").cast(pl.Int64)).to_series()
    columns = [pairs[key].to_physical().to_numpy() for key in KEYS]
    at, out = pairs["at"].to_numpy(), np.empty(len(pairs), dtype=np.int64)
    # A few at a time: what is made on the way is made in a processor's own cache.
    for start in range(0, len(out), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        first, second = (place[column[part]] for column in columns)
        out[part] = (first * len(codes) + second) * (end - begin + 1) + at[part] // _HOUR - begin
    return pl.Series("number", out)


def begins(rows: pl.DataFrame) -> Micros:
    """Places of the rows that are not as the one before."""
    import numpy as np

    changed = pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))
    return rows.select(changed).to_series().arg_true().to_numpy().astype(np.int64)


def together(rows: pl.DataFrame, begin: Micros, *keys: str) -> pl.DataFrame:
    """Bounds and counts of rows taken together, from each of the places to the next.

    The tightest ``low`` and ``high``, the first ``since`` and last ``until``, and those of the
    pairs that bound both sides (``held_…``); how many there are, and how many of them do.
    """
    import numpy as np

    out = rows[begin].select(keys)
    for names, of, nothing in (
        (_LEAST, np.minimum, np.iinfo(np.int64).max),
        (_MOST, np.maximum, np.iinfo(np.int64).min),
        (_SUM, np.add, 0),
    ):
        for name in names:
            values = rows[name].fill_null(nothing).to_numpy()
            found = pl.Series(name, of.reduceat(values, begin) if len(begin) else values)
            out = out.with_columns(found.set(found == nothing, None) if nothing else found)
    return out


def grouped(found: pl.DataFrame) -> pl.Series:
    """A number for each day's group: days with few pairs share one with those that follow."""
    numbers: list[int] = []
    key: tuple[str, str] | None = None
    number, held, begun = -1, 0, 0
    # One by one: where a group ends depends on where it began. A row is a day, not a pair.
    for first, second, day, count in found.select("first", "second", "day", "pairs").iter_rows():
        if (first, second) != key or held >= FEW or (day - begun) * DAY >= LONGEST:
            key, number, held, begun = (first, second), number + 1, 0, day
        numbers.append(number)
        held += count
    return pl.Series(numbers, dtype=pl.Int64)


def certain(pairs: pl.DataFrame, begin: Micros) -> pl.DataFrame:
    """Of pairs from each place to the next ``certain_low`` and ``certain_high``.

    Upper median of the lows, lower median of the highs: see ``consensus.certain``.
    """
    return pl.DataFrame(
        {
            "certain_low": _nth(pairs["low"], begin, lambda count: count // 2),
            "certain_high": _nth(pairs["high"], begin, lambda count: (count - 1) // 2),
        },
        schema=dict.fromkeys(("certain_low", "certain_high"), pl.Int64()),
    )


def _nth(values: pl.Series, begin: Micros, place: Callable[[int], int]) -> list[int | None]:
    """Of so many that are not null, in their order, the one at that place; null: there is none."""
    import numpy as np

    ends = np.append(begin, len(values))
    if values.null_count():
        ends = np.concatenate([[0], values.is_not_null().cum_sum().to_numpy()])[ends]
    held = values.drop_nulls().to_numpy().copy()
    out: list[int | None] = []
    # One by one: a part is a group of days, not a pair.
    for start, stop in pairwise(ends.tolist()):
        part, at = held[start:stop], place(stop - start)
        if len(part):
            part.partition(at)
        out.append(int(part[at]) if len(part) else None)
    return out
