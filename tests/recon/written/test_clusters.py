"""When a row was written whose cluster is not the one that wrote it: upgraded, reset, filled."""

from __future__ import annotations

from recon.rules.views import versions
from recon.written import WRITTEN, written
from tests.recon.written.intervals import NOON, because, by_basis, row, until
from tests.stories import TABLE, Story, at


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
    for since, end in pieces:
        story.cover("lineage-db", "wal.*", "pg:lineage-db/*", since, end)
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


def test_a_dump_restored_into_a_new_cluster_begins_its_numbers_anew():
    """Its log begins at the beginning, and so do its transactions: 800 is no transaction of 1's."""
    story = Story().checkpoint("09:00", 700, 700).wrote("10:05", 800, insert=1)
    story.checkpoint("11:00", 820, 820)
    story.on(1, system="2", lsn=0).checkpoint("12:00", 730, 730)
    story.checkpoint("13:00", 840, 840).capture(NOON, row(800), told=True)
    found = by_basis(story)
    assert found["checkpoints"] == (at("12:00"), until("13:00"))
    assert not any("commit record" in basis for basis in found)


def test_the_frame_has_its_schema():
    assert dict(written(upgraded(800).timeline()).schema) == WRITTEN
