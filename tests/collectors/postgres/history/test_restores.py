"""Restores, failovers, moves and upgrades of real servers, and what may be said of each."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres import collector
from recon import schema
from recon.rules import Draft, Rule, Timeline
from recon.rules.lost_in_restore import lost_in_restore
from recon.rules.restore_postdates_release import restore_postdates_release
from tests.collectors.postgres.conftest import Bench, Make, psql_capture
from tests.servers import Postgres, binaries, postgres, restored

pytestmark = pytest.mark.live
TEN = datetime(2026, 3, 8, 10, 0, tzinfo=UTC)
SMALL = ["--wal-segsize=1"]
SETTINGS = {"track_commit_timestamp": "on", "min_wal_size": "2MB"}
TABLE = "ml.lineage"
SUBJECT = "pg:db/postgres/ml.lineage"
CLAIM = {
    "table": TABLE,
    "subject": "model:{model}@1",
    "time": "at",
    "attributes": {"artifact": "artifact"},
}
STORY = """
create schema ml;
create table ml.lineage (model text primary key, artifact text, at timestamptz default now());
create table ml.scratch (a int);
"""


def at(minutes: int) -> datetime:
    return TEN + timedelta(minutes=minutes)


def wrote(server: Postgres, minutes: int, model: str, artifact: str) -> None:
    server.move(at(minutes))
    server.psql(
        "insert into ml.lineage values (:'model', :'artifact')",
        *("-v", f"model={model}", "-v", f"artifact={artifact}"),
    )


@contextmanager
def first() -> Iterator[tuple[Postgres, Path]]:
    """10:00 base backup, 10:10 a row."""
    with postgres(None, SETTINGS, clock=TEN, initdb=SMALL) as server:
        server.psql(STORY)
        base = server.backup("base")
        wrote(server, 10, "m1", "good")
        yield server, base


def copied(server: Postgres, folder: Path, name: str) -> None:
    subprocess.run(["cp", "-r", server.archive, folder / name], check=True)


def judged(case: Bench, rule: Rule, released: datetime | None = None) -> list[Draft]:
    """The rule over the events of the case; with a deploy of m1 and m2 at a time."""
    parsed = case.parse()
    events = [parsed.events.with_columns(source=pl.lit("db"), domain=pl.lit("platform"))]
    if released:
        rows = [
            {
                "source": "deploys",
                "domain": "other",
                "kind": "deploy.finish",
                "subject": f"model:{model}@1",
                "earliest": released,
                "latest": released,
                "item": "0" * 64,
                "citation": f"line {number}",
                "part": 0,
            }
            for number, model in enumerate(("m1", "m2"), 1)
        ]
        columns = {name: kind for name, kind in schema.EVENTS.items() if name != "row"}
        events.append(schema.frame(rows, columns).lazy())
    every = pl.concat([one.select(sorted(schema.EVENTS.keys() - {"row"})) for one in events])
    numbered = every.sort("earliest", "item", "citation", "part").with_row_index("row")
    frame = numbered.with_columns(pl.col("row").cast(pl.UInt64)).select(list(schema.EVENTS))
    assert parsed.coverage is not None
    coverage = parsed.coverage.with_columns(source=pl.lit("db")).select(list(schema.COVERAGE))
    return list(rule.check(Timeline(frame, coverage.lazy())))


@pytest.fixture(scope="module")
def to_a_point(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10:20 another row and one of a table nobody claims; restored at 11:00 to 10:15.

    ``quiet`` is a capture of right after, ``again`` one after the row was registered anew.
    """
    folder = tmp_path_factory.mktemp("point")
    with first() as (server, base):
        server.move(at(12))
        server.run("pg_dump", "-Fc", "-t", TABLE, "-f", server.folder / "before.dump", server.dsn)
        subprocess.run(["cp", server.folder / "before.dump", folder], check=True)
        wrote(server, 20, "m2", "good")
        server.psql("insert into ml.scratch values (1)")
        server.switch_wal()
        copied(server, folder, "one")
        target = SETTINGS | {"recovery_target_time": str(at(15))}
        with restored(server, base, target, clock=at(60)) as second:
            assert second.psql("select model from ml.lineage").split() == ["m1"]
            psql_capture(second, folder / "quiet", TABLE)
            wrote(second, 70, "m2", "bad")
            second.switch_wal()
            second.move(at(80))
            psql_capture(second, folder / "again", TABLE)
            copied(second, folder, "two")
            subprocess.run(["cp", "-r", second.data, folder / "data"], check=True)
    return folder


