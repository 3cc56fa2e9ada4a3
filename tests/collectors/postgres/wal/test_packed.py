"""Packed and partial segments are read as plain ones are; what is wrong with one is its own."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import lz4.frame
import pytest
import zstandard
from polars.testing import assert_frame_equal

from collectors.postgres.binaries import find
from collectors.postgres.scratch import FOLDER, WAL, scratch_folder
from collectors.postgres.wal import Segment, Wal, describe, read, unpacked
from collectors.postgres.wal.layout import show_lsn
from recon.errors import BadInputError, UnreachableError
from tests.collectors.postgres.wal.archives import Archive, segment

pytestmark = pytest.mark.live
PROGRAMS = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4", ".bz2": "bzip2", ".xz": "xz"}
SIZE = 2**20


def files(folder: Path) -> list[Segment]:
    return [segment(path) for path in sorted(folder.iterdir()) if path.name[:8].isdigit()]


def load(segments: Sequence[Segment], *, tool: bool = True) -> tuple[Wal, list[str]]:
    """The archive, and every warning's words but that of the forged line in its story."""
    with unpacked(segments) as (plain, said):
        wal = read(plain, source="db", prefer_tool=tool)
    words = [one.message for one in (*said, *wal.warnings)]
    return wal, [one for one in words if "look like records" not in one]


def pack(path: Path, suffix: str) -> Path:
    """By the stock program, in the plain file's place."""
    target = path.with_name(path.name + suffix)
    with target.open("wb") as out:
        command = [PROGRAMS[suffix], "-c", path]
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
    path.unlink()
    return target


@pytest.fixture
def folder(archive: Archive, tmp_path: Path) -> Path:
    """Timeline 1 of the archive, whole segments alone."""
    target = tmp_path / "archive"
    target.mkdir()
    for path in archive.folder.iterdir():
        if len(path.name) == 24 and path.name.startswith("00000001"):
            shutil.copy(path, target)
    return target


def middle(folder: Path) -> Path:
    names = sorted(folder.iterdir())
    return names[len(names) // 2]


@pytest.mark.parametrize("tool", [True, False], ids=["pg_waldump", "own"])
def test_a_packed_archive_gives_the_records_of_the_plain_one(folder: Path, *, tool: bool):
    before, _ = load(files(folder), tool=tool)
    suffixes = list(PROGRAMS)
    for at, path in enumerate(sorted(folder.iterdir())):
        pack(path, suffixes[at % len(suffixes)])
    after, said = load(files(folder), tool=tool)
    assert said == []
    assert_frame_equal(before.records.drop("item"), after.records.drop("item"))
    assert_frame_equal(before.coverage.drop("item"), after.coverage.drop("item"))
    # The item is what was met.
    assert set(after.records["item"]) <= {one.sha256 for one in files(folder)}


def test_the_command_of_a_packed_record_shows_it(folder: Path, tmp_path: Path):
    tool = find("pg_waldump", 15)
    assert tool
    for suffix in PROGRAMS:
        place = tmp_path / suffix
        place.mkdir()
        packed = pack(Path(shutil.copy(middle(folder), place)), suffix)
        with unpacked([segment(packed)]) as (plain, _):
            wal = read(plain, source="db")
            lsn = wal.records["lsn"][0]
            found = describe(plain, plain[0].sha256, lsn)
        assert found
        text, how = found
        assert "ITEM" in how
        command = how.replace("ITEM", str(packed)).replace("pg_waldump", str(tool), 1)
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=True, cwd=place
        )
        assert done.stdout.rstrip() == text
        assert show_lsn(lsn).split("/")[1] in text


def test_a_packed_copy_of_a_plain_segment_counts_once(folder: Path, tmp_path: Path):
    twin = pack(Path(shutil.copy(middle(folder), tmp_path)), ".zst")
    wal, said = load([*files(folder), segment(twin)])
    assert said == []
    assert wal.records.height == load(files(folder))[0].records.height


