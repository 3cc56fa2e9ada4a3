"""The policy file of the collector, on a server that judges every request by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import collectors.s3
from collectors.s3.kinds import HEAD, LEGAL_HOLD, OBJECT, RETENTION
from tests import s3_servers

pytestmark = pytest.mark.live
Make = Callable[..., Any]
POLICY = Path(collectors.s3.__file__).with_name("policy.json").read_text(encoding="utf-8")
BUCKET, KEY = "acme-models", "models/m/1/model.bin"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    """A bucket, and the user `collector` who may do what the file says and nothing else."""
    whole = POLICY.replace("BUCKET", BUCKET).replace("PREFIX", "models/")
    blind = json.loads(whole)
    unseen = {"s3:GetObjectRetention", "s3:GetObjectLegalHold"}
    for statement in blind["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one not in unseen]
    policies = {"collector": whole, "blind": json.dumps(blind)}
    with s3_servers.seaweedfs(tmp_path_factory.mktemp("guarded"), policies) as server:
        s3 = s3_servers.client(server)
        s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        until = datetime.now(UTC) + timedelta(days=1)
        lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
        for key in (KEY, "other/secret"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"1", ChecksumAlgorithm="SHA256", **lock)
        yield server


def test_it_can_do_its_work(
    guarded: s3_servers.Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "collector")
    case = make(url=f"s3://{BUCKET}/", endpoint=guarded.endpoint, bytes=True)
    assert not case.acquire().failures
    assert len(case.items.of(HEAD)) == len(case.items.of(OBJECT)) == 1
    assert len(case.items.of(RETENTION)) == len(case.items.of(LEGAL_HOLD)) == 1
    [kept] = case.events("object.retention")["value"].unique()
    assert kept.startswith("GOVERNANCE until")
    assert case.events("object.unseen").is_empty()
    # SeaweedFS has no name for the rights to these three, so that no policy but `s3:*` grants them.
    unnamed = {"inventory", "logging", "replication"}
    assert set(case.events("bucket.unseen")["attribute"]) <= unnamed, "it may see all else"
    assert case.parse().coverage.height == 1


def test_it_can_do_nothing_else(
    guarded: s3_servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = s3_servers.client(guarded).head_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    monkeypatch.setattr(s3_servers, "ACCESS_KEY", "collector")
    s3 = s3_servers.client(guarded)
    on = {"Bucket": BUCKET, "Key": KEY}
    of = {**on, "VersionId": version}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("put_object", {**on, "Body": b"2"}),
        ("delete_object", on),
        ("delete_object", of),
        ("delete_object", {**of, "BypassGovernanceRetention": True}),
        ("put_object_legal_hold", {**of, "LegalHold": {"Status": "OFF"}}),
        ("put_object_tagging", {**of, "Tagging": {"TagSet": []}}),
        ("create_multipart_upload", on),
        ("copy_object", {**on, "CopySource": {"Bucket": BUCKET, "Key": KEY}}),
        ("put_bucket_lifecycle_configuration", {"Bucket": BUCKET, "LifecycleConfiguration": {
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""},
                       "Expiration": {"Days": 1}}]}}),
        ("put_bucket_versioning", {
            "Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("delete_bucket", {"Bucket": BUCKET}),
        ("get_object", {"Bucket": BUCKET, "Key": "other/secret"}),
    ]  # fmt: skip
    allowed = []
    for name, parameters in attempts:
        try:
            getattr(s3, name)(**parameters)
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", name  # noqa: PT017  (each in turn)
        else:
            allowed.append(name)
    assert allowed == []


def test_a_lock_that_nobody_may_see_is_not_said_to_be_none(
    guarded: s3_servers.Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "blind")
    case = make(url=f"s3://{BUCKET}/", endpoint=guarded.endpoint)
    assert not case.acquire().failures
    asked = case.events("object.retention").filter(item=case.items.of(RETENTION)[0].sha256)
    assert asked.is_empty(), "a refusal says nothing of the lock"
    unseen = case.events("object.unseen").sort("attribute")
    assert unseen["attribute"].to_list() == ["legal-hold", "retention"]
    assert unseen["value"].unique().to_list() == ["AccessDenied"]
    refused = [w.message for w in case.parse().warnings if "not allowed to see" in w.message]
    assert len(refused) == 2
    assert all("AccessDenied" in message for message in refused)
