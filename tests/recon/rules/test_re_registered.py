"""re-registered: a row that is older, by its own word, than the act that replaced its table."""

from __future__ import annotations

import pytest

from recon.rules.re_registered import re_registered
from tests.recon.rules.registering import ANEW, BEFORE, EARLY, FEBRUARY, MARCH, NOW, by_dump
from tests.stories import BAD, GOOD, TABLE, Story, at


def incident() -> Story:
    """02:00 dump m1=GOOD; 19:12 table recreated in 800, which inserts m1=BAD, dated February."""
    return (
        Story()
        .wrote(*EARLY)
        .snapshot(BEFORE, m1=GOOD)
        .commit("19:05", 799)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=2)
        .commit("19:20", 801)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
        .logged(*MARCH)
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


def test_the_margin_counts_the_clock_of_a_dump_up_to_the_last_change_before_it():
    """22:00 an update; 02:00 the dump: had its clock been four hours ahead, it would be older."""
    story = by_dump(incident().wrote("2026-03-07 22:00", 700, update=1))
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    assert draft.margin_seconds == 4 * 3600
    assert "the clock that dated the snapshot would have had to read 4 h 00 m ahead" in draft.excuse


def test_the_margin_counts_the_clock_of_a_dump_up_to_where_the_log_begins():
    (draft,) = by_dump(incident()).judged(re_registered)
    assert draft.verdict == "conflict"
    assert draft.margin_seconds == 7 * 86400 + 2 * 3600


def test_the_clock_of_a_dump_is_not_counted_where_others_would_have_to_be_less_wrong():
    (draft,) = by_dump(incident().logged("2026-01-01 00:00", MARCH[1])).judged(re_registered)
    assert draft.margin_seconds == 22 * 86400 + 9 * 3600 + 12 * 60


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
        .wrote(*EARLY)
        .snapshot(BEFORE, m1=GOOD)
        .truncated("19:12", 800)
        .wrote("19:13", 801, insert=1)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801))
        .logged(*MARCH)
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    assert not [step for step in draft.steps if step.step == "one-transaction"]


def test_fires_where_the_table_was_restored_to_before_the_row_and_the_row_inserted_again():
    story = Story().wrote(*EARLY).snapshot(BEFORE, m1=GOOD)
    story.wal("timeline.end-of-recovery", "10:00", 0, "pg:lineage-db")
    story.wrote("19:13", 801, insert=1).capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801))
    story.logged(*MARCH)
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


def migrated(*rows: tuple[str, str, str, str, int], **before: str) -> Story:
    """The log has no gap; the table is recreated at 19:12 in 800, after a snapshot at 02:00."""
    return (
        Story()
        .wrote(*EARLY)
        .snapshot(BEFORE, **before)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=len(rows))
        .capture(NOW, *rows)
        .logged(*MARCH)
    )


@pytest.mark.parametrize("change", [{"update": 1}, {"delete": 1, "insert": 1}])
@pytest.mark.parametrize("when", ["10:00", "02:00"])
def test_undetermined_where_the_row_may_have_been_changed_before_it_was_copied(
    when: str, change: dict[str, int]
):
    """The innocent twin: a correction in the morning, and a migration that copies it."""
    story = migrated(ANEW, m1=GOOD).wrote(when, 790, **change)
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"
    assert "may have done it" in draft.statement
    assert draft.innocent[2].ruled_out is False
    assert "changed" in [role for role, _ in draft.events]


