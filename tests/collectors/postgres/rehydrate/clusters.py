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
from tests.servers import Postgres

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
