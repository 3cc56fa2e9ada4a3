"""The same story, smaller, on servers that run now: for a whole run over real connections.

    with servers.postgres(settings=live.SETTINGS) as database, s3_servers.seaweedfs(tmp) as s3:
        case = live.stage(tmp / "case", database, s3)
        os.environ.update(live.environment(database))

What the rows, the commits and the log assert lies sixty days back; what the servers stamp is now.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests import s3_servers
from tests.cases import RELEASE, bucket_source
from tests.corpus.march_8 import deploys, lineage, story
from tests.corpus.march_8.repository import Repository

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from tests.servers import Postgres

SETTINGS = {"track_commit_timestamp": "on", "wal_level": "replica"}
DSN_ENV = "RECON_LIVE_DSN"
CASE = """\
[case]
id = "march-8-live"
title = "What did the lineage of credit-risk say just before the migration?"
instant = {instant}
subjects = ["model:credit-risk@*"]

[domain.platform]
organisation = "acme"
account = "aws:111122223333"
writers = ["ci@acme", "role/dba"]

[domain.storage]
organisation = "acme"
account = "aws:444455556666"

[[source]]
id = "lineage-db"
collector = "postgres"
domain = "platform"
dsn_env = "{dsn_env}"
dump = "dumps/"
dump_zone = "UTC"
wal = "{wal}"
[[source.claim]]
table = "ml.lineage"
subject = "model:{{model}}@{{version}}"
time = "registered_at"
actor = "registered_by"
attributes = {{ artifact = "artifact_sha256", commit = "git_commit" }}

{bucket}
[[source]]
id = "code"
collector = "git"
domain = "platform"
path = "code.git"
[[source.claim]]
ref = "refs/tags/{{model}}-v{{version}}"
subject = "model:{{model}}@{{version}}"
attribute = "commit"

[[source]]
id = "deploys"
collector = "deploylog"
domain = "platform"
path = "deploys.jsonl"
format = "jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{{model}}@{{version}}"
attributes = {{ artifact = "sha256", commit = "sha", run = "run" }}
"""


def stage(folder: Path, database: Postgres, s3: s3_servers.Server) -> Path:
    """Play the story on the servers; returns the ``case.toml`` that asks them.

    1. Five releases, as their records assert, some weeks ago: commits, objects, log, rows.
    2. An ordinary UPDATE, and the dump from before.
    3. A VACUUM FULL, and the migration.
    4. An honest release after it, the dump from after, and the end of the WAL segment.

    A dump is dated to the second, so a second is waited for between what is to have an order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC)
    code = Repository.create(folder / "work", today - timedelta(days=90))
    bucket = _bucket(s3)
    lineage.create(database)
    for release in _releases(today):
        _release(folder, database, bucket, code, release, asserted=True)
    lineage.respell(database, story.Release("pricing", "1.1.0", ""))
    _next_second()
    _dump(folder, database, "before")
    _next_second()
    instant = datetime.now(UTC)
    _next_second()
    lineage.run(database, "dba", "vacuum full ml.lineage")
    lineage.migrate(database)
    _next_second()
    last = story.Release("credit-risk", "2.4.0", f"{today:%Y-%m-%d}")
    _release(folder, database, bucket, code, last, asserted=False)
    _dump(folder, database, "after")
    database.switch_wal()
    _bare(folder, code)
    text = CASE.format(
        instant=instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        dsn_env=DSN_ENV,
        wal=database.archive,
        bucket=bucket_source("models", story.BUCKET, s3.endpoint) + RELEASE,
    )
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder / "case.toml"


def environment(database: Postgres) -> dict[str, str]:
    """Variables that the collectors need to get in: the examiner's DSN and the bucket's keys."""
    host = quote(str(database.folder), safe="")
    dsn = f"postgresql://examiner@/{lineage.DATABASE}?host={host}&port={database.port}"
    return {DSN_ENV: dsn, **s3_servers.credentials()}


def _releases(today: datetime) -> list[story.Release]:
    """The two that the migration touches, one beside them, and two of other models."""
    named = (
        ("credit-risk", "2.3.0", 62),
        ("pricing", "1.1.0", 60),
        (story.LOST.model, story.LOST.version, 54),
        ("fraud-score", "5.2.1", 47),
        (story.ALTERED.model, story.ALTERED.version, 37),
    )
    return [
        story.Release(model, version, f"{today - timedelta(days=ago):%Y-%m-%d}")
        for model, version, ago in named
    ]


def _release(
    folder: Path,
    database: Postgres,
    bucket: S3Client,
    code: Repository,
    release: story.Release,
    *,
    asserted: bool,
) -> None:
    """Committed, tagged, uploaded, registered, logged.

    ``asserted`` rows carry the day of the release; else the server's own ``now()``.
    """
    now = datetime.now(UTC)
    trained = release.moment(8, 0) if asserted else now - timedelta(minutes=20)
    registered = release.moment(11, 1, 30.4) if asserted else None
    commit = code.train(release, trained)
    code.tag(release, commit, trained + timedelta(minutes=10))
    prefix = f"models/{release.model}/{release.version}"
    for name, body in (
        ("manifest.json", release.manifest(commit)),
        ("model.bin", release.artifact()),
    ):
        bucket.put_object(
            Bucket=story.BUCKET, Key=f"{prefix}/{name}", Body=body, ChecksumAlgorithm="SHA256"
        )
    lineage.register(database, release, commit, registered)
    started = release.moment(14, 0, 0.412) if asserted else now
    for event, when in (
        ("deploy.start", started),
        ("deploy.finish", started + timedelta(seconds=1 if not asserted else 390)),
    ):
        deploys.append(folder / "deploys.jsonl", deploys.line(release, commit, event, when))


def _bucket(s3: s3_servers.Server) -> S3Client:
    """An empty bucket that keeps versions."""
    bucket = s3_servers.client(s3)
    bucket.create_bucket(Bucket=story.BUCKET)
    bucket.put_bucket_versioning(Bucket=story.BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def _dump(folder: Path, database: Postgres, name: str) -> None:
    """A dump in the archive format, by whoever keeps the database."""
    made = database.folder / f"{name}.dump"
    where = ("-h", database.folder, "-p", str(database.port), "-U", "postgres")
    database.run("pg_dump", "-Fc", "-f", made, *where, "-d", lineage.DATABASE)
    kept = folder / "dumps" / made.name
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(made.read_bytes())


def _bare(folder: Path, code: Repository) -> None:
    """The server's repository, with its own reflog, as a push made it."""
    code.git("init", "-q", "--bare", "-b", "main", str(folder / "code.git"))
    code.git("-C", str(folder / "code.git"), "config", "core.logAllRefUpdates", "true")
    code.git("push", "-q", str(folder / "code.git"), "main", "--tags")


def _next_second() -> None:
    """Until the clock shows another second."""
    now = time.time()
    time.sleep(int(now) + 1.05 - now)
