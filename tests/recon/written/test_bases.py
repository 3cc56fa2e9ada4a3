"""Each basis of when a row was written, as a story, beside what looks like it and must not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from recon.rules.views import versions
from recon.written import BASES, FIRM, WRITTEN, written
from recon.written.xids import ROUND
from tests.stories import BAD, GOOD, TABLE, Story, at

NOON = "2026-03-20 12:00"
Interval = tuple[datetime | None, datetime | None]


def by_basis(story: Story, model: str = "m1", kind: str = "row.version") -> dict[str, Interval]:
    """Of the last such row of a model: its intervals; of estimates, with a ~ before the name."""
    rows = [
        number
        for number, row in enumerate(story.rows)
        if row["kind"] == kind and row["subject"] == f"model:{model}@1"
    ]
    return {
        ("" if one["firm"] else "~") + one["basis"]: (one["earliest"], one["latest"])
        for one in written(story.timeline()).iter_rows(named=True)
        if one["row"] == rows[-1]
    }


def because(story: Story, basis: str) -> str:
    (one,) = written(story.timeline()).filter(basis=basis)["because"]
    return str(one)


def until(time: str) -> datetime:
    """The end of a checkpoint's second, and the one that its reading may take."""
    return at(time) + timedelta(seconds=1)


def row(xid: int, *, model: str = "m1", asserted: str | None = None, stamped: str | None = None):
    return model, GOOD, asserted, stamped, xid


def test_commit_timestamp_and_commit_record_are_both_kept():
    story = Story().commit("10:05", 800).capture(NOON, row(800, stamped="10:05"))
    found = by_basis(story)
    assert list(found)[:2] == ["commit timestamp", "commit record"]
    assert found["commit timestamp"] == found["commit record"] == (at("10:05"), at("10:05"))


def test_bases_without_a_common_instant_say_so():
    story = Story().commit("10:05", 800).capture(NOON, row(800, stamped="11:05"))
    told = written(story.timeline())
    assert told.filter("disagrees")["basis"].to_list() == ["commit timestamp", "commit record"]


def test_a_row_of_a_savepoint_is_dated_by_its_transaction():
    story = Story().commit("10:05", 800)
    story.rows[-1]["names"].append("xid:1/801")
    story.capture(NOON, row(801))
    assert by_basis(story)["commit record"] == (at("10:05"), at("10:05"))


def test_frozen_and_bootstrap_transactions_have_no_time():
    story = Story().checkpoint("09:00", 700).checkpoint("11:00", 900, 900)
    story.capture(NOON, row(2, model="m1"), row(1, model="m2"))
    assert written(story.timeline()).is_empty()


def test_checkpoints_bracket_a_transaction_whose_record_is_gone():
    story = (
        Story()
        .checkpoint("08:00", 700, 700)
        .checkpoint("09:00", 800, 800)
        .checkpoint("10:00", 850, 850)
        .checkpoint("11:00", 900, 900)
        .capture(NOON, row(800))
    )
    assert by_basis(story)["checkpoints"] == (at("09:00"), until("10:00"))
    assert because(story, "checkpoints") == (
        "transaction 800 had no number yet at the first time (checkpoint), and had ended by the "
        "last one (checkpoint)"
    )


def test_a_long_transaction_ends_after_the_checkpoint_that_knows_its_number():
    """It began at 09:30 and was still running at 10:00 and at 11:00; it committed at 11:30."""
    story = (
        Story()
        .checkpoint("09:00", 800, 800)
        .checkpoint("10:00", 850, 800)
        .checkpoint("11:00", 900, 800)
        .capture(NOON, row(800))
    )
    found = by_basis(story)
    assert found["checkpoints"] == (at("09:00"), at(NOON))
    assert found["~number given out"] == (at("09:00"), until("10:00"))


def test_a_shutdown_says_nothing_of_prepared_transactions():
    story = Story().checkpoint("09:00", 800).checkpoint("10:00", 850).capture(NOON, row(800))
    assert by_basis(story)["checkpoints"] == (at("09:00"), at(NOON))


def test_control_data_of_a_backup_is_a_point_as_well():
    story = (
        Story()
        .checkpoint("09:00", 800, 800, kind="control.checkpoint")
        .checkpoint("2026-03-09 09:00", 900, 900, kind="control.checkpoint")
        .capture(NOON, row(820))
    )
    assert by_basis(story)["checkpoints"] == (at("09:00"), until("2026-03-09 09:00"))


