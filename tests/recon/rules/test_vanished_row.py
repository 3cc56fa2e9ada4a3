"""vanished-row: a snapshot holds the subject, and a later, complete one does not."""

from __future__ import annotations

from recon.rules.vanished_row import vanished_row
from tests.stories import BAD, GOOD, TABLE, Story

NIGHT = "02:00"
NEXT = "2026-03-09 02:00"
MARCH = ("2026-03-01 00:00", "2026-04-01 00:00")


def recreated() -> Story:
    """Two rows at night; in the evening the table is recreated, with one; the log has no gap."""
    return (
        Story()
        .wrote("2026-03-04 10:00", 690, insert=2)
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .recreated("19:12", 800)
        .wrote("19:12", 800, insert=1)
        .snapshot(NEXT, m1=GOOD)
    )


def test_fires_where_the_table_was_recreated_in_between():
    (draft,) = recreated().logged(*MARCH).judged(vanished_row)
    assert draft.verdict == "missing"
    assert draft.subject == "model:m2@1"
    assert [role for role, _ in draft.events] == ["held", "seen", "absent", "replaced"]
    assert "recreated" in draft.statement


def test_undetermined_where_the_earlier_snapshot_is_of_the_cluster_that_it_moved_from():
    """There the row may have been deleted after it: the log at hand is the new cluster's."""
    story = Story().wrote("2026-03-04 10:00", 690, insert=2).snapshot(NIGHT, m1=GOOD, m2=GOOD)
    item = story.rows[-1]["item"]
    story.event("lineage-db", "dump.table", TABLE, item=item, value="oid=16999 owner=ci")
    story.commit("19:12", 800).wal("table.recreate", "19:12", 800, value="oid 16385 to 16400")
    story.wrote("19:12", 800, insert=1).snapshot(NEXT, m1=GOOD).logged(*MARCH)
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"


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
    story = recreated()
    (draft,) = story.judged(vanished_row)
    assert draft.innocent[0].ruled_out is None
    (draft,) = story.logged("2026-03-01 00:00", "2026-04-01 00:00").judged(vanished_row)
    assert draft.innocent[0].ruled_out is True


def test_undetermined_where_the_log_has_a_gap_in_which_a_row_may_have_been_deleted():
    (draft,) = recreated().judged(vanished_row)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_log_may_not_know_the_file_of_the_table():
    story = (
        Story().snapshot(NIGHT, m1=GOOD, m2=GOOD).recreated("19:12", 800).snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.logged(*MARCH).judged(vanished_row)
    assert draft.verdict == "undetermined"


def counted(deletes: int, inserts: int) -> Story:
    """The log ends with the act; a capture of later on has the table's counters."""
    story = recreated().logged("2026-03-01 00:00", "19:12")
    story.capture("2026-03-09 03:00", ("m1", GOOD, "2026-02-14 10:00", "19:12", 800))
    return story.event(
        "lineage-db",
        "table.statistics",
        TABLE,
        "2026-03-09 03:00",
        value=f"n_tup_ins={inserts} n_tup_upd=0 n_tup_del={deletes} n_live_tup=1 n_dead_tup=0",
    )


def test_fires_where_the_log_ends_with_the_act_and_the_counters_know_of_no_delete():
    (draft,) = counted(deletes=0, inserts=1).judged(vanished_row)
    assert draft.verdict == "missing"


def test_undetermined_where_the_counters_know_of_a_delete_or_were_reset():
    for deletes, inserts in ((1, 2), (0, 0)):
        (draft,) = counted(deletes, inserts).judged(vanished_row)
        assert draft.verdict == "undetermined"


def test_undetermined_where_the_subject_was_renamed_as_the_table_was_written_anew():
    story = (
        Story()
        .wrote("2026-03-04 10:00", 690, insert=2)
        .snapshot(NIGHT, m1=GOOD, m2=BAD)
        .recreated("19:12", 800)
        .snapshot(NEXT, m1=GOOD, m3=BAD)
        .logged(*MARCH)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"
    assert "model:m3@1" in draft.innocent[2].because


def test_updates_are_named_where_nothing_took_rows_away():
    """The innocent twin: an UPDATE of the key."""
    story = (
        Story()
        .snapshot(NIGHT, m1=GOOD, m2=GOOD)
        .wrote("10:00", 700, update=1)
        .snapshot(NEXT, m1=GOOD)
    )
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"
    assert "records updates of ml.lineage" in draft.statement


def test_silent_on_a_row_whose_values_are_all_null_now():
    story = Story().snapshot(NIGHT, m1=GOOD).snapshot(NEXT, m1=GOOD)
    last = max(row["item"] for row in story.rows)
    story.rows = [row for row in story.rows if not (row["kind"] == "claim" and row["item"] == last)]
    assert story.judged(vanished_row) == []


def test_writing_the_table_anew_without_old_rows_is_not_ruled_out():
    (draft,) = recreated().logged(*MARCH).judged(vanished_row)
    assert [one.ruled_out for one in draft.innocent] == [True, None, None]


COMMIT, DUMP, SERVER = (f"pg:lineage-db/{name}" for name in ("commit", "dump", "server"))
HOUR = 3600.0


def clocked(held: str, absent: str, replaced: str = "19:12") -> Story:
    """A dump that holds m2, the table replaced, a capture by the server's clock without it."""
    story = (
        Story()
        .wrote("2026-03-04 10:00", 690, insert=1)
        .logged("2026-03-01 00:00", "2026-04-01 00:00")
    )
    story.snapshot(held, m1=GOOD, m2=GOOD)
    story.rows[-5]["clock"] = DUMP
    story.recreated(replaced, 700).capture(absent, ("m1", GOOD, None, replaced, 700))
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = row.get("clock") or SERVER
    return story


def test_silent_where_the_dumps_clock_is_measured_hours_ahead_of_the_servers():
    """The innocent twin: the row was added after the capture. The dump was made at 23:00."""
    story = clocked("20:00", "21:00")
    story.ahead(DUMP, -5 * HOUR)
    (draft,) = story.judged(vanished_row)
    assert "Nothing in the case bounds" in draft.alibi
    story.measured(COMMIT, DUMP, -8 * HOUR).measured(COMMIT, SERVER, 0)
    assert story.judged(vanished_row) == []


def test_fires_where_an_offset_hid_the_order_of_the_snapshots():
    """The dump says 23:00 and was made at 15:00, before the table was replaced."""
    story = clocked("23:00", "21:00")
    assert story.judged(vanished_row) == []
    story.measured(COMMIT, DUMP, 8 * HOUR).measured(COMMIT, SERVER, 0)
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "missing"
    assert f"hold {COMMIT} within −8 h 00 m (" in draft.alibi
    assert f"of {DUMP}. They rest on" in draft.alibi


def test_undetermined_where_the_offset_is_too_wide_to_order_the_snapshots():
    story = clocked("15:00", "21:00").measured(COMMIT, SERVER, 0)
    assert story.judged(vanished_row)[0].verdict == "missing"
    (draft,) = story.measured(COMMIT, DUMP, 0, wide=20 * HOUR).judged(vanished_row)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_act_may_lie_before_the_dump():
    """An hour's lag of the machine that dumps, until its time service came back in between."""
    story = clocked("18:50", "23:00").measured(COMMIT, SERVER, 0)
    story.measured(COMMIT, DUMP, -HOUR, until="2026-03-08 18:00")
    story.measured(COMMIT, DUMP, 0, since="2026-03-09 00:00")
    (draft,) = story.judged(vanished_row)
    assert draft.verdict == "undetermined"
