"""Where in a timeline which kinds are: what is not read holds none of them."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recon.rules import Timeline, base
from tests.stories import BAD, GOOD, Story

THEN = "2026-02-14 10:00"


@pytest.mark.parametrize("apart", [1, 2, 8])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_no_event_is_lost(apart: int, is_shuffled: bool, monkeypatch: pytest.MonkeyPatch):  # noqa: FBT001
    monkeypatch.setattr(base, "_GROUP", 3)
    monkeypatch.setattr(base, "_APART", apart)
    story = Story().snapshot("02:00", asserted=THEN, m1=GOOD, m2=GOOD).stored("10:00", "m1", BAD)
    story.deployed("09:00", "m1", artifact=GOOD).deployed("13:00", "m2", artifact=BAD)
    own = story.timeline()
    events = own.events.collect()
    if is_shuffled:
        events = events.sample(fraction=1, shuffle=True, seed=7)
    timeline = Timeline(events.lazy(), own.coverage)
    timeline.locate()
    kinds = sorted(set(events["kind"]))
    assert timeline.kinds == set(kinds)
    for asked in [[one] for one in kinds] + [kinds[:2], kinds, ["none.such", kinds[0]]]:
        every = events.filter(pl.col("kind").is_in(asked))
        assert_frame_equal(timeline.kind(*asked).collect(), every)
    assert timeline.kind("none.such").collect().is_empty()


def test_what_is_in_other_groups_is_not_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "_GROUP", 2)
    kinds = ["a", "a", "b", "a", "a", "c"]
    events = pl.DataFrame({"row": range(6), "kind": kinds, "names": [[]] * 6}).lazy()
    events = events.cast({"row": pl.UInt64, "names": pl.List(pl.String)})
    timeline = Timeline(events, pl.LazyFrame())
    before = timeline.kind("b").explain()
    timeline.locate()
    assert "is_between" not in before
    assert "is_between([2, 3])" in timeline.kind("b").explain()