def fork() -> Story:
    """Transaction 800 committed at 10:05 on timeline 1, and again at 15:00 on timeline 2."""
    return (
        Story()
        .commit("10:00", 799)
        .commit("10:05", 800)
        .on(2, lsn=32)
        .forked(1, 2, 32)
        .commit("15:00", 800)
    )


def test_the_timeline_of_the_capture_says_which_transaction_of_a_number_it_was():
    here = fork().capture(NOON, row(800), told=True)
    assert by_basis(here)["commit record"] == (at("15:00"), at("15:00"))
    there = fork().on(1).capture(NOON, row(800), told=True)
    assert by_basis(there)["commit record"] == (at("10:05"), at("10:05"))
    before = fork().capture(NOON, row(799), told=True)
    assert by_basis(before)["commit record"] == (at("10:00"), at("10:00"))


def test_both_are_kept_where_the_timeline_is_not_told():
    story = fork().capture(NOON, row(800))
    assert by_basis(story)["commit record"] == (at("10:05"), at("15:00"))
    assert "2 COMMIT records of that number in the log, on timelines 1 and 2" in because(
        story, "commit record"
    )


def test_checkpoints_of_an_abandoned_timeline_bracket_nothing():
    story = (
        Story()
        .checkpoint("09:00", 700, 700)
        .checkpoint("10:00", 900, 900)
        .on(2, lsn=16)
        .forked(1, 2, 17)
        .checkpoint("15:00", 750, 750)
        .checkpoint("16:00", 900, 900)
        .capture(NOON, row(800), told=True)
    )
    assert by_basis(story)["checkpoints"] == (at("15:00"), until("16:00"))


def test_numbers_that_come_again_are_told_apart():
    """800 committed in round 0 and in round 1; by the capture's count it is the latter."""
    last = ROUND + 900
    story = (
        Story()
        .checkpoint("2026-01-01 09:00", 700, 700)
        .commit("2026-01-01 10:00", 800)
        .checkpoint("2026-03-08 09:00", ROUND + 700, ROUND + 700)
        .commit("2026-03-08 10:05", 800)
        .checkpoint("2026-03-08 11:00", last, last)
        .capture(NOON, row(800), count=(last, last))
    )
    # A frozen row keeps its number for ever: it may be of either.
    assert by_basis(story)["~commit record"] == (at("10:05"), at("10:05"))
    assert "a round of 2^32 earlier" in because(story, "commit record")


def test_a_row_younger_than_the_round_before_is_of_this_one():
    last = ROUND + 900
    story = (
        Story()
        .checkpoint("2026-03-07 09:00", ROUND + 700, ROUND + 700)
        .snapshot("2026-03-08 02:00", m2=GOOD)
        .commit("2026-03-08 10:05", 800)
        .checkpoint("2026-03-08 11:00", last, last)
        .capture(NOON, row(800), count=(last, last))
    )
    assert by_basis(story)["commit record"] == (at("10:05"), at("10:05"))


def captures() -> Story:
    return (
        Story()
        .capture("2026-03-09 12:00", row(700, model="m2"), told=True, count=(790, 790))
        .capture("2026-03-10 12:00", row(700, model="m2"), row(800), told=True, count=(850, 850))
    )


def test_absent_in_one_capture_and_present_in_the_next():
    later = captures().capture(NOON, row(800), told=True, count=(900, 900))
    for story in (captures(), later):
        assert by_basis(story)["captures"] == (at("2026-03-09 12:00"), at("2026-03-10 12:00"))


def test_snapshots_of_captures_are_points_of_the_count():
    story = Story().capture("2026-03-09 12:00", row(700), told=True, count=(790, 790))
    story.capture(NOON, row(785, model="m2"), row(795), told=True, count=(900, 900))
    assert by_basis(story)["checkpoints"] == (at("2026-03-09 12:00"), at(NOON))
    assert by_basis(story, "m2")["checkpoints"] == (None, at("2026-03-09 12:00"))


