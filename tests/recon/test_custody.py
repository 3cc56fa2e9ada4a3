"""The custody log: hash-chained, canonical, and whole after a crash at any byte."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.custody import FIRST, CustodyLog
from recon.errors import IntegrityError


def written(folder: Path, count: int = 3) -> CustodyLog:
    log = CustodyLog(folder / "custody.jsonl")
    for number in range(count):
        log.append("note", text=f"entry {number}", where={"b": 1, "a": "é"})
    log.close()
    return log


def test_each_entry_holds_the_hash_of_the_line_before(tmp_path: Path):
    """Held against sha256sum, which knows nothing of us."""
    log = written(tmp_path)
    lines = log.path.read_bytes().splitlines()
    previous = FIRST
    for line in lines:
        assert json.loads(line)["previous"] == previous
        out = subprocess.run(["sha256sum"], input=line, capture_output=True, check=True).stdout
        previous = out.split()[0].decode()
    assert log.head() == previous
    assert list(log.verify()) == []


def test_lines_are_rfc_8785(tmp_path: Path):
    for line in written(tmp_path).path.read_bytes().splitlines():
        assert rfc8785.dumps(json.loads(line)) == line


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_flipped_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    log = written(tmp_path_factory.mktemp("log"))
    raw = bytearray(log.path.read_bytes())
    # The last line's own hash stands in no later line; a production seals it.
    last = raw.rstrip(b"\n").rindex(b"\n")
    place = data.draw(st.integers(0, last - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    log.path.write_bytes(raw)
    assert list(CustodyLog(log.path).verify())


def test_an_entry_taken_out_is_found(tmp_path: Path):
    log = written(tmp_path)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(lines[0] + lines[2])
    (first,) = CustodyLog(log.path).verify()
    assert "custody entry 1" in first


@pytest.mark.parametrize("cut", [1, 17, 60])
def test_goes_on_after_a_crash_in_the_middle_of_a_line(tmp_path: Path, cut: int):
    log = written(tmp_path)
    whole = log.path.read_bytes()
    torn = whole[:-cut]
    log.path.write_bytes(torn)
    again = CustodyLog(log.path)
    assert len(again.entries()) == 2
    again.append("note", text="after")
    again.close()
    entries = again.entries()
    assert [entry["action"] for entry in entries] == ["note", "note", "recovered", "note"]
    left = bytes.fromhex(entries[2]["torn"])
    assert whole.endswith(left + whole[-cut:])
    assert list(again.verify()) == []


def test_two_writers_are_refused(tmp_path: Path):
    log = written(tmp_path)
    log.append("note", text="holds the lock")
    code = (
        "import sys; from pathlib import Path; from recon.custody import CustodyLog\n"
        "from recon.errors import BadInputError\n"
        "try: CustodyLog(Path(sys.argv[1])).append('note')\n"
        "except BadInputError as error: print(error.found)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(log.path)], capture_output=True, text=True, check=True
    )
    assert "locked" in out.stdout
    log.close()


def test_refuses_what_is_no_json(tmp_path: Path):
    log = CustodyLog(tmp_path / "custody.jsonl")
    with pytest.raises((TypeError, ValueError, rfc8785.CanonicalizationError)):
        log.append("note", value=float("nan"))
    log.append("note", value=1)
    log.close()
    assert [entry["value"] for entry in log.entries()] == [1]
    assert list(log.verify()) == []


def test_an_entry_of_another_form_is_an_integrity_error(tmp_path: Path):
    """One that names no action, and a line that is no object."""
    log = CustodyLog(tmp_path / "custody.jsonl")
    for text in ('{"x":1}\n', "[1]\n"):
        log.path.write_text(text)
        with pytest.raises(IntegrityError, match="entry 0: expected an object with an action"):
            log.entries()


def test_threads_that_add_at_a_time_share_one_fsync_and_none_returns_before_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = CustodyLog(tmp_path / "custody.jsonl")
    log.append("collect.start")
    on_disk = [0]
    calls: list[int] = []

    def fsync(handle: int) -> None:
        size = os.fstat(handle).st_size
        time.sleep(0.01)  # a disk's
        calls.append(size)
        on_disk[0] = max(on_disk[0], size)

    monkeypatch.setattr(os, "fsync", fsync)

    def add(number: int) -> bool:
        entry = log.append("store", number=number)
        text = log.path.read_bytes()[: on_disk[0]].decode()
        return f'"seq":{entry["seq"]},' in text

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(add, range(80)))
    assert len(calls) < 60
    assert list(log.verify()) == []


def test_an_entry_that_the_disk_has_no_room_for_leaves_nothing_behind(tmp_path: Path):
    """The next ones go on from the last whole one: no two have one number."""
    log = CustodyLog(tmp_path / "custody.jsonl")
    log.append("collect.start")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A part of the line has room.
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 40, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            log.append("store")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    log.append("failed")
    log.append("collect.finish")
    assert [one["action"] for one in log.entries()] == ["collect.start", "failed", "collect.finish"]
    assert list(log.verify()) == []


def test_what_is_noted_reaches_the_disk_with_the_next_entry_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = CustodyLog(tmp_path / "custody.jsonl")
    log.append("collect.start")
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: sizes.append(os.fstat(handle).st_size))
    log.note("call")
    assert [one["action"] for one in CustodyLog(log.path).entries()][-1] == "call"
    assert sizes == []
    log.append("store")
    log.note("call")
    log.close()
    assert len(sizes) == 2
    assert sizes[-1] == log.path.stat().st_size
