"""What a bucket's own lifecycle removed on a real server, beside what somebody deleted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import recon
from recon.case import Case
from tests import s3_servers
from tests.cases import bucket_source, write_buckets

pytestmark = pytest.mark.live
PASSED = {"Expiration": {"Date": "2026-01-01T00:00:00Z"}}
OLD = {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}


def collected(case: Case) -> None:
    assert not [one for each in case.collect(again=True) for one in each.failures]


def made(s3: Any, bucket: str, rule: dict[str, Any], *, versioned: bool) -> None:
    """An empty bucket with a rule of its own for what is under `m/`."""
    s3.create_bucket(Bucket=bucket)
    if versioned:
        enabled = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    rules = {"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "m/"}, **rule}]}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules)


def put(s3: Any, bucket: str, key: str, *bodies: bytes) -> list[str]:
    """Version ids, oldest first."""
    made = [s3.put_object(Bucket=bucket, Key=key, Body=body) for body in bodies]
    return [one.get("VersionId", "null") for one in made]


def test_what_the_lifecycle_removed_is_no_accusation_and_what_somebody_deleted_is(
    weed: s3_servers.Server, bucket: str, tmp_path: Path
) -> None:
    """Four ways in which a version goes, each beside one that somebody deleted.

    By a date that has passed, an object without versions is gone, and over one with them lies a
    marker. By days, noncurrent versions go: two that were replaced 40 days ago, under a rule of 30.
    """
    s3 = s3_servers.client(weed)
    plain, marked, days = (f"{bucket}-{name}" for name in ("plain", "marked", "days"))
    made(s3, plain, PASSED, versioned=False)
    made(s3, marked, PASSED, versioned=True)
    made(s3, days, OLD, versioned=True)
    for name in (plain, marked):
        for key in ("m/expired", "kept/deleted", "kept/there"):
            put(s3, name, key, b"1")
    old = put(s3, days, "m/old", b"1", b"2", b"3")
    put(s3, days, "kept/old", b"1", b"2", b"3")
    s3_servers.aged(weed, f"{bucket}-", 40)
    young = put(s3, days, "m/young", b"1", b"2")
    sources = [bucket_source(name, name, weed.endpoint) for name in (plain, marked, days)]
    case = recon.open(write_buckets(tmp_path, *sources))
    collected(case)

    s3_servers.expire(weed)
    for name in (plain, marked):
        (gone,) = s3.list_object_versions(Bucket=name, Prefix="kept/deleted")["Versions"]
        s3.delete_object(Bucket=name, Key="kept/deleted", VersionId=gone["VersionId"])
    s3.delete_object(Bucket=days, Key="m/young", VersionId=young[0])
    time.sleep(1.1)  # so that the second listing is of a later second than the first
    collected(case)
    findings = [f for f in case.findings().findings if f.rule == "vanished-version"]
    assert {(f.verdict, f.subject) for f in findings} == {
        ("observation", f"s3:{plain}/m/expired"),
        ("undetermined", f"s3:{plain}/kept/deleted"),
        ("missing", f"s3:{marked}/kept/deleted"),
        ("observation", f"s3:{days}/m/old"),
        ("missing", f"s3:{days}/m/young"),
    }
    said = [f.statement for f in findings if f.subject.endswith("m/old")]
    assert len(said) == 2
    for version, statement in zip(sorted(old[:2]), sorted(said), strict=True):
        assert version in statement
        assert "rule 'old': 30 days after its successor was created" in statement
    markers = case.select(kinds=["object.delete"]).collect()
    assert markers["subject"].unique().to_list() == [f"s3:{marked}/m/expired"]
