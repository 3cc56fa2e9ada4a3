"""Make the evidence of March 8 from real parts at chosen dates.

    python tests/corpus/march_8/make.py OUT

1. Start PostgreSQL 15 and an S3 server, both by a clock that we choose; make a repository.
2. Play the story in order of time: releases, what means nothing, the migration.
3. Export as a reviewer would get it: dumps, archived WAL, a base backup, a capture, the AWS
   command line's JSON, a bundle, a log.
4. Write ``case.toml``, and ``expected.json`` from what this script did, not from any tool's output.

Needs: PostgreSQL 15, libfaketime, git, the AWS command line, and the project's test environment.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

# So that the script runs from anywhere.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from collectors.postgres.script import capture_script as script_of
from tests import servers
from tests.corpus.march_8 import deploys, expected, lineage, story
from tests.corpus.march_8.bucket import SCRATCH, Bucket
from tests.corpus.march_8.pace import Pace, copy
from tests.corpus.march_8.repository import Repository

HERE = Path(__file__).parent
Step = tuple[datetime, Callable[[], object]]


@dataclass(slots=True)
class World:
    """Everything that the story happens to, and what the script learns on the way."""

    out: Path
    database: servers.Postgres
    pace: Pace
    bucket: Bucket
    code: Repository
    commits: dict[str, str] = field(default_factory=dict)
    learnt: dict[str, Any] = field(default_factory=dict)
    """By the fields of :class:`expected.Learnt`."""

    def steps(self) -> list[Step]:
        """The story in order of time."""
        steps = [step for release in story.RELEASES for step in self.release(release)]
        return sorted([*steps, *self.innocent(), *self.exports()], key=_when)

    def release(self, release: story.Release) -> list[Step]:
        """Trained, tagged, uploaded, registered, evaluated, deployed: one day."""
        moment = release.moment
        folder = f"models/{release.model}/{release.version}"

        def train() -> None:
            self.commits[release.tag] = self.code.train(release, moment(8, 0))

        def tag() -> None:
            self.code.tag(release, self.commits[release.tag], when_tagged)

        def upload() -> None:
            # The model goes last, so that no model is ever there without its manifest.
            manifest = release.manifest(self.commits[release.tag])
            self.bucket.put(f"{folder}/card.md", release.card(), moment(11, 0, 2))
            self.bucket.put(f"{folder}/manifest.json", manifest, moment(11, 0, 5))
            self.bucket.put(f"{folder}/model.bin", release.artifact(), moment(11, 0, 9))

        def register() -> None:
            lineage.register(self.database, release, self.commits[release.tag])

        def evaluate() -> None:
            lineage.evaluate(self.database, release)

        def log(event: str, when: datetime) -> Callable[[], None]:
            text = deploys.line  # bound late: the commit is known only when the story gets there
            return lambda: deploys.append(
                self.out / "deploys.jsonl",
                text(release, self.commits[release.tag], event, when),
            )

        when_tagged = moment(10, 30) + timedelta(days=21 if release is story.LATE_TAG else 0)
        steps: list[Step] = [
            (moment(8, 0), train),
            (when_tagged, tag),
            (moment(11, 0), upload),
            (moment(11, 1, 30.4), register),
            (moment(13, 0, 7.2), evaluate),
        ]
        if release.deployed:
            start, end = moment(14, 0, 0.412), moment(14, 6, 30.218)
            steps += [
                (start, log("deploy.start", start)),
                (end - timedelta(seconds=0.3), lambda: lineage.deployed(self.database, release)),
                (end, log("deploy.finish", end)),
            ]
        return steps

    def innocent(self) -> list[Step]:
        """What means nothing, and looks like something."""
        at, dba = story.at, self.dba
        scratch = (at("2026-02-20 10:00:00"), at("2026-02-21 15:30:00"), at("2026-02-22 08:00:00"))
        branched, rebased = at("2026-02-17 09:00:00"), at("2026-03-02 16:20:00")
        database, bucket = self.database, self.bucket
        return [
            (branched, lambda: self.code.feature(branched)),
            (scratch[0], lambda: bucket.put(SCRATCH, b"a,b\n1,2\n", scratch[0])),
            (scratch[1], lambda: bucket.put(SCRATCH, b"a,b\n1,3\n", scratch[1])),
            (scratch[2], lambda: bucket.delete(SCRATCH, scratch[2])),
            (at("2026-02-23 21:00:00"), self.rewrite),
            (at("2026-02-25 10:12:00"), lambda: lineage.respell(database, story.RESPELT)),
            (at("2026-02-27 09:30:00"), lambda: dba("grant select on ml.lineage to analyst")),
            (at("2026-03-01 00:00:00"), lambda: dba("checkpoint")),
            (at("2026-03-01 03:00:00"), self.vacuum),
            (at("2026-03-01 03:10:00"), lambda: dba("analyze ml.lineage")),
            (rebased, lambda: self.code.rebase(rebased)),
            (story.TRIED, self.attempt),
            (at("2026-03-15 04:00:00"), lambda: dba("reindex table ml.lineage")),
            (at("2026-03-15 04:05:00"), lambda: dba("analyze ml.lineage")),
            (at("2026-03-30 11:45:00"), lambda: lineage.respell(database, story.RESPELT_LATER)),
        ]

    def rewrite(self) -> None:
        """An ALTER that rewrites every row, as all do one day whose ids are integers."""
        self.learnt["rewritten"] = lineage.change(
            self.database, "ml.evaluations", "alter table ml.evaluations alter id type bigint"
        )

    def vacuum(self) -> None:
        """A new file for an old table."""
        self.learnt["vacuumed"] = lineage.change(
            self.database, "ml.lineage", "vacuum full ml.lineage"
        )

    def attempt(self) -> None:
        """The migration of the next day, tried and rolled back."""
        self.learnt["tried"] = lineage.try_migration(self.database)

    def migrate(self) -> None:
        """8 March, 19:12."""
        self.learnt["before"] = lineage.records(self.database)
        self.learnt["migration"] = lineage.migrate(
            self.database, wait=lambda: self.pace.move(story.COMMITTED)
        )
        self.learnt["after"] = lineage.records(self.database)

    def exports(self) -> list[Step]:
        """The migration, and what is kept of the database before and after it."""

        def dump(when: datetime) -> Callable[[], None]:
            return lambda: self.dump(f"lineage-{when:%Y-%m-%d}.dump")

        return [
            (story.ARCHIVE_FROM, self.backup),
            (story.MIGRATED, self.migrate),
            *((when, dump(when)) for when in story.DUMPS),
            (story.SEGMENT_ENDS, self.end_segment),
        ]

    def end_segment(self) -> None:
        """A checkpoint, then a new segment."""
        self.dba("checkpoint")
        self.database.switch_wal()

    def dba(self, statement: LiteralString) -> None:
        """One statement of the database's administrator."""
        lineage.run(self.database, "dba", statement)

    def dump(self, name: str) -> None:
        """The nightly dump."""
        made = self.database.folder / name
        where = ("-d", lineage.DATABASE, "-U", "postgres", "-h", str(self.database.folder))
        self.database.run("pg_dump", "-Fc", "-f", made, *where, "-p", str(self.database.port))
        copy(made, self.out / "dumps" / name)

    def backup(self) -> None:
        """The weekly base backup, whole, in a tar file."""
        name = f"base-{story.ARCHIVE_FROM:%Y-%m-%d}"
        self.dba("checkpoint")  # so that the backup's own finds little left to write
        self.pace.age_files()
        with ThreadPoolExecutor(1) as pool:
            options = ("-Ft", "--compress=client-zstd:19", "-X", "none", "-l", f"weekly {name}")
            backup = pool.submit(self.database.backup, name, *options)
            while not backup.done():  # every checkpoint writes some files anew
                self.pace.age_files("pg_logical")
                self.pace.age_files("global")
        made = backup.result()
        for file in ("base.tar.zst", "backup_manifest"):
            copy(made / file, self.out / name / file)

    def capture(self) -> None:
        """The psql capture, as whoever keeps the database would run it."""
        name = f"capture-{story.CAPTURED:%Y-%m-%d}"
        made = self.database.folder / name
        made.mkdir()
        made.chmod(0o777)  # psql runs as the server's user; the folder is gone in a minute
        script = script_of(["ml.lineage", "ml.evaluations", "ml.deployments"])
        socket = f"host={self.database.folder} port={self.database.port}"
        self.database.psql(
            f"\\cd {made}\n{script}", dsn=f"{socket} user=examiner dbname={lineage.DATABASE}"
        )
        for file in sorted(made.iterdir()):
            copy(file, self.out / name / file.name)
        (self.out / "capture.sql").write_text(script, encoding="utf-8")

    def wal(self) -> None:
        """The archive from the base backup on: what came before was deleted by retention."""
        self.database.switch_wal()
        files = sorted(self.database.archive.iterdir())
        first = next(file.name[:24] for file in files if file.name.endswith(".backup"))
        for file in files:
            if file.name >= first:
                copy(file, self.out / "wal-archive" / file.name)


