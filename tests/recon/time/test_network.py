"""Offsets between clocks as difference constraints: cycles of fewest edges, tightest paths."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.time.bounds import cycles
from recon.time.network import Edge, Network, weight
from recon.time.offsets import OFFSETS

CLOCKS = "abcde"


def edge(tail: str, head: str, weight_: int, row: int = 0) -> Edge:
    return Edge(weight_, tail, head, row, row)


def test_two_clocks_that_exclude_each_other_make_a_cycle_of_two():
    """b is at most 2 ahead of a, and a at most 5 behind … no: at least 5 ahead."""
    cycle = Network.of([edge("a", "b", 2), edge("b", "a", -5)]).cycle()
    assert cycle is not None
    assert [one.tail for one in cycle.edges] == ["a", "b"]
    assert cycle.weight == -3


def test_the_cycle_has_the_fewest_edges_though_a_longer_one_is_heavier():
    network = Network.of(
        [
            *(edge("a", "b", -1), edge("b", "a", 0)),
            *(edge("c", "d", -100), edge("d", "e", 0), edge("e", "c", 0)),
        ]
    )
    cycle = network.cycle()
    assert cycle is not None
    assert {one.tail for one in cycle.edges} == {"a", "b"}


def test_a_cycle_is_found_among_more_clocks_than_a_table_has_room_for():
    """Three clocks that cannot all be right, and a row of three hundred committers."""
    names = [f"git:{number:03}" for number in range(300)]
    rows = [(one, other, 0, 9, 1) for one, other in pairwise(names)]
    rows += [("a", "b", 5, 6, 99), ("b", "c", 5, 6, 99), ("a", "c", 0, 1, 99)]
    offsets = pl.DataFrame(
        [
            (first, second, 0, 10, low, high, low, high, count, count, count, True)
            for first, second, low, high, count in rows
        ],
        schema=OFFSETS,
        orient="row",
    )
    found = next(cycles(offsets), None)
    assert found is not None
    assert {one.tail for one in found.edges} == {"a", "b", "c"}


def test_bounds_that_can_all_be_kept_make_none():
    assert Network.of([edge("a", "b", 3), edge("b", "a", -3)]).cycle() is None


def test_a_clock_against_itself_is_a_cycle_of_one():
    cycle = Network.of([edge("a", "a", -7)]).cycle()
    assert cycle is not None
    assert cycle.weight == -7


def test_the_tightest_bound_may_lead_through_a_third_clock():
    paths = Network.of([edge("a", "c", 100), edge("a", "b", 10), edge("b", "c", 20)]).paths()
    assert weight(paths["a", "c"]) == 30


def test_no_path_is_tightest_where_a_cycle_is_negative():
    with pytest.raises(ValueError, match="negative cycle"):
        Network.of([edge("a", "b", 2), edge("b", "a", -5)]).paths()


edges = st.lists(
    st.builds(
        edge,
        st.sampled_from(CLOCKS),
        st.sampled_from(CLOCKS),
        st.integers(-50, 100),
        st.integers(0, 9),
    ),
    max_size=14,
)


def satisfiable(network: Network) -> bool:
    """Bellman and Ford, as an oracle that shares no code."""
    offset = dict.fromkeys(CLOCKS, 0)
    for _ in range(len(CLOCKS) + 1):
        for one in network.edges.values():
            offset[one.head] = min(offset[one.head], offset[one.tail] + one.weight)
    return all(offset[o.tail] + o.weight >= offset[o.head] for o in network.edges.values())


@given(edges)
def test_there_is_a_cycle_exactly_where_no_offsets_satisfy_all(found: list[Edge]):
    network = Network.of(found)
    cycle = network.cycle()
    assert (cycle is None) == satisfiable(network)
    if cycle is None:
        return
    assert cycle.weight < 0
    for one, next_ in zip(cycle.edges, [*cycle.edges[1:], cycle.edges[0]], strict=True):
        assert one.head == next_.tail
    # Minimal: without any one of its edges the others can be kept.
    for one in cycle.edges:
        assert satisfiable(Network.of(other for other in cycle.edges if other is not one))


@given(edges, st.randoms())
def test_the_order_of_edges_changes_nothing(found: list[Edge], rng: Random):
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert Network.of(found).cycle() == Network.of(shuffled).cycle()
