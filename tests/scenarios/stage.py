"""Where a scenario is built: its servers, and the evidence that a reviewer is handed.

    def incident(stage: Stage) -> Truth:
        with stage.cluster("2026-01-05 09:00") as db:
            db.at("2026-02-14 10:00").do("insert into ml.lineage …")
            stage.dump(db, "2026-03-08.dump")
            …
            stage.capture(db)
            stage.wal(db)
        return stage.truth({("re-registered", "conflict", "model:credit-risk@2.3.1")})

The folder is the case: ``case.toml`` and what it names, all as stock programs leave them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collectors.postgres.script import capture_script
from tests import servers
from tests.scenarios.claims import LINEAGE, Claim
from tests.scenarios.cluster import Cluster, instant
from tests.scenarios.truth import Found, Gap, Interval, Snapshot, Transaction, Truth

SETTINGS = {
    "track_commit_timestamp": "on",
    "min_wal_size": "2MB",
    "max_wal_size": "64MB",
    "jit": "off",
}
SMALL = ("--wal-segsize=1",)
"""Segments of 1 MB, so that a story of months is a few."""

CASE = """\
[case]
id = "scenario"
title = "What did the lineage say on March 8?"
instant = 2026-03-08T12:00:00Z
subjects = ["*"]

[domain.platform]
organisation = "acme"
account = "1"

[[source]]
id = "db"
collector = "postgres"
domain = "platform"
"""
LOG = """
[domain.deploy]
organisation = "acme"
account = "2"

[[source]]
id = "deploys"
collector = "deploylog"
domain = "deploy"
path = "deploys.jsonl"
format = "jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{model}@{version}"
attributes = { artifact = "sha256" }
"""


def digest(model: str, version: str) -> str:
    """Of a model's bytes."""
    return hashlib.sha256(f"{model} {version}".encode()).hexdigest()


