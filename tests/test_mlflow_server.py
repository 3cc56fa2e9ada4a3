"""The same with a real MLflow server: registered and promoted over its API, by its own client."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

import recon
from tests import s3_servers, servers
from tests.mlflow_story import (
    BODY,
    BUCKET,
    DSN_ENV,
    SETTINGS,
    Registry,
    case,
    program,
    tracking_server,
)
from tests.test_mlflow import captured, told

pytestmark = [pytest.mark.live, pytest.mark.thorough]
KEY = "{experiment}/models/{id}/artifacts/model.bin"
STORE = Path(__file__).parent / "corpus/lineage/store.py"


@pytest.mark.parametrize("other", [True, False], ids=["other values", "as it was"])
def test_a_real_registry_whose_tables_were_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, other: bool
):
    python = program()
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.bin").write_bytes(BODY)
    with (
        s3_servers.seaweedfs(tmp_path / "s3") as s3,
        servers.postgres(settings=SETTINGS) as database,
    ):
        client = s3_servers.client(s3)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        registry = Registry(database)
        monkeypatch.setenv(DSN_ENV, registry.dsn)
        for name, value in s3_servers.credentials().items():
            monkeypatch.setenv(name, value)
        asked = recon.open(case(tmp_path / "case", registry, s3, KEY))
        with tracking_server(python, registry, s3, tmp_path) as url:
            subprocess.run([python, "-W", "ignore", STORE, url, tmp_path / "model"], check=True)
            promote(url)
            captured(asked, registry)
            registry.drop_and_restore(registry.dump(), other=other)
            model = registry.psql("select model_id from logged_models").strip()
        captured(asked, registry)
        expected = {
            ("re-registered", "conflict", "model:credit-risk@1"),
            ("digest-conflict", "conflict", f"logged-model:{model}"),
        }
        assert told(asked) == (expected if other else set())


def promote(url: str) -> None:
    """By the server's API."""
    body = json.dumps({"name": "credit-risk", "version": "1", "stage": "Staging"}).encode()
    request = urllib.request.Request(  # noqa: S310  (loopback)
        f"{url}/api/2.0/mlflow/model-versions/transition-stage",
        body,
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
