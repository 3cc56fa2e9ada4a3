"""The policy file of the collector, on a server that judges every request by it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import collectors.s3
from collectors.s3.kinds import HEAD, LEGAL_HOLD, OBJECT, RETENTION
from tests import ceph, s3_servers

pytestmark = pytest.mark.live
Make = Callable[..., Any]
POLICY = Path(collectors.s3.__file__).with_name("policy.json").read_text(encoding="utf-8")
BUCKET, KEY = "acme-models", "models/m/1/model.bin"


# On these the bucket's rights are called by no name of the file. SeaweedFS grants them to no policy
# but `s3:*`; Ceph refuses a policy with a name that it does not know, and has no inventory.
UNNAMED = {"seaweedfs": {"inventory", "logging", "replication"}, "ceph": {"inventory"}}
UNKNOWN_TO_CEPH = {
    "s3:GetInventoryConfiguration",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
}
UNSEEN = {"s3:GetObjectRetention", "s3:GetObjectLegalHold"}
USERS = ("collector", "blind")


def without(*names: str) -> str:
    """The file, for the bucket and its models, without these."""
    policy = json.loads(POLICY.replace("BUCKET", BUCKET).replace("PREFIX", "models/"))
    for statement in policy["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one not in names]
    return json.dumps(policy)


@pytest.fixture(
    scope="module", params=["seaweedfs", pytest.param("ceph", marks=pytest.mark.thorough)]
)
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[s3_servers.Server]:
    """A bucket, and the user `collector` who may do what the file says and nothing else."""
    with contextlib.ExitStack() as stack:
        if request.param == "seaweedfs":
            policies = {"collector": without(), "blind": without(*UNSEEN)}
            folder = tmp_path_factory.mktemp("guarded")
            server = stack.enter_context(s3_servers.seaweedfs(folder, policies))
        else:
            if ceph.root() is None:
                pytest.skip("Ceph is not installed: scripts/system radosgw ceph-mon ceph-osd")
            short = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(ceph.ceph(Path(short), USERS))
            ceph.allow(server, "collector", without(*UNKNOWN_TO_CEPH))
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
    unseen = set(case.events("bucket.unseen")["attribute"])
    assert unseen <= UNNAMED[guarded.name], "it may see all else"
    assert case.parse().coverage.height == 1


# Sub-resources and the name of the right to each, as the API Reference has them.
NAMES = {
    "location": "s3:GetBucketLocation",
    "versioning": "s3:GetBucketVersioning",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "replication": "s3:GetReplicationConfiguration",
    "logging": "s3:GetBucketLogging",
    "policy": "s3:GetBucketPolicy",
    "uploads": "s3:ListBucketMultipartUploads",
}


@pytest.mark.thorough
@pytest.mark.parametrize("guarded", ["ceph"], indirect=True)
@pytest.mark.parametrize("resource", NAMES)
def test_each_name_of_the_file_is_what_shows_a_sub_resource(
    guarded: s3_servers.Server, make: Make, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    """Without it, it is one that may not be seen, and never one that is not set."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "blind")
    said = {}
    for names in ((), (NAMES[resource],)):
        ceph.allow(guarded, "blind", without(*UNKNOWN_TO_CEPH, *names))
        case = make(url=f"s3://{BUCKET}/", endpoint=guarded.endpoint)
        assert not case.acquire().failures
        unseen = case.events("bucket.unseen").filter(attribute=resource)
        said[names] = unseen["value"].to_list()
        stated = resource in set(case.events("bucket.configuration")["attribute"])
        assert stated == (not names)
    [refused] = said[NAMES[resource],]
    assert "AccessDenied" in refused
    assert said[()] == []


@pytest.mark.thorough
@pytest.mark.parametrize("guarded", ["ceph"], indirect=True)
def test_without_the_right_to_list_versions_nothing_is_listed(
    guarded: s3_servers.Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "blind")
    ceph.allow(guarded, "blind", without(*UNKNOWN_TO_CEPH, "s3:ListBucketVersions"))
    case = make(url=f"s3://{BUCKET}/", endpoint=guarded.endpoint)
    [(_, failure)] = case.acquire().failures
    assert "AccessDenied" in failure.found
    assert case.parse().coverage.is_empty()


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
        ("copy_object", {**on, "Key": f"{KEY}.old", "CopySource": {"Bucket": BUCKET, "Key": KEY}}),
        ("put_bucket_lifecycle_configuration", {"Bucket": BUCKET, "LifecycleConfiguration": {
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""},
                       "Expiration": {"Days": 1}}]}}),
        ("put_bucket_versioning", {
            "Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("put_object_retention", {**of, "BypassGovernanceRetention": True, "Retention": {
            "Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(hours=1)}}),
        ("put_bucket_policy", {"Bucket": BUCKET, "Policy": without()}),
        ("delete_bucket_policy", {"Bucket": BUCKET}),
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
    if guarded.name == "ceph":
        ceph.allow(guarded, "blind", without(*UNKNOWN_TO_CEPH, *UNSEEN))
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
