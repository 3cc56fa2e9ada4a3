"""re-registered: when rows were written, by what, and by clocks that may be off."""

from __future__ import annotations

import pytest

from recon.prose import sentence
from recon.rules.re_registered import re_registered
from tests.recon.rules.registering import ANEW, BEFORE, EARLY, FEBRUARY, MARCH, NOW, by_dump
from tests.stories import BAD, GOOD, TABLE, Story, at


def reloaded(*, logged: bool = True, asserted: str = FEBRUARY) -> Story:
    """TRUNCATE and COPY in 800, commit timestamps off; ``logged``: its COMMIT record is there."""
    story = Story().wrote(*EARLY).snapshot(BEFORE, m1=GOOD, m2=GOOD).commit("19:05", 799)
    if logged:
        story.truncated("19:12", 800).wrote("19:12", 800, insert=2)
    else:
        story.wal("table.truncate", "19:12", 800)
    return (
        story.commit("19:20", 801)
        .capture(
            NOW,
            ("n1", GOOD, "2026-03-08 19:05", None, 799),
            ("m1", BAD, asserted, None, 800),
            ("n2", GOOD, "2026-03-08 19:20", None, 801),
        )
        .logged(*MARCH)
    )


def test_fires_without_commit_timestamps_by_the_commit_record():
    (draft,) = [one for one in reloaded().judged(re_registered) if one.subject == "model:m1@1"]
    assert draft.verdict == "conflict"
    assert "written on 8 March 2026, 19:12:00 UTC by the COMMIT record of its transaction 800" in (
        draft.statement
    )
    assert "dated" in [role for role, _ in draft.events]
    (step,) = [step for step in draft.steps if step.step == "dated"]
    words = sentence(step, {"written": "B", "dated": "F"})
    assert words == (
        "B names transaction 800, which committed on 2026-03-08T19:12:00Z on clock "
        "pg:lineage-db/commit, by its COMMIT record F in the log."
    )


def test_an_estimate_never_makes_a_conflict():
    """The COMMIT record is lost; the rows of the transactions before and after it assert a time."""
    (draft,) = reloaded(logged=False).judged(re_registered)
    assert draft.verdict == "undetermined"
    assert "as an estimate from what the rows of the transactions before and after" in (
        draft.statement
    )
    (step,) = [step for step in draft.steps if step.step == "dated"]
    assert "that is likely, and no proof" in sentence(step, {"written": "B"})


def test_silent_on_a_reload_whose_rows_say_when_it_was():
    assert reloaded(asserted="2026-03-08 19:12:00").judged(re_registered) == []


