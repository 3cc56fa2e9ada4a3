"""The clock of transaction numbers: rows of other transactions whose times are known.

Numbers are given out in order, so a transaction got its number between its neighbours in number.
That orders beginnings, not commits: a long transaction commits after later ones, and a row that was
filled in later asserts a time of its own. So this is an estimate and never firm. Of the five
nearest before it the middle one counts, so that two of them may be wrong; of the five after it the
latest, as times that a writer supplies are rather too early than too late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.written.hull import hull

if TYPE_CHECKING:
    from recon.rules.base import Timeline

_NEAR = 5
"""Neighbours on each side that are asked."""
_RECORD = ["source", "item", "citation"]


def stamped(placed: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Between rows of other transactions of which the server kept the commit time."""
    known = versions.filter(pl.col("earliest").is_not_null() & (pl.col("kind") == "row.version"))
    marks = placed.join(
        known.select("row", "clock", low="earliest", high="latest"), on="row"
    ).with_columns(event="row")
    undated = placed.join(known.select("row"), on="row", how="anti")
    return _between(undated, marks, "rows of other transactions of which the server kept the time")


def asserted(timeline: Timeline, placed: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Between rows of other transactions by the times that their writers supplied."""
    claims = (
        timeline.kind("claim")
        .filter((pl.col("basis") == "asserted") & pl.col("earliest").is_not_null())
        .select(*_RECORD, "clock", event="row", low="earliest", high="latest")
        .collect(engine="streaming")
    )
    marks = (
        versions.select("row", *_RECORD)
        .join(claims, on=_RECORD)
        .join(placed.select("row", "history", "xid"), on="row")
    )
    return _between(placed, marks, "times that rows of other transactions assert")


def _between(placed: pl.DataFrame, marks: pl.DataFrame, what: str) -> pl.DataFrame:
    """From marks (``history``, ``xid``, ``low``, ``high``, ``event``, ``clock``)."""
    by = ["history", "xid"]
    # Rows of one transaction that begin and end at several times tell no time of it.
    one = (
        marks.group_by(by)
        .agg(
            *(pl.col("low").max(), pl.col("high").min()),
            *(pl.col("event").min(), pl.col("clock").min()),
        )
        .filter(pl.col("low") <= pl.col("high"))
        .sort(by)
    )
    # Places in the order of time stand for times: a quantile of numbers is one of them.
    lows, highs = (one.sort(end, "event").with_row_index("place") for end in ("low", "high"))
    one = one.join(lows.select(*by, first="place"), on=by, maintain_order="left").join(
        highs.select(*by, last="place"), on=by, maintain_order="left"
    )

    middle = pl.col("first").rolling_quantile(
        0.5, interpolation="lower", window_size=_NEAR, min_samples=1
    )
    after = (
        pl.when(pl.col("history").shift(-n) == pl.col("history")).then(pl.col("last").shift(-n))
        for n in range(_NEAR)
    )
    # An element of the window: numbers of places are whole, and far below 2^53.
    sides = one.select(
        *by, first=middle.over("history").cast(pl.UInt32), last=pl.max_horizontal(*after)
    )
    wanted = placed.select(by).unique().sort("xid")
    sides = sides.sort("xid")
    found = (
        wanted.join_asof(
            sides.select(*by, "first"), on="xid", by="history", strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .join_asof(
            sides.select(*by, "last"), on="xid", by="history", strategy="forward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .join(
            lows.select(first="place", earliest="low", from_event="event", from_clock="clock"),
            on="first",
            how="left",
        )
        .join(
            highs.select(last="place", latest="high", to_event="event", to_clock="clock"),
            on="last",
            how="left",
        )
        .with_columns(clock=pl.coalesce("from_clock", "to_clock"))
        .filter(pl.col("clock").is_not_null())
        .filter((pl.col("earliest") <= pl.col("latest")).fill_null(True))
    )  # fmt: skip
    ends = placed.join(found, on=by).select(
        *("row", "sure", "earliest", "latest", "from_event", "to_event", "clock")
    )
    return hull(ends).select(
        *("row", "earliest", "latest", "from_event", "to_event", "clock"),
        firm=pl.lit(False),
        because=pl.lit(f"in the order of transaction numbers it stands between {what}"),
    )
