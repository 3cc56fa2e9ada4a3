"""What the log says of a table in a stretch, whatever the order in which it is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recon.rules.writes import log
from tests.stories import TABLE, Story, at


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("acts", "stands"),
    [
        (("table.create", "table.drop", "table.recreate", "table.write"), True),
        (("table.create", "table.write"), True),
        (("table.drop",), False),
        (("table.write",), True),
    ],
)
def test_acts_of_one_transaction_say_whether_a_table_stood(
    *, acts: tuple[str, ...], stands: bool, turned: bool
):
    story = Story().commit("19:00", 799)
    for kind in acts:
        story.wal(kind, "19:00", 799)
    told = log(story.timeline())
    told = replace(told, seen=told.seen.sort("kind", descending=turned))
    assert told.follows("lineage-db", TABLE, at("19:30"), at("20:00")) is stands


@pytest.mark.parametrize("turned", [False, True])
def test_a_table_that_was_made_and_filled_at_once_does_not_stand_when_it_is_dropped(
    *, turned: bool
):
    story = Story().commit("19:00", 799).wal("table.create", "19:00", 799)
    story.wal("table.write", "19:00", 799).wal("table.drop", "19:10", 800)
    told = log(story.timeline())
    told = replace(told, seen=told.seen.sort("kind", descending=turned))
    assert not told.follows("lineage-db", TABLE, at("19:30"), at("20:00"))


@pytest.mark.parametrize(
    ("since", "until", "covered"),
    [
        ("10:00", "11:00", True),
        ("10:00", "13:00", False),
        ("13:00", "14:00", False),
        ("13:00", "16:00", False),
        ("16:00", "17:00", True),
    ],
)
def test_nothing_is_covered_while_a_table_is_unlogged(since: str, until: str, *, covered: bool):
    story = Story().logged("2026-03-08 00:00", "2026-03-09 00:00")
    for kind, time in (("table.unlogged", "12:00"), ("table.logged", "15:00")):
        story.commit(time, 700).wal(kind, time, 700)
    told = log(story.timeline())
    assert told.covers("lineage-db", TABLE, at(since), at(until)) is covered
    assert told.covers("lineage-db", "pg:lineage-db/ml/ml.other", at(since), at(until))
    assert (told.silent_since("lineage-db", TABLE, "model:m1", at(since), at(until)) is None) is (
        not covered
    )


def test_a_table_that_is_made_unlogged_is_not_covered_until_another_takes_its_name():
    story = Story().logged("2026-03-08 00:00", "2026-03-09 00:00")
    story.commit("12:00", 700).wal("table.create", "12:00", 700)
    story.wal("table.unlogged", "12:00", 700).recreated("15:00", 701)
    told = log(story.timeline())
    assert not told.covers("lineage-db", TABLE, at("13:00"), at("14:00"))
    assert told.covers("lineage-db", TABLE, at("16:00"), at("17:00"))