def test_a_packed_copy_with_other_bytes_is_named(folder: Path, tmp_path: Path):
    text = bytearray(middle(folder).read_bytes())
    text[-9] ^= 1
    twin = tmp_path / f"{middle(folder).name}.gz"
    twin.write_bytes(gzip.compress(bytes(text)))
    _, said = load([*files(folder), segment(twin)])
    assert len(said) == 1
    assert "with other bytes than" in said[0]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("suffix", "damage", "words"),
    [
        (".gz", cut, "its end, after"),
        (".gz", flip, "cannot be unpacked within its first"),
        (".zst", cut, "its end, after"),
        (".lz4", cut, "its end, after"),
        (".gz", lambda _: b"", "found a file of 0"),
        (".gz", lambda _: b"\x1f\x8b\x08", "not read: its records are missing"),
        (".zst", lambda _: gzip.compress(b"short"), "no more than 5 bytes"),
        (".lz4", lambda _: b"\x02\x21\x4c\x18" + bytes(99), "legacy format, which is not read"),
        (".gz", lambda _: b"Salted__" + bytes(99), "encrypted"),
        (".br", lambda _: b"\x0b\x02\x80whatever", "brotli"),
        ("", lambda _: b"\x89LZO\0\r\n\x1a\n", "lzop"),
    ],
)
def test_a_damaged_one_is_named_and_the_rest_is_read(
    folder: Path, suffix: str, damage: Callable[[bytes], bytes], words: str
):
    before, _ = load(files(folder))
    path = middle(folder)
    target = pack(path, suffix) if suffix in PROGRAMS else path
    data = target.read_bytes()
    target.unlink()
    target = path.with_name(path.name + suffix)
    target.write_bytes(damage(data))
    after, said = load(files(folder))
    mine = [one for one in said if words in one]
    assert mine
    assert all(path.name in one for one in mine)
    # What is there is as it was, what is missing is missing, and coverage says so.
    columns = [one for one in before.records.columns if one not in {"item", "files", "stats"}]
    kept = after.records.select(columns).join(before.records.select(columns), on="lsn", how="anti")
    assert kept.is_empty()
    lost = set(before.records["lsn"]) - set(after.records["lsn"])
    number = int(path.name[16:], 16)
    assert lost
    assert {lsn // SIZE for lsn in lost} <= {number - 1, number}
    for covered in after.coverage.iter_rows(named=True):
        first, last = covered["because"].split(", ")[1].split(" to ")
        assert not any(value(first) <= lsn <= value(last) for lsn in lost)


def value(lsn: str) -> int:
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


@pytest.mark.parametrize(
    "packer", [gzip.compress, zstandard.compress, lz4.frame.compress], ids=["gz", "zst", "lz4"]
)
def test_garbage_behind_the_end_is_named_and_the_segment_read(
    folder: Path, packer: Callable[[bytes], bytes]
):
    before, _ = load(files(folder))
    path = middle(folder)
    data = packer(path.read_bytes())
    path.unlink()
    # Its suffix, which is none, is not what tells.
    path.write_bytes(data + b"garbage")
    after, said = load(files(folder))
    assert len(said) == 1
    assert f"7 other byte(s) behind the end of what is packed, from byte {len(data)}" in said[0]
    assert_frame_equal(before.records.drop("item"), after.records.drop("item"))


def test_a_bomb_is_stopped_at_the_segment_size_and_refused(folder: Path):
    path = middle(folder)
    bomb = zstandard.compress(path.read_bytes() + bytes(1 << 30))
    path.unlink()
    path.with_name(path.name + ".zst").write_bytes(bomb)
    segments = files(folder)
    with unpacked(segments) as (plain, said):
        assert len(plain) == len(segments) - 1
        sizes = [p.stat().st_size for p in plain[0].path.parent.iterdir()]
    assert max(sizes) <= SIZE
    (warning,) = said
    assert warning.severity == "error"
    assert f"{path.name}.zst: expected {SIZE} bytes, the segment size in its header" in (
        warning.message
    )


def test_a_packed_segment_that_is_none_is_told_by_its_header(tmp_path: Path):
    path = tmp_path / "00000001000000000000000C.gz"
    path.write_bytes(gzip.compress(bytes(50 << 20)))
    _, said = load([segment(path)])
    (words,) = said
    assert words.endswith("found zeros: a segment made ready and never written; not read")


def test_the_suffix_that_lies_is_named_and_the_content_decides(folder: Path):
    path = middle(folder)
    path.rename(path.with_name(path.name + ".zst"))
    wal, said = load(files(folder))
    (words,) = said
    assert words.startswith(
        f"{path.name}.zst: expected zstd-packed bytes, by its name; found plain"
    )
    assert wal.records.height


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_sha1_in_the_name_is_held_against_the_bytes(folder: Path, suffix: str):
    path = middle(folder)
    data = path.read_bytes()
    path.unlink()
    packed = gzip.compress(data) if suffix else data
    right = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    named = path.with_name(f"{path.name}-{right}{suffix}")
    named.write_bytes(packed)
    assert load(files(folder))[1] == []
    named.rename(path.with_name(f"{path.name}-{'0' * 40}{suffix}"))
    _, said = load(files(folder))
    assert len(said) == 1
    assert f"expected SHA-1 {'0' * 40} of the segment, by its name; found {right}" in said[0]


def stale(data: bytes, page: int) -> bytes:
    """A segment written as far as ``page``, over what the file held before it was recycled."""
    old = bytearray(data)
    for at in range(0, len(data), 8192):
        # Page addresses of the segment that it was: the one four before.
        address = int.from_bytes(data[at + 8 : at + 16], "little") - 4 * SIZE
        old[at + 8 : at + 16] = address.to_bytes(8, "little")
    return data[: page * 8192] + bytes(old[page * 8192 :])


@pytest.mark.parametrize("tool", [True, False], ids=["pg_waldump", "own"])
@pytest.mark.parametrize("tail", ["zeros", "stale"])
def test_a_partial_segment_proves_what_its_records_prove(folder: Path, tail: str, *, tool: bool):
    before, _ = load(files(folder), tool=tool)
    path = middle(folder)
    for later in sorted(folder.iterdir()):
        if later.name > path.name:
            later.unlink()
    data = path.read_bytes()
    half = SIZE // 8192 // 2
    kept = stale(data, half) if tail == "stale" else data[: half * 8192].ljust(SIZE, b"\0")
    path.unlink()
    path.with_name(path.name + ".partial").write_bytes(kept)
    wal, said = load(files(folder), tool=tool)
    here = int(path.name[16:], 16) * SIZE
    end = here + half * 8192
    expected = before.records.filter(before.records["lsn"] < end)
    # A record that crosses into the stale page is not proven.
    assert expected.height - wal.records.height in {0, 1}
    assert wal.records["lsn"].is_in(expected["lsn"].to_list()).all()
    assert wal.records["lsn"].max() > here
    covered = wal.coverage["latest"].max()
    times = wal.records.filter(wal.records["rmgr"] == "Transaction")["time"]
    assert covered == times.max()
    assert all("the end of what this .partial file proves" in one for one in said)


def test_a_partial_segment_beside_the_whole_one_says_nothing_new(folder: Path, tmp_path: Path):
    before, _ = load(files(folder))
    path = middle(folder)
    partial = tmp_path / f"{path.name}.partial"
    partial.write_bytes(stale(path.read_bytes(), 40))
    wal, said = load([*files(folder), segment(partial)])
    assert said == []
    assert_frame_equal(before.records, wal.records)


def test_a_partial_segment_with_another_history_is_named(folder: Path, archive: Archive):
    """Its records are the new timeline's: two histories under one name."""
    fork = next(
        path
        for path in sorted(archive.folder.iterdir())
        if len(path.name) == 24 and path.name.startswith("00000002")
    )
    name = fork.name.replace("00000002", "00000001", 1)
    assert (folder / name).exists()
    data = bytearray((folder / name).read_bytes())
    data[200:264] = bytes(64)
    (folder / f"{name}.partial").write_bytes(data)
    # Cut within its first records: what is proven ends there, and nothing disagrees.
    assert [one for one in load(files(folder))[1] if "other bytes" in one] == []


def test_what_pg_receivewal_had_received_is_read(folder: Path):
    """It packs as it receives: the file has no end yet."""
    path = max(folder.iterdir())
    data = gzip.compress(path.read_bytes()[: 20 * 8192])[:-8]
    path.unlink()
    path.with_name(path.name + ".gz.partial").write_bytes(data)
    wal, said = load(files(folder))
    assert wal.records["lsn"].max() // SIZE == int(path.name[16:], 16)
    assert any("read as far as it unpacks" in one for one in said)


def test_nothing_of_the_scratch_folder_stays(folder: Path):
    pack(middle(folder), ".gz")
    with unpacked(files(folder)) as (plain, said):
        scratch = [one.path for one in plain if one.packing]
        assert said == []
    assert scratch
    assert not any(path.exists() for path in scratch)


def test_what_a_killed_run_unpacked_is_swept_by_the_next_and_a_living_ones_is_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "scratch"
    root.mkdir()
    monkeypatch.setenv(FOLDER, str(root))
    with unpacked(files(folder)):
        assert list(root.iterdir()) == [], "plain segments are read where they are"
    pack(middle(folder), ".zst")
    code = (
        "import os, sys; from pathlib import Path; from tests.collectors.postgres.wal.archives "
        "import segment; from collectors.postgres.wal import unpacked\n"
        "names = sorted(Path(sys.argv[1]).iterdir())\n"
        "with unpacked([segment(one) for one in names]): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = root.iterdir()
    assert left.name.startswith(WAL)
    with scratch_folder(WAL, root) as living:
        assert not left.exists()
        with unpacked(files(folder)) as (plain, said):
            assert not said
            assert living.exists()
            (own,) = {one.path.parent for one in plain if one.path.parent != folder}
            assert own.stat().st_mode & 0o777 == 0o700
        assert list(root.iterdir()) == [living]


def test_a_disk_without_room_is_not_filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(middle(folder), ".gz")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**28))
    with pytest.raises(BadInputError) as raised, unpacked(files(folder)):
        pytest.fail("unpacked")
    assert f"{2**28 + SIZE} bytes free for unpacked WAL" in str(raised.value)


def test_a_scratch_folder_that_is_not_there_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(middle(folder), ".gz")
    monkeypatch.setenv(FOLDER, str(tmp_path / "none"))
    with pytest.raises(UnreachableError) as raised, unpacked(files(folder)):
        pytest.fail("unpacked")
    assert str(tmp_path / "none") in str(raised.value)
    assert FOLDER in str(raised.value)
