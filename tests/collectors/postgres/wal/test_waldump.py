"""The text of ``pg_waldump``, and where to find the tool."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.binaries import version
from collectors.postgres.wal import dumptext
from collectors.postgres.wal.model import RECORDS
from collectors.postgres.wal.shelf import plain_of
from collectors.postgres.wal.waldump import Pass, find

COMMIT = (
    b"rmgr: Transaction len (rec/tot):     34/    34, tx:        735, lsn: 0/0152F0D8, "
    b"prev 0/0152F0A0, desc: COMMIT 2026-11-23 06:30:37.579776 UTC"
)
ABORT = COMMIT.replace(b"COMMIT", b"ABORT")
LONG = COMMIT.replace(b"lsn: 0/", b"lsn: 1F/").replace(b"prev 0/", b"prev 1F/")
CREATE = (
    b"rmgr: Storage     len (rec/tot):     42/    42, tx:        736, lsn: 0/00A5F8E8, "
    b"prev 0/00A5F8B8, desc: CREATE "
)


def test_a_plain_line_is_read_by_its_places_alone():
    text = b"\n".join([COMMIT, ABORT, LONG, CREATE + b"base/5/16390"])
    at, plain, rest, _ = dumptext.read_lines(text)
    assert at.tolist() == [0, 1, 2]
    assert rest["at"].to_list() == [3]
    assert plain.select("commit", "xid", "lsn", "prev").rows() == [
        (True, 735, 0x152F0D8, 0x152F0A0),
        (False, 735, 0x152F0D8, 0x152F0A0),
        (True, 735, 0x1F0152F0D8, 0x1F0152F0A0),
    ]
    assert str(plain["time"][0]) == "2026-11-23 06:30:37.579776+00:00"


def test_places_and_patterns_read_the_same():
    text = b"\n".join([COMMIT, ABORT, LONG])
    by_place = dumptext.read_lines(text).plain
    # One more blank keeps the lines from the fast path.
    none, _, rest, _ = dumptext.read_lines(text.replace(b"tx:        735", b"tx:         735"))
    assert len(none) == 0
    by_pattern, others = plain_of(rest.select(list(RECORDS)))
    assert others.is_empty()
    assert by_place.equals(by_pattern)


@pytest.mark.parametrize(
    ("letter", "other"),
    [
        (b"tx:        735", b"tx:        7 5"),
        (b"tx:        735", b"tx: 5294967296"),
        (b"0/0152F0D8", b"0/0152f0d8"),
        (b"11-23", b"13-23"),
        (b"11-23", b"02-29"),
        (b"11-23", b"11-31"),
        (b"11-23", b"11-00"),
        (b"2026-", b"0000-"),
        (b"0/0152F0D8", b"0/0152F0:8"),
        (b"0/0152F0D8", b"0/0152F0G8"),
        (b"06:30", b"24:30"),
        (b"06:30:37", b"06:30:60"),
        (b".579776", b".57977x"),
        (b" UTC", b" UTX"),
    ],
)
def test_a_letter_out_of_its_place_keeps_a_line_from_the_fast_path(letter: bytes, other: bytes):
    assert letter in COMMIT
    at, plain, rest, _ = dumptext.read_lines(b"\n".join([COMMIT, COMMIT.replace(letter, other)]))
    assert at.tolist() == [0]
    assert plain.height == rest.height == 1


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_any_time_is_read_by_its_places_as_python_writes_it(moment: datetime):
    text = COMMIT.replace(b"2026-11-23 06:30:37.579776", f"{moment:%m-%d %H:%M:%S.%f}".encode())
    text = text.replace(b"COMMIT ", f"COMMIT {moment.year:04}-".encode())
    found = dumptext.read_lines(text).plain["time"].to_list()
    assert found == [moment.replace(tzinfo=UTC)]


def test_files_of_all_tablespaces():
    paths = [b"base/5/1", b"global/1262", b"pg_tblspc/16385/PG_15_202209061/5/7", b"base/5/1_fsm"]
    found = dumptext.read_lines(b"\n".join(CREATE + path for path in paths)).rest
    assert found["created"].to_list() == ["1663/5/1", "1664/0/1262", "16385/5/7", None]


def test_what_is_no_line_of_a_record_is_marked():
    at, _, found, _ = dumptext.read_lines(b"\n".join([COMMIT, b"rmgr: x", b"\xff\xfe", CREATE]))
    assert at.tolist() == [0]
    assert found.select("at", "free").rows() == [(1, True), (2, True), (3, False)]


def test_no_text_no_rows():
    at, plain, rest, _ = dumptext.read_lines(b"")
    assert (len(at), plain.height, rest.height) == (0, 0, 0)


def test_a_version_that_is_not_installed_is_not_found():
    assert find(9) is None


def test_a_pass_that_nobody_reads_to_its_end_leaves_no_process(tmp_path: Path):
    tool = tmp_path / "endless"
    tool.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec yes\n", encoding="utf-8")
    tool.chmod(0o755)
    chunks = Pass(tool, [], tmp_path).chunks()
    assert next(chunks).startswith(b"y")
    chunks.close()
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{pid}").exists()


def test_a_tool_that_does_not_run_is_no_tool(tmp_path: Path):
    assert version(tmp_path / "none") == ""
    broken = tmp_path / "pg_waldump"
    broken.write_bytes(b"\x7fELF no")
    broken.chmod(0o755)
    assert version(broken) == ""
