"""Local times of a log, their zone, and what an abbreviation leaves open."""

# ruff: noqa: E501  (a table of readings is read by its columns)

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.postgres.serverlog.zones import OFFSETS
from tests.collectors.postgres.serverlog.reading import Read, read


def _at(folder: Path, time: str, prefix: str = "%m ", **options: str) -> tuple[str, str, Read]:
    log = f"{time} LOG:  database system is ready to accept connections\n"
    found = read(folder, log, log_line_prefix=prefix, **options)
    (row,) = found.events.iter_rows(named=True)
    if row["earliest"] is None:
        return "", "", found
    first, last = (f"{row[name]:%m-%d %H:%M:%S.%f}" for name in ("earliest", "latest"))
    return first, last, found


@pytest.mark.parametrize(
    ("time", "prefix", "zone", "first", "last", "note"),
    [
        # As wide as what was written.
        ("2026-03-08 12:00:00.123 UTC", "%m ", "", "03-08 12:00:00.123000", ".123999", ""),
        ("2026-03-08 12:00:00 UTC", "%t ", "", "03-08 12:00:00.000000", ".999999", ""),
        ("1772971200.123", "%n ", "", "03-08 12:00:00.123000", ".123999", ""),
        # Zones without letters print their offset.
        ("2026-03-08 12:00:00.000 -03", "%m ", "", "03-08 15:00:00.000000", "15:00:00.000999", ""),
        ("2026-03-08 12:00:00.000 +0545", "%m ", "", "03-08 06:15:00.000000", ".000999", ""),
        # One offset everywhere; several; unknown.
        ("2026-03-08 12:00:00.000 CET", "%m ", "", "03-08 11:00:00.000000", ".000999", ""),
        ("2026-03-08 12:00:00.000 CST", "%m ", "", "03-08 01:30", "03-08 18:00", "has stood for several"),
        ("2026-03-08 12:00:00.000 FOO", "%m ", "", "03-07 22:00", "03-09 00:00", "'FOO'"),
        # The server's zone, and what it is called in winter and in summer.
        ("2026-03-08 12:00:00.000 CST", "%m ", "Asia/Shanghai", "03-08 04:00:00", ".000999", ""),
        ("2026-07-08 12:00:00.000 CEST", "%m ", "Europe/Berlin", "07-08 10:00:00", ".000999", ""),
        # The hour that comes twice: the abbreviation tells which, where it has one.
        ("2026-10-25 02:30:00.000 CEST", "%m ", "Europe/Berlin", "10-25 00:30:00", "00:30:00.000999", ""),
        ("2026-10-25 02:30:00.000 CET", "%m ", "Europe/Berlin", "10-25 01:30:00", "01:30:00.000999", ""),
        ("2026-04-05 01:45:00.000 +11", "%m ", "Australia/Lord_Howe", "04-04 14:45", "04-04 14:45", ""),
        # Moscow, 2010, was MSK in winter alone; in 2014 the clock went back and stayed MSK.
        ("2014-10-26 01:30:00.000 MSK", "%m ", "Europe/Moscow", "10-25 21:30", "10-25 22:30", "twice"),
        # What the server's zone does not use, or leaps over.
        ("2026-03-08 12:00:00.000 AEST", "%m ", "Europe/Berlin", "03-08 02:00", "03-08 02:00", "does not use"),
        ("2026-03-29 02:30:00.000 CET", "%m ", "Europe/Berlin", "03-29 01:30", "03-29 01:30", "leaps over"),
        # Times that are none.
        ("2026-02-30 12:00:00.000 UTC", "%m ", "", "", "", "undated"),
        ("2026-03-08 25:00:00.000 UTC", "%m ", "", "", "", "undated"),
    ],
)  # fmt: skip
def test_a_time_is_as_wide_as_it_leaves_open(
    tmp_path: Path, time: str, prefix: str, zone: str, first: str, last: str, note: str
) -> None:
    options = {"log_timezone": zone} if zone else {}
    earliest, latest, found = _at(tmp_path, time, prefix, **options)
    assert earliest.startswith(first)
    assert last in latest
    assert (note in found.messages()) if note else found.warnings == []


def test_the_offsets_hold_every_zone_of_the_database() -> None:
    """A reading may be wider than it needs to be, never narrower."""
    missing = set()
    for name in zoneinfo.available_timezones():
        if name.startswith(("Etc/", "posix/", "right/")) or name in {"localtime", "Factory"}:
            continue
        zone = zoneinfo.ZoneInfo(name)
        moment = datetime(1996, 1, 1, tzinfo=UTC)
        while moment.year < 2037:
            local = moment.astimezone(zone)
            moment += timedelta(days=30)
            written, offset = local.tzname(), local.utcoffset()
            assert written is not None
            assert offset is not None
            minutes = int(offset.total_seconds() // 60)
            if written[0] not in "+-" and minutes not in OFFSETS.get(written, ()):
                missing.add((written, minutes))
    assert missing == set()


def test_a_clock_that_runs_back_is_noted(tmp_path: Path) -> None:
    """12:00, 12:05, then 11:00: a step of 65 minutes; a millisecond is the writing's order."""
    ready = "UTC LOG:  database system is ready to accept connections"
    times = ("12:00:00.000", "12:05:00.000", "12:04:59.999", "11:00:00.000")
    log = "".join(f"2026-03-08 {time} {ready}\n" for time in times)
    found = read(tmp_path, log, log_line_prefix="%m ")
    assert [(w.citation, w.severity) for w in found.warnings] == [("line 4", "warning")]
    assert "found 1 messages earlier than one before, by up to 3899.999 s" in found.messages()
    assert found.events.height == 4
