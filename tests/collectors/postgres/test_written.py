"""When rows were really written, on real servers: what is told must hold what the script did.

One cluster lives from 10 to 17 February 2026 without commit timestamps, is frozen, gets them late,
and is upgraded; a long transaction, savepoints and honest inserts are in it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from recon.rules import Timeline
from recon.schema import EVENTS, check
from recon.written import written
from tests.collectors.postgres.conftest import CLAIM, Make, psql_capture
from tests.servers import Postgres, needs, postgres, upgraded

pytestmark = pytest.mark.live
START = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
SMALL = ["--wal-segsize=1"]
SETTINGS = {"min_wal_size": "2MB", "max_wal_size": "8MB", "track_commit_timestamp": "off"}
NEWER = 17
HOUR = timedelta(hours=1)
CREATE = """
create schema ml;
create table ml.lineage (model text, version text, artifact_sha256 text,
                         registered_at timestamptz default now(), primary key (model, version));
"""
CLAIMED = {
    **CLAIM,
    "attributes": {"artifact": "artifact_sha256", "seen": "registered_at"},
    "actor": None,
}
Truth = Mapping[str, tuple[datetime, datetime]]
"""By model: before and after its COMMIT, by the server's own clock."""


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@dataclass
class Told:
    """Evidence in a folder, and what the script knows."""

    folder: Path
    truth: dict[str, tuple[datetime, datetime]]


def _now(server: Postgres) -> datetime:
    return datetime.fromisoformat(server.psql("select clock_timestamp()").strip())


def _insert(model: str) -> str:
    return f"insert into ml.lineage values ('{model}', '1', md5('{model}') || md5('{model}'))"  # noqa: S608  (ours)


def _write(server: Postgres, told: Told, model: str, sql: str | None = None) -> None:
    before = _now(server)
    server.psql(sql or _insert(model), "-1")
    told.truth[model] = (before, _now(server))


