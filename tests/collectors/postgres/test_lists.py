"""Columns side by side to lists."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres.lists import listed

VALUES = st.none() | st.text(max_size=20)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=20))
def test_the_values_of_each_row_that_are_there(rows: list[tuple[str | None, ...]]):
    columns = [pl.Series([row[at] for row in rows], dtype=pl.String) for at in range(3)]
    found = listed(columns)
    assert found.dtype == pl.List(pl.String)
    assert found.to_list() == [[one for one in row if one is not None] for row in rows]
