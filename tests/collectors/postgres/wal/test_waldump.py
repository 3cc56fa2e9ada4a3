"""The text of ``pg_waldump``, and where to find the tool."""

from __future__ import annotations

from pathlib import Path

from collectors.postgres.binaries import version
from collectors.postgres.wal import dumptext
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
    plain = dumptext.plain_rows(dumptext.lines_of(text)).sort("at")
    assert plain["at"].to_list() == [0, 1, 2]
    rows = plain.select("op", "xid", "lsn", "prev").rows()
    assert rows[0] == ("COMMIT", 735, 0x152F0D8, 0x152F0A0)
    assert rows[1] == ("ABORT", 735, 0x152F0D8, 0x152F0A0)
    assert rows[2] == ("COMMIT", 735, 0x1F0152F0D8, 0x1F0152F0A0)
    assert str(plain["time"][0]) == "2026-11-23 06:30:37.579776+00:00"


def test_places_and_patterns_read_the_same():
    text = b"\n".join([COMMIT, ABORT, LONG])
    by_place = dumptext.read_lines(text)
    # One more blank keeps the lines from the fast path.
    by_pattern = dumptext.read_lines(text.replace(b"tx:        735", b"tx:         735"))
    assert by_place.equals(by_pattern)


def test_files_of_all_tablespaces():
    paths = [b"base/5/1", b"global/1262", b"pg_tblspc/16385/PG_15_202209061/5/7", b"base/5/1_fsm"]
    found = dumptext.read_lines(b"\n".join(CREATE + path for path in paths))
    assert found["created"].to_list() == ["1663/5/1", "1664/0/1262", "16385/5/7", None]


def test_what_is_no_line_of_a_record_is_marked():
    found = dumptext.read_lines(b"\n".join([COMMIT, b"rmgr: x", b"\xff\xfe", CREATE]))
    assert found["free"].to_list() == [False, True, True, False]


def test_no_text_no_rows():
    assert dumptext.read_lines(b"").is_empty()


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
