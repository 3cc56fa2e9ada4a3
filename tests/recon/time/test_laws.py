"""Each law where it holds, and beside it the innocent twin from which no law follows.

A pair is written as the two events were told: ``(0, 1)`` is *the first came before the second*.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from recon import schema
from recon.rules.impossible_order import impossible_order
from recon.time.laws import LAWS
from recon.time.relations import relations
from tests.stories import GOOD, Story, commit

EMPTY = hashlib.sha256(b"").hexdigest()
LOG = "pg:lineage-db"


def told(story: Story, *covered: dict[str, Any], law: str | None = None) -> set[tuple[int, int]]:
    coverage = schema.frame(covered, schema.COVERAGE).lazy()
    frame = relations(story.timeline().events, coverage).collect()
    assert frame.select("before", "after").is_unique().all()
    assert frame.equals(frame.sort("before", "after"))
    if law is not None:
        frame = frame.filter(law=law)
    return set(frame.select("before", "after").iter_rows())


def test_every_law_says_what_forces_it_where_it_is_not_and_who_says_so():
    for law in LAWS:
        text = law.definition
        assert "Forced by" in text, law.name
        assert "No law:" in text, law.name
        assert "Source:" in text, law.name


# Digests


def record(story: Story, source: str, item: str, time: str, **more: Any) -> Story:
    return story.event(source, "log.line", "x", time, item=item, clock=f"log:{source}", **more)


def test_a_manifest_comes_after_the_records_in_a_file_whose_sha256_it_lists():
    story = Story()
    record(story, "train", "a" * 64, "10:00", citation="line 1")
    record(story, "manifests", "b" * 64, "09:00", names=["sha256:" + "a" * 64])
    assert told(story) == {(0, 1)}


def test_a_timestamp_comes_after_what_it_stamps_and_an_object_after_the_records_in_it():
    story = Story().committed("c1", time="10:00")
    story.event("tsa", "timestamp", "x", "10:05", names=[f"git:{commit('c1')}"])
    record(story, "train", "a" * 64, "09:00", citation="line 1")
    story.event("s3", "object.put", "s3:b/log", "11:00", names=["sha256:" + "a" * 64])
    assert told(story) == {(0, 1), (2, 3)}


@pytest.mark.parametrize(
    ("about", "pairs"),
    [
        ({"citation": "line 1", "clock": "log:app"}, {(0, 1)}),
        ({"citation": "", "clock": "s3:b"}, set()),
        ({"citation": "line 1", "clock": "examiner"}, set()),
    ],
)
def test_bytes_that_were_stamped_may_be_stored_and_fetched_later(
    about: dict[str, str], pairs: set[tuple[int, int]]
):
    story = Story().event("s3", "claim", "s3:b/k", "11:00", item="a" * 64, **about)
    stamped = {"names": ["sha256:" + "a" * 64], "clock": "utc", "citation": ""}
    story.event("tsa", "timestamp.token", "x", "10:00", **stamped)
    assert told(story, law="timestamp") == pairs


def test_a_chain_of_digests_goes_through_archive_and_child():
    story = Story()
    record(story, "train", "a" * 64, "10:00", citation="line 1")
    record(story, "archive", "b" * 64, "10:01", citation="/0", names=["sha256:" + "a" * 64])
    record(story, "attest", "c" * 64, "10:02", citation="/subject", names=["sha256:" + "b" * 64])
    assert told(story) == {(0, 1), (1, 2)}


def test_the_bytes_of_an_empty_file_say_nothing_of_when_it_was_fetched():
    story = Story()
    story.event("code", "snapshot", "git:code", "10:00", item=EMPTY, citation="", clock="examiner")
    story.event("lineage-db", "row.version", "m", "09:00", names=[f"sha256:{EMPTY}"])
    assert told(story) == set()


def test_what_was_known_at_a_fetch_is_not_in_bytes_that_were_there_before():
    """10:00 fetch of a page; 09:00 a row names the page's bytes, which were the same then."""
    story = Story()
    story.event("s3", "snapshot", "s3:b", "10:00", item="a" * 64, citation="", clock="s3:b")
    story.event("s3", "object.head", "s3:b/k", "10:00", item="a" * 64, clock="examiner")
    story.event("lineage-db", "row.version", "m", "09:00", names=["sha256:" + "a" * 64])
    assert told(story) == set()


