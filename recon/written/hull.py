"""One interval for a row of which it is not sure which history it is of: what covers all."""

from __future__ import annotations

import polars as pl


def hull(ends: pl.DataFrame) -> pl.DataFrame:
    """One row per ``row``; an end that one history leaves open is open; without an end, none.

    Args:
        ends: ``row``, ``sure`` (it has the one history), ``earliest``, ``latest``, ``from_event``,
            ``to_event``, and what else there is, which is taken from the first.
    """
    rest = [name for name in ends.columns if name not in _ENDS]
    others = [name for name in rest if name != "row"]
    several = ends.filter(~pl.col("sure"))
    # Nearly all rows have one history: they are not grouped.
    both = [ends.filter("sure")]
    if not several.is_empty():
        low, high = pl.col("earliest"), pl.col("latest")
        both.append(
            # By all there is: of two histories with one interval always the same one is told.
            several.sort("row", "earliest", "latest", "from_event", "to_event", *others)
            .group_by("row", maintain_order=True)
            .agg(
                pl.when(low.null_count() == 0).then(low.min()).alias("earliest"),
                pl.when(high.null_count() == 0).then(high.max()).alias("latest"),
                pl.col("from_event").min_by("earliest"),
                pl.col("to_event").max_by("latest"),
                pl.col(*others).first(),
            )
            .select(ends.columns)
        )
    return (
        pl.concat(both)
        .filter(pl.col("earliest").is_not_null() | pl.col("latest").is_not_null())
        .with_columns(
            from_event=pl.when(pl.col("earliest").is_not_null()).then("from_event"),
            to_event=pl.when(pl.col("latest").is_not_null()).then("to_event"),
        )
    )


_ENDS = {"earliest", "latest", "from_event", "to_event"}
