"""A database that is dropped, and its twin: another one is; what the rows said a day later."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recon.asof import Said, asof
from recon.rules import Timeline
from recon.schema import EVENTS, check
from tests.collectors.postgres.conftest import CLAIM, Bench, psql_capture
from tests.servers import needs, postgres

pytestmark = pytest.mark.live
START = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
CLAIMED = {**CLAIM, "attributes": {"artifact": "artifact_sha256"}, "actor": None}
TABLE = """
create schema ml;
create table ml.lineage (model text, version text, artifact_sha256 text,
                         registered_at timestamptz default now(), primary key (model, version));
insert into ml.lineage values ('credit-risk', '2.3.1', repeat('ab', 32));
"""


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def told(folder: Path, dropped: str, major: int) -> Timeline:
    """Both databases have a table ``ml.lineage``; one of them is dropped on day 3."""
    with postgres(None, {}, clock=START, major=major, initdb=["--wal-segsize=1"]) as server:
        own = server.dsn.replace("/postgres?", "/lineage?")
        for name in ("lineage", "other"):
            server.psql(f"create database {name}")
            server.psql(TABLE, dsn=server.dsn.replace("/postgres?", f"/{name}?"))
        server.move(day(1))
        psql_capture(server, folder / "capture", dsn=own)
        server.psql("insert into ml.lineage values ('later', '1', repeat('cd', 32))", dsn=own)
        server.move(day(3))
        server.psql(f"drop database {dropped}")
        server.move(day(5))
        server.psql("create table last (); drop table last")
        server.switch_wal()
        shutil.copytree(server.archive, folder / "archive")
    bench = Bench(folder, {"wal": ["archive"], "capture": ["capture"]}, [CLAIMED])
    bench.acquire()
    parsed = bench.parse()
    assert not [one for one in parsed.warnings if one.severity == "error"]
    assert parsed.coverage is not None
    whole = parsed.coverage.filter(pl.col("kind") == "table.*")
    assert (whole["latest"] >= day(5)).any()
    events = (
        parsed.events.with_columns(source=pl.lit("db"), domain=pl.lit("platform"))
        .collect()
        .sort("earliest", "item", "citation", "part", nulls_last=True)
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.UInt64))
    )
    coverage = parsed.coverage.lazy().with_columns(source=pl.lit("db"))
    return Timeline(check(events.lazy(), EVENTS, "test"), coverage)


def said(timeline: Timeline, at: datetime) -> dict[str, Said | None]:
    return {one.subject: one.said_then for one in asof(timeline, at)}


@pytest.mark.parametrize("major", [14, 16])
def test_the_rows_of_a_dropped_database_are_said_no_more(tmp_path: Path, major: int):
    needs(major)
    timeline = told(tmp_path, "lineage", major)
    (drop,) = timeline.kind("database.drop").collect().iter_rows(named=True)
    assert drop["subject"] == "pg:db/lineage"
    assert day(3) <= drop["earliest"] == drop["latest"] < day(3.01)
    (gone,) = (
        timeline.kind("table.drop")
        .filter(pl.col("subject").str.contains("ml"))
        .collect()
        .rows(named=True)
    )
    assert gone["subject"] == "pg:db/lineage/ml.lineage"
    assert gone["value"] == "with its database"
    before, after = said(timeline, day(2)), said(timeline, day(4))
    for subject in ("model:credit-risk@2.3.1", "model:later@1"):
        assert before[subject] is not None
        assert after.get(subject) is None


@pytest.mark.parametrize("major", [14, 16])
def test_the_twin_another_database_of_the_same_tables_is_dropped(tmp_path: Path, major: int):
    needs(major)
    timeline = told(tmp_path, "other", major)
    (drop,) = timeline.kind("database.drop").collect().iter_rows(named=True)
    assert drop["subject"] == "pg:db/oid/" + drop["subject"].rsplit("/", 1)[1]
    assert (
        not timeline.kind("table.drop")
        .filter(pl.col("value") == "with its database")
        .collect()
        .height
    )
    before, after = said(timeline, day(2)), said(timeline, day(4))
    for subject in ("model:credit-risk@2.3.1", "model:later@1"):
        then, still = before[subject], after[subject]
        assert then
        assert still
        assert (then.value, then.certainty, then.event) == (
            still.value,
            still.certainty,
            still.event,
        )
    assert after["model:later@1"].certainty == "certain"  # type: ignore[union-attr]
