"""lost-in-restore: committed, and not in the history of the timeline that goes on."""

from __future__ import annotations

from typing import Any

from recon.rules.lost_in_restore import lost_in_restore
from tests.stories import BAD, GOOD, TABLE, Story

SWITCH = 0x1000
OTHER = "pg:lineage-db/ml/ml.other"


class Restored(Story):
    """10:20 a commit on timeline 1 above the switch; timeline 2 begins at 11:00."""

    def placed(
        self, timeline: int, position: int, kind: str, subject: str, time: str, **more: Any
    ) -> Restored:
        more.setdefault("names", [subject])
        self.event(
            *("lineage-db", kind, subject, time),
            stream=f"pg:1/{timeline}",
            position=position,
            clock="pg:lineage-db/commit",
            basis="stamped",
            **more,
        )
        return self

    def fork(
        self, commits: int, reason: str = "before 2026-03-08 10:20", aborts: int = 0
    ) -> Restored:
        self.event(
            *("lineage-db", "timeline.lost", "pg:lineage-db", "10:20" if commits else None),
            value=f"timeline=2 parent=1 switch=0/1000 commits={commits} aborts={aborts} kept=5 "
            f"reason={reason}",
            names=["pg:1/1", "pg:1/2"],
        )
        return self

    def left(self, time: str, xid: int, write: str, table: str = TABLE) -> Restored:
        place = {"item": self.item(), "citation": f"lsn 0/{0x1000 + xid:X}"}
        names = [f"xid:1/{xid}", table]
        self.placed(1, SWITCH + xid, "wal.commit", "pg:lineage-db", time, names=names, **place)
        self.event(
            *("lineage-db", "table.lost-write", table, time),
            value=f"timeline=2 parent=1 switch=0/1000 {write}",
            names=names,
            part=3,
            **place,
        )
        return self

    def stated(self, time: str, xid: int, model: str, digest: str) -> Restored:
        """A row that was read from the log above the switch."""
        names = [digest, TABLE, f"xid:1/{xid}"]
        place = {"item": self.item(), "citation": f"lsn 0/{0x1000 + xid - 1:X}", "names": names}
        subject = f"model:{model}@1"
        self.placed(1, SWITCH + xid, "row.insert", subject, time, **place)
        self.event(
            *("lineage-db", "claim", subject, "2026-02-14 10:00"),
            attribute="artifact",
            value=digest.removeprefix("sha256:"),
            digest=digest,
            basis="asserted",
            part=1,
            **place,
        )
        return self

    def went_on(self, time: str = "11:00") -> Restored:
        value = "timeline=2 from=1"
        return self.placed(
            2, SWITCH + 8, "timeline.end-of-recovery", "pg:lineage-db", time, value=value
        )

    def in_use(self, timeline: int, time: str = "2026-03-09 03:00") -> Restored:
        return self.placed(timeline, SWITCH + 0x900, "control.checkpoint", "pg:lineage-db", time)


INSERT = "delete=0 insert=1 update=0"


def restored() -> Restored:
    return Restored().fork(1).left("10:20", 800, INSERT).went_on()


def test_fires_on_a_write_that_is_not_in_the_timeline_that_goes_on():
    story = restored().in_use(2)
    story.capture("2026-03-09 03:00", ("m1", GOOD, "2026-02-14 10:00", "09:00", 700))
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "missing"
    assert draft.subject == TABLE
    assert [role for role, _ in draft.events] == ["fork", "first"]
    assert "is not in timeline 2" in draft.statement
    assert [one.ruled_out for one in draft.innocent] == [True, True, True, None]


def test_names_the_row_where_the_log_gives_it_and_the_newest_snapshot_lacks_it():
    story = restored().stated("10:20", 800, "m2", BAD).in_use(2)
    story.snapshot("2026-03-09 03:00", m1=GOOD)
    (draft,) = story.judged(lost_in_restore)
    assert (draft.verdict, draft.subject) == ("missing", "model:m2@1")
    assert [role for role, _ in draft.events] == ["fork", "lost", "committed", "seen"]


def test_names_what_stands_instead():
    story = restored().stated("10:20", 800, "m2", BAD).in_use(2)
    story.snapshot("2026-03-09 03:00", m2=GOOD)
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "missing"
    assert "gives aaaa" in draft.statement


def test_observes_a_row_that_was_written_again_with_the_same_values():
    """The innocent twin."""
    story = restored().stated("10:20", 800, "m2", BAD).in_use(2)
    story.snapshot("2026-03-09 03:00", m2=BAD)
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "observation"
    assert draft.innocent[2].ruled_out is False


