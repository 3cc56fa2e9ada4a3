from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres import backups
from recon.collector import Item, Sha256, Warn

LABEL = b"""START WAL LOCATION: 0/3000028 (file 000000010000000000000003)
CHECKPOINT LOCATION: 0/3000060
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-02-10 03:00:00 %s
LABEL: weekly
START TIMELINE: 1
STOP TIME: 2026-02-10 03:10:00 UTC
STOP TIMELINE: 1
"""
SECOND = 0.999999


def item(native: str = "base/backup_label") -> Item:
    return Item(Sha256("0" * 64), "db", "pg.backup-label", native, 1, "", 1)


def sorted_out(
    found: Iterable[dict[str, object] | Warn],
) -> tuple[list[dict[str, object]], list[str]]:
    found = list(found)
    events = [one for one in found if isinstance(one, dict)]
    return events, [one.message for one in found if isinstance(one, Warn)]


def test_a_label_gives_its_start_to_the_second() -> None:
    (start, stop), warnings = sorted_out(
        backups.label_events(item(), LABEL % b"UTC", "db", 7_605_065_949_603_614_561)
    )
    assert (start["kind"], stop["kind"]) == ("backup.start", "backup.stop")
    assert start["citation"] == "line 5"
    assert start["earliest"] == datetime(2026, 2, 10, 3, tzinfo=UTC)
    assert start["latest"] == datetime(2026, 2, 10, 3, 0, 0, 999_999, tzinfo=UTC)
    assert start["stream"] == "pg:7605065949603614561/1"
    assert start["position"] == 0x3000028
    assert warnings == []


def test_an_abbreviated_zone_is_not_guessed() -> None:
    (start, _), warnings = sorted_out(backups.label_events(item(), LABEL % b"IST", "db", None))
    assert start["earliest"] == datetime(2026, 2, 9, 13, tzinfo=UTC)
    assert start["latest"] == datetime(2026, 2, 10, 15, 0, 0, 999_999, tzinfo=UTC)
    assert "stream" not in start
    assert "'IST'" in warnings[0]


def test_a_label_without_a_time_is_said() -> None:
    assert sorted_out(backups.label_events(item(), b"\xff\x00 nothing\n", "db", None))[1]


def test_a_history_file_says_where_timelines_part() -> None:
    """Timeline 3 left 2 at 0/5000000 before a commit; 2 left 1 at a restore point."""
    text = (
        b'1\t0/4001F58\tat restore point "safe"\n\n'
        b"2\t0/5000000\tbefore transaction 742 at 2026-03-08 10:00:00.123456+01\n"
    )
    (first, second, commit), warnings = sorted_out(
        backups.history_events(item("wal/00000003.history"), text, "db")
    )
    assert first["value"] == 'timeline=2 parent=1 switch=0/4001F58 reason=at restore point "safe"'
    assert str(second["value"]).startswith("timeline=3 parent=2 switch=0/5000000 ")
    assert (second["citation"], second["part"], second.get("earliest")) == ("line 3", 0, None)
    assert commit["kind"] == "timeline.first-not-replayed"
    assert commit["earliest"] == datetime(2026, 3, 8, 9, 0, 0, 123_456, tzinfo=UTC)
    assert (commit["citation"], commit["part"]) == ("line 3", 1)
    assert warnings == []


def test_a_history_line_that_is_none_is_said() -> None:
    events, warnings = sorted_out(
        backups.history_events(item("00000002.history"), b"one\n\xb2\t0/1\n1\tx\ty\n", "db")
    )
    assert events == []
    assert len(warnings) == 3


@pytest.mark.live
def test_a_manifest_is_held_against_its_own_checksum(exports: Path) -> None:
    data = (exports / "base" / "backup_manifest").read_bytes()
    (event,), warnings = sorted_out(backups.manifest_events(item(), data, "db", 5))
    assert warnings == []
    assert event["stream"] == "pg:5/1"
    changed = data.replace(b'"Size": ', b'"Size":  ', 1)
    assert (
        "was changed after" in sorted_out(backups.manifest_events(item(), changed, "db", 5))[1][0]
    )
    assert sorted_out(backups.manifest_events(item(), data[:-100], "db", 5))[1]


@given(data=st.binary(max_size=400), where=st.integers(0, len(LABEL)))
@settings(deadline=None)
def test_no_bytes_raise(data: bytes, where: int) -> None:
    mixed = LABEL[:where] + data + LABEL[where:]
    for read in (
        backups.label_events(item(), mixed, "db", 1),
        backups.history_events(item("00000002.history"), mixed, "db"),
        backups.manifest_events(item(), mixed, "db", 1),
    ):
        sorted_out(read)
