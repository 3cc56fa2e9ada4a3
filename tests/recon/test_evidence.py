"""Items are stored once under their SHA-256; a crash at any moment leaves a case that goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recon
from recon.collector import Source
from recon.errors import BadInputError, IntegrityError, UnreachableError
from recon.evidence import Acquiring, CaseItems, Evidence
from tests.cases import line, write_case


def source(tmp_path: Path) -> Source:
    return Source("deploys", "deploylog", "platform", None, (), tmp_path)


def test_stores_bytes_read_only_under_their_hash(tmp_path: Path):
    evidence = Evidence(tmp_path)
    Acquiring(evidence, source(tmp_path)).store("a", "x", b"bytes")
    (item,) = evidence.items()
    assert item.sha256 == hashlib.sha256(b"bytes").hexdigest()
    path = evidence.path(item.sha256)
    assert path.read_bytes() == b"bytes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list(evidence.verify()) == []


def test_stores_nothing_twice(tmp_path: Path):
    evidence = Evidence(tmp_path)
    acquiring = Acquiring(evidence, source(tmp_path))
    acquiring.store("a", "x", b"bytes")
    acquiring.store("a", "x", b"bytes")
    acquiring.store("b", "x", iter([b"by", b"tes"]))
    assert [item.native for item in evidence.items()] == ["a", "b"]
    assert len(list(evidence.items_folder.glob("*/*"))) == 1


def test_an_acquisition_that_failed_in_part_goes_on_and_a_finished_one_is_left_alone(
    tmp_path: Path,
):
    evidence = Evidence(tmp_path)

    def half(acquiring: Acquiring) -> None:
        acquiring.store("a", "x", b"a")
        acquiring.failed("b", UnreachableError("b", "nothing", "b"))

    def rest(acquiring: Acquiring) -> None:
        assert acquiring.has("a")
        assert acquiring.item("a") is not None
        acquiring.store("b", "x", b"b")

    first = Acquiring(evidence, source(tmp_path))
    first.run(half)
    assert not first.finished
    second = Acquiring(evidence, source(tmp_path))
    second.run(rest)
    assert second.finished
    assert second.number == first.number == 1
    third = Acquiring(evidence, source(tmp_path))
    assert third.finished
    assert Acquiring(evidence, source(tmp_path), again=True).number == 2


def test_a_call_is_entered_with_its_result_and_an_error_is_raised_again(tmp_path: Path):
    evidence = Evidence(tmp_path)
    acquiring = Acquiring(evidence, source(tmp_path))
    with acquiring.call("GET /") as said:
        said["request-id"] = "1"
    with pytest.raises(UnreachableError), acquiring.call("GET /2"):
        raise UnreachableError("an answer", "none", "host")
    first, second = evidence.custody.entries()
    assert (first["command"], first["result"], first["said"]) == (
        "GET /",
        "ok",
        {"request-id": "1"},
    )
    assert second["result"].startswith("UnreachableError")


def test_a_path_that_is_no_utf8_keeps_its_bytes(tmp_path: Path):
    evidence = Evidence(tmp_path)
    acquiring = Acquiring(evidence, source(tmp_path))
    native = os.fsdecode(b"x\xff")
    acquiring.store(native, "x", b"")
    assert acquiring.has(native)
    assert evidence.items()[0].native == "x\\xff"


def test_an_unreadable_file_is_a_clear_error(tmp_path: Path):
    acquiring = Acquiring(Evidence(tmp_path), source(tmp_path))
    with pytest.raises(BadInputError, match="No such file"):
        acquiring.store_file("gone", "x", tmp_path / "gone")


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_flipped_byte_of_any_item_is_named(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
):
    evidence = Evidence(tmp_path_factory.mktemp("case"))
    acquiring = Acquiring(evidence, source(evidence.folder))
    items = [acquiring.store(str(i), "x", bytes([i]) * (i + 1)) for i in range(4)]
    item = items[place % 4]
    path = evidence.path(item.sha256)
    raw = bytearray(path.read_bytes())
    raw[place % len(raw)] ^= flip
    path.chmod(0o644)
    path.write_bytes(raw)
    (wrong,) = evidence.verify()
    assert item.sha256 in wrong
    assert f"'{item.native}'" in wrong


def test_missing_and_unknown_items_are_named(tmp_path: Path):
    evidence = Evidence(tmp_path)
    item = Acquiring(evidence, source(tmp_path)).store("a", "x", b"a")
    evidence.path(item.sha256).unlink()
    stranger = evidence.path("f" * 64)
    stranger.parent.mkdir()
    stranger.write_bytes(b"?")
    gone, extra = evidence.verify()
    assert item.sha256 in gone
    assert "f" * 64 in extra


KILLED = """
import os, signal, sys
from pathlib import Path
from recon import evidence as module
import recon

point = int(sys.argv[2])
count = 0
def at(function):
    def wrapped(*args, **kwargs):
        global count
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped
for name in ("fsync", "fchmod"):
    setattr(os, name, at(getattr(os, name)))
Path.rename = at(Path.rename)
list(recon.open(Path(sys.argv[1])).collect())
"""


@pytest.mark.parametrize("point", range(1, 20, 2))
def test_killed_at_any_system_call_the_case_opens_and_continues(tmp_path: Path, point: int):
    case = write_case(
        tmp_path,
        logs={"one": [line("2026-03-08T10:00:00Z")], "two": [line("2026-03-08T11:00:00Z")]},
    )
    out = subprocess.run([sys.executable, "-c", KILLED, str(case), str(point)], check=False)
    assert out.returncode in (0, -signal.SIGKILL)
    opened = recon.open(case)
    assert all(not one.failures for one in opened.collect())
    assert opened.verify() == []
    natives = [(item.source, item.native) for item in opened.items()]
    assert len(natives) == len(set(natives)) == 2
    assert not list(opened.evidence.items_folder.glob(".part-*"))
    assert opened.timeline().collect().height > 0


def test_items_of_a_source_come_sorted_and_once(tmp_path: Path):
    evidence = Evidence(tmp_path)
    first = Acquiring(evidence, source(tmp_path))
    first.run(lambda a: [a.store(n, "x", n.encode()) for n in ("b", "a")] and None)
    again = Acquiring(evidence, source(tmp_path), again=True)
    again.run(lambda a: [a.store(n, "x", n.encode()) for n in ("a", "b")] and None)
    items = list(CaseItems(evidence, "deploys"))
    assert [item.native for item in items] == ["a", "b"]
    assert {item.acquisition for item in items} == {1}


def test_a_second_run_leaves_alone_what_the_first_is_writing(tmp_path: Path):
    """It used to sweep half-written files before it took the lock."""
    first = Evidence(tmp_path)
    first.custody.append("collect.start")

    def slowly() -> Iterator[bytes]:
        yield b"half"
        with pytest.raises(BadInputError, match="no other recon writes to"):
            Evidence(tmp_path).sweep()
        yield b"whole"

    sha256, size = first.put(slowly())
    assert size == len(b"halfwhole")
    assert first.path(sha256).read_bytes() == b"halfwhole"


def test_a_store_entry_that_lacks_a_key_is_an_integrity_error(tmp_path: Path):
    evidence = Evidence(tmp_path)
    evidence.custody.append("store", source="deploys", item="ab")
    with pytest.raises(IntegrityError, match="'kind'"):
        evidence.items()
    assert any("cannot be read as entries" in wrong for wrong in evidence.verify())