def test_captures_of_clusters_whose_timeline_is_not_told_are_an_estimate():
    """After a restore a state of the past stands again: absent then is not yet written later."""
    story = Story().capture("2026-03-09 12:00", row(700, model="m2")).capture(NOON, row(800))
    found = by_basis(story)
    assert found["captures"] == (None, at(NOON))
    assert found["~captures"] == (at("2026-03-09 12:00"), at(NOON))


def test_dumps_bracket_what_has_no_transaction():
    story = (
        Story()
        .snapshot("2026-03-07 02:00", m2=GOOD)
        .snapshot("2026-03-08 02:00", m1=GOOD, m2=GOOD)
        .snapshot("2026-03-09 02:00", m1=GOOD, m2=BAD)
    )
    first = at("2026-03-07 02:00")
    assert by_basis(story, "m1", "row.dumped")["~dumps"] == (first, at("2026-03-09 02:00"))
    assert by_basis(story, "m2", "row.dumped")["~dumps"] == (
        at("2026-03-08 02:00"),
        at("2026-03-09 02:00"),
    )


def test_a_row_with_another_digest_is_younger_than_the_dump():
    story = Story().snapshot("2026-03-08 02:00", m1=BAD).capture(NOON, row(800))
    assert by_basis(story)["~dumps"] == (at("2026-03-08 02:00"), None)
    same = Story().snapshot("2026-03-08 02:00", m1=GOOD).capture(NOON, row(800))
    assert "~dumps" not in by_basis(same)


def test_a_dump_without_the_column_says_nothing_of_its_values():
    """A column of digests that was added later, with a default, leaves the version as it is."""
    story = Story().snapshot("2026-03-08 02:00", m1=GOOD).capture(NOON, row(800))
    claim = dict(story.rows[-1])
    story.rows.append({**claim, "part": 2, "attribute": "card", "digest": BAD, "value": "b"})
    assert "~dumps" not in by_basis(story)


def neighbours(*times: str) -> Story:
    """Transactions 790 on, each with a row whose asserted time is given, about 800's."""
    rows = [row(790 + 2 * n, model=f"n{n}", asserted=time) for n, time in enumerate(times)]
    return Story().capture(NOON, *rows, row(797, asserted="2026-02-14 10:00"))


def test_neighbours_in_number_give_an_estimate():
    story = neighbours("10:00", "10:10", "10:20", "10:30", "10:40", "10:50")
    found = by_basis(story)
    assert found["~asserted neighbours"] == (at("10:10"), at("10:50"))
    assert "captures" in found


@pytest.mark.parametrize("bad", ["2026-01-01 00:00", "2026-05-01 00:00"])
def test_a_neighbour_with_a_wrong_time_does_not_carry_the_estimate_away(bad: str):
    story = neighbours("10:00", "10:10", bad, "10:30", "10:40", "10:50")
    earliest, latest = by_basis(story)["~asserted neighbours"]
    assert earliest is not None
    assert latest is not None
    assert at("10:00") <= earliest <= at("10:30")
    assert latest == at("10:50")


def test_rows_of_one_transaction_at_several_times_are_no_clock():
    back_fill = [row(790, model=f"b{n}", asserted=f"2026-01-0{n} 00:00") for n in (1, 2, 3)]
    story = Story().capture(NOON, *back_fill, row(797))
    assert "~asserted neighbours" not in by_basis(story)


def test_commit_timestamps_switched_on_late_date_older_rows_by_their_neighbours():
    late = [row(900 + n, model=f"s{n}", stamped=f"11:0{n}") for n in range(3)]
    story = Story().capture(NOON, row(800), *late)
    assert by_basis(story)["~dated neighbours"] == (None, at("11:02"))


def upgraded(xid: int, *, wrote: bool = True) -> Story:
    """Cluster 1 up to 11:00 with 820 next; cluster 2 goes on from it, upgraded at 12:00."""
    story = Story().checkpoint("09:00", 700, 700)
    if wrote:
        story.wrote("10:05", 800, insert=1)
    else:
        story.commit("10:05", 800)
    story.checkpoint("11:00", 820, 0)
    story.on(1, system="2", lsn=1 << 20).checkpoint("12:00", 830, 0)
    return story.checkpoint("13:00", 840, 840).capture(NOON, row(xid), told=True)


