"""A database that is moved to another tablespace, with a table that had a new file before."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recon.collector import Parsed
from tests.collectors.postgres.conftest import CLAIM, Bench, psql_capture
from tests.servers import needs, postgres

pytestmark = pytest.mark.live
START = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
CLAIMED = {**CLAIM, "attributes": {"artifact": "artifact_sha256"}, "actor": None}
TABLE = """
create schema ml;
create table ml.lineage (model text, version text, artifact_sha256 text,
                         registered_at timestamptz default now(), primary key (model, version));
insert into ml.lineage values ('left', '1', 'a');
truncate ml.lineage;
insert into ml.lineage values ('kept', '1', 'a'), ('changed', '1', 'b');
"""


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def told(folder: Path, major: int, *, captured_first: bool) -> tuple[Parsed, pl.DataFrame]:
    """Written on days 0, 1 and 4; moved on day 3."""
    with postgres(None, {}, clock=START, major=major, initdb=["--wal-segsize=1"]) as server:
        space = server.folder / "aside"
        space.mkdir()
        shutil.chown(space, "postgres", "postgres")
        server.psql(f"create tablespace aside location '{space}'")
        own = server.dsn.replace("/postgres?", "/lineage?")
        server.psql("create database lineage")
        server.psql(TABLE, dsn=own)
        server.move(day(1))
        server.psql("update ml.lineage set artifact_sha256 = 'c' where model = 'changed'", dsn=own)
        if captured_first:
            psql_capture(server, folder / "capture", dsn=own)
        server.move(day(3))
        server.psql("alter database lineage set tablespace aside")
        server.move(day(4))
        server.psql("update ml.lineage set artifact_sha256 = 'd' where model = 'changed'", dsn=own)
        server.psql("delete from ml.lineage where model = 'kept'", dsn=own)
        server.move(day(5))
        if not captured_first:
            psql_capture(server, folder / "capture", dsn=own)
        server.psql("create table last (); drop table last")
        server.switch_wal()
        shutil.copytree(server.archive, folder / "archive")
    bench = Bench(folder, {"wal": ["archive"], "capture": ["capture"]}, [CLAIMED])
    bench.acquire()
    parsed = bench.parse()
    return parsed, parsed.events.collect()


@pytest.mark.parametrize("captured_first", [True, False], ids=["captured-before", "after"])
@pytest.mark.parametrize("major", [14, 16])
def test_its_rows_are_told_before_the_move_and_after_it(
    tmp_path: Path, major: int, *, captured_first: bool
):
    needs(major)
    parsed, events = told(tmp_path, major, captured_first=captured_first)
    assert not [one for one in parsed.warnings if one.severity == "error"]
    changes = events.filter(pl.col("kind").str.starts_with("row.") & pl.col("stream").is_not_null())
    seen = changes.sort("position", "part").select(
        "kind", "subject", day=(pl.col("earliest") - START).dt.total_days()
    )
    assert seen.rows() == [
        ("row.insert", "model:left@1", 0),
        ("row.insert", "model:kept@1", 0),
        ("row.insert", "model:changed@1", 0),
        ("row.update", "model:changed@1", 1),
        ("row.update", "model:changed@1", 4),
        ("row.delete", "model:kept@1", 4),
    ]
    assert parsed.coverage is not None
    rows = parsed.coverage.filter(pl.col("kind") == "row.*")
    # Before 15 tables are followed by their files, and of one with two that is not claimed.
    assert (rows["latest"] >= day(5)).any() == (major > 14 or captured_first)
