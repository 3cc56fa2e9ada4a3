"""An MLflow store whose tables were dropped and restored, asked without any mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import recon
from collectors.postgres import PostgresOptions, collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence
from tests import s3_servers, servers
from tests.mlflow_story import BODY, BUCKET, DIGEST, DSN_ENV, OTHER, SETTINGS, Registry, case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.case import Case

pytestmark = pytest.mark.live
KEY = "models/{id}/artifacts/model.bin"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    with s3_servers.seaweedfs(tmp_path_factory.mktemp("s3") / "s3") as server:
        client = s3_servers.client(server)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield server


@pytest.fixture
def registry() -> Iterator[Registry]:
    with servers.postgres(settings=SETTINGS) as database:
        yield Registry(database)


def played(
    folder: Path,
    registry: Registry,
    s3: s3_servers.Server,
    patch: pytest.MonkeyPatch,
    *,
    other: bool,
) -> tuple[Case, str]:
    """The case, and the id of the model of which it tells."""
    model = registry.load()
    s3_servers.client(s3).put_object(
        Bucket=BUCKET, Key=KEY.format(id=model), Body=BODY, ChecksumAlgorithm="SHA256"
    )
    patch.setenv(DSN_ENV, registry.dsn)
    for name, value in s3_servers.credentials().items():
        patch.setenv(name, value)
    asked = recon.open(case(folder / "case", registry, s3, KEY))
    registry.promote()
    captured(asked, registry)
    registry.drop_and_restore(registry.dump(), other=other)
    captured(asked, registry)
    return asked, model


def captured(asked: Case, registry: Registry) -> None:
    registry.database.switch_wal()
    for one in asked.collect(again=True):
        assert one.failures == (), one


def told(asked: Case) -> set[tuple[str, str, str]]:
    return {(one.rule, one.verdict, one.subject) for one in asked.findings().disagreements}


def test_a_registry_that_was_restored_with_other_values_is_told(
    tmp_path: Path,
    registry: Registry,
    s3: s3_servers.Server,
    monkeypatch: pytest.MonkeyPatch,
):
    asked, model = played(tmp_path, registry, s3, monkeypatch, other=True)
    assert told(asked) == {
        ("re-registered", "conflict", "model:credit-risk@1"),
        ("digest-conflict", "conflict", f"logged-model:{model}"),
    }


def test_a_registry_that_was_restored_as_it_was_is_not_accused(
    tmp_path: Path,
    registry: Registry,
    s3: s3_servers.Server,
    monkeypatch: pytest.MonkeyPatch,
):
    asked, _ = played(tmp_path, registry, s3, monkeypatch, other=False)
    assert told(asked) == set()


def test_a_store_in_a_dump_is_known_by_its_tables(tmp_path: Path, registry: Registry):
    model = registry.load()
    source = Source(
        "d",
        "postgres",
        "platform",
        PostgresOptions.model_validate({"dump": ["store.dump"], "dump_zone": "UTC"}),
        (),
        tmp_path,
    )
    (tmp_path / "store.dump").write_bytes(registry.dump().read_bytes())
    Acquiring(Evidence(tmp_path / "case"), source).run(collector.acquire)
    items = CaseItems(Evidence(tmp_path / "case"), "d")
    parsed = collector.parse(source, items)
    assert [one.message for one in parsed.warnings] == []
    stated = {
        (row["subject"], row["attribute"]): row
        for row in parsed.events.filter(kind="claim").collect().iter_rows(named=True)
    }
    version = stated["model:credit-risk@1", "source"]
    assert version["value"] == f"models:/{model}"
    assert version["clock"] == "pg:d/public.model_versions.creation_time"
    asserted = int(registry.psql("select creation_time from model_versions"))
    assert version["earliest"].timestamp() * 1000 == pytest.approx(asserted, abs=0.01)
    assert stated[f"logged-model:{model}", "artifact"]["digest"] == f"sha256:{DIGEST}"
    assert stated["model:credit-risk@1", "artifact"]["digest"] == f"sha256:{DIGEST}"
    assert ("model:credit-risk", "alias.champion") in stated
    assert not [one for one in stated if one[1].startswith("metric.")]
    (quoted,) = (
        collector.quote(source, items, item, version["citation"])
        for item in items
        if item.sha256 == version["item"]
    )
    assert f"models:/{model}" in quoted.text


def test_models_of_another_workspace_are_left(tmp_path: Path, registry: Registry):
    registry.load()
    registry.psql(
        "insert into registered_models (name, creation_time, workspace)"
        " values ('credit-risk', 1, 'team-b')"
    )
    source = Source(
        "d", "postgres", "platform",
        PostgresOptions.model_validate({"dump": ["store.dump"]}), (), tmp_path,
    )  # fmt: skip
    (tmp_path / "store.dump").write_bytes(registry.dump().read_bytes())
    Acquiring(Evidence(tmp_path / "case"), source).run(collector.acquire)
    parsed = collector.parse(source, CaseItems(Evidence(tmp_path / "case"), "d"))
    assert "1 of 2 rows of public.registered_models are not of workspace 'default'" in (
        " ".join(one.message for one in parsed.warnings)
    )


TWO = """\
[case]
id = "registries"
title = "What did they say?"
instant = 2026-03-08T12:00:00Z
subjects = ["*"]

[domain.platform]
organisation = "acme"

[[source]]
id = "store"
collector = "postgres"
domain = "platform"
dump = ["store.dump"]
dump_zone = "UTC"

[[source]]
id = "export"
collector = "lineage"
domain = "platform"
paths = ["model-versions.json"]
"""


@pytest.mark.parametrize(("is_same", "verdict"), [(True, "conflict"), (False, "undetermined")])
def test_a_store_and_its_export_are_one_registry_and_that_of_another_is_another(
    tmp_path: Path, registry: Registry, *, is_same: bool, verdict: str
):
    """Each gives the version another digest; one registry would contradict itself."""
    registry.load()
    made, run = registry.psql("select creation_time, run_id from model_versions").strip().split("|")
    version = {
        "name": "credit-risk",
        "version": "1",
        "creation_timestamp": int(made) + (0 if is_same else 60_000),
        "run_id": run if is_same else run[::-1],
        "tags": [{"key": "artifact_sha256", "value": OTHER}],
    }
    (tmp_path / "case.toml").write_text(TWO)
    (tmp_path / "store.dump").write_bytes(registry.dump().read_bytes())
    (tmp_path / "model-versions.json").write_text(json.dumps({"model_versions": [version]}))
    asked = recon.open(tmp_path)
    for one in asked.collect():
        assert one.failures == (), one
    assert told(asked) == {("digest-conflict", verdict, "model:credit-risk@1")}
