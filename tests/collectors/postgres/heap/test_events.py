"""Row changes of a claimed table as events, and what they make of the two answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pytest

from collectors.postgres import collector
from recon import schema
from recon.asof import Answer, asof
from recon.collector import Parsed
from recon.rules import RULES, Timeline
from tests.collectors.postgres.conftest import Bench, psql_capture
from tests.servers import Postgres, needs, postgres
from tests.versions import EACH

pytestmark = pytest.mark.live

TABLE = "pg:db/postgres/ml.lineage"
CLAIM = {
    "table": "ml.lineage",
    "subject": "model:{model}",
    "time": "at",
    "attributes": {"artifact": "artifact", "notes": "notes", "score": "score", "state": "state"},
}
STORY = [
    (
        "2026-02-10",
        """create schema ml; create type state as enum ('new', 'live');
        create table ml.lineage (model text primary key, artifact text, score numeric,
            at timestamptz default now(), notes text, state state);
        insert into ml.lineage values ('old', repeat('aa', 32), 1.50);
        insert into ml.lineage values ('gone', repeat('11', 32)), ('stays', repeat('22', 32));""",
    ),
    ("2026-02-14", "update ml.lineage set artifact = repeat('bb', 32) where model = 'old'"),
    (
        "2026-02-16",
        """begin; update ml.lineage set artifact = repeat('ff', 32); rollback;
        begin; insert into ml.lineage values ('top'); savepoint a;
        insert into ml.lineage values ('undone'); rollback to a; savepoint b;
        insert into ml.lineage values ('kept'); commit;""",
    ),
    ("2026-02-18", "delete from ml.lineage where model = 'gone'"),
    (
        "2026-02-20",
        """alter table ml.lineage add column more int default 7; vacuum full ml.lineage;
        update ml.lineage set notes = (select string_agg(md5(g::text), '')
            from generate_series(1, 300) g), state = 'live' where model = 'old';""",
    ),
    ("2026-02-22", "update ml.lineage set score = 2 where model = 'old'"),
    ("2026-02-23", "delete from ml.lineage where model = 'stays'"),
    ("2026-02-24", "update ml.lineage set model = 'renamed' where model = 'top'"),
    ("2026-02-26", "copy ml.lineage (model, score) from stdin;\nc1\t1\nc2\t2\nc3\t3\n\\.\n"),
]


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


@dataclass
class Case:
    """The story, acquired: a capture of the end, and the archive."""

    bench: Bench
    parsed: Parsed
    events: pl.DataFrame
    server: Postgres
    major: int

    @property
    def rows(self) -> pl.DataFrame:
        return self.events.filter(
            pl.col("kind").is_in(["row.insert", "row.update", "row.delete", "row.before"])
        )

    @property
    def timeline(self) -> Timeline:
        events = self.events.with_columns(source=pl.lit("db"), domain=pl.lit("platform"))
        events = events.sort("earliest", "item", "citation", "part", nulls_last=True)
        assert self.parsed.coverage is not None
        coverage = self.parsed.coverage.with_columns(source=pl.lit("db"))
        return Timeline(
            events.with_row_index("row")
            .cast({"row": pl.UInt64})
            .select(list(schema.EVENTS))
            .lazy(),
            coverage.select(list(schema.COVERAGE)).lazy(),
            (),
        )

    def said(self, day: str, attribute: str = "artifact") -> dict[str, tuple[str, str]]:
        """By model: what the source said at that noon, and how sure that is."""
        found: list[Answer] = asof(self.timeline, noon(day))
        return {
            one.subject.removeprefix("model:"): (
                (one.said_then.value or "")[:2],
                one.said_then.certainty,
            )
            for one in found
            if one.attribute == attribute and one.said_then
        }


@pytest.fixture(scope="module", params=EACH, ids=lambda major: f"pg{major}")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    needs(request.param)
    major: int = request.param
    start = datetime(2026, 2, 9, tzinfo=UTC)
    settings = {"track_commit_timestamp": "on"}
    with postgres(None, settings, clock=start, major=major, initdb=["--wal-segsize=1"]) as server:
        for day, sql in STORY:
            server.move(noon(day).replace(hour=11))
            server.psql(sql)
        server.move(noon("2026-02-28"))
        server.psql("create table done (); drop table done")
        server.switch_wal()
        folder = tmp_path_factory.mktemp(f"rows{major}")
        shutil.copytree(server.archive, folder / "archive")
        psql_capture(server, folder / "capture", "ml.lineage")
        bench = Bench(folder, {"wal": ["archive"], "capture": ["capture"]}, [CLAIM])
        bench.acquire()
        parsed = bench.parse()
        events = schema.check(parsed.events, schema.DRAFT, "test").collect()
        yield Case(bench, parsed, events, server, major)


def test_each_change_of_a_committed_transaction_is_one_event(case: Case) -> None:
    assert case.rows.filter(pl.col("kind") != "row.before").select("kind", "subject").rows() == [
        ("row.insert", "model:old"),
        ("row.insert", "model:gone"),
        ("row.insert", "model:stays"),
        ("row.update", "model:old"),
        ("row.insert", "model:top"),
        ("row.insert", "model:kept"),
        ("row.delete", "model:gone"),
        ("row.update", "model:old"),
        ("row.update", "model:old"),
        ("row.delete", "model:stays"),
        ("row.update", "model:renamed"),
        ("row.insert", "model:c1"),
        ("row.insert", "model:c2"),
        ("row.insert", "model:c3"),
    ]


def test_a_row_that_a_rewrite_moved_is_told_as_it_stood_before_it_was_changed(case: Case) -> None:
    before = case.rows.filter(pl.col("kind") == "row.before")
    assert before["subject"].to_list() == ["model:old", "model:stays", "model:top"]
    assert before["earliest"].null_count() == 3
    said = case.events.filter(
        (pl.col("kind") == "claim") & (pl.col("citation") == before["citation"][0])
    )
    assert dict(said.select("attribute", "value").rows())["score"] == "1.50"


def test_an_update_says_what_it_changed(case: Case) -> None:
    first = case.rows.filter(pl.col("kind") == "row.update")["value"][0]
    assert first == f'(0,1) to (0,4): artifact "{"aa" * 32}" to "{"bb" * 32}"'


def test_an_event_stands_at_the_commit_of_its_transaction(case: Case) -> None:
    commits = case.events.filter(pl.col("kind") == "wal.commit")
    at = dict(commits.select("position", "earliest").rows())
    rows = case.rows.filter(pl.col("kind") != "row.before")
    assert all(
        at[position] == time for position, time in rows.select("position", "earliest").rows()
    )
    assert rows["clock"].unique().to_list() == ["pg:db/commit"]
    names = {
        position: next(name for name in names if name.startswith("xid:"))
        for position, names in commits.select("position", "names").rows()
    }
    for position, theirs in rows.select("position", "names").rows():
        assert names[position] in theirs
        assert TABLE in theirs


def test_the_newest_version_of_each_row_says_what_the_capture_says(case: Case) -> None:
    claims = case.events.filter(pl.col("kind") == "claim")
    captured = claims.filter(pl.col("citation").str.starts_with("line"))
    logged = claims.filter(pl.col("citation").str.starts_with("lsn"))
    lsn = case.rows.select("citation", "position")
    newest = (
        logged.drop("position")
        .join(lsn, on="citation")
        .sort("position")
        .unique(["subject", "attribute"], keep="last", maintain_order=True)
        .select("subject", "attribute", value_right="value")
    )
    both = captured.join(newest, on=["subject", "attribute"])
    assert both["value"].to_list() == both["value_right"].to_list()
    # The one whose value is moved by VACUUM FULL and not written since is in the archive as well.
    assert captured.height == both.height
    assert both.filter(pl.col("attribute") == "notes")["value"].str.len_bytes().max() > 9000
    assert both.filter(pl.col("attribute") == "state")["value"].to_list() == ["live"]


def test_said_then_is_certain_for_rows_that_the_log_follows(case: Case) -> None:
    assert case.said("2026-02-12") == {
        "gone": ("11", "certain"),
        "old": ("aa", "certain"),
        "stays": ("22", "certain"),
    }
    assert case.said("2026-02-15")["old"] == ("bb", "certain")
    assert case.said("2026-02-17")["gone"] == ("11", "certain")


def test_a_deleted_row_is_said_no_more(case: Case) -> None:
    assert "gone" not in case.said("2026-02-19")
    assert "stays" in case.said("2026-02-22")
    # Deleted after VACUUM FULL had moved it.
    assert "stays" not in case.said("2026-02-25")


def test_what_a_row_said_before_it_was_changed_is_said_then(case: Case) -> None:
    assert case.said("2026-02-21", "score")["old"][0] == "1."
    assert case.said("2026-02-23", "score")["old"] == ("2", "certain")


def test_no_rule_finds_anything_in_ordinary_work(case: Case) -> None:
    for rule in RULES:
        assert list(rule.check(case.timeline)) == [], rule.name


def test_a_row_event_is_quoted_with_its_values_and_the_command_that_shows_it(case: Case) -> None:
    event = case.rows.filter(pl.col("kind") == "row.update").row(0, named=True)
    (item,) = [one for one in case.bench.items if one.sha256 == event["item"]]
    quote = collector.quote(case.bench.source, case.bench.items, item, event["citation"])
    assert not quote.verbatim
    assert "pg_waldump" in quote.how
    assert "bb" * 32 in quote.text


def test_the_events_are_the_same_whichever_tool_reads_the_log(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.postgres.binaries.find", lambda *_: None)
    monkeypatch.setattr("collectors.postgres.wal.waldump.find", lambda _: None)
    again = case.bench.events()
    both = ("kind", "subject", "value", "citation", "part")
    assert again.select(both).sort(both).equals(case.events.select(both).sort(both))


def test_values_are_whole_however_little_is_held_in_memory(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notes have chunks of their own, and a later change of the row has them not."""
    for name in ("chunkindex.KEPT", "waiting._LARGE", "batches._LARGE"):
        monkeypatch.setattr(f"collectors.postgres.heap.{name}", 2)
    assert any(len(one or "") > 9000 for one in case.events["value"])
    order = ("item", "citation", "part", "kind")
    assert case.bench.events().sort(order).equals(case.events.sort(order))
