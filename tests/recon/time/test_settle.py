"""Clocks that contradict each other: what is left has no contradiction, and the work is bounded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.time import known as of_case
from recon.time import settle as settling
from recon.time.bounds import bounds
from recon.time.consensus import consensus
from recon.time.settle import Settled, settle
from tests.contradictions import KINDS, triangle
from tests.stories import Story


def sound(found: Settled) -> bool:
    closed = bounds(found.offsets, only_measured=False)
    return bool((closed.table.diagonal(axis1=1, axis2=2) >= 0).all())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_contradicts_itself_throughout_is_settled_to_what_does_not(
    kind: Callable[[int], pl.LazyFrame],
):
    pairs = kind(1500).collect()
    found = settle(pairs.lazy())
    assert sound(found)
    assert len(found.dissent) + found.offsets["agreeing"].sum() <= len(pairs)
    assert found.dissent.select("before", "after", "law").is_unique().all()


def test_cycles_of_other_times_are_broken_in_one_round(monkeypatch: pytest.MonkeyPatch):
    rounds = []
    real = settling.offsets
    monkeypatch.setattr(settling, "offsets", lambda *given: rounds.append(1) or real(*given))
    found = settle(triangle(6000).collect().lazy())
    # The first of them is of all pairs.
    assert len(found.missed) > 100
    assert len(rounds) <= 5


def test_of_what_is_left_after_all_rounds_nothing_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settling, "_ROUNDS", 0)
    found = settle(triangle(3000).collect().lazy())
    assert not found.missed
    assert len(found.contested)
    assert sound(found)
    assert found.offsets.join(found.contested, on=found.offsets.columns).is_empty()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=30))
def test_what_any_of_the_best_places_excludes_dissents(spans: list[tuple[int, int]]):
    low = np.array([begin for begin, _ in spans])
    high = low + np.array([width for _, width in spans])
    found = consensus(low, high)
    counts = {at: int(((low <= at) & (high >= at)).sum()) for at in range(40)}
    best = [at for at, count in counts.items() if count == max(counts.values())]
    wanted = np.zeros(len(low), dtype=bool)
    for at in best:
        wanted |= (low > at) | (high < at)
    if len({tuple((low <= at) & (high >= at)) for at in best}) == 1:
        assert found.dissent.tolist() == wanted.tolist()
    else:
        assert not found.clear
        assert (found.dissent & ~wanted).sum() == 0


def test_a_case_is_settled_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch):
    made = []
    real = of_case.law_pairs
    monkeypatch.setattr(of_case, "law_pairs", lambda *given: made.append(1) or real(*given))
    settled = []
    untangled = of_case.untangled
    monkeypatch.setattr(of_case, "untangled", lambda *given: settled.append(1) or untangled(*given))
    timeline = Story().measured("a", "b", 5).timeline()
    assert timeline.measured.settled is timeline.known.settled
    assert timeline.clocks.between.clocks == ["a", "b"]
    assert (made, settled) == ([1], [1])
    assert isinstance(timeline.known.pairs, pl.LazyFrame)


def test_one_pair_that_two_laws_hold_is_told_in_one_order():
    """Both dissent; which comes first does not depend on which came first."""
    held = KINDS[0](40).collect()
    other = pl.Series(["y"] * len(held))
    both = pl.concat([held, held.with_columns(law=other)])
    found = settle(both.lazy())
    assert found.dissent["law"].n_unique() == 2
    for seed in range(3):
        again = settle(both.sample(fraction=1, shuffle=True, seed=seed).lazy())
        assert again.dissent.equals(found.dissent)
        assert again.offsets.equals(found.offsets)
