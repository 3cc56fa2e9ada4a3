"""Which of several events comes first where nothing else decides which of them is named.

Rows of a timeline are in the order of their readings, and those of one reading in the order of
their ids, which begin with a hash: that order means nothing to a reader. Here events of one reading
are in the order of their sources' names, of their places in their streams, of their subjects, and
only then of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

BY = ("source", "stream", "position", "subject")
"""Columns by which events of one reading are ordered, before their rows."""


@dataclass(frozen=True, slots=True)
class Order:
    """Events numbered from 0, in an order that their ids alone do not decide."""

    rows: Numbers
    """By place in the order the row of the timeline."""
    sorted: Numbers
    """Rows, ascending."""
    by_row: Numbers
    """Of each of these its place in the order."""

    @classmethod
    def of(cls, events: pl.LazyFrame, rows: pl.DataFrame) -> Order:
        """Of ``row`` and ``earliest``, ascending by row."""
        import numpy as np

        tied = rows.filter(pl.col("earliest").is_duplicated())
        told = events.join(tied.lazy().select("row"), on="row", how="semi").select("row", *BY)
        first = pl.col("row").min().over("earliest")
        ordered = (
            rows.lazy()
            .select("row", first=first)
            .join(told, on="row", how="left")
            .sort("first", *BY, "row", nulls_last=True)
            .collect(engine="streaming")
        )
        found = ordered["row"].to_numpy().astype(np.int64)
        by_row = np.argsort(found)
        return cls(found, found[by_row], by_row)

    @classmethod
    def among(cls, events: pl.LazyFrame, rows: Iterable[int]) -> Order:
        """Of some rows of a timeline."""
        chosen = pl.LazyFrame({"row": sorted(rows)}, schema={"row": pl.UInt64()})
        read = events.join(chosen, on="row", how="semi").select("row", "earliest")
        return cls.of(events, read.collect(engine="streaming").sort("row"))

    def numbered(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that it is of in its order, with their places as ``row``."""
        return rows[self.sorted.searchsorted(self.rows)].with_columns(
            row=pl.int_range(pl.len(), dtype=pl.UInt64)
        )

    def placed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """With places for the rows ``before`` and ``after``, in the order of both."""
        ends = (frame[end].cast(pl.Int64).to_numpy() for end in ("before", "after"))
        before, after = (
            pl.Series(self.by_row[self.sorted.searchsorted(one)], dtype=pl.UInt64) for one in ends
        )
        return frame.with_columns(before=before, after=after).sort("before", "after")

    def place(self, row: int) -> int:
        """The place of a row."""
        return int(self.by_row[self.sorted.searchsorted(row)])

    def row(self, place: int) -> int:
        """The row at a place."""
        return int(self.rows[place])
