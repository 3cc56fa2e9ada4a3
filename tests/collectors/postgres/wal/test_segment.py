"""What is no segment of the archive is named, with what was expected, and the rest is read."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from collectors.postgres.wal import read
from collectors.postgres.wal.layout import LONG_HEADER
from collectors.postgres.wal.segment import Checked, check, order
from recon.collector import Warn
from tests.collectors.postgres.wal.archives import segment

SIZE = 2**20
CLUSTER = 7711250584850320096


def header(
    number: int = 12, timeline: int = 1, system: int = CLUSTER, magic: int = 0xD110
) -> bytes:
    return LONG_HEADER.pack(magic, 0x0002, timeline, number * SIZE, 0, system, SIZE, 8192)


def file(folder: Path, name: str, head: bytes, size: int = SIZE) -> Path:
    path = folder / name
    path.write_bytes(head + bytes(size - len(head)))
    return path


def refused(path: Path) -> str:
    found = check(segment(path))
    assert isinstance(found, Warn)
    assert path.name in found.message
    return found.message


def test_a_segment_is_what_its_name_says(tmp_path: Path):
    found = check(segment(file(tmp_path, "00000001000000000000000C", header())))
    assert isinstance(found, Checked)
    assert (found.timeline, found.number, found.major) == (1, 12, 15)
    assert found.name == "00000001000000000000000C"
    assert found.start == 12 * SIZE


def test_a_renamed_segment(tmp_path: Path):
    said = refused(file(tmp_path, "00000001000000000000000D", header(12)))
    assert "expected the page address 0/D00000" in said
    assert "that of 00000001000000000000000C" in said


def test_a_timeline_in_the_name_that_is_older_than_the_page(tmp_path: Path):
    said = refused(file(tmp_path, "00000001000000000000000C", header(timeline=3)))
    assert "expected timeline 1" in said
    assert "found timeline" not in said
    assert "found 3" in said


def test_another_version(tmp_path: Path):
    said = refused(file(tmp_path, "00000001000000000000000C", header(magic=0xD200)))
    assert "0xd200" in said


def test_a_version_that_is_known_and_not_read(tmp_path: Path):
    one = segment(file(tmp_path, "00000001000000000000000C", header(magic=0xD101)))
    wal = read([one], source="db")
    assert "PostgreSQL 13 to 18; found 12" in wal.warnings[0].message
    assert wal.records.is_empty()
    assert wal.coverage.is_empty()


@pytest.mark.parametrize(
    ("start", "command"),
    [
        (gzip.compress(b"x", mtime=0), "gzip -dc"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x04\x22\x4d\x18", "lz4"),
    ],
)
def test_a_packed_segment_is_told_how_to_unpack(tmp_path: Path, start: bytes, command: str):
    assert command in refused(file(tmp_path, "00000001000000000000000C.gz", start))


def test_a_partial_segment_is_read_under_the_name_that_it_would_have_got(tmp_path: Path):
    found = check(segment(file(tmp_path, "00000001000000000000000C.partial", header())))
    assert isinstance(found, Checked)
    assert found.partial
    assert found.name == "00000001000000000000000C"


def test_zeros_and_stumps(tmp_path: Path):
    assert "never written" in refused(file(tmp_path, "00000001000000000000000C", b""))
    stump = tmp_path / "00000001000000000000000D"
    stump.write_bytes(header()[:39])
    assert "found a file of 39" in refused(stump)
    assert "24 hexadecimal digits" in refused(file(tmp_path, "README", header()))


def test_geometry_that_no_server_has(tmp_path: Path):
    odd = bytearray(header())
    struct.pack_into("<II", odd, 32, 12345, 8192)
    assert "12345" in refused(file(tmp_path, "00000001000000000000000C", bytes(odd)))
    none = bytearray(header())
    struct.pack_into("<II", none, 32, 0, 0)
    refused(file(tmp_path, "00000001000000000000000D", bytes(none)))


def test_runs_gaps_and_foreign_segments(tmp_path: Path):
    names = {n: f"0000000100000000000000{n:02X}" for n in (2, 3, 5, 6, 7)}
    for number, name in names.items():
        file(tmp_path, name, header(number, system=CLUSTER + (number == 7)))
    found = order([segment(path) for path in tmp_path.iterdir()])
    assert [[one.number for one in run] for run in found.runs] == [[2, 3], [5, 6]]
    said = [warning.message for warning in found.warnings]
    assert any("000000010000000000000004" in one and "missing" in one for one in said)
    assert any(f"found {CLUSTER + 1}: another cluster's" in one for one in said)
    assert len(said) == 2


def test_the_cluster_that_is_meant_is_kept(tmp_path: Path):
    for number in (2, 3, 4):
        name = f"0000000100000000000000{number:02X}"
        file(tmp_path, name, header(number, system=CLUSTER + (number > 2)))
    found = order([segment(path) for path in tmp_path.iterdir()], CLUSTER)
    assert [[one.number for one in run] for run in found.runs] == [[2]]
    assert found.system_id == CLUSTER


def test_one_name_with_two_contents(tmp_path: Path):
    (tmp_path / "a").mkdir()
    name = "00000001000000000000000C"
    one = segment(file(tmp_path, name, header()))
    other = segment(file(tmp_path / "a", name, header() + b"x"))
    found = order([one, other, one])
    assert [len(run) for run in found.runs] == [1]
    assert "with other bytes" in found.warnings[0].message
    assert len(found.warnings) == 1
