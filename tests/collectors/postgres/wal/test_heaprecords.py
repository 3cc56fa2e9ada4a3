"""The records of some relation files, held against ``pg_waldump --relation``."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from collectors.postgres.wal import pages, read
from collectors.postgres.wal.heaprecords import Chunk, records_of
from collectors.postgres.wal.layout import RMGRS, read_lsn
from collectors.postgres.wal.record import split
from collectors.postgres.wal.waldump import find, linked
from tests.collectors.postgres.wal.archives import SUBJECT, Archive, segments

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def files(archive: Archive) -> list[str]:
    """All files that the table ever had."""
    wal = read(archive.segments(), source="db", relations=archive.relations)
    own = {f"{one.database}/{one.oid}" for one in archive.relations if one.subject == SUBJECT}
    found = wal.files.filter(pl.col("relation").is_in(list(own)))["file"].unique().sort().to_list()
    assert len(found) > 5
    return found


def chunks(archive: Archive, files: list[str]) -> list[Chunk]:
    wal = read(archive.segments(), source="db", prefer_tool=False)
    return [one for stretch in wal.stretches for one in records_of(stretch, files)]


def lsns(found: list[Chunk]) -> list[tuple[int, int]]:
    return [
        pair for one in found for pair in zip(one.timeline.tolist(), one.lsn.tolist(), strict=True)
    ]


def test_they_are_those_that_pg_waldump_picks(archive: Archive, files: list[str]):
    wal = read(archive.segments(), source="db", prefer_tool=False)
    tool = find(15)
    assert tool
    said: set[int] = set()
    run = wal.stretches[0].run
    with linked(run) as folder:
        for file in files:
            wanted = ["Heap", "Heap2", "XLOG"]
            options = [f"-r{name}" for name in wanted] + ["-R", file]
            done = subprocess.run(
                [tool, "-p", folder, *options, run[0].name, run[-1].name],
                capture_output=True,
                check=True,
                text=True,
                env={"TZ": "UTC", "LC_ALL": "C"},
            )
            for line in done.stdout.splitlines():
                lsn = read_lsn(line.split(" lsn: ")[1].split(",")[0])
                assert lsn
                said.add(lsn)
    found = list(records_of(wal.stretches[0], files))
    blocks = {
        lsn
        for one in found
        for lsn, rmgr in zip(one.lsn.tolist(), one.rmgr.tolist(), strict=True)
        if RMGRS[rmgr] != "Storage"
    }
    assert blocks == said
    assert len(said) > 50
    made = [lsn for one in found for lsn, rmgr in zip(one.lsn, one.rmgr, strict=True) if rmgr == 2]
    created = wal.records.filter(pl.col("created").is_in(files))["lsn"]
    assert set(map(int, made)) == set(created.filter(created < run[-1].start + 2**20))


def test_each_is_whole_and_names_its_place(archive: Archive, files: list[str]):
    found = chunks(archive, files)
    items = {one.sha256: one.name for one in archive.segments()}
    for one in found:
        for lsn, xid, rmgr, info, text, item in zip(
            one.lsn.tolist(),
            one.xid.tolist(),
            one.rmgr.tolist(),
            one.info.tolist(),
            one.records,
            one.items,
            strict=True,
        ):
            record = split(text, one.major)
            assert record
            assert (record.length, record.xid, record.rmgr, record.info) == (
                *(len(text), xid),
                *(rmgr, info),
            )
            assert int(items[item][8:], 16) == lsn // 2**20
    places = lsns(found)
    assert places == sorted(set(places))
    assert {timeline for timeline, _ in places} == {1, 2}


def test_a_part_of_the_name_may_be_unknown(archive: Archive, files: list[str]):
    whole = lsns(chunks(archive, files))
    loose = [f"*/*/{one.rsplit('/', 1)[1]}" for one in files]
    assert lsns(chunks(archive, loose)) == whole
    assert lsns(chunks(archive, ["*/1/" + one.rsplit("/", 1)[1] for one in files])) == []
    assert lsns(chunks(archive, ["", "a/b/c", "1/2", "1663/5/*", "1/2/99999999999"])) == []


def test_a_chunk_is_bounded(archive: Archive, files: list[str], monkeypatch: pytest.MonkeyPatch):
    whole = chunks(archive, files)
    monkeypatch.setattr(pages, "_BLOCK", 2 * 8192)
    small = chunks(archive, files)
    assert lsns(small) == lsns(whole)
    assert len(small) > 2 * len(whole)
    longest = max(int(one.lengths.max()) for one in whole)
    assert all(len(one.text) < 2 * 8192 + longest for one in small)


def test_behind_damage_it_goes_on_with_the_next_segment(
    archive: Archive, files: list[str], tmp_path: Path
):
    names = [f"00000001000000000000000{n:X}" for n in range(6, 13)]
    for name in names:
        shutil.copy(archive.folder / name, tmp_path)
    whole = read(segments(tmp_path), source="db", prefer_tool=False)
    full = lsns([one for each in whole.stretches for one in records_of(each, files)])
    segment, offset = divmod(full[0][1], 2**20)
    path = tmp_path / f"0000000100000000{segment:08X}"
    raw = bytearray(path.read_bytes())
    raw[offset : offset + 8] = b"\xff" * 8
    path.write_bytes(raw)
    for prefer_tool in (True, False):
        wal = read(segments(tmp_path), source="db", prefer_tool=prefer_tool)
        found = lsns([one for each in wal.stretches for one in records_of(each, files)])
        lost = set(full) - set(found)
        assert full[0] in lost
        assert full[-1] in found
        assert found == [place for place in full if place not in lost]
        assert all(full[0][1] <= lsn < (segment + 2) * 2**20 for _, lsn in lost)


@pytest.mark.parametrize(("pages_at_once", "prefer_tool"), [(1, False), (2, False), (256, True)])
def test_a_second_look_sees_what_one_without_the_first_would(
    archive: Archive,
    files: list[str],
    pages_at_once: int,
    *,
    prefer_tool: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    """Records that fill whole blocks run on through them."""
    monkeypatch.setattr(pages, "_BLOCK", pages_at_once * 8192)
    # Rows of a table whose database is not known are counted by our own reader.
    given = [replace(one, database=None, file=None) for one in archive.relations]
    wal = read(archive.segments(), source="db", relations=given, prefer_tool=prefer_tool)
    names = [*files, "*/*/1259", "*/*/1249"]
    for stretch in wal.stretches:
        assert stretch.trail is not None
        by_trail, anew = (
            [
                [
                    *zip(
                        one.lsn,
                        one.timeline,
                        one.xid,
                        one.kind,
                        one.records,
                        one.items,
                        strict=True,
                    )
                ]
                for one in records_of(each, names)
            ]
            for each in (stretch, replace(stretch, trail=None))
        )
        assert by_trail == anew
        assert by_trail


def test_columns_agree_in_length(archive: Archive, files: list[str]):
    for one in chunks(archive, files):
        columns = (one.lsn, one.xid, one.timeline, one.rmgr, one.info)
        assert {len(column) for column in columns} == {len(list(one.records))} == {len(one.items)}
        assert np.all(np.diff(one.lsn.astype(np.int64)) > 0)
