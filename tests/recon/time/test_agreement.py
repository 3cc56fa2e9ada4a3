"""How far apart two clocks usually read, with dissenters counted and never averaged in."""

from __future__ import annotations

from random import Random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recon.time.agreement import agreements


def agreed(*differences: float):
    frame = pl.DataFrame(
        {
            "first": ["a"] * len(differences),
            "second": ["b"] * len(differences),
            "low": [float(d) for d in differences],
            "high": [float(d) for d in differences],
        },
        schema={"first": pl.String, "second": pl.String, "low": pl.Float64, "high": pl.Float64},
    )
    return agreements(frame.lazy()).get(("a", "b"))


def test_a_broken_record_does_not_poison_the_offset():
    found = agreed(0.1, 0.2, 0.1, 0.3, 0.2, 1_900_000)
    assert (found.low, found.high) == (0.1, 0.3)
    assert (found.agreeing, found.pairs) == (5, 6)
    assert found.measured


def test_two_pairs_are_not_enough():
    assert not agreed(0.1, 0.2).measured


def test_no_pairs_give_no_agreement():
    assert agreed() is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.randoms())
def test_the_order_of_pairs_changes_nothing(differences: list[float], random: Random):
    shuffled = list(differences)
    random.shuffle(shuffled)
    assert agreed(*differences) == agreed(*shuffled)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_the_range_holds_exactly_the_pairs_that_agree(differences: list[float]):
    found = agreed(*differences)
    inside = [d for d in differences if found.low <= d <= found.high]
    assert len(inside) == found.agreeing
