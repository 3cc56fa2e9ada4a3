"""Laws between events: what hashes and media force, and nothing more."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recon import schema
from recon.time.pairs import by_record, law_pairs
from recon.time.relations import relations
from tests.stories import GOOD, Story, commit


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


READING = st.tuples(*(st.integers(0, 1) for _ in range(5)), st.none() | st.integers(0, 1))


@given(st.lists(READING, min_size=1, max_size=8), st.data())
def test_laws_between_records_are_of_the_first_event_of_each(
    readings: list[tuple[int | None, ...]], data: st.DataObject
):
    """One record with one reading is one, wherever its events stand in the timeline."""
    time = datetime(2026, 3, 8, tzinfo=UTC)
    names = ("source", "item", "citation", "clock", "earliest", "latest")
    known = [dict(zip(names, one, strict=True)) for one in readings]
    rows = [
        {name: str(one[name]) for name in names[:4]}
        | {name: None if one[name] is None else time.replace(hour=one[name]) for name in names[4:]}
        | {"row": row, "kind": "k"}
        for row, one in enumerate(known)
    ]
    row = st.integers(0, len(rows) - 1)
    law = st.tuples(row, row, st.sampled_from(["digest", "order"]), st.none() | st.just("b"))
    laws = data.draw(st.lists(law, max_size=8))
    first: dict[tuple[int | None, ...], int] = {}
    spoken = {one for pair in laws for one in pair[:2]}
    for at in sorted(spoken):
        first.setdefault(readings[at], at)
    wanted = {
        (first[readings[before]], first[readings[after]], what)
        for before, after, what, _ in laws
        if first[readings[before]] != first[readings[after]]
    }
    events = schema.frame(data.draw(st.permutations(rows)), schema.EVENTS)
    relations_ = pl.DataFrame(laws, schema=schema.RELATIONS, orient="row")
    # As the file of a timeline has it: how far back the first of the record is.
    began = {at: readings.index(one) for at, one in enumerate(readings)}
    back = pl.col("row") - pl.col("row").replace_strict(began, return_dtype=pl.UInt64)
    for beside in (None, events.lazy().with_columns(record_back=back.cast(pl.UInt32))):
        laws_ = by_record(events.lazy(), relations_.lazy(), beside)
        found = laws_.select("before", "after", "law")
        assert sorted(found.rows()) == sorted(wanted)
        ends = found.select("before", "after").rows()
        assert ends == sorted(ends)