def test_pg_upgrade_keeps_the_old_clusters_transactions():
    story = upgraded(800)
    assert by_basis(story)["commit record"] == (at("10:05"), at("10:05"))
    assert "cluster 1, which this one goes on from (pg_upgrade), and which says that it wrote" in (
        because(story, "commit record")
    )


def test_without_a_write_to_the_table_the_old_clusters_record_is_an_estimate():
    found = by_basis(upgraded(800, wrote=False))
    assert found["~commit record"] == (at("10:05"), at("10:05"))
    assert found["checkpoints"] == (None, until("13:00"))
    assert found["~number given out"] == (at("09:00"), until("11:00"))


def test_a_new_clusters_own_transactions_are_its_own():
    story = upgraded(835)
    assert by_basis(story)["checkpoints"] == (at("12:00"), until("13:00"))


def reset(xid: int, *, old: bool = True, first: bool = True, wrote: bool = False) -> Story:
    """As :func:`upgraded`; before, cluster 2 archived what it did itself, up to its reset."""
    story = Story()
    if old:
        story.checkpoint("2026-01-05 09:00", 700, 700).wrote("2026-01-06 10:05", 800, insert=1)
        story.checkpoint("2026-01-08 11:00", 820, 0)
    story.on(1, system="2", lsn=16).checkpoint("08:00", 3, 3, first=True)
    story.checkpoint("09:00", 731, 731).commit("10:05", 800).checkpoint("11:00", 810, 810)
    if wrote:
        story.wrote("11:30", 835, insert=1)
    story.on(1, system="2", lsn=1 << 20).checkpoint("12:00", 830, 0, first=first)
    story.commit("12:30", 835)
    return story.checkpoint("13:00", 840, 840).capture("2026-03-09 12:00", row(xid), told=True)


def test_what_a_new_cluster_archived_before_pg_upgrade_dates_no_older_row_for_certain():
    """Its own transaction 800 was of initdb; the row's is of the old cluster, long before."""
    found = by_basis(reset(800, old=False))
    assert "commit record" not in found
    assert found["~commit record"] == (at("10:05"), at("10:05"))
    assert found["checkpoints"] == (None, until("13:00"))
    assert "whether that is of the row's history is not told" in because(
        reset(800, old=False), "commit record"
    )


def test_a_cluster_whose_log_was_reset_is_linked_to_the_one_it_goes_on_from():
    found = by_basis(reset(800))
    assert found["~commit record"] == (at("2026-01-06 10:05"), at("10:05"))
    assert "commit record" not in found
    assert found["checkpoints"] == (None, until("13:00"))


def test_a_count_that_falls_is_a_reset_as_well():
    """The old cluster had used fewer numbers than initdb, and the first checkpoint is not there."""
    story = Story().on(1, system="2", lsn=16).checkpoint("09:00", 850).commit("10:05", 800)
    story.checkpoint("11:00", 860, 860).checkpoint("12:00", 830, 830).capture(NOON, row(800))
    found = by_basis(story)
    assert found["~commit record"] == (at("10:05"), at("10:05"))
    assert not {"commit record"} & set(found)


def gapped(next_xid: int, *, whole: bool = False) -> Story:
    """A log that begins with few transactions, with 800 in it, and goes on at 12:00."""
    story = Story().checkpoint("09:00", 731, 731).commit("10:05", 800)
    story.checkpoint("11:00", next_xid, next_xid)
    story.commit("12:00", next_xid + 90).checkpoint("13:00", next_xid + 100, next_xid + 100)
    pieces = [("10:05", "12:00")] if whole else [("10:05", "10:05"), ("12:00", "12:00")]
    for since, until in pieces:
        story.cover("lineage-db", "wal.*", "pg:lineage-db/*", since, until)
        story.covered[-1]["stream"] = "pg:1/1"
    return story.capture(NOON, row(800))


def test_a_gap_after_a_young_cluster_may_hide_its_reset():
    found = by_basis(gapped(810))
    assert found["~commit record"] == (at("10:05"), at("10:05"))
    assert found["checkpoints"][0] is None


def test_what_stands_after_the_gap_is_the_clusters_own():
    story = gapped(810)
    story.capture("2026-03-20 13:00", row(900))
    assert by_basis(story)["commit record"] == (at("12:00"), at("12:00"))


