"""An MLflow store on a real PostgreSQL, its artifacts in a real bucket, and who drops its tables.

What MLflow wrote is MLflow's own: its schema by its own migrations and its rows, either from the
corpus or by a server that runs now. Then, as a story,

1. a version is promoted, as MLflow does it: an UPDATE; the examiner captures the store;
2. somebody drops all tables and restores them from the dump: as they were (the innocent twin), or
   with another digest and another source in the rows that say them, and every date as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests import s3_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Postgres

CORPUS = Path(__file__).parent / "corpus/lineage/postgres.sql"
SETTINGS = {"track_commit_timestamp": "on", "wal_level": "replica"}
DATABASE, BUCKET, DSN_ENV = "mlflow", "mlflow", "RECON_MLFLOW_DSN"
BODY = b"credit-risk 2.3.1: weights\n" * 64
OTHER = hashlib.sha256(b"other weights").hexdigest()
DIGEST = hashlib.sha256(BODY).hexdigest()
CASE = """\
[case]
id = "mlflow"
title = "What did the registry say?"
instant = {instant}
subjects = ["*"]

[domain.platform]
organisation = "acme"
account = "1"

[domain.storage]
organisation = "acme"
account = "2"

[[source]]
id = "registry"
collector = "postgres"
domain = "platform"
dsn_env = "{dsn_env}"
wal = "{wal}"

[[source]]
id = "artifacts"
collector = "s3"
domain = "storage"
url = "s3://{bucket}/"
endpoint = "{endpoint}"
bytes = true
[[source.claim]]
key = "{key}"
subject = "logged-model:{{id}}"
"""
_SHIFT = """
update experiments set creation_time = creation_time - {by},
  last_update_time = last_update_time - {by};
update runs set start_time = start_time - {by}, end_time = end_time - {by};
update registered_models set creation_time = creation_time - {by},
  last_updated_time = last_updated_time - {by};
update model_versions set creation_time = creation_time - {by},
  last_updated_time = last_updated_time - {by};
update logged_models set creation_timestamp_ms = creation_timestamp_ms - {by},
  last_updated_timestamp_ms = last_updated_timestamp_ms - {by};
update logged_model_tags set tag_value = '{digest}' where tag_key = 'artifact_sha256';
update model_version_tags set value = '{digest}' where key = 'artifact_sha256';
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """A running server with an MLflow store."""

    database: Postgres

    @property
    def dsn(self) -> str:
        """Superuser over the socket."""
        host = quote(str(self.database.folder), safe="")
        return f"postgresql://postgres@/{DATABASE}?host={host}&port={self.database.port}"

    def psql(self, sql: str) -> str:
        """SQL in the store."""
        return self.database.psql(sql, dsn=self.dsn)

    def load(self) -> str:
        """The store of the corpus, as of sixty days ago; gives the id of its logged model."""
        self.database.psql(f"create database {DATABASE}")
        self.psql(CORPUS.read_text(encoding="utf-8"))
        newest = int(self.psql("select max(last_updated_time) from model_versions"))
        by = newest - int((time.time() - 60 * 86_400) * 1000)
        self.psql(_SHIFT.format(by=by, digest=DIGEST))
        return self.psql("select model_id from logged_models").strip()

    def dump(self) -> Path:
        """A dump of all of it."""
        made = self.database.folder / "store.dump"
        self.database.run("pg_dump", "-Fc", "-f", made, "-d", self.dsn)
        return made

    def promote(self) -> None:
        """As MLflow writes it: an UPDATE of the row."""
        self.psql(
            "update model_versions set current_stage = 'Production',"
            " last_updated_time = (extract(epoch from now()) * 1000)::bigint"
        )

    def drop_and_restore(self, dump: Path, *, other: bool) -> None:
        """All tables dropped and restored from the dump; ``other``: with another digest, source."""
        self.psql("drop schema public cascade; create schema public")
        script = self.database.run("pg_restore", "-f", "-", dump)
        lines = [one for one in script.splitlines() if not one.startswith(("\\restrict", "\\unr"))]
        script = "\n".join(lines) + "\n"
        if other:
            script = script.replace(DIGEST, OTHER).replace("\tmodels:/m-", "\tmodels:/m-0")
        self.psql(script)


def case(folder: Path, registry: Registry, s3: s3_servers.Server, key: str) -> Path:
    """The case that asks them all; the registry without a word on what its tables mean."""
    text = CASE.format(
        instant=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        dsn_env=DSN_ENV,
        wal=registry.database.archive,
        bucket=BUCKET,
        endpoint=s3.endpoint,
        key=key,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def program() -> Path:
    """Python of the environment that MLflow is in; the test is skipped where there is none."""
    told = os.environ.get("RECON_MLFLOW")
    if told is None:
        pytest.skip("no MLflow: RECON_MLFLOW says which Python has it, as `make thorough` does")
    return Path(told)


@contextmanager
def tracking_server(
    python: Path, registry: Registry, s3: s3_servers.Server, folder: Path
) -> Iterator[str]:
    """A real MLflow server over the store and the bucket, on a free port; its URL."""
    registry.database.psql(f"create database {DATABASE}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = registry.database.tcp(database=DATABASE).replace("://", "+psycopg2://", 1)
    command = [
        str(python), "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1",
        "--artifacts-destination", f"s3://{BUCKET}", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    own = {"MLFLOW_S3_ENDPOINT_URL": s3.endpoint, "HOME": str(folder), **s3_servers.credentials()}
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **own},
            start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1_200):
            if process.poll() is not None:
                raise RuntimeError((folder / "mlflow.log").read_text("utf-8", "replace")[-2_000:])
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/health", timeout=5).close()  # noqa: S310
                break
            time.sleep(0.25)
        yield url
    finally:
        # The group that it began: its workers outlive it otherwise.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
