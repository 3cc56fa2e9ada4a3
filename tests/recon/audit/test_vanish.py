"""What will be gone when, to the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from recon.audit import goes
from recon.audit.vanish import Vanishing, vanishing
from recon.declared import Retention
from tests.recon.witnesses.told import config, events
from tests.stories import Story, at

MONTH = timedelta(days=30)
SOURCES = {"db": "platform", "bucket": "storage", "code": "platform"}
BACKUPS = Retention(source="db", kind="backup.*", days=30)


def judged(
    story: Story, today: str, *kept: Retention, within: timedelta = MONTH
) -> list[Vanishing]:
    return vanishing(config(SOURCES, retentions=kept), events(story), at(today), within)


def backup(story: Story, label: str, day: str) -> Story:
    for kind, time in (("backup.start", "01:00"), ("backup.stop", "01:30")):
        story.event(
            "db", kind, "pg:db", f"{day} {time}", value=f"label={label} lsn=0/28 timeline=1"
        )
    return story


def test_a_backup_goes_when_its_window_is_over():
    story = backup(Story(), "base-2026-02-10", "2026-02-10")
    (one,) = judged(story, "2026-03-10 12:00", BACKUPS)
    assert (one.state, one.first, one.day(at("2026-03-10 12:00"))) == (
        "going",
        at("2026-03-12 01:30"),
        28,
    )
    text = goes(one, at("2026-03-10 12:00"))
    assert text == "30-day window, day 28: base-2026-02-10 of db goes on 12 March 2026"


@pytest.mark.parametrize(
    ("today", "state"),
    [
        ("2026-02-10 01:29", "going"),
        ("2026-03-12 01:29", "going"),
        ("2026-03-12 01:30", "gone"),
        ("2026-05-01 00:00", "gone"),
    ],
)
def test_its_state_by_day(today: str, state: str):
    (one,) = judged(backup(Story(), "b", "2026-02-10"), today, BACKUPS, within=2 * MONTH)
    assert one.state == state


def test_a_backup_of_a_later_day_is_not_looked_at():
    assert judged(backup(Story(), "b", "2026-02-10"), "2026-02-09 12:00", BACKUPS) == []


def test_what_is_far_off_is_later():
    (one,) = judged(
        backup(Story(), "b", "2026-02-10"), "2026-02-11 00:00", BACKUPS, within=timedelta(days=5)
    )
    assert one.state == "later"


def test_nothing_is_said_where_nothing_is_declared():
    assert judged(backup(Story(), "b", "2026-02-10"), "2026-03-10 12:00") == []


def test_records_of_a_log_go_day_by_day():
    story = Story()
    for day in ("01", "05", "20"):
        story.event("db", "wal.commit", "pg:db", f"2026-03-{day} 10:00")
    kept = Retention(source="db", kind="wal.*", days=7)
    gone, going = judged(story, "2026-03-21 00:00", kept)
    assert (gone.state, gone.records, gone.first) == ("gone", 2, at("2026-03-08 10:00"))
    assert (going.state, going.records, going.last) == ("going", 1, at("2026-03-27 10:00"))


def expires(story: Story, key: str, day: str) -> Story:
    return story.event(
        "bucket",
        "object.expires",
        f"s3:bucket/{key}",
        f"{day} 00:00",
        attribute="rule",
        value="rule 'old': 90 days after its successor was created",
        names=[f"s3:bucket/{key}?versionId=v1"],
    )


def test_a_bucket_s_own_rule():
    (one,) = judged(expires(Story(), "m.bin", "2026-03-20"), "2026-03-10 12:00")
    assert (one.by, one.window_days, one.day(at("2026-03-10 12:00"))) == ("lifecycle", 90, 80)
    assert "s3:bucket/m.bin" in goes(one, at("2026-03-10 12:00"))


def test_a_reflog_goes_by_git_s_default_unless_the_case_says_otherwise():
    story = Story().event("code", "git.reflog", "git:code/refs/heads/main", "2026-03-01 10:00")
    (one,) = judged(story, "2026-03-10 12:00", within=timedelta(days=365))
    assert (one.by, one.first) == ("default", at("2026-05-30 10:00"))
    kept = Retention(source="code", kind="git.*", days=400)
    (one,) = judged(story, "2026-03-10 12:00", kept)
    assert (one.by, one.state) == ("declared", "later")


def retained(story: Story, value: str, read: str) -> Story:
    return story.event(
        "bucket",
        "object.retention",
        "s3:bucket/m.bin",
        read,
        attribute="retention",
        value=value,
        names=["s3:bucket/m.bin?versionId=v1"],
    )


def test_the_last_reading_of_a_lock_says_when_it_ends():
    story = retained(Story(), "COMPLIANCE until 2026-03-15T00:00:00Z", "2026-02-01 10:00")
    retained(story, "COMPLIANCE until 2026-03-25T00:00:00Z", "2026-03-01 10:00")
    (one,) = judged(story, "2026-03-10 12:00")
    assert (one.by, one.first) == ("lock", at("2026-03-25 00:00"))
    assert goes(one, at("2026-03-10 12:00")).endswith("ends on 25 March 2026")


@pytest.mark.parametrize(
    "value", ["COMPLIANCE until never", "GOVERNANCE until a date not said", "x"]
)
def test_a_lock_without_a_date_is_left_out(value: str):
    assert judged(retained(Story(), value, "2026-03-01 10:00"), "2026-03-10 12:00") == []


@pytest.mark.parametrize("days", [0.04, 366_000.0])
def test_the_shortest_and_the_longest_window(days: float):
    story: Any = backup(Story(), "b", "2026-02-10")
    kept = Retention(source="db", kind="backup.*", days=days)
    (one,) = judged(story, "2026-03-10 12:00", kept)
    assert one.state == ("gone" if days < 1 else "later")