def test_metadata_may_name_a_date_to_come():
    story = Story()
    kept = {"attribute": "x-amz-meta-keep-until", "clock": "s3:b/metadata", "basis": "asserted"}
    story.event("s3", "object.metadata", "s3:b/k", "18:00", item="a" * 64, citation="/x", **kept)
    stamped = {"names": ["sha256:" + "a" * 64], "clock": "utc", "citation": ""}
    story.event("tsa", "timestamp.token", "x", "10:00", **stamped)
    record(story, "manifests", "b" * 64, "11:00", names=["sha256:" + "a" * 64])
    assert told(story) == set()


def test_an_md5_is_no_witness_as_two_texts_can_have_one():
    story = Story()
    record(story, "train", "a" * 64, "10:00", citation="line 1")
    story.event("s3", "object.put", "s3:b/log", "09:00", names=["md5:" + "a" * 32, "a" * 64])
    assert told(story) == set()


def test_a_digest_can_be_computed_before_the_bytes_are_stored():
    story = Story().stored("10:00", "m1", GOOD)
    story.event("deploys", "deploy.finish", "model:m1@1", "09:00", names=[GOOD])
    assert told(story) == set()


def test_one_commit_in_two_repositories_is_one_earlier_event():
    story = Story().committed("c1", time="10:00").committed("c1", time="10:00")
    story.rows[1]["source"] = "mirror"
    story.committed("c2", "c1", time="10:05")
    assert told(story) == {(0, 2)}


def test_of_an_item_with_many_records_the_latest_of_each_clock_are_related():
    story = Story()
    for number in range(40):
        record(story, "train", "a" * 64, f"10:{number:02}", citation=f"line {number}")
    record(story, "manifests", "b" * 64, "11:00", names=["sha256:" + "a" * 64])
    assert told(story) == {(number, 40) for number in range(24, 40)}


# What was fetched


def test_a_mirror_is_fetched_after_the_commits_behind_its_refs():
    story = Story().committed("c1", time="10:00")
    item = "d" * 64
    story.event(
        "code", "git.ref", "git:code/refs/heads/main", item=item, names=[f"git:{commit('c1')}"]
    )
    story.event("code", "snapshot", "git:code", "12:00", item=item, citation="", clock="examiner")
    assert told(story) == {(0, 1), (1, 2)}


def test_a_dump_may_hold_rows_from_after_its_header():
    story = Story().snapshot("10:00", asserted="10:01", m1=GOOD)
    assert told(story) == set()


# Streams


def test_a_log_of_many_writers_has_no_order_but_that_of_one_has():
    for head, wanted in (("lines", set()), ("log", {(0, 1), (1, 2)})):
        story = Story()
        for number, time in enumerate(("10:00", "09:00", "11:00")):
            record(story, "d", "a" * 64, time, stream=f"{head}:aa", position=number * 80)
        assert told(story) == wanted


def test_a_transaction_takes_its_time_before_its_place_and_is_not_ordered_by_it():
    """10:00:01 gets its place before 10:00:00 does; the one after both is after both."""
    story = Story().commit("09:59", 1).commit("10:00:01", 2).commit("10:00:00", 3)
    story.commit("10:00:02", 4)
    assert told(story) == {(0, 1), (1, 3), (2, 3)}


def test_an_hour_back_is_no_matter_of_places():
    story = Story().commit("10:00", 1).commit("09:00", 2).commit("09:01", 3)
    assert told(story) == {(0, 1), (1, 2)}


def test_two_clusters_of_one_number_in_two_sources_share_no_order():
    """Two copies of a cluster were both recovered to a timeline 2 of their own."""
    story = Story().on(2).commit("10:00", 700).commit("09:00", 701)
    story.rows[1]["source"] = "copy"
    assert told(story) == set()


def test_a_backup_label_is_not_ordered_by_the_lsn_that_it_names():
    """The checkpoint began the backup at 10:00; the label was written when it ended, at 10:04."""
    story = Story().commit("09:59", 1).commit("10:02", 2)
    label = {"stream": story.rows[0]["stream"], "position": 24, "clock": f"{LOG}/server"}
    story.event(
        "lineage-db", "backup.start", LOG, "10:04", value="label=b lsn=0/18 timeline=1", **label
    )
    assert told(story) == {(0, 1)}


