"""Columns side by side to lists, one for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def listed(columns: Sequence[pl.Series]) -> pl.Series:
    """The values of each row that are not null, as lists.

    Rows with values in the same columns are put together at once, as one matrix: several times
    faster than row by row.
    """
    holes = np.array([one.is_null().to_numpy() for one in columns])
    shape = np.sum(holes * (1 << np.arange(len(columns)))[:, None], axis=0)
    parts, places = [pl.Series([], dtype=pl.List(pl.String))], []
    for one in np.unique(shape).tolist():
        rows = np.flatnonzero(shape == one)
        there = [column for at, column in enumerate(columns) if not one >> at & 1]
        if len(rows) < len(shape):
            there = [column.gather(rows) for column in there]
        if there:
            beside = pl.DataFrame({str(at): column for at, column in enumerate(there)})
            parts.append(beside.select(pl.concat_arr(pl.all()).arr.to_list()).to_series())
        else:
            parts.append(pl.Series([[]], dtype=parts[0].dtype).new_from_index(0, len(rows)))
        places.append(rows)
    every = pl.concat(parts)
    return every.gather(np.argsort(np.concatenate(places))) if len(places) > 1 else every
