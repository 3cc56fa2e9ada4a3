"""Each basis of when a row was written, as a story, beside what looks like it and must not."""

from __future__ import annotations

import pytest

from recon.rules.views import versions
from recon.written import BASES, FIRM, WRITTEN, written
from recon.written.xids import ROUND
from tests.recon.written.intervals import NOON, because, by_basis, row, until
from tests.stories import BAD, GOOD, Story, at


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


def test_the_frame_has_its_schema_whatever_is_told():
    for story in (Story(), captures(), fork()):
        found = written(story.timeline())
        assert dict(found.schema) == WRITTEN
        assert set(found["basis"]) <= set(BASES)
        assert set(found.filter("firm")["basis"]) <= set(FIRM)