def test_checkpoints_date_a_row_whose_record_is_lost_and_its_table_had_been_truncated():
    """All that is known is a day's stretch; that the row was written after TRUNCATE is law."""
    story = (
        Story()
        .wrote(*EARLY)
        .checkpoint("2026-03-08 01:00", 790, 790)
        .snapshot(BEFORE, m1=GOOD)
        .wal("table.truncate", "19:12", 800)
        .checkpoint("2026-03-09 01:00", 810, 810)
        .capture(NOW, ("m1", BAD, FEBRUARY, None, 800))
        .logged(*MARCH)
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    assert draft.margin_seconds == 22 * 86400 + 9 * 3600 + 12 * 60
    assert "by the checkpoints about its transaction 800" in draft.statement


def test_a_wide_stretch_about_a_restore_is_undetermined():
    """The row may have been written before what the restore went back to."""
    story = (
        Story()
        .wrote(*EARLY)
        .checkpoint("2026-03-08 01:00", 790, 790)
        .snapshot(BEFORE, m1=GOOD)
        .wal("timeline.end-of-recovery", "19:12", 0, "pg:lineage-db")
        .wrote("19:30", 805, insert=1)
        .checkpoint("2026-03-09 01:00", 810, 810)
        .capture(NOW, ("m1", BAD, FEBRUARY, None, 800))
        .logged(*MARCH)
    )
    assert all(draft.verdict == "undetermined" for draft in story.judged(re_registered))


def seen_recreated(value: str) -> Story:
    """No log: the catalogue of a later capture has another OID than the dump of 02:00."""
    story = Story().snapshot(BEFORE, m1=GOOD)
    dump = story.rows[-1]["item"]
    story.event(
        *("lineage-db", "table.recreate", TABLE, BEFORE),
        names=[TABLE, f"item:{dump}"],
        value="oid 16391 to 16402; basis: dump and capture of two times",
    )
    story.rows[-1]["latest"] = at(NOW)
    return story.capture(NOW, ("m1", value, FEBRUARY, "19:12", 800))


def test_undetermined_where_two_snapshots_show_a_recreation_and_no_log_is_at_hand():
    (draft,) = seen_recreated(BAD).judged(re_registered)
    assert draft.verdict == "undetermined"
    assert [role for role, _ in draft.events][-2:] == ["earlier", "seen"]
    assert "another OID" in draft.innocent[1].because


def test_observes_where_two_snapshots_show_a_recreation_that_copied_the_row():
    """The innocent twin."""
    (draft,) = seen_recreated(GOOD).judged(re_registered)
    assert draft.verdict == "observation"


def test_silent_on_storage_that_was_replaced_by_what_cannot_be_told():
    """The innocent twin: a rewrite and TRUNCATE look the same in two captures."""
    story = seen_recreated(BAD)
    for row in story.rows:
        if row["kind"] == "table.recreate":
            row["kind"] = "table.replaced"
    assert story.judged(re_registered) == []


def test_undetermined_where_the_log_has_no_such_table_when_the_snapshot_holds_it():
    """A move was rehearsed on the new cluster; the snapshot is of the old one, whose log is not
    at hand: there the row may have been updated before the move."""
    story = (
        Story()
        .wal("table.create", "2026-03-06 10:00", 690)
        .wrote("2026-03-06 10:00", 691, insert=1)
        .wal("table.drop", "2026-03-06 18:00", 692)
        .snapshot(BEFORE, m1=GOOD)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .capture(NOW, ANEW)
        .logged(*MARCH)
    )
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


@pytest.mark.parametrize(("seen", "verdict"), [(16385, "conflict"), (16999, "undetermined")])
def test_undetermined_where_the_snapshot_is_of_another_table_than_the_one_replaced(
    seen: int, verdict: str
):
    """The nightly dump is of the cluster that the database moved from: its table has an OID of
    its own, and the log of the new cluster follows another one of that name."""
    story = Story().wrote(*EARLY).snapshot(BEFORE, m1=GOOD)
    item = story.rows[-1]["item"]
    story.event("lineage-db", "dump.table", TABLE, item=item, value=f"oid={seen} owner=ci")
    story.commit("19:12", 800).wal("table.recreate", "19:12", 800, value="oid 16385 to 16400")
    story.wrote("19:12", 800, insert=1).capture(NOW, ANEW).logged(*MARCH)
    (draft,) = story.judged(re_registered)
    assert draft.verdict == verdict


def corrected(when: str, digest: str = BAD, asserted: str = FEBRUARY, *, read: bool = True):
    """An UPDATE that the log has with its row; 02:00 dump m1=GOOD; 19:12 a migration, m1=BAD.

    ``read``: the log is read row by row.
    """
    story = by_dump(Story().wrote(*EARLY).snapshot(BEFORE, m1=GOOD))
    story.updated(when, 795, "m1", digest, asserted)
    story.recreated("19:12", 800).wrote("19:12", 800, insert=1)
    story.capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800)).logged(*MARCH)
    return story.cover("lineage-db", "row.*", TABLE, *MARCH) if read else story


@pytest.mark.parametrize("when", ["01:57", "12:00"])
def test_observes_a_row_that_an_update_had_made_what_it_is_before_it_was_copied(when: str):
    """The innocent twin: by the dump's clock the update came before it, or after it."""
    (draft,) = corrected(when).judged(re_registered)
    assert draft.verdict == "observation"
    assert [role for role, _ in draft.events][-1] == "updated"
    assert f"as the log records that an update of 8 March 2026, {when}:00 UTC" in draft.statement
    assert [one.ruled_out for one in draft.innocent[:3]] == [False, True, False]


