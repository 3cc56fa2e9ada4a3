"""What pg_waldump says nothing of, or the wrong thing: each is named here, on real segments.

One test for each row of the table of its failures that no other test of this folder has.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.wal import Wal, read
from collectors.postgres.wal.crc import record_crc
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import read_lsn, show_lsn
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.waldump import find
from tests.collectors.postgres.wal.archives import Archive, break_image, segments

pytestmark = pytest.mark.live
SIZE = 2**20
NAMES = [f"00000001000000000000000{n:X}" for n in range(8, 13)]


@pytest.fixture
def copy(archive: Archive, tmp_path: Path) -> Path:
    """The last segments of timeline 1, to be damaged."""
    for name in NAMES:
        shutil.copy(archive.folder / name, tmp_path)
    return tmp_path


def change(path: Path, at: int, new: bytes) -> None:
    raw = bytearray(path.read_bytes())
    raw[at : at + len(new)] = new
    path.write_bytes(raw)


def both(folder: Path) -> list[Wal]:
    return [read(segments(folder), source="db", prefer_tool=prefer) for prefer in (True, False)]


def said(wal: Wal, *words: str) -> bool:
    return any(all(word in one.message for word in words) for one in wal.warnings)


def code(folder: Path, first: str, last: str) -> int:
    tool = find(15)
    assert tool
    command = [tool, "-q", "-p", folder, first, last]
    return subprocess.run(command, check=False, capture_output=True).returncode


def test_a_segment_cut_behind_its_switch(copy: Path):
    path = copy / NAMES[-1]
    switch = read(segments(copy), source="db").records.filter(pl.col("op") == "SWITCH")["lsn"][-1]
    pages = (switch % SIZE) // 8192 + 2
    path.write_bytes(path.read_bytes()[: pages * 8192])
    assert code(copy, NAMES[-1], NAMES[-1]) == 0
    for wal in both(copy):
        assert said(wal, NAMES[-1], f"found {pages * 8192}: cut off")
        assert wal.records["lsn"].max() == switch


def test_another_timeline_in_the_name(copy: Path):
    # By its header it is of timeline 1, and no record of it begins timeline 2.
    (copy / NAMES[2]).rename(copy / NAMES[2].replace("00000001", "00000002", 1))
    for wal in both(copy):
        assert said(wal, "begins timeline 2", "renamed, or its end is missing")
        assert wal.records["timeline"].unique().to_list() == [1]


def test_another_number_in_the_name(copy: Path):
    # As it stands behind the last one, and in place of one that is there.
    whole = set(read(segments(copy), source="db").records["lsn"])
    later = NAMES[-1][:-1] + "E"
    shutil.copy(copy / NAMES[1], copy / later)
    shutil.copy(copy / NAMES[1], copy / NAMES[3])
    assert code(copy, later, later) != 0
    for wal in both(copy):
        for name in (later, NAMES[3]):
            assert said(wal, f"{name}: expected the page address", f"that of {NAMES[1]}: renamed")
        assert said(wal, "1 segment(s) before this one are missing", NAMES[4])
        number = int(NAMES[3], 16) % 256
        assert set(wal.records["lsn"]) < whole
        assert not [lsn for lsn in wal.records["lsn"] if lsn // SIZE == number]


def test_another_cluster_s_segment(copy: Path):
    own = order(segments(copy)).system_id
    change(copy / NAMES[2], 24, struct.pack("<Q", 77))
    for wal in both(copy):
        assert wal.system_id == own
        assert said(wal, NAMES[2], "found 77: another cluster's")
        assert said(wal, "1 segment(s) before this one are missing", NAMES[2])


@pytest.mark.parametrize("magic", [0xD113, 0xD999])
def test_a_page_magic_of_another_version_or_of_none(copy: Path, magic: int):
    whole = read(segments(copy), source="db").records
    change(copy / NAMES[1], 0, struct.pack("<H", magic))
    for wal in both(copy):
        assert wal.warnings
        assert all(one.message for one in wal.warnings)
        lsns = set(wal.records["lsn"])
        assert lsns < set(whole["lsn"])
        assert not any(int(NAMES[1], 16) % 256 == lsn // SIZE for lsn in lsns)
        assert said(wal, f"{magic:#06x}") or said(wal, NAMES[1])


def test_pages_of_noise_as_of_an_encrypting_server(copy: Path):
    whole = set(read(segments(copy), source="db").records["lsn"])
    path = copy / NAMES[1]
    noise = bytes((n * 197 + n // 251 * 61 + 13) % 256 for n in range(SIZE - 8192))
    change(path, 8192, noise)
    for wal in both(copy):
        assert said(wal, NAMES[1], "magic", f"reading goes on with {NAMES[2]}")
        lost = whole - set(wal.records["lsn"])
        assert lost
        for because in wal.coverage["because"]:
            first, last = (read_lsn(one) for one in because.split(", ")[1].split(" to "))
            assert first
            assert last
            assert not any(first <= lsn <= last for lsn in lost)


def test_one_segment_alone_loses_no_more_than_what_crosses_its_ends(copy: Path):
    whole = read(segments(copy), source="db").records.drop("item")
    alone = read(segments(copy, NAMES[2]), source="db").records.drop("item")
    assert alone.height > 0
    assert alone.join(whole, on="lsn", how="anti").is_empty()


def test_a_custom_resource_manager_is_named_and_counted(copy: Path):
    run = order(segments(copy)).runs[0]
    kept = set(read(segments(copy), source="db").records["lsn"])
    with Fetch.of(run) as fetch:
        first = min(lsn for lsn in kept if lsn // SIZE == run[-1].number)
        walked = list(fetch.onward(first, first + 8192, 60))
    lsn, text = next(
        (lsn, text)
        for lsn, text in walked
        if lsn not in kept and (lsn + len(text)) // 8192 == lsn // 8192
    )
    new = bytearray(text)
    new[17] = 200
    new[20:24] = record_crc(bytes(new)).to_bytes(4, "little")
    before = read(segments(copy), source="db").coverage
    change(copy / run[-1].name, lsn % SIZE, bytes(new))
    for wal in both(copy):
        assert said(wal, "1 record(s) of custom resource manager 200")
        assert set(wal.records["lsn"]) == kept
        tables, others = pl.col("kind") == "table.*", pl.col("kind") != "table.*"
        assert wal.coverage.filter(others).equals(before.filter(others))
        spans = _spans(wal.coverage.filter(tables))
        assert len(spans) == len(_spans(before.filter(tables))) + 1
        assert not any(begin <= lsn <= end for begin, end in spans)


def _spans(coverage: pl.DataFrame) -> list[tuple[int, int]]:
    found = []
    for because in coverage["because"]:
        begin, end = (read_lsn(one) or 0 for one in because.split(", ")[1].split(" to "))
        found.append((begin, end))
    return found


def test_a_record_that_runs_on_into_a_missing_segment_is_named(copy: Path):
    whole = read(segments(copy), source="db").records
    run = order(segments(copy)).runs[0]
    with Fetch.of(run) as fetch:
        start = int(whole.filter(pl.col("lsn") < run[1].start)["lsn"].max())
        walked = [at for at, _ in fetch.onward(start, run[1].start, 100_000)]
    crossing = show_lsn(max(at for at in walked if at < run[1].start))
    for path in list(copy.iterdir()):
        if len(path.name) == 24 and path.name > run[0].name:
            path.unlink()
    for wal in both(copy):
        (warning,) = [one for one in wal.warnings if "runs on" in one.message]
        assert (warning.citation, warning.severity) == (f"lsn {crossing}", "note")
        assert all(end < read_lsn(crossing) for _, end in _spans(wal.coverage))
    last = copy / run[0].name
    text = last.read_bytes()
    # A file that lost its end is another thing: cut short, or filled up with zeros.
    for damaged in (text[: len(text) // 2], text[: len(text) // 2] + bytes(len(text) // 2)):
        last.write_bytes(damaged)
        for wal in both(copy):
            assert "error" in {one.severity for one in wal.warnings if last.name in one.message}
            assert not [one for one in wal.warnings if one.severity == "note"]


def test_an_archive_that_ends_with_a_switch_ends_without_a_word(copy: Path):
    for wal in both(copy):
        assert not [one for one in wal.warnings if "runs on" in one.message]


def test_a_table_that_may_be_made_where_an_image_does_not_unpack_ends_a_stretch(
    copy: Path, archive: Archive
):
    """The row of ``pg_class`` of a new table stands on that image alone."""
    step = "create, by packed image"
    low, high = (read_lsn(lsn) or 0 for lsn in archive.lsns[step])
    before = read(segments(copy), source="db", relations=archive.relations)
    (commit,) = before.records.filter(
        (pl.col("op") == "COMMIT") & pl.col("lsn").is_between(low, high)
    )["lsn"]
    database = archive.relations[0].database
    assert low <= break_image(copy, f"1663/{database}/1259", low) < commit
    for wal in both(copy):
        assert said(wal, "a page image that does not unpack")
        tables, others = pl.col("kind") == "table.*", pl.col("kind") != "table.*"
        assert wal.coverage.filter(others).equals(before.coverage.filter(others))
        spans = _spans(wal.coverage.filter(tables))
        assert len(spans) == len(_spans(before.coverage.filter(tables))) + 1
        assert not any(begin <= commit <= end for begin, end in spans)
