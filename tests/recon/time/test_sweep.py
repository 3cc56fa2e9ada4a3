"""Slices of time that contradict themselves: by one pass, and by closing each."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recon.time.offsets import OFFSETS
from recon.time.slices import Slices
from recon.time.sweep import Sweep

CLOCKS = "abcdef"

Found = tuple[list[str], int, int, int | None, int | None]
rows = st.lists(
    st.tuples(
        st.lists(st.sampled_from(CLOCKS), min_size=2, max_size=2, unique=True).map(sorted),
        st.integers(0, 12),
        st.integers(0, 6),
        st.none() | st.integers(-9, 5),
        st.none() | st.integers(-5, 9),
    ),
    max_size=24,
)


def cut(found: list[Found]) -> Slices:
    frame = pl.DataFrame(
        [
            (*clocks, since, since + long, low, high, low, high, 1, 1, 1, True)
            for clocks, since, long, low, high in found
        ],
        schema=OFFSETS,
        orient="row",
    )
    return Slices.of(frame, dict.fromkeys(CLOCKS, 0))


def alone(slices: Slices, rows: list[int]) -> Slices:
    """The given rows as those of a single slice."""
    begin, end = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64)
    own = [slices.rows[row] for row in rows]
    return Slices(own, slices.clocks, np.array([0, 1]), begin, end, slices.ends[rows])


@given(rows)
def test_one_pass_finds_the_slices_whose_closure_has_a_negative_cycle(found: list[Found]):
    slices = cut(found)
    table = slices.closed()
    negative = np.flatnonzero((table.diagonal(axis1=1, axis2=2) < 0).any(axis=1)).tolist()
    assert list(Sweep(slices)) == negative
    assert (slices.closed(negative) == table[negative]).all()


@given(rows)
def test_what_is_dropped_is_left_out_of_the_slices_that_follow(found: list[Found]):
    slices = cut(found)
    sweep = Sweep(slices)
    then: dict[int, int] = {}
    for layer in sweep:
        then[layer] = min(sweep.held)
        sweep.drop([then[layer]])
    gone: set[int] = set()
    for layer in range(len(slices.cuts) - 1):
        own = [row for row in np.flatnonzero(slices.over(layer)).tolist() if row not in gone]
        (table,) = alone(slices, own).closed([0])
        assert bool((table.diagonal() < 0).any()) == (layer in then)
        if layer in then:
            assert then[layer] == min(own)
            gone.add(then[layer])