@pytest.mark.parametrize("when", ["01:57", "12:00"])
def test_undetermined_where_the_update_gave_another_value_than_that_of_today(when: str):
    (draft,) = corrected(when, "sha256:" + "c" * 64).judged(re_registered)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_update_was_of_a_row_of_another_time():
    (draft,) = corrected("12:00", asserted="2026-02-20 10:00").judged(re_registered)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_log_is_not_read_row_by_row():
    (draft,) = corrected("12:00", read=False).judged(re_registered)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_row_was_updated_again_before_the_act():
    story = corrected("12:00")
    story.updated("13:00", 796, "m1", GOOD, FEBRUARY)
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "undetermined"


def test_fires_where_an_update_of_long_before_the_snapshot_gave_the_value_of_today():
    """It was GOOD again when the dump was made."""
    (draft,) = corrected("2026-03-07 12:00").judged(re_registered)
    assert draft.verdict == "conflict"


WRITER, COMMIT, DUMP = (
    "pg:lineage-db/ml.lineage.registered_at",
    "pg:lineage-db/commit",
    "pg:lineage-db/dump",
)
HOUR = 3600.0


def clocked(asserted: str, written: str = "19:12") -> Story:
    """The incident, with a dump that says by which clock it was made."""
    story = (
        Story()
        .wrote(*EARLY)
        .snapshot(BEFORE, m1=GOOD)
        .recreated("18:12", 800)
        .wrote(written, 801, insert=2)
        .capture(NOW, ("m1", BAD, asserted, written, 801))
        .logged(*MARCH)
    )
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = DUMP if row["earliest"] == at(BEFORE) else "pg:lineage-db/server"
    return story


def test_silent_where_the_writers_clock_is_measured_three_hours_behind():
    """The innocent twin: the row is of 19:11, and says 16:11."""
    assert len(clocked("16:11").judged(re_registered)) == 1
    story = clocked("16:11").measured(COMMIT, WRITER, -3 * HOUR)
    assert story.judged(re_registered) == []


def test_fires_where_the_writers_clock_hid_it():
    """The row says 20:00, which was midnight before."""
    assert clocked("20:00").judged(re_registered) == []
    (draft,) = clocked("20:00").measured(COMMIT, WRITER, 20 * HOUR).judged(re_registered)
    assert draft.verdict == "conflict"
    assert draft.margin_seconds == pytest.approx(19.2 * HOUR, abs=10)
    assert f"hold {COMMIT} 20 h 00 m behind {WRITER}, give or take" in draft.alibi


def test_silent_on_many_minutes_of_lag_until_the_time_service_came_back():
    """The innocent twin: forty minutes behind up to the evening of 8 March."""
    story = (
        clocked("17:50", "18:31")
        .measured(COMMIT, WRITER, -2400, until="2026-03-08 19:00")
        .measured(COMMIT, WRITER, 0, since="2026-03-08 20:00")
    )
    assert clocked("17:50", "18:31").judged(re_registered)
    assert all(one.verdict == "undetermined" for one in story.judged(re_registered))


def test_undetermined_where_the_offset_is_measured_but_wide():
    (draft,) = clocked("01:00").measured(COMMIT, WRITER, 0, wide=40 * HOUR).judged(re_registered)
    assert draft.verdict == "undetermined"
    assert "the clocks may be so far apart" in draft.statement


def test_a_dump_by_a_clock_that_is_hours_ahead_is_placed_where_it_was_made():
    """The innocent twin: it says 02:00 and was made at 21:00, before an update of 23:00."""
    story = clocked(FEBRUARY).wrote("2026-03-07 23:00", 750, update=1)
    (draft,) = story.judged(re_registered)
    assert draft.verdict == "conflict"
    (draft,) = story.measured(COMMIT, DUMP, 5 * HOUR).judged(re_registered)
    assert draft.verdict == "undetermined"
    assert [role for role, _ in draft.events][-1] == "changed"


def test_a_dump_by_a_clock_that_is_measured_needs_no_hour_of_doubt():
    """An update half an hour before it, and the clocks agree to a second."""
    story = clocked(FEBRUARY).wrote("01:30", 750, update=1)
    assert story.judged(re_registered)[0].verdict == "undetermined"
    (draft,) = story.measured(COMMIT, DUMP, 0).judged(re_registered)
    assert draft.verdict == "conflict"