def exports(folder: Path, *names: str) -> list[str]:
    return [str(folder / name) for name in names]


def test_a_restore_names_what_it_left_behind(to_a_point: Path, bench: Make) -> None:
    case = bench([CLAIM], wal=exports(to_a_point, "one", "two"))
    case.acquire()
    (lost,) = case.events("timeline.lost").iter_rows(named=True)
    assert "timeline=2 parent=1" in lost["value"]
    assert " commits=2 aborts=0 " in lost["value"]
    assert lost["earliest"].replace(microsecond=0, second=0) == at(20)
    (left_out,) = case.events("timeline.first-not-replayed")["earliest"]
    assert lost["earliest"] == left_out


def test_without_the_history_file_the_record_that_begins_the_timeline_tells_the_switch(
    to_a_point: Path, tmp_path: Path, bench: Make
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for file in (to_a_point / name).iterdir():
            if file.suffix != ".history":
                (tmp_path / name / file.name).write_bytes(file.read_bytes())
    case = bench([CLAIM], wal=exports(tmp_path, "one", "two"))
    case.acquire()
    (lost,) = case.events("timeline.lost").iter_rows(named=True)
    assert " commits=2 aborts=0 " in lost["value"]
    items = {item.sha256: item for item in case.items}
    quote = collector.quote(case.source, case.items, items[lost["item"]], lost["citation"])
    assert "tli 2; prev tli 1" in quote.text


def test_a_lost_write_cites_its_commit_record(to_a_point: Path, bench: Make) -> None:
    case = bench(
        [CLAIM], wal=exports(to_a_point, "one", "two"), capture=exports(to_a_point, "quiet")
    )
    case.acquire()
    (lost,) = case.events("table.lost-write").iter_rows(named=True)
    assert lost["subject"] == SUBJECT
    assert lost["value"].endswith("delete=0 insert=1 update=0")
    items = {item.sha256: item for item in case.items}
    quote = collector.quote(case.source, case.items, items[lost["item"]], lost["citation"])
    assert "COMMIT 2026-03-08 10:20" in quote.text
    assert case.events().select("item", "citation", "part").is_duplicated().sum() == 0


def test_what_was_committed_and_never_written_again_is_missing(
    to_a_point: Path, bench: Make
) -> None:
    case = bench(
        [CLAIM], wal=exports(to_a_point, "one", "two"), capture=exports(to_a_point, "quiet")
    )
    case.acquire()
    drafts = judged(case, lost_in_restore)
    assert {draft.verdict for draft in drafts} == {"missing"}
    assert {draft.subject for draft in drafts} <= {SUBJECT, "model:m2@1"}
    assert len(drafts) == 1


def test_a_row_registered_anew_is_told_from_the_lost_one_or_left_open(
    to_a_point: Path, bench: Make
) -> None:
    """The log's rows say which value was lost; without them it may be the same one."""
    case = bench(
        [CLAIM], wal=exports(to_a_point, "one", "two"), capture=exports(to_a_point, "again")
    )
    case.acquire()
    (draft,) = judged(case, lost_in_restore)
    read = draft.subject == "model:m2@1"
    assert draft.verdict == ("missing" if read else "undetermined")


def test_without_the_old_log_what_was_lost_is_open(to_a_point: Path, bench: Make) -> None:
    case = bench([CLAIM], wal=exports(to_a_point, "two"), capture=exports(to_a_point, "quiet"))
    case.acquire()
    (draft,) = judged(case, lost_in_restore)
    assert (draft.verdict, draft.subject) == ("undetermined", "pg:db")


def test_a_release_before_the_restore_has_no_witness_but_the_copy(
    to_a_point: Path, bench: Make
) -> None:
    case = bench([CLAIM], wal=exports(to_a_point, "two"), capture=exports(to_a_point, "quiet"))
    case.acquire()
    (draft,) = judged(case, restore_postdates_release, released=at(30))
    assert (draft.verdict, draft.subject) == ("undetermined", "model:m1@1")
    assert judged(case, restore_postdates_release, released=at(90)) == []


def test_a_dump_from_before_the_restore_bears_the_copy_out(to_a_point: Path, bench: Make) -> None:
    """The innocent twin."""
    case = bench(
        [CLAIM],
        wal=exports(to_a_point, "two"),
        capture=exports(to_a_point, "quiet"),
        dump=exports(to_a_point, "before.dump"),
        dump_zone="UTC",
    )
    case.acquire()
    (draft,) = judged(case, restore_postdates_release, released=at(30))
    assert draft.verdict == "observation"


def test_a_restore_leaves_its_target_in_the_settings_and_its_label_in_the_folder(
    to_a_point: Path, bench: Make
) -> None:
    case = bench([CLAIM], capture=exports(to_a_point, "again"), backups=exports(to_a_point, "data"))
    case.acquire()
    values = case.events("restore.trace")["value"].to_list()
    assert any(value.startswith("recovery_target_time=2026-03-08 10:15") for value in values)
    assert any(value.startswith("backup_label.old") for value in values)


def test_a_failover_without_loss_is_none(
    tmp_path_factory: pytest.TempPathFactory, bench: Make
) -> None:
    """The innocent twin: the old timeline ends where the new one begins."""
    folder = tmp_path_factory.mktemp("failover")
    with first() as (server, base):
        wrote(server, 20, "m2", "good")
        server.stop()
        copied(server, folder, "one")
        with restored(server, base, SETTINGS, clock=at(60)) as second:
            assert second.psql("select model from ml.lineage order by 1").split() == ["m1", "m2"]
            wrote(second, 70, "m3", "good")
            second.switch_wal()
            psql_capture(second, folder / "after", TABLE)
            copied(second, folder, "two")
    case = bench([CLAIM], wal=exports(folder, "one", "two"), capture=exports(folder, "after"))
    case.acquire()
    (lost,) = case.events("timeline.lost").iter_rows(named=True)
    assert " commits=0 " in lost["value"]
    assert lost["earliest"] is None
    assert "reason=no recovery target specified" in lost["value"]
    assert judged(case, lost_in_restore) == []
    assert judged(case, restore_postdates_release, released=at(30)) == []


@contextmanager
def loaded(dump: Path) -> Iterator[Postgres]:
    """Another cluster, into which the dump was loaded."""
    with postgres(None, SETTINGS, clock=at(60), initdb=SMALL) as server:
        copy = server.folder / "x.dump"
        subprocess.run(["cp", dump, copy], check=True)
        copy.chmod(0o644)
        server.run("pg_restore", "-d", server.dsn, copy)
        yield server


def dumped(server: Postgres, folder: Path, name: str) -> Path:
    server.run("pg_dump", "-Fc", "-f", server.folder / name, server.dsn)
    subprocess.run(["cp", server.folder / name, folder], check=True)
    return folder / name


def test_a_database_loaded_into_another_cluster_was_moved_and_no_table_recreated(
    tmp_path_factory: pytest.TempPathFactory, bench: Make
) -> None:
    folder = tmp_path_factory.mktemp("moved")
    with first() as (server, _):
        psql_capture(server, folder / "old", TABLE)
        old = dumped(server, folder, "old.dump")
        with loaded(old) as other:
            psql_capture(other, folder / "new", TABLE)
            dumped(other, folder, "new.dump")
    case = bench([CLAIM], capture=exports(folder, "old", "new"))
    case.acquire()
    (moved,) = case.events("database.moved").iter_rows(named=True)
    assert moved["subject"] == "pg:db/postgres"
    # The identifier of the new cluster says when that was made.
    assert at(60) <= moved["earliest"] <= moved["latest"] < at(75)
    acts = ("table.recreate", "table.replaced", "table.rename", "table.truncate")
    assert case.events(*acts).is_empty()
    (draft,) = judged(case, restore_postdates_release, released=at(30))
    assert draft.verdict == "observation"  # the capture of before says the same
    dumps = bench([CLAIM], dump=exports(folder, "old.dump", "new.dump"), dump_zone="UTC")
    dumps.acquire()
    assert dumps.events("table.recreate", "table.rename").is_empty()


@pytest.mark.parametrize(("old", "new"), [(14, 15), (16, 18)])
def test_an_upgrade_keeps_what_it_is_and_is_no_act_on_a_table(
    old: int, new: int, tmp_path_factory: pytest.TempPathFactory, bench: Make
) -> None:
    folder = tmp_path_factory.mktemp("upgrade")
    checks = () if new < 18 else ("--no-data-checksums",)
    with (
        postgres(None, SETTINGS, major=old, initdb=SMALL) as before,
        postgres(None, SETTINGS, major=new, initdb=[*SMALL, *checks]) as after,
    ):
        before.psql(STORY)
        before.psql("insert into ml.lineage values ('m1', 'good'); vacuum full ml.lineage")
        psql_capture(before, folder / "old", TABLE)
        before.stop()
        after.stop()
        program = binaries(new)
        assert program is not None
        after.run(
            *("pg_upgrade", "-b", str(before.bin), "-B", str(after.bin), "-U", "postgres"),
            *("-d", before.data, "-D", after.data),
        )
        after.start()
        psql_capture(after, folder / "new", TABLE)
    case = bench([CLAIM], capture=exports(folder, "old", "new"))
    case.acquire()
    (upgraded,) = case.events("database.upgraded").iter_rows(named=True)
    assert "as by pg_upgrade" in upgraded["value"]
    acts = ("table.recreate", "table.replaced", "table.rewrite", "table.create", "database.moved")
    assert case.events(*acts).filter(pl.col("earliest") > upgraded["earliest"]).is_empty()
    traces = case.events("table.trace")["value"].to_list()
    assert any("as pg_upgrade leaves a table" in value for value in traces)


def test_a_table_that_a_subscription_fills_says_so_and_is_no_act(
    tmp_path_factory: pytest.TempPathFactory, bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("replicated")
    with (
        postgres(None, SETTINGS | {"wal_level": "logical"}, initdb=SMALL) as source,
        postgres(None, SETTINGS, initdb=SMALL) as target,
    ):
        for server in (source, target):
            server.psql(STORY)
        source.psql(
            "insert into ml.lineage values ('m1', 'good'); create publication p for all tables"
        )
        psql_capture(target, folder / "old", TABLE)
        connection = f"host={source.folder} port={source.port} user=postgres dbname=postgres"
        target.psql(f"create subscription s connection '{connection}' publication p")
        for _ in range(300):
            if target.psql("select count(*) from ml.lineage").strip() == "1":
                break
            time.sleep(0.1)
        psql_capture(target, folder / "new", TABLE)
        source.psql("insert into ml.lineage values ('m2', 'good')")
        for _ in range(300):
            if target.psql("select count(*) from ml.lineage").strip() == "2":
                break
            time.sleep(0.1)
        target.psql("drop subscription s")
        target.switch_wal()
        copied(target, folder, "archive")
    case = bench([CLAIM], capture=exports(folder, "old", "new"))
    case.acquire()
    (filled,) = case.events("table.subscribed").iter_rows(named=True)
    assert "subscription s" in filled["value"]
    acts = ("table.recreate", "table.replaced", "table.rewrite", "table.truncate")
    assert case.events(*acts).is_empty()
    assert case.events("row.version").height == 1
    _an_applied_commit_names_its_origin(bench([CLAIM], wal=exports(folder, "archive")), monkeypatch)


def _an_applied_commit_names_its_origin(case: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By either reader, and in the words of the server's tool."""
    case.acquire()
    by_tool = case.events("wal.commit")
    applied = by_tool.filter(pl.col("value").str.starts_with("origin="))
    assert 0 < applied.height < by_tool.height
    items = {item.sha256: item for item in case.items}
    for row in applied.to_dicts():
        quote = collector.quote(case.source, case.items, items[row["item"]], row["citation"])
        program = binaries(15)
        assert program is not None
        segment = str(case.folder / "segments" / Path(items[row["item"]].native).name)
        Path(segment).parent.mkdir(exist_ok=True)
        Path(segment).write_bytes(case.items.read(items[row["item"]]))
        lsn = row["citation"].removeprefix("lsn ")
        command = [str(program / "pg_waldump"), "-s", lsn, "-n", "1", segment]
        said = subprocess.run(
            command, capture_output=True, text=True, check=True, env={"TZ": "UTC"}
        ).stdout
        assert "; origin: node" in said
        assert quote.text == said.strip()
    monkeypatch.setattr("collectors.postgres.wal.waldump.find", lambda _major: None)
    assert case.events("wal.commit").equals(by_tool)
