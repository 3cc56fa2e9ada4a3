"""re-registered: a row that is older, by its own word, than the act that replaced its table."""

from __future__ import annotations

from recon.rules.re_registered import re_registered
from tests.stories import BAD, GOOD, Story

FEBRUARY = "2026-02-14 10:00:00"
BEFORE = "2026-03-08 02:00"
NOW = "2026-04-02 09:00"


def incident() -> Story:
    """02:00 dump m1=GOOD; 19:12 table recreated in 800, which inserts m1=BAD, dated February."""
    return (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .commit("19:05", 799)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=2)
        .commit("19:20", 801)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
    )


def test_fires_on_a_row_written_anew_with_another_value():
    (draft,) = incident().judged(re_registered)
    assert draft.verdict == "conflict"
    assert draft.subject == "model:m1@1"
    assert [role for role, _ in draft.events] == [
        "asserted",
        "written",
        "replaced",
        "earlier",
        "seen",
    ]
    assert draft.margin_seconds == 22 * 86400 + 9 * 3600 + 12 * 60
    assert "22 d 09 h 12 m" in draft.excuse
    assert "800" in str([step.data for step in draft.steps if step.step == "one-transaction"])


def test_alibi_names_the_commits_beside_it_in_the_log():
    (draft,) = incident().judged(re_registered)
    assert "2026-03-08T19:05:00Z" in draft.alibi
    assert "2026-03-08T19:20:00Z" in draft.alibi


def test_alibi_counts_rows_of_other_transactions():
    story = incident()
    rows = [
        (f"n{i}", GOOD, f"2026-03-2{i} 10:00:00", f"2026-03-2{i} 10:00:01", 810 + i)
        for i in range(5)
    ]
    story.capture("2026-04-03 09:00", *rows)
    (draft,) = story.judged(re_registered)
    assert "5 of 5 rows written by other transactions" in draft.alibi


def test_fires_where_the_table_was_truncated():
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .truncated("19:12", 800)
        .wrote("19:13", 801, insert=1)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801))
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    assert not [step for step in draft.steps if step.step == "one-transaction"]


def test_fires_where_the_table_was_restored_to_before_the_row_and_the_row_inserted_again():
    story = Story().snapshot(BEFORE, m1=GOOD)
    story.wal("timeline.end-of-recovery", "10:00", 0, "pg:lineage-db")
    story.wrote("19:13", 801, insert=1).capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801))
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"


def test_observes_a_migration_that_copied_the_rows_unchanged():
    """The innocent twin: same act, same values as the night before."""
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .capture(NOW, ("m1", GOOD, FEBRUARY, "19:12", 800))
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "observation"


def test_undetermined_where_nothing_shows_what_the_row_said_before():
    story = (
        Story()
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_row_may_have_been_updated_since():
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .recreated("19:12", 800)
        .wrote("20:00", 802, update=1)
        .capture(NOW, ("m1", BAD, FEBRUARY, "20:00", 802))
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


def test_silent_on_vacuum_full():
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .rewritten("19:12", 800)
        .capture(NOW, ("m1", GOOD, FEBRUARY, "2026-02-14 10:00:01", 700))
    )
    assert story.judged(re_registered) == []


def test_silent_on_an_alter_that_writes_every_row_again():
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .rewritten("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .capture(NOW, ("m1", GOOD, FEBRUARY, "19:12", 800))
    )
    assert story.judged(re_registered) == []


def test_silent_on_an_ordinary_update():
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .wrote("19:12", 800, update=1)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
    )
    assert story.judged(re_registered) == []


def test_silent_on_a_row_updated_after_a_restore():
    story = Story().snapshot(BEFORE, m1=GOOD)
    story.wal("timeline.end-of-recovery", "10:00", 0, "pg:lineage-db")
    story.wrote("19:13", 801, update=1).capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801))
    assert story.judged(re_registered) == []


def test_silent_on_rows_registered_after_the_table_was_recreated():
    story = (
        Story()
        .recreated("19:12", 800)
        .wrote("20:00", 801, insert=1)
        .capture(NOW, ("m2", GOOD, "2026-03-08 19:59:59", "20:00", 801))
    )
    assert story.judged(re_registered) == []


def test_silent_on_a_table_of_another_name():
    story = Story().snapshot(BEFORE, m1=GOOD)
    story.commit("19:12", 800).wal("table.recreate", "19:12", 800, "pg:lineage-db/ml/ml.other")
    story.capture(NOW, ("m1", BAD, FEBRUARY, "19:30", 801))
    assert story.judged(re_registered) == []
