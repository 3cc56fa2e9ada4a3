"""vanished-row: a snapshot holds the subject, and a later, complete one does not."""

from __future__ import annotations

from recon.rules.vanished_row import vanished_row
from tests.stories import GOOD, Story

NIGHT = "02:00"
NEXT = "2026-03-09 02:00"


def test_fires_where_the_table_was_recreated_in_between():
    story = (
        Story().snapshot(NIGHT, m1=GOOD, m2=GOOD).recreated("19:12", 800).snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "missing"
    assert draft.subject == "model:m2@1"
    assert [role for role, _ in draft.events] == ["held", "seen", "absent", "replaced"]
    assert "recreated" in draft.statement


def test_observes_an_ordinary_delete():
    story = (
        Story()
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .wrote("10:00", 700, delete=1)
        .snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "observation"


def test_undetermined_where_nothing_says_what_happened():
    story = Story().snapshot(NIGHT, m1=GOOD, m2=GOOD).snapshot(NEXT, m1=GOOD)
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"


def test_silent_where_the_row_is_back():
    story = (
        Story()
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .recreated("19:12", 800)
        .snapshot(NEXT, m1=GOOD)
        .snapshot("2026-03-10 02:00", m1=GOOD, m2=GOOD)
    )
    assert story.judged(vanished_row) == []


def test_silent_where_the_later_snapshot_does_not_cover_the_table():
    story = Story().snapshot(NIGHT, m1=GOOD, m2=GOOD).recreated("19:12", 800)
    story.event("lineage-db", "snapshot", "pg:lineage-db", NEXT, citation="")
    assert story.judged(vanished_row) == []


def test_silent_on_vacuum_full():
    story = (
        Story()
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .rewritten("19:12", 800)
        .snapshot(NEXT, m1=GOOD, m2=GOOD)
    )
    assert story.judged(vanished_row) == []


def test_undetermined_where_an_ordinary_delete_came_before_the_recreation():
    story = (
        Story()
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .wrote("10:00", 700, delete=1)
        .recreated("19:12", 800)
        .snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"


def test_a_log_that_covers_all_of_the_time_rules_out_an_ordinary_delete():
    story = (
        Story().snapshot(NIGHT, m1=GOOD, m2=GOOD).recreated("19:12", 800).snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.innocent[0].ruled_out is None
    (draft,) = story.logged("2026-03-01 00:00", "2026-04-01 00:00").judged(vanished_row)
    assert draft.innocent[0].ruled_out is True
