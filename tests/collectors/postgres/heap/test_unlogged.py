"""A table that is set unlogged and back: what is written to it meanwhile is in no log."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest

from collectors.postgres.heap.unlogged import Hole, without
from recon.collector import Parsed
from tests.collectors.postgres.conftest import Bench, psql_capture
from tests.servers import postgres

STORY = {
    10: "create schema ml; create table ml.lineage (model text primary key, artifact text);"
    "create table ml.other (model text primary key, artifact text);"
    "insert into ml.lineage values ('a', '1'); insert into ml.other values ('a', '1')",
    14: "alter table ml.lineage set unlogged",
    16: "update ml.lineage set artifact = '2'; update ml.other set artifact = '2'",
    18: "alter table ml.lineage set logged",
    20: "update ml.lineage set artifact = '3'; update ml.other set artifact = '3'",
}
CLAIMS = [
    {"table": f"ml.{name}", "subject": name + ":{model}", "attributes": {"artifact": "artifact"}}
    for name in ("lineage", "other")
]


def day(number: int, hour: int = 11) -> datetime:
    return datetime(2026, 2, number, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    folder = tmp_path_factory.mktemp("unlogged")
    with postgres(None, {}, clock=day(9), initdb=["--wal-segsize=1"]) as server:
        for number, sql in STORY.items():
            server.move(day(number))
            server.psql(sql)
        server.move(day(22))
        server.psql("create table done (); drop table done")
        server.switch_wal()
        shutil.copytree(server.archive, folder / "archive")
        captures = [folder / name for name in ("lineage", "other")]
        for path in captures:
            psql_capture(server, path, f"ml.{path.name}")
    bench = Bench(folder, {"wal": ["archive"], "capture": [one.name for one in captures]}, CLAIMS)
    bench.acquire()
    return bench.parse()


def covered(parsed: Parsed, table: str) -> list[tuple[datetime, datetime]]:
    assert parsed.coverage is not None
    theirs = (pl.col("kind") == "row.*") & (pl.col("subject") == f"pg:db/postgres/{table}")
    return parsed.coverage.filter(theirs).select("earliest", "latest").sort("earliest").rows()


@pytest.mark.live
def test_rows_are_not_covered_while_the_table_is_unlogged(parsed: Parsed):
    before, after = covered(parsed, "ml.lineage")
    assert before[0] < day(10, 12)
    assert day(14) <= before[1] < day(14, 12)
    assert day(18) <= after[0] < day(18, 12)
    assert after[1] >= day(22)


@pytest.mark.live
def test_the_log_says_since_when_and_until_when_it_does_not_tell_of_the_table(parsed: Parsed):
    acts = parsed.events.filter(pl.col("kind").is_in(["table.unlogged", "table.logged"])).collect()
    told = acts.sort("earliest").select("kind", "subject", pl.col("earliest").dt.day()).rows()
    assert told == [
        ("table.unlogged", "pg:db/postgres/ml.lineage", 14),
        ("table.logged", "pg:db/postgres/ml.lineage", 18),
    ]


@pytest.mark.live
def test_a_table_that_stays_logged_is_covered_throughout(parsed: Parsed):
    ((first, last),) = covered(parsed, "ml.other")
    assert first < day(10, 12)
    assert last >= day(22)


@pytest.mark.parametrize(
    ("timeline", "hole", "left"),
    [
        (1, Hole(1, day(12), day(14)), [(day(10), day(12)), (day(14), day(20))]),
        (1, Hole(1, day(12), None), [(day(10), day(12))]),
        (1, Hole(1, day(5), day(8)), [(day(10), day(20))]),
        (1, Hole(1, day(5), None), []),
        (1, Hole(2, day(12), day(14)), [(day(10), day(20))]),
        (2, Hole(1, day(12), day(14)), [(day(10), day(12))]),
        (2, Hole(1, day(5), day(8)), [(day(10), day(20))]),
    ],
)
def test_what_is_left_of_a_stretch(
    timeline: int, hole: Hole, left: list[tuple[datetime, datetime]]
):
    assert without((day(10), day(20)), timeline, [hole]) == left
