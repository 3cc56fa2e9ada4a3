"""What the sides of many pushes reach: the same as walks that take one push at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recon.rules import Timeline, reaching
from recon.rules.commits import Commits

if TYPE_CHECKING:
    import pytest

MOST = 12


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[str]]:
    """Commits c0, c1 … with parents among those before them, in any order; some are not at hand."""
    count = draw(st.integers(1, MOST))
    made = {
        f"c{n}": [
            f"c{one}"
            for one in draw(st.lists(st.integers(-1, n - 1), max_size=3))
            if one >= 0 or draw(st.booleans())
        ]
        for n in range(count)
    }
    return {name: made[name] for name in draw(st.permutations(list(made)))}


def walked(parents: dict[str, list[str]], tip: str | None) -> set[str]:
    if tip is None or tip not in parents:
        return set()
    return {tip}.union(*(walked(parents, one) for one in parents[tip]))


def told(parents: dict[str, list[str]]) -> Timeline:
    timeline = Timeline(pl.LazyFrame(), pl.LazyFrame())
    timeline.once("commits", lambda _: Commits.linked(parents))
    return timeline


@given(histories(), st.data())
def test_both_sides_of_each_push_are_what_walks_from_them_give(
    parents: dict[str, list[str]], data: st.DataObject
):
    """git-rev-list(1): OLD ^NEW is what OLD reaches and NEW does not."""
    tip = st.sampled_from(sorted(parents))
    pairs = data.draw(st.lists(st.tuples(tip, st.none() | tip), max_size=6))
    timeline = told(parents)
    names = reaching.order(timeline).names
    assert sorted(names) == sorted(parents)
    for (old, new), sides in zip(pairs, reaching.beyond(timeline, pairs), strict=True):
        left, right = ([names[place] for place in side.tolist()] for side in sides)
        one, other = walked(parents, old), walked(parents, new)
        assert (sorted(left), sorted(right)) == (sorted(one - other), sorted(other - one))
        assert Commits.linked(parents).left(old, other) == one - other
    both = [(old, new) for old, new in pairs if new is not None]
    assert reaching.ahead(timeline, both) == [old in walked(parents, new) for new, old in both]
    linked = Commits.linked(parents)
    tips = data.draw(st.lists(tip))
    every = set().union(*(walked(parents, one) for one in tips))
    assert linked.reach(tips) == every
    # The reverse holds where children stand behind their parents.
    assert every == set(parents) or not linked.all_reached(tips)
    in_order = Commits.linked(dict(sorted(parents.items(), key=lambda one: int(one[0][1:]))))
    assert in_order.all_reached(tips) == (every == set(parents))
    gaps = {name for name, above in parents.items() if "c-1" in above}
    for name in parents:
        assert Commits.linked(parents).is_open(name) == bool(walked(parents, name) & gaps)


def test_a_push_far_ahead_is_one_pass(monkeypatch: pytest.MonkeyPatch):
    """More pushes than one pass takes, each farther than first parents are followed."""
    monkeypatch.setattr(reaching, "_AT_ONCE", 2)
    monkeypatch.setattr(reaching, "_NEAR", 1)
    parents = {f"c{n}": [f"c{n - 1}"] if n else [] for n in range(30)}
    timeline = told(parents)
    pairs = [(f"c{n}", f"c{n // 2}") for n in range(30)]
    assert all(reaching.ahead(timeline, pairs))
    assert reaching.ahead(timeline, [(old, new) for new, old in pairs[1:]]) == [False] * 29
    sizes = [len(left) for left, _ in reaching.beyond(timeline, pairs)]
    assert sizes == [n - n // 2 for n in range(30)]
