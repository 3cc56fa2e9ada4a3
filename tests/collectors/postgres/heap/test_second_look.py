"""Segments that change between the look at all records and the one at a table's rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.heap.claimed import Claimed, WalRows
from collectors.postgres.heap.model import Column, Table
from collectors.postgres.heap.rows import read_rows
from collectors.postgres.heap.types import by_oid
from collectors.postgres.options import PostgresClaim
from collectors.postgres.wal import Relation, Wal, read
from collectors.postgres.wal.layout import read_lsn
from tests.collectors.postgres.wal.archives import segments
from tests.servers import postgres

pytestmark = pytest.mark.live
SIZE = 2**20
SUBJECT = "pg:db/postgres/public.t"
# The message runs through segments in which no other record ends.
STORY = """
create table t (id int, a text);
insert into t select g, repeat('a', 100) from generate_series(1, 12000) g;
select pg_logical_emit_message(true, 'long', repeat('m', 3500000));
insert into t select g, repeat('b', 100) from generate_series(12001, 30000) g;
"""
COUNT = 30_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Relation]:
    folder = tmp_path_factory.mktemp("looks") / "archive"
    with postgres(None, {"wal_level": "logical"}, initdb=["--wal-segsize=1"]) as server:
        server.psql("select pg_switch_wal()")
        for statement in STORY.strip().split(";\n"):
            server.psql(statement)
        stored = server.psql("select pg_relation_filepath('t')").strip()
        server.switch_wal()
        shutil.copytree(server.archive, folder)
    file = stored.replace("base/", "1663/")
    _, database, number = map(int, file.split("/"))
    return folder, Relation(number, SUBJECT, file, "r", database)


@pytest.fixture
def folder(archive: tuple[Path, Relation], tmp_path: Path) -> Path:
    return shutil.copytree(archive[0], tmp_path / "archive")


def rows(wal: Wal, relation: Relation) -> WalRows:
    types = by_oid()
    table = Table((Column("id", types[23]), Column("a", types[25])), "the test")
    claim = PostgresClaim(table="public.t", subject="row:{id}", attributes={"a": "a"})
    relation_ = f"{relation.database}/{relation.oid}"
    return read_rows(
        wal, [Claimed(SUBJECT, "public.t", relation_, table, [claim])], [relation], "db"
    )


def inserted(found: WalRows) -> dict[int, str]:
    """Row and its item."""
    events = pl.concat(found.events).filter(pl.col("kind") == "row.insert").collect()
    ids = events["subject"].str.strip_prefix("row:").cast(int)
    return dict(zip(ids.to_list(), events["item"].to_list(), strict=True))


def looked(folder: Path, relation: Relation, *, tool: bool) -> Wal:
    """As a first look found it: without rows by the tool, so that there is no trail to go by."""
    given: Sequence[Relation] = [] if tool else [relation]
    wal = read(segments(folder), source="db", relations=given, prefer_tool=tool)
    assert not [one for one in wal.warnings if one.severity != "note"]
    assert all((one.trail is None) == tool for one in wal.stretches)
    return wal


def cut(path: Path) -> str:
    os.truncate(path, 3 * 8192 + 100)
    return "only 24676 bytes of it"


def emptied(path: Path) -> str:
    os.truncate(path, 0)
    return "only 0 bytes of it"


def gone(path: Path) -> str:
    path.unlink()
    return "No such file or directory"


def flipped(path: Path) -> str:
    raw = bytearray(path.read_bytes())
    raw[SIZE // 2 + 1000] ^= 1
    path.write_bytes(raw)
    return "CRC-32C does not fit"


@pytest.mark.parametrize("tool", [False, True], ids=["own", "tool"])
@pytest.mark.parametrize("change", [cut, emptied, gone, flipped])
def test_a_segment_that_changed_is_named_and_the_others_are_read(
    folder: Path, archive: tuple[Path, Relation], change: object, *, tool: bool
):
    relation = archive[1]
    wal = looked(folder, relation, tool=tool)
    whole = inserted(rows(looked(archive[0], relation, tool=tool), relation))
    assert set(whole) == set(range(1, COUNT + 1))
    (run,) = [stretch.run for stretch in wal.stretches]
    one = run[1]
    said = change(one.segment.path)  # type: ignore[operator]
    found = rows(wal, relation)
    (warning,) = found.warnings
    assert (warning.item, warning.severity) == (one.segment.sha256, "error")
    lsn = read_lsn(warning.citation.removeprefix("lsn ")) or 0
    assert one.start <= lsn < one.start + SIZE
    assert warning.message.startswith(f"{one.name}: expected at ")
    assert f"(byte {lsn - one.start} of the segment)" in warning.message
    assert said in warning.message
    left = inserted(found)
    # Nothing is told that the log does not say, and no more is lost than of this segment and of
    # the record that runs on from it.
    assert left.items() < whole.items()
    lost = {one for row, one in whole.items() if row not in left}
    assert lost == {one.segment.sha256}
    # Nor are rows taken as known in full behind it.
    assert set(found.until) == {SUBJECT}


def test_a_record_that_runs_through_a_changed_segment_is_left_out(
    folder: Path, archive: tuple[Path, Relation]
):
    relation = archive[1]
    wal = looked(folder, relation, tool=False)
    (run,) = [stretch.run for stretch in wal.stretches]
    whole = inserted(rows(wal, relation))
    held = set(whole.values())
    passed = [
        one for one in run[:-1] if one.segment.sha256 not in held and one.number > run[0].number
    ]
    assert len(passed) >= 2
    cut(passed[1].segment.path)
    found = rows(wal, relation)
    (warning,) = found.warnings
    assert warning.item == passed[1].segment.sha256
    assert inserted(found) == whole