def test_a_gap_in_the_log_of_a_cluster_in_use_hides_none():
    """The innocent twin; and a log without one."""
    for story in (gapped(20_000), gapped(810, whole=True)):
        assert by_basis(story)["commit record"] == (at("10:05"), at("10:05"))


def test_after_a_reset_a_clusters_own_records_are_firm():
    assert by_basis(reset(835, wrote=True))["commit record"] == (at("12:30"), at("12:30"))


def test_a_log_that_begins_with_initdb_is_its_own():
    story = Story().checkpoint("08:00", 3, 3, first=True).commit("10:05", 800)
    assert by_basis(story.capture(NOON, row(800)))["commit record"] == (at("10:05"), at("10:05"))


def test_the_time_kept_of_an_applied_transaction_is_the_publishers():
    story = Story().commit("10:05", 800, value="origin=1").capture(NOON, row(800, stamped="09:00"))
    found = by_basis(story)
    assert found["~commit timestamp"] == (at("09:00"), at("09:00"))
    assert found["commit record"] == (at("10:05"), at("10:05"))
    assert "a subscription applied it" in because(story, "commit timestamp")
    (one,) = versions(story.timeline()).collect().to_dicts()
    assert (one["written_from"], one["written_basis"]) == (at("10:05"), "commit record")


def subscribed() -> Story:
    story = Story()
    story.event("lineage-db", "table.subscribed", TABLE, NOON)
    return story.capture(NOON, row(800, stamped="09:00"))


def test_the_time_kept_in_a_table_that_a_subscription_fills_may_be_the_publishers():
    """No log is at hand that would say."""
    story = subscribed()
    assert by_basis(story)["~commit timestamp"] == (at("09:00"), at("09:00"))
    assert "a subscription fills the table" in because(story, "commit timestamp")
    (one,) = versions(story.timeline()).collect().to_dicts()
    assert one["written_basis"] != "commit timestamp"
    assert (one["guess_from"], one["guess_basis"]) == (at("09:00"), "commit timestamp")


def test_the_time_kept_of_the_servers_own_transaction_is_its_own():
    """Somebody wrote to the table that a subscription fills, on this server, by its log."""
    story = subscribed().commit("09:00", 800)
    assert by_basis(story)["commit timestamp"] == (at("09:00"), at("09:00"))


def test_where_firm_bases_disagree_none_of_them_is_given_as_firm():
    story = Story().commit("10:05", 800).capture(NOON, row(800, stamped="09:00"))
    (one,) = versions(story.timeline()).collect().to_dicts()
    assert (one["written_from"], one["written_to"], one["written_basis"]) == (None, None, None)
    assert (one["guess_from"], one["guess_to"]) == (at("09:00"), at("10:05"))


def test_where_they_agree_the_best_is_given():
    story = Story().commit("10:05", 800).capture(NOON, row(800, stamped="10:05"))
    (one,) = versions(story.timeline()).collect().to_dicts()
    assert (one["written_from"], one["written_basis"]) == (at("10:05"), "commit timestamp")
    assert one["guess_from"] is None


def test_after_a_restore_one_record_that_agrees_is_enough():
    story = fork().capture(NOON, row(800, stamped="15:00"), told=True)
    (one,) = versions(story.timeline()).collect().to_dicts()
    assert (one["written_from"], one["written_to"]) == (at("15:00"), at("15:00"))


def test_a_dump_restored_into_a_new_cluster_begins_its_numbers_anew():
    """Its log begins at the beginning, and so do its transactions: 800 is no transaction of 1's."""
    story = Story().checkpoint("09:00", 700, 700).wrote("10:05", 800, insert=1)
    story.checkpoint("11:00", 820, 820)
    story.on(1, system="2", lsn=0).checkpoint("12:00", 730, 730)
    story.checkpoint("13:00", 840, 840).capture(NOON, row(800), told=True)
    found = by_basis(story)
    assert found["checkpoints"] == (at("12:00"), until("13:00"))
    assert not any("commit record" in basis for basis in found)


def test_the_frame_has_its_schema_whatever_is_told():
    for story in (Story(), captures(), fork(), upgraded(800)):
        found = written(story.timeline())
        assert dict(found.schema) == WRITTEN
        assert set(found["basis"]) <= set(BASES)
        assert set(found.filter("firm")["basis"]) <= set(FIRM)
