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
