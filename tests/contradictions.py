"""Made-up pairs of clocks that contradict each other, in the ways that cost the most to settle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from recon.time.pairs import PAIRS

BEGIN = 1_740_787_200_000_000
DAY = 86_400_000_000
HOUR = 3_600_000_000
YEAR = 365 * DAY


def scattered(count: int) -> pl.LazyFrame:
    """Two clocks whose pairs agree nowhere."""
    rng = np.random.default_rng(1)
    at = BEGIN + np.sort(rng.integers(0, YEAR, count))
    off = rng.integers(-(10**10), 10**10, count)
    return _pairs(["a"] * count, ["b"] * count, at, off, off + 1000)


def to_and_fro(count: int) -> pl.LazyFrame:
    """Two clocks of which one is set an hour ahead and back again after every four pairs."""
    at = BEGIN + np.arange(count) * (YEAR // count)
    off = np.arange(count) // 4 % 2 * HOUR
    return _pairs(["a"] * count, ["b"] * count, at, off, off + 1000)


def tied(count: int) -> pl.LazyFrame:
    """A day in which every pair has an offset of its own, so that none has the most."""
    at = BEGIN + np.arange(count) * (DAY // count)
    off = np.arange(count) * 10_000_000
    return _pairs(["a"] * count, ["b"] * count, at, off, off + 1000)


def crossing(count: int) -> pl.LazyFrame:
    """Two clocks whose pairs bound one side each, and cross."""
    rng = np.random.default_rng(1)
    at = BEGIN + np.sort(rng.integers(0, YEAR, count))
    off = rng.integers(-(10**10), 10**10, count)
    frame = _pairs(["a"] * count, ["b"] * count, at, off, off)
    up = pl.int_range(pl.len()) % 2 == 0
    return frame.with_columns(low=pl.when(up).then("low"), high=pl.when(~up).then("high"))


def triangle(count: int) -> pl.LazyFrame:
    """Three clocks, each two of which agree, and not all three."""
    each = count // 3
    at = BEGIN + np.arange(each) * (YEAR // each)
    steps = np.arange(each) // 50 % 7 * HOUR
    parts = []
    for number, (first, second, off) in enumerate(
        (("a", "b", steps + HOUR), ("b", "c", 0 * steps + HOUR), ("a", "c", 0 * steps + HOUR))
    ):
        frame = _pairs([first] * each, [second] * each, at, off, off + 1000)
        parts.append(frame.with_columns(pl.col("before", "after") + 2 * each * number))
    return pl.concat(parts)


def crowd(count: int) -> pl.LazyFrame:
    """Forty clocks, any two of them at any offset."""
    rng = np.random.default_rng(1)
    one, more = rng.integers(0, 39, count), rng.integers(0, 40, count)
    other = one + 1 + more % (39 - one)
    at = BEGIN + np.sort(rng.integers(0, YEAR, count))
    off = rng.integers(-(10**9), 10**9, count)
    names = [[f"c{number:02}" for number in these] for these in (one, other)]
    return _pairs(*names, at, off, off + 1_000_000)


KINDS: tuple[Callable[[int], pl.LazyFrame], ...] = (
    *(scattered, to_and_fro, tied, crossing, triangle, crowd),
)


def _pairs(
    first: list[str], second: list[str], at: np.ndarray, low: np.ndarray, high: np.ndarray
) -> pl.LazyFrame:
    columns = {"first": first, "second": second, "at": at, "low": low, "high": high}
    row = pl.int_range(pl.len())
    frame = pl.DataFrame(columns).with_columns(before=row, after=row + pl.len(), law=pl.lit("x"))
    return frame.cast(PAIRS).lazy()  # type: ignore[arg-type]
