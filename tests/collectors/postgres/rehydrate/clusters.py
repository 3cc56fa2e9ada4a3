"""A cluster with a day's story under a chosen clock, its base backup and its WAL, and a case."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.postgres import collector
from recon.evidence import Acquiring, Evidence
from recon.rehydrate import Rehydrated, Rehydration
from tests.collectors.postgres.conftest import Bench
from tests.servers import Postgres, postgres, restored

DAY = datetime(2026, 3, 8, tzinfo=UTC)
SETTINGS = {"track_commit_timestamp": "on", "min_wal_size": "2MB", "wal_level": "replica"}
SMALL = ["--wal-segsize=1"]
CLAIM = {
    "table": "ml.lineage",
    "subject": "model:{model}",
    "time": "at",
    "attributes": {"artifact": "sha"},
}
TABLE = """
create schema ml;
create table ml.lineage (model text primary key, sha text, at timestamptz default now());
insert into ml.lineage values ('a', 'one');
"""


def at(time: str) -> datetime:
    """``10:05`` of the day."""
    hours, minutes = time.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


@dataclass
class Told:
    """A server, told by the clock."""

    server: Postgres
    places: dict[str, str] = field(default_factory=dict)
    """LSN by time."""

    def then(self, time: str, *statements: str) -> Told:
        self.server.move(at(time))
        for statement in statements:
            self.server.psql(statement)
        self.places[time] = self.server.psql("select pg_current_wal_insert_lsn()").strip()
        return self

    def backup(self, time: str, name: str, *options: str) -> Told:
        self.server.move(at(time))
        self.server.backup(name, *options)
        return self

    def export(self, folder: Path, *names: str) -> Path:
        for name in names:
            subprocess.run(["cp", "-r", self.server.folder / name, folder], check=True)
        return folder


def restored_in_between(folder: Path) -> str:
    """Two base backups and an archive of two timelines, in a folder; the LSN before 09:00.

    02:00  base backup as tar.gz, without its log;  02:10 a plain one;  03:00 b is registered
    05:00  lost is registered;  06:00 the disk fails
    08:00  restored to 04:00 on timeline 2;  09:00 b2 is registered there
    """
    (folder / "archive").mkdir()
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server).then("1:00", TABLE).backup("2:00", "base", "-Ft", "-z", "-X", "none")
        told.backup("2:10", "plain")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        told.then("5:00", "insert into ml.lineage values ('lost', 'three')")
        told.then("6:00", "checkpoint")
        server.switch_wal()
        target = {"recovery_target_time": "2026-03-08 04:00:00+00", "min_wal_size": "2MB"}
        with restored(server, server.folder / "plain", target, clock=at("8:00")) as second:
            again = Told(second).then("9:00", "insert into ml.lineage values ('b2', 'two')")
            again.then("10:00", "checkpoint")
            second.switch_wal()
            for archive in (server.archive, second.archive):
                subprocess.run(f"cp {archive}/* {folder}/archive/", shell=True, check=True)  # noqa: S602
        told.export(folder, "base", "plain")
        return again.places["9:00"]


def case(folder: Path, **options: Any) -> Bench:
    """A case of these exports, collected."""
    folder.mkdir()
    made = Bench(folder, options, (CLAIM,))
    assert made.acquire().failures == []
    return made


def ask(made: Bench, time: str, **more: Any) -> Rehydrated:
    """The database as it stood at a time of the day, or at an LSN."""
    evidence = Evidence(made.folder)
    try:
        assert collector.rehydrate is not None
        when = time if "/" in time else at(time).isoformat()
        return collector.rehydrate(
            Acquiring(evidence, made.source), made.items, Rehydration(when, **more)
        )
    finally:
        evidence.custody.close()


def rows(answer: Rehydrated, *columns: str) -> list[tuple[Any, ...]]:
    """Values of the one table, sorted."""
    (stood,) = answer.answers
    places = [list(stood.columns).index(column) for column in columns]
    return sorted(tuple(row[place] for place in places) for row in stood.rows)
