"""One server with a small story, its exports, and a case around one source."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collectors.postgres import collector
from collectors.postgres.script import capture_script
from recon import schema
from recon.collector import Item, Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence
from tests.collectors.postgres import repositories
from tests.collectors.postgres.repositories import Repositories
from tests.once import once
from tests.servers import Postgres, postgres

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
TABLE = "ml.lineage"
CLAIM = {
    "table": TABLE,
    "subject": "model:{model}@{version}",
    "time": "registered_at",
    "attributes": {
        "artifact": "artifact_sha256",
        "commit": "git_commit",
        "passed": "passed",
        "score": "score",
        "notes": "notes",
        "seen": "registered_at",
        "tags": "tags",
        "labels": "labels",
    },
    "actor": "registered_by",
}
# Values that JSON, COPY and a terminal write in ways of their own.
NASTY = [
    "tab\there",
    "line\nbreak",
    "back\\slash \\N \\. \\n",
    "quote\"s 'n",
    "\x1b[31m",
    "ü—😀",
    "",
]
STORY = """
create schema ml;
create table ml.lineage (
    model text, version text, artifact_sha256 text, git_commit text,
    registered_at timestamptz default now(), registered_by text, passed boolean, score numeric,
    notes text, extra json, tags text[], labels jsonb, primary key (model, version));
insert into ml.lineage values
    ('credit-risk', '2.3.1', repeat('ab', 32), repeat('c', 40), '2026-02-09 11:05:00.5+01',
     'ci@acme', true, 1.50, null, '{"a":\n 1}',
     array['a b', 'c', null, '', 'null', 'q"u\\o'], '{"z": [1, 2.50], "a": {"b": null}}');
insert into ml.lineage values
    ('credit-risk', '2.4.0', repeat('CD', 32), null, default, null, false, 1e300, '', null);
create role auditor login password 'eye';
create role nobody login password 'none';
grant usage on schema ml to auditor;
grant select on ml.lineage to auditor;
"""


@dataclass
class Bench:
    """A case of one PostgreSQL source, in a folder of its own."""

    folder: Path
    options: Mapping[str, Any]
    claims: Sequence[Mapping[str, Any]] = (CLAIM,)
    runs: list[Acquiring] = field(default_factory=list)

    @property
    def source(self) -> Source:
        assert collector.claim is not None
        return Source(
            id="db",
            collector="postgres",
            domain="platform",
            options=collector.options.model_validate(dict(self.options)),
            claims=tuple(collector.claim.model_validate(dict(claim)) for claim in self.claims),
            base=self.folder,
        )

    @property
    def items(self) -> CaseItems:
        return CaseItems(Evidence(self.folder), "db")

    def acquire(self, *, again: bool = False) -> Acquiring:
        evidence = Evidence(self.folder)
        acquiring = Acquiring(evidence, self.source, again=again)
        acquiring.run(collector.acquire)
        evidence.custody.close()
        self.runs.append(acquiring)
        return acquiring

    def parse(self) -> Parsed:
        return collector.parse(self.source, self.items)

    def events(self, *kinds: str) -> pl.DataFrame:
        """Events of the items, checked; of the given kinds."""
        events = schema.check(self.parse().events, schema.DRAFT, "test").collect()
        return events.filter(pl.col("kind").is_in(kinds)) if kinds else events

    def item(self, ending: str) -> Item:
        """The one item whose native locator ends so."""
        (found,) = [item for item in self.items if item.native.endswith(ending)]
        return found

    def custody(self) -> str:
        return (self.folder / "evidence" / "custody.jsonl").read_text()


@dataclass(frozen=True)
class OneFile:
    """The items of a source that has one file: nothing here is to be stored a hundred times."""

    item: Item
    file: Path

    def __iter__(self) -> Iterator[Item]:
        return iter([self.item])

    def of(self, *kinds: str) -> list[Item]:
        return [self.item] if self.item.kind in kinds else []

    def path(self, item: Item) -> Path:
        assert item == self.item
        return self.file

    def read(self, item: Item) -> bytes:
        return self.path(item).read_bytes()


Make = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Make:
    """A case with these options."""
    count = iter(range(100))

    def make(claims: Sequence[Mapping[str, Any]] = (CLAIM,), **options: Any) -> Bench:
        folder = tmp_path / f"case{next(count)}"
        folder.mkdir()
        return Bench(folder, options, claims)

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A server whose commits are of 10 February 2026, with commit timestamps."""
    settings = {"track_commit_timestamp": "on", "min_wal_size": "2MB"}
    with postgres(None, settings, clock=START, initdb=["--wal-segsize=1"]) as running:
        running.psql(STORY, "-1")
        # Two transactions more, so that rows differ in xmin.
        for number, text in enumerate(NASTY):
            literal = text.replace("'", "''")
            running.psql(
                "insert into ml.lineage values "  # noqa: S608  (it is quoted just above)
                f"('nasty', '{number}', null, null, default, 'x', null, {number}, '{literal}')"
            )
        yield running


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """The folders of backup tools."""
    return once(tmp_path_factory, "repositories", repositories.make)


@pytest.fixture(scope="session")
def exports(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dump, base backup, archived WAL and a capture made with psql."""
    folder = tmp_path_factory.mktemp("exports")
    server.run("pg_dump", "-Fc", "-f", server.folder / "lineage.dump", server.dsn)
    server.backup("base")
    server.switch_wal()
    for name in ("lineage.dump", "archive", "base"):
        subprocess.run(["cp", "-r", server.folder / name, folder], check=True)
    psql_capture(server, folder / "capture")
    return folder


def psql_capture(server: Postgres, folder: Path, *tables: str, dsn: str | None = None) -> str:
    """Run the capture script as its reader would; what psql said."""
    folder.mkdir()
    script = folder.parent / f"{folder.name}.sql"
    script.write_text(capture_script(tables or (TABLE,)))
    command = [str(server.bin / "psql"), "-XAtq", "-d", dsn or server.dsn, "-f", str(script)]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return str(done.stderr)


@pytest.fixture
def live(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The server, its DSN in the environment under ``LINEAGE_DSN``."""
    monkeypatch.setenv("LINEAGE_DSN", server.tcp())
    return server


def copy_item(target: Path, data: bytes) -> Path:
    """Bytes as a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target


def stocked(folder: Path, exports: Path, *names: str) -> None:
    """Copies of exports in a case's folder."""
    for name in names:
        source = exports / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