def make(out: Path) -> None:
    """The numbered steps of this file's docstring."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise SystemExit(f"{out}: expected a new or empty folder; found files; name another")
    with (
        tempfile.TemporaryDirectory(prefix="march-8-") as scratch,
        servers.postgres(
            settings={"track_commit_timestamp": "on", "wal_level": "replica"},
            clock=story.CREATED,
            initdb=["--wal-segsize=1"],
        ) as database,
    ):
        pace = Pace(database)
        pace.move(story.STARTED)
        pace.restart_archiver()
        lineage.create(database)
        bucket = Bucket.start(Path(scratch, "s3"), story.CREATED)
        try:
            code = Repository.create(Path(scratch, "code"), story.CREATED)
            world = World(out, database, pace, bucket, code)
            for when, act in world.steps():
                pace.move(when)
                act()
            pace.move(story.CAPTURED)
            world.capture()
            world.wal()
            bucket.export(out / "models-2026-04-02", story.CAPTURED)
            code.bundle(out / "code.bundle")
        finally:
            bucket.stop()
        system = database.psql("select system_identifier from pg_control_system()").strip()
    shutil.copyfile(HERE / "case.toml", out / "case.toml")
    shutil.copyfile(HERE / "evidence.md", out / "README.md")
    learnt = expected.Learnt(system=system, commits=world.commits, **world.learnt)
    text = json.dumps(expected.expected(learnt), indent=2)
    (out / "expected.json").write_text(text + "\n", encoding="utf-8")
    for path in out.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _when(step: Step) -> datetime:
    return step[0]


if __name__ == "__main__":
    make(Path(sys.argv[1]))