@pytest.mark.parametrize("deleted_in", [801, 802])
def test_undetermined_where_the_row_was_deleted_and_inserted_after_the_act(deleted_in: int):
    story = (
        migrated(("m1", BAD, FEBRUARY, "20:00", 802), m1=GOOD)
        .wrote("19:50", deleted_in, delete=1)
        .wrote("20:00", 802, insert=1)
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


def test_silent_on_a_row_deleted_and_inserted_in_one_transaction_after_a_failover():
    story = Story().wrote(*EARLY).snapshot(BEFORE, m1=GOOD)
    story.wal("timeline.end-of-recovery", "10:00", 0, "pg:lineage-db")
    story.wrote("19:13", 801, insert=1, delete=1)
    story.capture(NOW, ("m1", BAD, FEBRUARY, "19:13", 801)).logged(*MARCH)
    assert story.judged(re_registered) == []


def test_undetermined_where_the_log_does_not_reach_the_snapshot_or_the_row():
    for since, until in (("03:00", "2026-04-01 00:00"), ("2026-03-01 00:00", "19:00")):
        story = migrated(ANEW, m1=GOOD)
        story.covered[-1] |= {"earliest": at(since), "latest": at(until)}
        (draft,) = story.judged(re_registered)
        assert draft.verdict == "undetermined"
        assert draft.innocent[2].ruled_out is None


def test_undetermined_where_the_log_may_not_know_the_file_of_the_old_table():
    """A VACUUM FULL before the log began gave it a file of another number than its OID."""
    story = (
        Story()
        .snapshot(BEFORE, m1=GOOD)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .capture(NOW, ANEW)
        .logged(*MARCH)
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


def test_undetermined_where_an_older_snapshot_gives_the_value_of_today():
    """The innocent twin: pg_restore --clean of a dump from before a correction."""
    story = Story().snapshot("2026-03-05 02:00", m1=BAD)
    story.rows += (later := migrated(ANEW, m1=GOOD)).rows
    story.covered += later.covered
    for number, row in enumerate(story.rows):
        if number < 3:
            row["item"] = "f" * 64
    story.covered[0]["item"] = "f" * 64
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"
    assert "an older snapshot" in draft.statement
    assert draft.innocent[3].ruled_out is False


def value(story: Story, old: str, new: str | None) -> Story:
    """Write a value in another way, or not at all, wherever it is claimed."""
    for row in story.rows:
        if row["kind"] == "claim" and row["value"] == old:
            row["value"] = new
    story.rows = [row for row in story.rows if row["kind"] != "claim" or row["value"] is not None]
    return story


@pytest.mark.parametrize(
    ("was", "now", "verdict"),
    [
        ("a" * 64, "A" * 64, "observation"),
        ("a" * 64, "\\x" + "a" * 64, "observation"),
        ("0.900", "0.9000", "observation"),
        ("t", "true", "observation"),
        ("sha ", "sha", "observation"),
        ("2026-02-14 10:05:00+00", "2026-02-14 11:05:00+01", "observation"),
        ("2026-02-14 10:05:00+00", "2026-02-14 11:05:00", "undetermined"),
        ("0.900", "0.901", "conflict"),
        ("t", "f", "conflict"),
    ],
)
def test_one_value_written_in_two_ways_is_one_value(was: str, now: str, verdict: str):
    story = value(value(migrated(ANEW, m1=GOOD), "a" * 64, was), "b" * 64, now)
    (draft,) = story.judged(re_registered)
    assert draft.verdict == verdict


def test_undetermined_where_a_value_is_gone():
    """Not silent, and no statement that the values are those of the snapshot."""
    other = ("m2", GOOD, FEBRUARY, "19:12", 800)
    story = migrated(ANEW, other, m1=GOOD, m2=GOOD)
    for row in story.rows[-4:]:
        if row["kind"] == "claim" and row["subject"] == "model:m1@1":
            row |= {"attribute": "commit"}
    for row in [row for row in story.rows if row["kind"] == "claim"][:2]:
        story.rows.append(row | {"part": 2, "attribute": "commit", "value": "c" * 40})
    found = {draft.subject: draft for draft in story.judged(re_registered)}
    assert found["model:m1@1"].verdict == "conflict"  # its commit is another one
    assert "its artifact was " in found["model:m1@1"].statement
    assert "is empty now" in found["model:m1@1"].statement


def of_history(before: str, now: str, *, turned: bool = False) -> Story:
    """Rows of one subject, one a letter, each of another day, before the act and now."""
    names = {f"m{i}": one * 64 for i, one in enumerate(before)}
    rows = [(f"m{i}", one * 64, f"2026-02-1{i} 10:00", "19:12", 800) for i, one in enumerate(now)]
    story = migrated(*(rows[::-1] if turned else rows), **names)
    for row in story.rows:
        if row["kind"] == "claim" and row["earliest"] is None:
            day = row["subject"].removeprefix("model:m").removesuffix("@1")
            row["earliest"] = row["latest"] = at(f"2026-02-1{day} 10:00")
        if row["subject"].startswith("model:"):
            row["subject"] = "model:m@1"
    return story


@pytest.mark.parametrize("turned", [False, True])
def test_observes_a_history_that_was_copied_unchanged(*, turned: bool):
    """The innocent twin: several rows of one subject, each with its own values."""
    (draft,) = of_history("abc", "abc", turned=turned).judged(re_registered)
    assert draft.verdict == "observation"


def test_observes_a_history_copied_unchanged_and_added_to():
    (draft,) = of_history("abc", "abcd").judged(re_registered)
    assert draft.verdict == "observation"


def test_fires_on_the_one_row_of_a_history_that_was_altered():
    (draft,) = of_history("abc", "adc").judged(re_registered)
    assert draft.verdict == "conflict"
    assert f"was {'b' * 64}" in draft.statement
    assert f"is {'d' * 64} now" in draft.statement


def test_undetermined_where_a_row_says_that_it_is_younger_than_the_snapshot():
    """The innocent twin: registered again in another place at noon, and loaded in the evening."""
    (draft,) = migrated(("m1", BAD, "2026-03-08 12:00", "19:12", 800), m1=GOOD).judged(
        re_registered
    )
    assert draft.verdict == "undetermined"
    assert "has no row for it that asserts that time" in draft.statement


def test_a_snapshot_that_lacks_the_row_is_named():
    (draft,) = migrated(ANEW, m2=GOOD).judged(re_registered)
    assert draft.verdict == "undetermined"
    assert "which holds the whole table, has no row for it" in draft.statement


def test_a_row_written_in_a_savepoint_was_written_by_its_transaction():
    story = migrated(("m1", BAD, FEBRUARY, "19:12", 801), m1=GOOD)
    for row in story.rows:
        if "xid:1/800" in row["names"]:
            row["names"] = ["xid:1/800", "xid:1/801", TABLE]
        if row["kind"] == "row.version":
            row |= {"earliest": None, "latest": None}  # no commit timestamps: the log dates it
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    assert "in the transaction that recreated" in draft.statement


def swapped(digest: str, *, before: bool = True) -> Story:
    """19:12 lineage_v2 is made and filled; it gets the name, and the old table is kept."""
    story = Story().wrote(*EARLY)
    if before:
        story.snapshot(BEFORE, m1=GOOD)
    story.commit("19:12", 800).wal("table.create", "19:12", 800, value="name=lineage_v2")
    story.wrote("19:12", 800, insert=1).logged(*MARCH)
    return story.capture(NOW, ("m1", digest, FEBRUARY, "19:12", 800))


def test_fires_where_another_table_took_the_place_of_the_old_one_which_was_kept():
    (draft,) = swapped(BAD).judged(re_registered)
    assert draft.verdict == "conflict"
    (draft,) = swapped(GOOD).judged(re_registered)
    assert draft.verdict == "observation"


def test_silent_on_history_entered_into_a_table_that_is_new():
    assert swapped(BAD, before=False).judged(re_registered) == []