def gap(*items: str) -> list[dict[str, Any]]:
    return [
        {
            "source": "lineage-db",
            "kind": "wal.*",
            "subject": "pg:*",
            "stream": "pg:1/1",
            "item": one,
        }
        for one in items
    ]


def test_a_log_whose_folder_was_copied_back_is_not_ordered_across_the_gap():
    """Places 16 and 32 are of before, 48 to 80 of after; a checkpoint between is of neither."""
    story = Story().commit("10:00", 1).commit("10:05", 2)
    story.checkpoint("09:00", 3).commit("09:01", 3).commit("09:02", 4)
    for row in story.rows:
        row["item"] = "a" * 64 if row["position"] <= 32 else "b" * 64
    assert told(story, *gap("a" * 64, "b" * 64)) == {(0, 1), (3, 4)}
    assert told(story, *gap("a" * 64)) == {(0, 1), (1, 2), (2, 3), (3, 4)}


def test_a_row_change_stands_between_the_neighbours_of_its_commit():
    story = Story().commit("10:00", 1).wal("wal.commit", "10:01", 2)
    story.wal("row.insert", "10:01", 2).commit("10:02", 3)
    story.rows[2]["position"] = story.rows[1]["position"]
    assert told(story) == {(0, 1), (0, 2), (1, 3), (2, 3)}


def test_an_upload_in_parts_is_listed_where_it_began_and_bounds_nothing():
    for latest, wanted in (("10:00", {(0, 1)}), ("12:00", set()), (None, set())):
        story = Story()
        for number, time in enumerate(("10:00", "11:00")):
            story.event("models", "object.put", "s3:b/k", time, clock="s3:models", basis="stamped")
            story.rows[-1] |= {"stream": "s3:b/k@1", "position": number}
        moment = story.event("x", "x", "x", latest).rows.pop()["earliest"] if latest else None
        story.rows[0]["latest"] = moment
        assert told(story) == wanted


# Forks


def forked(*, line: bool, switch: int = 40) -> Story:
    """Commits at 16, 32 and 48 of timeline 1; timeline 2 begins at the switch."""
    story = Story().commit("10:00", 1).commit("10:01", 2).commit("10:02", 3)
    story.on(2, lsn=switch - 16)
    if not line:
        story.lsn = 8192 + switch - 16
    story.wal("timeline.end-of-recovery", "12:00", 0, value="timeline=2 from=1")
    if line:
        story.forked(1, 2, switch)
    return story


def test_a_timeline_begins_after_what_its_parent_held_before_the_switch():
    assert told(forked(line=False), law="fork") == {(1, 3)}
    assert told(forked(line=True), law="fork") == {(1, 4), (4, 3)}


def test_what_a_parent_has_from_the_switch_on_is_not_before_its_child():
    """The old server went on after the switch: 10:02 stands at 48, behind the switch at 40."""
    for line in (True, False):
        assert (2, 3) not in told(forked(line=line))


@pytest.mark.parametrize("line", [True, False])
def test_an_old_folder_that_was_copied_back_after_the_fork_is_no_false_record(*, line: bool):
    """Started on timeline 1 again at 14:00, it wrote the log before the switch anew."""
    story = Story().commit("10:00", 1).on(2, lsn=24 if line else 8216)
    story.wal("timeline.end-of-recovery", "12:00", 0, value="timeline=2 from=1")
    if line:
        story.forked(1, 2, 40)
    story.on(1, lsn=16).commit("14:00", 8)
    assert told(story, law="fork") == ({(2, 1)} if line else set())
    assert not [one for one in story.judged(impossible_order) if one.verdict != "observation"]
    twin = Story().commit("10:00", 1).on(1, lsn=16).commit("11:00", 8).on(2, lsn=24)
    twin.wal("timeline.end-of-recovery", "12:00", 0, value="timeline=2 from=1")
    twin.forked(1, 2, 40)
    assert told(twin, law="fork") == {(1, 3), (3, 2)}


def test_a_history_file_says_nothing_where_it_may_be_of_two_clusters():
    story = forked(line=True)
    story.on(1, system="2", lsn=0).commit("08:00", 9).on(2, system="2", lsn=64).commit("07:00", 9)
    assert told(story, law="fork") == set()


# Acts


