"""Consensus of two clocks, what dissents from it, and stretches between steps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recon.time.consensus import OPEN, certain, consensus
from recon.time.segments import segments, steps

SECOND, HOUR = 1_000_000, 3_600_000_000


def array(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_one_false_pair_among_four_dissents_and_moves_nothing():
    found = consensus(array(0, 1, 2, 500), array(10, 11, 12, 510))
    assert (found.low, found.high, found.agreeing, found.clear) == (2, 10, 3, True)
    assert found.dissent.tolist() == [False, False, False, True]


def test_one_against_one_leaves_nothing_bounded():
    """δ ≤ 0 by one pair, δ ≥ 10 by the other: either may be false."""
    found = consensus(array(-OPEN, 10), array(0, OPEN))
    assert found.dissent.all()
    assert not found.clear
    assert (found.low, found.high) == (-OPEN, OPEN)


def test_pairs_in_one_direction_bound_one_side_alone():
    found = consensus(array(-OPEN, -OPEN), array(7, 30))
    assert (found.low, found.high) == (-OPEN, 7)
    assert not found.dissent.any()


@given(
    st.integers(-1000, 1000),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=9),
    st.data(),
)
def test_certain_bounds_hold_while_the_false_are_fewer_than_half_of_each_side(
    offset: int, true: list[tuple[int, int]], data: st.DataObject
):
    few = (len(true) - 1) if len(true) > 1 else 0
    false = data.draw(st.lists(st.integers(-5000, 5000), max_size=few))
    low = array(*(offset - room for room, _ in true), *(at - 1 for at in false))
    high = array(*(offset + room for _, room in true), *(at + 1 for at in false))
    least, most = certain(low, high)
    assert least <= offset <= most


def test_a_log_behind_until_the_morning_is_two_stretches_and_a_step():
    at = np.arange(0, 24 * HOUR, HOUR // 4, dtype=np.int64)
    offset = np.where(at < 9 * HOUR, -600 * SECOND, 0)
    found = segments(at, offset - SECOND, offset + SECOND)
    assert [one.measured for one in found] == [True, True]
    (step,) = steps(found)
    assert step.after < 9 * HOUR <= step.before
    assert step.low <= 600 * SECOND <= step.high
    assert sum(int(one.agreed.dissent.sum()) for one in found) == 0


def test_a_false_record_cuts_no_stretch_in_two():
    at = np.arange(0, 24 * HOUR, HOUR // 4, dtype=np.int64)
    offset = np.where(at == 12 * HOUR, -20 * 24 * HOUR, 0)
    (found,) = segments(at, offset - SECOND, offset + SECOND)
    assert int(found.agreed.dissent.sum()) == 1
    assert found.low <= 0 <= found.high


def test_a_clock_that_stands_elsewhere_for_three_records_is_a_stretch_of_its_own():
    at = np.arange(0, 24 * HOUR, HOUR // 4, dtype=np.int64)
    away = (at >= 12 * HOUR) & (at < 13 * HOUR)
    offset = np.where(away, -600 * SECOND, 0)
    found = segments(at, offset - SECOND, offset + SECOND)
    assert len(found) == 3
    assert [len(one.members) for one in found] == [48, 4, 44]


def test_a_drift_within_what_clocks_do_is_no_step():
    at = np.arange(0, 24 * HOUR, HOUR // 4, dtype=np.int64)
    offset = (at * 5e-6).astype(np.int64)
    (found,) = segments(at, offset - SECOND // 100, offset + SECOND // 100)
    assert not found.agreed.dissent.any()


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(-9, 9), st.integers(0, 9)), max_size=30)
)
def test_every_pair_is_in_one_stretch(pairs: list[tuple[int, int, int]]):
    at = array(*(one[0] for one in pairs))
    low = array(*(one[1] for one in pairs))
    high = low + array(*(one[2] for one in pairs))
    members = [place for one in segments(at, low, high) for place in one.members.tolist()]
    assert sorted(members) == list(range(len(pairs)))


def test_a_step_half_way_has_as_many_pairs_on_either_side_and_is_found():
    at = array(*(HOUR * n for n in range(12)))
    offset = np.where(at < 6 * HOUR, 0, HOUR)
    found = segments(at, offset - SECOND, offset + SECOND, drift=0.0)
    assert [len(one.members) for one in found] == [6, 6]
    (step,) = steps(found)
    assert (step.after, step.before) == (5 * HOUR, 6 * HOUR)
    assert step.low <= HOUR <= step.high


def test_as_many_that_contradict_each_other_by_turns_leave_nothing_measured():
    at = array(*(HOUR * n for n in range(4)))
    offset = array(0, HOUR, 0, HOUR)
    found = segments(at, offset - SECOND, offset + SECOND, drift=0.0)
    assert not any(one.measured for one in found)
