"""Damage: never an invented record, and never silence about it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from collectors.postgres.wal import Wal, read, wal_events
from collectors.postgres.wal.waldump import find
from tests.collectors.postgres.wal.archives import Archive, segment, segments

pytestmark = pytest.mark.live
ONE = "00000001000000000000000C"
RUN = [f"00000001000000000000000{n:X}" for n in range(6, 13)]
COMMON = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def own(folder: Path, *names: str) -> Wal:
    return read(segments(folder, *names), source="db", prefer_tool=False)


def same(wal: Wal) -> pl.DataFrame:
    return wal.records.drop("item")


@pytest.fixture(scope="module")
def whole(archive: Archive) -> Wal:
    return own(archive.folder, ONE)


def says(folder: Path) -> str:
    tool = find(15)
    assert tool
    done = subprocess.run(
        [tool, "-p", folder, ONE, ONE],
        capture_output=True,
        check=False,
        env={"TZ": "UTC", "LC_ALL": "C"},
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace").replace(str(folder), "")


def broken(archive: Archive, change: dict[int, int], size: int | None = None) -> Iterator[Path]:
    raw = bytearray((archive.folder / ONE).read_bytes())
    for at, mask in change.items():
        raw[at % len(raw)] ^= mask
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ONE).write_bytes(raw[:size])
        yield Path(folder)


# A third of the bytes is what the server wrote; the others are zeros behind it.
PLACES = st.one_of(st.integers(0, 480_000), st.integers(0, 2**20 - 1), st.integers(0, 60))


@COMMON
@given(st.dictionaries(PLACES, st.integers(1, 255), min_size=1, max_size=2))
@example({2: 1})
def test_flipped_bytes_invent_no_record(archive: Archive, whole: Wal, change: dict[int, int]):
    for folder in broken(archive, change):
        found = own(folder)
        assert same(found).join(same(whole), on="lsn", how="anti").is_empty()
        held = same(whole).filter(pl.col("lsn").is_in(found.records["lsn"].to_list()))
        assert_frame_equal(same(found), held)
        if not found.warnings:
            # Nothing that counts was touched: the server's own reader sees no difference either.
            assert len(found.records) == len(whole.records)
            assert says(folder) == says_whole(archive)


def says_whole(archive: Archive) -> str:
    for folder in broken(archive, {}):
        return says(folder)
    raise AssertionError


@COMMON
@given(st.integers(0, 2**20 - 1))
def test_a_cut_segment_is_read_up_to_the_cut(archive: Archive, whole: Wal, size: int):
    for folder in broken(archive, {}, size):
        found = own(folder)
        assert found.warnings
        assert_frame_equal(same(found), same(whole).head(len(found.records)))
        pages = size - size % 8192
        assert (found.records["lsn"] < 0xC00000 + pages).all()


def test_a_gap_is_named_and_both_sides_are_read(archive: Archive):
    names = [name for name in RUN if not name.endswith("9")]
    found = own(archive.folder, *names)
    said = [warning.message for warning in found.warnings]
    assert len(said) == 1
    assert "000000010000000000000009" in said[0]
    items = {one.sha256 for one in archive.segments(RUN[2], RUN[4])}
    assert items <= {*found.records["item"], *found.coverage["item"]} | items
    assert found.records["item"].n_unique() > 1


def test_reading_goes_on_behind_a_damaged_segment(archive: Archive, tmp_path: Path):
    full = own(archive.folder, *RUN)
    for name in RUN:
        raw = bytearray((archive.folder / name).read_bytes())
        if name == RUN[1]:
            raw[300_000:300_016] = b"\xff" * 16
        (tmp_path / name).write_bytes(raw)
    for prefer_tool in (True, False):
        found = read(segments(tmp_path), source="db", prefer_tool=prefer_tool)
        said = [w.message for w in found.warnings if "look like records" not in w.message]
        assert [RUN[1] in one and RUN[2] in one for one in said] == [True]
        kept = same(full).filter(pl.col("lsn").is_in(found.records["lsn"].to_list()))
        assert_frame_equal(same(found), kept)
        lost = set(full.records["lsn"]) - set(found.records["lsn"])
        assert found.coverage["stream"].n_unique() == 1
        assert all(0x700000 <= lsn < 0x900000 for lsn in lost)


def test_an_archive_that_is_being_written_ends_without_a_complaint(
    archive: Archive, tmp_path: Path
):
    """The last segment of a live ``pg_wal`` is zeros behind the last record."""
    raw = (archive.folder / ONE).read_bytes()
    before_switch = own(archive.folder, ONE).records.filter(pl.col("op") == "SWITCH")["lsn"][0]
    offset = before_switch - 0xC00000
    (tmp_path / ONE).write_bytes(raw[:offset] + bytes(len(raw) - offset))
    for prefer_tool in (True, False):
        found = read(segments(tmp_path), source="db", prefer_tool=prefer_tool)
        assert [w for w in found.warnings if "look like records" not in w.message] == []
        assert found.method.startswith("pg_waldump") is prefer_tool


def test_nothing_readable_gives_empty_frames(tmp_path: Path):
    path = tmp_path / ONE
    path.write_bytes(b"no WAL at all" * 10)
    found = read([segment(path)], source="db")
    assert found.system_id is None
    assert found.warnings
    assert wal_events(found, [], "db").collect().is_empty()
    assert wal_events(read([], source="db"), [], "db").collect().is_empty()
