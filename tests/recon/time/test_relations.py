"""Laws between events: what hashes and media force, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.time.pairs import by_record, law_pairs
from recon.time.relations import relations
from tests.stories import GOOD, Story, commit

if TYPE_CHECKING:
    import pytest


def told(story: Story) -> set[tuple[int, int, str]]:
    frame = relations(story.timeline().events).collect()
    return {(row["before"], row["after"], row["law"]) for row in frame.iter_rows(named=True)}


def test_a_commit_comes_after_the_parent_whose_id_it_contains_whatever_the_dates_say():
    story = Story().committed("c1", time="10:00").committed("c2", "c1", time="09:00")
    assert told(story) == {(0, 1, "digest")}


def test_a_deploy_comes_after_the_commit_that_it_names():
    story = Story().committed("c1", time="10:00")
    story.event("deploys", "deploy.finish", "model:m1@1", "09:00", names=[f"git:{commit('c1')}"])
    assert told(story) == {(0, 1, "digest")}


def test_that_a_row_names_an_artifact_does_not_say_that_the_bucket_had_stored_it():
    story = Story().stored("10:00", "m1", GOOD)
    story.event("lineage-db", "row.version", "model:m1@1", "09:00", names=[GOOD])
    assert told(story) == set()


def test_records_of_one_log_follow_each_other_by_lsn():
    story = Story().commit("10:00", 700).commit("09:00", 701).commit("11:00", 702)
    assert told(story) == {(0, 1, "order"), (1, 2, "order")}


def test_events_at_one_place_of_a_stream_are_not_ordered():
    story = Story().commit("10:00", 700).commit("10:00", 701)
    story.rows[1]["position"] = story.rows[0]["position"]
    assert told(story) == set()


def test_streams_are_not_ordered_among_each_other():
    story = Story().commit("10:00", 700).commit("10:00", 701)
    story.rows[1]["stream"] = "pg:1/2"
    assert told(story) == set()


def test_pairs_are_the_same_whatever_the_order_of_the_events_and_with_part_of_them():
    """Two clocks; the timeline whole, turned round, and without an event that no law speaks of."""
    story = Story().event("x", "note", "m", "08:00").committed("c1", time="10:00")
    story.event("deploys", "deploy.finish", "m", "10:05", names=[f"git:{commit('c1')}"])
    story.rows[-1]["clock"] = "log:deploys"
    events = story.timeline().events
    laws = relations(events)
    wanted = law_pairs(events, laws).collect()
    assert wanted.select("first", "second", "before", "after", "high").rows() == [
        ("git:committer:a@b", "log:deploys", 1, 2, 300_000_000)
    ]
    for other in (events.reverse(), events.filter(pl.col("row") > 0)):
        assert law_pairs(other, laws).collect().equals(wanted)
    assert law_pairs(events.filter(pl.col("row") < 0), laws).collect().is_empty()


def test_laws_between_records_are_the_same_where_the_numbers_of_all_records_are_equal(
    monkeypatch: pytest.MonkeyPatch,
):
    story = Story().committed("c1", time="10:00").committed("c2", "c1", time="11:00")
    for subject in ("model:m1@1", "model:m2@1"):
        story.event("deploys", "deploy.finish", subject, "12:00", names=[f"git:{commit('c2')}"])
    events = story.timeline().events
    laws = relations(events).collect().lazy()
    one = by_record(events, laws)
    monkeypatch.setattr(pl.Expr, "hash", lambda _of, _seed=0: pl.lit(0, pl.UInt64))
    assert by_record(events, laws).equals(one)
    assert not one.is_empty()
