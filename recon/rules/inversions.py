"""Pairs by laws whose readings run the other way, where other pairs of the same clocks do not."""

from __future__ import annotations

import polars as pl

from recon.rules.base import Timeline
from recon.time.held import held

PROMPT = 60_000_000
"""µs between a program's look at its clock and its record being stored, for which no order is
denied: a commit waits for the disk, a machine is paused, a line waits in a buffer."""
ZONES = 26 * 3_600_000_000
"""µs; no two zones are farther apart (UTC−12 to UTC+14)."""
_RUN = 3
"""Neighbouring pairs that are inverted alike, from which on the clock is taken to be off."""

Inversion = tuple[int, int, int, int]
"""Before, after (rows), by how many µs they are inverted, pairs of the two clocks that are not."""


def inverted(timeline: Timeline) -> pl.DataFrame:
    """Pairs by laws whose readings run the other way, among all pairs of their clocks.

    ``first``, ``second``, ``at``, ``before``, ``after``, ``by`` (µs; above 0: the later one by
    law reads that much earlier), ``run`` (number of the stretch of neighbours that are inverted
    alike), ``size`` (pairs of that stretch), ``straight`` (pairs of the two that are not inverted),
    ``all`` (whether all are).
    """
    return timeline.once("inverted", _inverted)


def _inverted(timeline: Timeline) -> pl.DataFrame:
    one_sided = pl.col("low").is_null() != pl.col("high").is_null()
    laws = timeline.measured.pairs.filter(one_sided & (pl.col("law") != "order")).with_columns(
        by=pl.coalesce(-pl.col("high"), "low"), forward=pl.col("low").is_null()
    )
    ways = ["first", "second", "forward"]
    some = laws.group_by(ways).agg(worst=pl.col("by").max()).filter(pl.col("worst") > PROMPT)
    return (
        laws.join(some.select(ways), on=ways, how="semi")
        # One record gives several events, each of which says the same.
        .sort("before", "after")
        .unique([*ways, "at", "by"], keep="first", maintain_order=True)
        .collect(engine="streaming")
        .sort(*ways, "at", "before", "after")
        .with_columns(off=pl.col("by") > PROMPT)
        .with_columns(run=pl.col("off").rle_id().over(ways))
        .with_columns(
            size=pl.len().over([*ways, "run"]),
            straight=(~pl.col("off")).sum().over(ways),
            all=pl.col("off").all().over(ways),
        )
        .filter("off")
    )


def steady() -> pl.Expr:
    """Rows of :func:`inverted` that a clock that was off for a time explains."""
    zone = pl.col("by").max().over("first", "second", "forward", "run") <= ZONES
    return zone & (pl.col("all") | (pl.col("size") >= _RUN))


def inversions(timeline: Timeline) -> list[Inversion]:
    """Those that no clock that was off for a time explains and nothing measures."""
    out = []
    lone = inverted(timeline).filter(~steady())
    for pair in lone.iter_rows(named=True):
        known = held(timeline.measured, pair["first"], pair["second"], pair["at"])
        if known is None or not (known.state == "measured" and known.covers):
            out.append((pair["before"], pair["after"], pair["by"], pair["straight"]))
    return out
