"""The states in which claims were found: one for each table of an item, and one for what has none.

Many claims share one, so what holds of a state is worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from recon.rules.base import Timeline
from recon.time.between import BASES, MEASURED

PLACE = ["source", "item", "table"]


def code(clock: pl.Expr, known: pl.Enum) -> pl.Expr:
    """A clock's number: its place among those known, from 1; null is none."""
    return clock.cast(known).to_physical().cast(pl.UInt32) + 1


def number(frame: pl.DataFrame, names: Sequence[str]) -> pl.Expr:
    """One number for the values of several categorical columns; equal where all are."""
    codes = [pl.col(name).to_physical().cast(pl.UInt64) + 1 for name in names]
    counts = frame.select(
        pl.max_horizontal(1, one.max() + 1).alias(str(n)) for n, one in enumerate(codes)
    ).row(0)
    out = pl.lit(0, pl.UInt64)
    for one, count in zip(codes, counts, strict=True):
        out = out * count + one.fill_null(0)
    return out


def of_state(states: pl.DataFrame, name: str) -> pl.Expr:
    """A column of states, beside the claims found in them."""
    return pl.lit(states[name]).gather("state").alias(name)


def placed(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Claims with ``state``, and the states' :data:`PLACE` in that order."""
    found = found.with_columns(place=number(found, PLACE))
    places = found.group_by("place").agg(pl.col(PLACE).first()).with_row_index("state")
    found = found.join(places.select("place", "state"), on="place", how="left")
    return found.drop("place", "item"), places.select(pl.col(PLACE).cast(pl.String))


def tables(read: pl.DataFrame, shots: pl.DataFrame) -> pl.DataFrame:
    """``source``, ``table``, ``seen_from``, ``seen_to``: the states of tables, as the log's clock.

    Of every item that has a row of the table, or a claim that names it where it has no rows.
    """
    each = (
        read.with_columns(place=number(read, PLACE))
        .group_by("place")
        .agg(pl.col(PLACE).first(), rowed=(~pl.col("claim")).any())
    )
    in_items = pl.col("rowed").any().over("item")
    kept = each.filter(pl.col("rowed") | (pl.col("table").is_not_null() & ~in_items))
    return (
        kept.select(pl.col(PLACE).cast(pl.String))
        .join(shots, on=["source", "item"])
        .select("source", "table", seen_from="at_from", seen_to="at_to")
        .unique()
    )


def in_states(
    timeline: Timeline,
    places: pl.DataFrame,
    found: pl.DataFrame,
    shots: pl.DataFrame,
    known: pl.Enum,
) -> pl.DataFrame:
    """States with when they were read, whatever the instant.

    :data:`PLACE`; ``read_from``, ``read_to`` as read; ``seen_from``, ``seen_to`` as the clock
    ``shot`` (a number) shows it that stamps what the source stores; ``commits``: number of the
    clock of its commits; ``in_table``: whether it is a dated one of a table; ``newest``: whether
    none of that table is newer.
    """
    shown_by = (
        pl.when(pl.col("at_basis") == BASES[MEASURED]).then("log_clock").otherwise("seen_clock")
    )
    commits = pl.when(pl.col("table").is_not_null()).then(pl.format("pg:{}/commit", "source"))
    newest = _newest(timeline, found, shots)
    return (
        places.join(shots, on=["source", "item"], how="left", maintain_order="left")
        .join(newest, on=["source", "table"], how="left", maintain_order="left")
        .select(
            *PLACE,
            read_from="seen_from",
            read_to="seen_to",
            seen_from="at_from",
            seen_to="at_to",
            shot=code(shown_by, known).fill_null(0),
            commits=code(commits, known),
            in_table=pl.col("table").is_not_null() & pl.col("at_to").is_not_null(),
            newest=pl.col("at_to") == pl.col("newest_to"),
        )
    )


def _newest(timeline: Timeline, found: pl.DataFrame, shots: pl.DataFrame) -> pl.DataFrame:
    """By table ``newest_to``, of its newest state; one without any row of it is one too."""
    whole = (
        timeline.coverage.filter(pl.col("kind") == "claim")
        .select("source", "item", table="subject")
        .join(shots.lazy(), on=["source", "item"])
        .select("source", "table", seen_to="at_to")
        .collect()
    )
    return (
        pl.concat([found.select("source", "table", "seen_to"), whole])
        .group_by("source", "table")
        .agg(newest_to=pl.col("seen_to").max())
    )
