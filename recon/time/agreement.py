"""Where two clocks read one record, how far apart they usually are.

A row of a table has a time that its writer put in (asserted) and the time of the commit that
stored it (stamped). Over many rows the difference has a typical range: the pairs inside Tukey's
outer fence (J. W. Tukey, *Exploratory Data Analysis*, 1977). Pairs outside it dissent; they are
counted and never averaged in.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ENOUGH = 3
"""Pairs that must agree before an offset is called measured."""

_QUARTERS = (0.25, 0.75)
_FENCE = 3.0
"""Tukey's outer fence, in interquartile ranges."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How clock ``second`` reads against clock ``first`` on records that both read."""

    first: str
    second: str
    low: float
    """Seconds; the least difference *second − first* among pairs that agree."""
    high: float
    """Seconds; the greatest."""
    agreeing: int
    pairs: int

    @property
    def measured(self) -> bool:
        """Whether enough pairs agree."""
        return self.agreeing >= ENOUGH and self.agreeing * 2 > self.pairs


def agreements(pairs: pl.LazyFrame) -> dict[tuple[str, str], Agreement]:
    """One agreement per pair of clocks.

    Args:
        pairs: columns ``first``, ``second`` (clocks) and ``low``, ``high`` (seconds: the least
            and greatest difference second − first that the two intervals allow).
    """
    middle = (pl.col("low") + pl.col("high")) / 2
    keys = ["first", "second"]
    lower, upper = (middle.quantile(q, "nearest").over(keys) for q in _QUARTERS)
    # The densest half of the pairs lies between the quartiles; a fence around it tells late
    # records (a long transaction) and foreign ones (a re-registration) from the rest. A second
    # is the least spread, as many sources write no fractions.
    spread = pl.max_horizontal(upper - lower, pl.lit(1.0))
    agrees = (pl.col("low") <= upper + _FENCE * spread) & (
        pl.col("high") >= lower - _FENCE * spread
    )
    rows = (
        pairs.with_columns(agrees=agrees)
        .group_by(keys)
        .agg(
            low=pl.col("low").filter("agrees").min(),
            high=pl.col("high").filter("agrees").max(),
            agreeing=pl.col("agrees").sum(),
            pairs=pl.len(),
        )
        .sort(keys)
        .collect()
    )
    return {
        (row["first"], row["second"]): Agreement(**row)
        for row in rows.iter_rows(named=True)
        if row["low"] is not None
    }