def test_silent_on_a_failover_that_lost_nothing():
    """The innocent twin."""
    story = Restored().fork(0, "no recovery target specified").went_on().in_use(2)
    story.snapshot("2026-03-09 03:00", m1=GOOD)
    assert story.judged(lost_in_restore) == []


def test_silent_on_writes_to_tables_that_nobody_claims():
    """The innocent twin: a commit is lost, and no claimed table was written."""
    story = Restored().fork(1).went_on().in_use(2)
    story.snapshot("2026-03-09 03:00", m1=GOOD)
    assert story.judged(lost_in_restore) == []


def test_silent_on_a_trial_restore_beside_a_cluster_that_goes_on():
    """The innocent twin: the server in use says that it is on timeline 1."""
    story = restored().in_use(1)
    story.snapshot("2026-03-09 03:00", m1=GOOD)
    assert story.judged(lost_in_restore) == []


def test_silent_on_a_row_that_was_deleted_again_before_the_end():
    story = restored().stated("10:20", 800, "m2", BAD)
    story.placed(1, SWITCH + 900, "row.delete", "model:m2@1", "10:21", names=[TABLE])
    story.in_use(2).snapshot("2026-03-09 03:00", m1=GOOD)
    drafts = story.judged(lost_in_restore)
    assert "model:m2@1" not in {draft.subject for draft in drafts}


def test_undetermined_where_two_logs_go_on_and_no_server_says_which():
    story = restored()
    story.placed(1, SWITCH + 0x800, "wal.commit", "pg:lineage-db", "18:00")
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "undetermined"
    assert "nothing shows which" in draft.statement


def test_undetermined_where_rows_were_written_since_that_may_be_the_same():
    story = restored().in_use(2)
    story.capture("2026-03-09 03:00", ("m2", GOOD, "2026-02-14 10:00", "12:00", 900))
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_old_log_is_not_at_hand_and_a_transaction_was_not_replayed():
    (draft,) = Restored().fork(0).went_on().in_use(2).judged(lost_in_restore)
    assert (draft.verdict, draft.subject) == ("undetermined", "pg:lineage-db")


def test_silent_where_what_was_not_replayed_was_rolled_back():
    story = Restored().fork(0, aborts=1).went_on().in_use(2)
    assert story.judged(lost_in_restore) == []


def test_each_table_has_a_finding_of_its_own():
    story = restored().left("10:21", 801, INSERT).left("10:22", 802, INSERT, OTHER).in_use(2)
    story.cover("lineage-db", "table.*", "pg:lineage-db/*", "11:00", "12:00")
    story.covered[-1]["stream"] = "pg:1/2"
    drafts = {draft.subject: draft for draft in story.judged(lost_in_restore)}
    assert {name: one.verdict for name, one in drafts.items()} == {
        TABLE: "missing",
        OTHER: "missing",
    }
    assert drafts[TABLE].statement.startswith("2 transactions that wrote ml.lineage")
    assert [role for role, _ in drafts[TABLE].events] == ["fork", "first", "last"]


def test_a_snapshot_counts_where_its_clock_is_measured_behind():
    """It says 09:30 by the clock of the machine that dumps, and was taken at 14:30."""
    story = restored().stated("10:20", 800, "m2", BAD).in_use(2)
    story.snapshot("09:30", m1=GOOD)
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = "pg:lineage-db/dump"
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "undetermined"
    story.measured("pg:lineage-db/commit", "pg:lineage-db/dump", -5 * 3600)
    (draft,) = story.judged(lost_in_restore)
    assert draft.verdict == "missing"


def test_a_snapshot_does_not_count_where_its_clock_is_measured_ahead_or_wide():
    """It says 14:30, and was taken at 09:30, before the switch; or nobody can say."""
    for ahead, wide in ((5 * 3600, 2.0), (0, 40_000)):
        story = restored().stated("10:20", 800, "m2", BAD).in_use(2)
        story.snapshot("14:30", m1=GOOD)
        for row in story.rows:
            if row["kind"] == "snapshot":
                row["clock"] = "pg:lineage-db/dump"
        assert story.judged(lost_in_restore)[0].verdict == "missing"
        story.measured("pg:lineage-db/commit", "pg:lineage-db/dump", ahead, wide=wide)
        (draft,) = story.judged(lost_in_restore)
        assert draft.verdict == "undetermined"