def _end_day(server: Postgres) -> None:
    server.psql("checkpoint")
    server.switch_wal()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Captures ``off``, ``frozen``, ``late``, ``new``; two base backups; both archives; a dump."""
    needs(NEWER, 16)
    folder = tmp_path_factory.mktemp("written")
    told = Told(folder, {})
    with postgres(None, SETTINGS, clock=START, initdb=SMALL, major=16) as server:
        server.psql(CREATE, "-1")
        server.backup("base-1")
        _write(server, told, "first")
        _end_day(server)
        server.move(day(1))
        with psycopg.connect(server.dsn) as long:
            long.execute(_insert("long").encode())
            _write(server, told, "short")
            _end_day(server)
            server.move(day(2))
            _end_day(server)
            server.move(day(3))
            before = _now(server)
            long.commit()
            told.truth["long"] = (before, _now(server))
        _end_day(server)
        server.run("pg_dump", "-Fc", "-f", server.folder / "day3.dump", server.dsn)
        server.move(day(4))
        _write(
            server, told, "savepoint", f"savepoint a; {_insert('savepoint')}; release savepoint a"
        )
        _end_day(server)
        server.backup("base-2")
        psql_capture(server, folder / "off")
        server.move(day(5))
        server.psql("vacuum freeze ml.lineage")
        _end_day(server)
        psql_capture(server, folder / "frozen")
        server.psql("alter system set track_commit_timestamp = on")
        server.stop()
        server.start()
        server.move(day(6))
        _write(server, told, "late")
        _end_day(server)
        psql_capture(server, folder / "late")
        with upgraded(server, SETTINGS, major=NEWER, clock=day(7), initdb=SMALL) as newer:
            _write(newer, told, "new")
            _end_day(newer)
            newer.move(day(8))
            psql_capture(newer, folder / "new")
            for name, path in {
                "archive": server.archive,
                "base-1": server.folder / "base-1",
                "base-2": server.folder / "base-2",
                "day3.dump": server.folder / "day3.dump",
                "archive-new": newer.archive,
            }.items():
                subprocess.run(["cp", "-r", path, folder / name], check=True)
    return told


def view(bench: Make, told: Told, **options: list[str]) -> pl.DataFrame:
    """The bases of the rows of captures, with ``model``; every firm one checked with the truth."""
    paths = {key: [str(told.folder / name) for name in names] for key, names in options.items()}
    case = bench(claims=(CLAIMED,), dump_zone="UTC", **paths)
    assert case.acquire().failures == []
    parsed = case.parse()
    events = (
        parsed.events.with_columns(source=pl.lit("db"), domain=pl.lit("platform"))
        .sort("earliest", "item", "citation", "part", nulls_last=True)
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.UInt64))
    )
    coverage = parsed.coverage.lazy().with_columns(source=pl.lit("db"))
    timeline = Timeline(check(events.lazy(), EVENTS, "test"), coverage)
    rows = timeline.kind("row.version").select(
        "row", model=pl.col("subject").str.extract("model:(.*)@")
    )
    found = written(timeline).join(rows.collect(), on="row")
    for one in found.iter_rows(named=True):
        before, after = told.truth[one["model"]]
        if one["firm"]:
            assert one["earliest"] is None or one["earliest"] <= after, one
            assert one["latest"] is None or one["latest"] >= before, one
    assert not found.filter("firm")["disagrees"].any()
    return found


def best(found: pl.DataFrame, model: str) -> dict[str, object]:
    return found.filter(pl.col("model") == model).row(0, named=True)


@pytest.mark.parametrize("capture", ["off", "frozen"])
def test_commit_records_date_every_row_without_commit_timestamps(
    capture: str, told: Told, bench: Make
) -> None:
    found = view(bench, told, capture=[capture], wal=["archive"])
    for model in ("first", "short", "long", "savepoint"):
        one = best(found, model)
        assert (one["basis"], one["firm"]) == ("commit record", True)
        before, after = told.truth[model]
        assert before <= one["earliest"] == one["latest"] <= after


def test_checkpoints_bracket_rows_whose_segments_are_gone(told: Told, bench: Make) -> None:
    """The segments of each day's commits are lost; what is left tells of checkpoints alone."""
    archive = told.folder / "archive"
    part = told.folder / "part"
    shutil.copytree(archive, part)
    whole = view(bench, told, capture=["off"], wal=["archive"])
    commits = whole.filter(basis="commit record").height
    assert commits == 4
    lost = [name for name in sorted(part.iterdir()) if len(name.name) == 24][3:6]
    for name in lost:
        name.unlink()
    found = view(bench, told, capture=["off"], wal=["part"])
    undated = [
        model
        for model in ("first", "short", "long", "savepoint")
        if best(found, model)["basis"] != "commit record"
    ]
    assert undated
    for model in undated:
        one = best(found, model)
        assert one["basis"] == "checkpoints"
        # A gap in the log of so young a cluster may hide the reset of pg_upgrade: what was
        # archived before it is no firm lower end. The upper one is a day's checkpoint, or that of
        # the days that the long transaction took.
        assert one["firm"]
        assert isinstance(one["latest"], datetime)
        assert told.truth[model][0] <= one["latest"] < told.truth[model][1] + timedelta(days=5)


def test_control_data_of_two_backups_bracket_without_any_log(told: Told, bench: Make) -> None:
    found = view(bench, told, capture=["off"], backups=["base-1", "base-2"])
    for model in ("first", "short", "long", "savepoint"):
        one = best(found, model)
        assert (one["basis"], one["firm"]) == ("checkpoints", True)
        assert START - HOUR <= one["earliest"] <= START + HOUR
        assert day(4) <= one["latest"] <= day(4) + HOUR


def test_a_capture_alone_gives_an_end_and_an_estimate_from_the_neighbours(
    told: Told, bench: Make
) -> None:
    found = view(bench, told, capture=["off"])
    guess = found.filter(model="short", basis="asserted neighbours").row(0, named=True)
    assert not guess["firm"]
    assert guess["earliest"] <= told.truth["short"][0]
    assert guess["latest"] >= told.truth["short"][1]
    ends = found.filter("firm").filter(pl.col("latest").is_not_null())
    assert set(ends["model"]) == {"first", "short", "long", "savepoint"}