def run(story: Story, kind: str, time: str, name: str, **more: Any) -> Story:
    story.event("deploys", kind, "model:m@1", time, clock="log:deploys", **more)
    last = story.rows[-1]
    at = {"item": last["item"], "citation": last["citation"], "part": 1}
    return story.event("deploys", "claim", "model:m@1", time, attribute="run", value=name, **at)


def test_a_run_finishes_after_it_starts():
    story = run(run(Story(), "deploy.start", "10:00", "r1"), "deploy.finish", "09:00", "r1")
    run(story, "deploy.finish", "08:00", "r2")
    assert told(story) == {(0, 2)}


def test_a_run_that_was_tried_again_has_no_one_start():
    story = run(run(Story(), "deploy.start", "10:00", "r1"), "deploy.finish", "10:01", "r1")
    run(story, "deploy.start", "10:02", "r1")
    assert told(story) == set()


def test_a_run_that_restarts_a_service_stops_it_before_it_starts_it():
    story = run(run(Story(), "service.stop", "10:00", "r1"), "service.start", "10:05", "r1")
    assert told(story) == set()


def test_where_the_one_writer_of_a_log_has_the_finish_first_its_order_stands_alone():
    story = run(Story(), "deploy.finish", "09:00", "r1", stream="log:a", position=0)
    run(story, "deploy.start", "10:00", "r1", stream="log:a", position=90)
    assert told(story, law="run") == set()
    assert told(story, law="order") == {(0, 2)}


def test_a_backup_stops_after_it_starts_by_its_file_and_by_the_log():
    story = Story()
    label = {"item": "a" * 64, "stream": "pg:1/1", "position": 24}
    story.event(
        "lineage-db", "backup.start", LOG, "10:00", value="label=b lsn=0/18 timeline=1", **label
    )
    story.event(
        "lineage-db",
        "backup.stop",
        LOG,
        "10:09",
        value="label=b lsn=0/30 timeline=1",
        item="a" * 64,
    )
    story.event(
        "lineage-db",
        "backup.stop",
        LOG,
        value="start=0/18",
        stream="pg:1/1",
        position=40,
        citation="lsn 0/28",
    )
    story.event("lineage-db", "restore.trace", LOG, item="a" * 64, value="backup_label.old: …")
    assert told(story) == {(0, 1), (0, 2), (0, 3)}


def test_a_backup_of_a_standby_starts_where_an_earlier_one_of_its_primary_did():
    story = Story()
    label = {"value": "label=b lsn=0/18 timeline=1", "stream": "pg:1/1", "position": 24}
    ended = {"value": "start=0/18", "stream": "pg:1/1", "position": 40, "citation": "lsn 0/28"}
    stopped = {"value": "label=b lsn=0/30 timeline=1", "item": "a" * 64}
    story.event("lineage-db", "backup.start", LOG, "10:00", **label)
    # In the archive nothing says which cluster the file is of.
    story.event("lineage-db", "backup.start", LOG, "10:00", item="a" * 64, value=label["value"])
    story.event("lineage-db", "backup.stop", LOG, "10:09", **stopped)
    story.event("lineage-db", "backup.stop", LOG, **ended)
    story.event("lineage-db", "backup.start", LOG, "10:20", **label)
    assert told(story, law="backup") == {(0, 3), (1, 2)}


def test_a_backup_of_another_cluster_or_start_is_another():
    story = Story()
    story.event(
        "lineage-db",
        "backup.start",
        LOG,
        "10:00",
        value="label=b lsn=0/18",
        stream="pg:1/1",
        position=24,
        item="a" * 64,
    )
    story.event("lineage-db", "backup.stop", LOG, "10:09", value="label=b lsn=0/30", item="a" * 64)
    for system, start in ((2, "0/18"), (1, "0/20"), (1, "1/18")):
        story.event(
            "lineage-db",
            "backup.stop",
            LOG,
            value=f"start={start}",
            stream=f"pg:{system}/1",
            position=40,
            citation="lsn 0/28",
        )
    assert told(story, law="backup") == {(0, 1)}


# Cost


@pytest.mark.parametrize("count", [100, 1000])
def test_there_are_about_as_many_pairs_as_records(count: int):
    """Neighbours alone: not each record with all before it."""
    story = Story()
    for number in range(count):
        story.commit("10:00", number)
    frame = relations(story.timeline().events).collect()
    assert len(frame) == count - 1