@dataclass(slots=True)
class Stage:
    """The folder of one case, and what is known of it so far."""

    folder: Path
    major: int
    claims: Sequence[Claim] = (LINEAGE,)
    transactions: list[Transaction] = field(default_factory=list)
    unwatched: list[tuple[str, int]] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    clusters: int = 0
    archived: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    """Keys of the source: what was handed over."""
    norms: list[str] = field(default_factory=list)

    @contextmanager
    def cluster(
        self,
        since: str,
        settings: Mapping[str, str] | None = None,
        *,
        major: int | None = None,
    ) -> Iterator[Cluster]:
        """A new server whose clock starts at ``since``."""
        with (
            servers.postgres(
                None,
                {**SETTINGS, **(settings or {})},
                clock=instant(since),
                major=major or self.major,
                initdb=SMALL,
                copy=self._number(),
            ) as server,
            self.watched(server) as db,
        ):
            yield db

    @contextmanager
    def watched(self, server: servers.Postgres) -> Iterator[Cluster]:
        """A running server as a cluster of the scenario."""
        with closing(Cluster(server, self.claims, self.transactions, self.unwatched)) as db:
            yield db

    @contextmanager
    def restored(
        self, source: Cluster, backup: Path, until: str, target: Mapping[str, str]
    ) -> Iterator[Cluster]:
        """A server restored from a backup and the archive of another, its clock from ``until``."""
        settings = {**SETTINGS, **target}
        with (
            servers.restored(source.server, backup, settings, clock=instant(until)) as server,
            self.watched(server) as db,
        ):
            yield db

    @contextmanager
    def upgraded(self, old: Cluster, major: int) -> Iterator[Cluster]:
        """The cluster after pg_upgrade to ``major``, its clock from the old one's; that is ended.

        Rows keep the transaction ids that the old cluster gave them.
        """
        now = old.now()
        with servers.postgres(
            None, SETTINGS, clock=now, major=major, initdb=SMALL, copy=self._number()
        ) as server:
            server.stop()
            old.server.stop()
            server.run(
                *("pg_upgrade", "-U", servers.USER, "-s", server.folder, "--no-sync"),
                *("-b", old.server.bin, "-B", server.bin),
                *("-d", old.server.data, "-D", server.data),
            )
            server.start()
            with self.watched(server) as db:
                self.transactions += [
                    dataclasses.replace(one, cluster=db.system, lsn=1)
                    for one in self.transactions
                    if one.cluster == old.system
                ]
                yield db

    def dump(self, db: Cluster, name: str, *options: str, ahead: int = 0) -> Path:
        """A ``pg_dump -Fc`` that is handed over; also where the server can read it.

        ``ahead``: seconds that the clock of the machine that dumps is before the server's.
        """
        made = db.server.folder / name
        before = db.now()
        with db.server.elsewhere(ahead):
            db.server.run("pg_dump", "-Fc", "-f", made, *options, db.server.dsn)
        taken = Interval(before, db.now())
        shutil.copyfile(made, self._kept("dump", "dumps") / name)
        self.snapshots.append(Snapshot(name, db.rows(), taken, has_versions=False))
        return made

    def capture(self, db: Cluster, name: str = "capture") -> None:
        """A capture by the psql script, handed over."""
        made = db.server.folder / name
        made.mkdir()
        made.chmod(0o777)  # psql runs as the server's user
        script = capture_script([claim.table for claim in self.claims])
        before = db.now()
        db.server.psql(f"\\cd {made}\n{script}")
        taken = Interval(before, db.now())
        shutil.copytree(made, self._kept("capture", name), dirs_exist_ok=True)
        self.snapshots.append(Snapshot(f"{name}/rows.", db.rows(), taken, has_versions=True))

    def wal(self, db: Cluster, name: str = "wal", since: str = "") -> None:
        """The archive of a cluster, from the segment ``since`` on, handed over."""
        if not db.server.psql("select pg_is_in_recovery()").startswith("t"):
            db.server.switch_wal()
        kept = self._kept("wal", name)
        for path in sorted(db.server.archive.iterdir()):
            if path.name >= since and not path.name.endswith(".part"):
                shutil.copyfile(path, kept / path.name)
                if len(path.name) == 24:  # a segment, not a .history or .backup file
                    self.archived.append(f"{db.system}/{path.name}")

    def backup(self, db: Cluster, name: str = "base") -> Path:
        """A base backup; where the server has it. Handed over: label, manifest, control file."""
        made = db.server.backup(name)
        for file in ("backup_label", "backup_manifest", "global/pg_control"):
            kept = self._kept("backups", name) / file
            kept.parent.mkdir(exist_ok=True)
            shutil.copyfile(made / file, kept)
        return made

    def deploys(self, releases: Iterable[tuple[str, str, str]]) -> None:
        """A deploy log of another account, which says what was deployed: model, version, when."""
        lines = [
            {
                "ts": instant(when).isoformat(),
                "event": "deploy.finish",
                "user": "ci",
                "model": model,
                "version": version,
                "sha256": digest(model, version),
            }
            for model, version, when in releases
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self.folder / "deploys.jsonl").write_text(text, encoding="utf-8")

    def norm(self, rule: str, **parameters: str) -> None:
        """A norm that the case declares."""
        keys = {"rule": rule, **parameters}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.norms.append("\n".join(["", "[[norm]]", *lines, ""]))

    def truth(
        self,
        findings: set[tuple[str, str, str]],
        *,
        gaps: Sequence[Gap] = (),
        lost: Sequence[str] = (),
        lost_transactions: Sequence[Transaction] = (),
    ) -> Truth:
        """Write ``case.toml``, and all that is known as ``truth.json`` beside the case."""
        lines = [f"{key} = {paths!r}".replace("'", '"') for key, paths in self.options.items()]
        text = CASE + "\n".join([*lines, 'dump_zone = "UTC"', ""])
        text += "".join(claim.toml() for claim in self.claims)
        text += LOG if (self.folder / "deploys.jsonl").exists() else ""
        text += "".join(self.norms)
        (self.folder / "case.toml").write_text(text, encoding="utf-8")
        truth = Truth(
            transactions=tuple(self.transactions),
            snapshots=tuple(self.snapshots),
            archived=tuple(self.archived),
            findings=frozenset(Found(*one) for one in findings),
            gaps=tuple(gaps),
            lost=frozenset(lost),
            lost_transactions=frozenset(one.xid for one in lost_transactions),
            unwatched=frozenset(self.unwatched),
        )
        truth.write(self.folder.with_name(f"{self.folder.name}.truth.json"))
        return truth

    def _number(self) -> int:
        """Which of its clusters the next one is: each has a system identifier of its own."""
        self.clusters += 1
        return self.clusters

    def _kept(self, key: str, name: str) -> Path:
        """A folder of the case, named by the source."""
        target = self.folder / name
        target.mkdir(parents=True, exist_ok=True)
        named = self.options.setdefault(key, [])
        if f"{name}/" not in named:
            named.append(f"{name}/")
        return target