def test_timestamps_switched_on_late_date_the_later_rows_alone(told: Told, bench: Make) -> None:
    found = view(bench, told, capture=["late"], wal=["archive"])
    assert best(found, "late")["basis"] == "commit timestamp"
    assert best(found, "first")["basis"] == "commit record"
    both = found.filter(model="late").filter(pl.col("rank") <= 2)
    assert both.height == 2
    assert both["earliest"].n_unique() == 1


def test_captures_of_two_days_bracket_what_came_between(told: Told, bench: Make) -> None:
    both = told.folder / "both"
    if not both.exists():
        both.mkdir()
        for name in ("frozen", "late"):
            shutil.copytree(told.folder / name, both / name)
    found = view(bench, told, capture=["both/frozen", "both/late"])
    one = found.filter(model="late", basis="captures").row(0, named=True)
    assert one["firm"]
    assert day(5) <= one["earliest"] <= day(5) + HOUR
    assert day(6) <= one["latest"] <= day(6) + HOUR


def test_a_dump_that_lacks_a_row_gives_an_estimate(told: Told, bench: Make) -> None:
    found = view(bench, told, capture=["off"], dump=["day3.dump"])
    one = found.filter(model="savepoint", basis="dumps").row(0, named=True)
    assert not one["firm"]
    assert day(3) <= one["earliest"] <= day(3) + HOUR
    assert found.filter(model="first", basis="dumps").is_empty()


def test_pg_upgrade_keeps_what_the_old_clusters_log_says(told: Told, bench: Make) -> None:
    found = view(bench, told, capture=["new"], wal=["archive", "archive-new"], backups=["base-2"])
    for model in told.truth:
        one = best(found, model)
        assert (one["basis"], one["firm"]) == ("commit record", True), model
        before, after = told.truth[model]
        assert before <= one["earliest"] == one["latest"] <= after
    old = found.filter(model="first", basis="commit record")["because"][0]
    assert "pg_upgrade" in old
    assert "pg_upgrade" not in found.filter(model="new", basis="commit record")["because"][0]


def test_after_pg_upgrade_without_the_old_log_the_control_data_bound(
    told: Told, bench: Make
) -> None:
    found = view(bench, told, capture=["new"], wal=["archive-new"])
    one = best(found, "first")
    assert one["firm"]
    assert one["earliest"] is None
    assert day(7) <= one["latest"] <= day(8) + HOUR


def test_a_dump_restored_into_a_new_cluster_is_no_upgrade(told: Told, bench: Make) -> None:
    """Its rows carry one new transaction, whose number the old cluster gave out as well."""
    folder = told.folder
    with postgres(None, SETTINGS, clock=day(7), initdb=SMALL, major=NEWER) as copy:
        before = _now(copy)
        mine = copy.folder / "day3.dump"
        mine.write_bytes((folder / "day3.dump").read_bytes())
        mine.chmod(0o644)
        copy.run("pg_restore", "-1", "-d", copy.dsn, mine)
        after = _now(copy)
        _end_day(copy)
        psql_capture(copy, folder / "copied")
        subprocess.run(["cp", "-r", copy.archive, folder / "archive-copy"], check=True)
    truth = Told(folder, dict.fromkeys(("first", "short", "long"), (before, after)))
    found = view(
        bench, truth, capture=["copied"], wal=["archive", "archive-copy"], backups=["base-2"]
    )
    assert set(found.filter(basis="commit record")["model"]) == {"first", "short", "long"}
    for model in truth.truth:
        one = best(found, model)
        assert (one["basis"], one["firm"]) == ("commit record", True)
        assert before <= one["earliest"] <= after
    assert found.filter(pl.col("because").str.contains("pg_upgrade")).is_empty()
