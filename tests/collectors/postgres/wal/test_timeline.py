"""Timelines: whose a record is, and that what a new one repeats counts once."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from collectors.postgres.wal import read, wal_events
from collectors.postgres.wal.layout import read_lsn
from tests.collectors.postgres.wal.archives import Archive, segment

pytestmark = pytest.mark.live
LAST_OF_FIRST, FIRST_OF_SECOND = "00000001000000000000000C", "00000002000000000000000C"


@pytest.fixture(params=[True, False], ids=["pg_waldump", "own"])
def prefer_tool(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def lines(wal_records: pl.DataFrame) -> set[tuple[int, int]]:
    return set(wal_records.select("timeline", "lsn").iter_rows())


def test_the_turn_is_where_the_history_file_says(archive: Archive):
    said = (archive.folder / "00000002.history").read_text(encoding="utf-8").split("\t")
    turn = read_lsn(said[1])
    assert turn
    wal = read(archive.segments(), source="db")
    assert wal.records.filter(pl.col("timeline") == 2)["lsn"].min() == turn
    events = wal_events(wal, [], "db").collect()
    ended = events.filter(pl.col("kind") == "timeline.end-of-recovery")
    assert ended.select("position", "value").rows() == [(turn, "timeline=2 from=1")]
    assert ended["stream"].to_list() == [f"pg:{wal.system_id}/2"]


def test_a_record_that_two_segments_hold_counts_once(archive: Archive, prefer_tool: bool):  # noqa: FBT001
    read_all = read(archive.segments(), source="db", prefer_tool=prefer_tool)
    records = read_all.records
    assert records.select("timeline", "lsn").is_duplicated().sum() == 0
    both = records.group_by("lsn").len().filter(pl.col("len") > 1)
    turn = records.filter(pl.col("timeline") == 2)["lsn"].min()
    assert (both["lsn"] >= turn).all()
    old = {one.name: one.sha256 for one in archive.segments()}[LAST_OF_FIRST]
    repeated = records.filter((pl.col("lsn") < turn) & (pl.col("lsn") >= 0xC00000))
    assert repeated["item"].unique().to_list() == [old]


def test_the_new_timeline_s_copy_stands_in_for_a_missing_segment(
    archive: Archive,
    prefer_tool: bool,  # noqa: FBT001
):
    whole = read(
        archive.segments(), source="db", relations=archive.relations, prefer_tool=prefer_tool
    )
    rest = [one for one in archive.segments() if one.name != LAST_OF_FIRST]
    less = read(rest, source="db", relations=archive.relations, prefer_tool=prefer_tool)
    turn = whole.records.filter(pl.col("timeline") == 2)["lsn"].min()
    kept = (pl.col("timeline") == 2) | (pl.col("lsn") < turn)
    assert_frame_equal(less.records.drop("item"), whole.records.filter(kept).drop("item"))
    # Rows written up to the turn are told by the copy, and rows after it are lost.
    assert_frame_equal(less.writes.drop("item"), whole.writes.filter(kept).drop("item"))
    assert all("look like records" in warning.message for warning in less.warnings)


def test_a_segment_that_is_named_for_a_timeline_it_never_reaches(tmp_path: Path, archive: Archive):
    path = tmp_path / "000000030000000000000009"
    shutil.copy(archive.folder / "000000010000000000000009", path)
    wal = read([segment(path)], source="db")
    assert any("begins timeline 3" in warning.message for warning in wal.warnings)
    assert wal.records["timeline"].unique().to_list() in ([1], [])
