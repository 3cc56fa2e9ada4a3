"""An incident in a bucket with real locks, acquired before and after, and its innocent twin.

The incident: an artifact is put over, its first version is deleted by its id, and everything under
a prefix is deleted, part of which is locked. The twin: the same bytes are put again, a copy is
kept in another bucket, and few keys are deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import recon
from recon.findings import Finding
from tests import s3_servers
from tests.cases import RELEASE, bucket_source, write_buckets

pytestmark = pytest.mark.live
MODEL = "models/credit-risk/2.3.1/model.bin"
MANY, LOCKED = 12, 4


def found(case: recon.Case) -> dict[str, list[Finding]]:
    """Findings by rule."""
    out: dict[str, list[Finding]] = {}
    for one in case.findings().findings:
        out.setdefault(one.rule, []).append(one)
    return out


def collected(case: recon.Case) -> None:
    for one in case.collect(again=True):
        assert not one.failures


def test_an_artifact_put_over_its_first_version_deleted_and_a_prefix_emptied(
    weed: s3_servers.Server, bucket: str, tmp_path: Path
) -> None:
    s3 = s3_servers.client(weed)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    first = s3.put_object(Bucket=bucket, Key=MODEL, Body=b"1", ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket=bucket, Key=MODEL, Body=b"2", ChecksumAlgorithm="SHA256")
    keys = [f"models/churn/1.0.{number}/model.bin" for number in range(MANY)]
    for number, key in enumerate(keys):
        lock = {
            "ObjectLockMode": "COMPLIANCE",
            "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=40),
        }
        s3.put_object(
            Bucket=bucket, Key=key, Body=b"%d" % number, **lock if number < LOCKED else {}
        )  # type: ignore[arg-type]
    write_buckets(tmp_path, bucket_source("models", bucket, weed.endpoint, head="all"), RELEASE)
    case = recon.open(tmp_path)
    collected(case)
    assert {"bulk-delete", "vanished-version"}.isdisjoint(found(case))

    s3.delete_object(Bucket=bucket, Key=MODEL, VersionId=first["VersionId"])
    objects = [{"Key": key} for key in keys]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})  # type: ignore[typeddict-item]
    collected(case)
    told = found(case)
    [gone] = told["vanished-version"]
    assert gone.subject == f"s3:{bucket}/{MODEL}"
    assert first["VersionId"] in gone.statement
    [bulk] = told["bulk-delete"]
    assert bulk.subject == f"s3:{bucket}/models/churn/*"
    assert f"{MANY} delete markers" in bulk.statement
    assert f"under {LOCKED} of them locked versions are there still" in bulk.statement
    case.evidence.custody.close()


def test_its_innocent_twin_is_passed_over(
    weed: s3_servers.Server, bucket: str, tmp_path: Path
) -> None:
    s3 = s3_servers.client(weed)
    sources = []
    for name, domain in ((bucket, "storage"), (f"{bucket}-copy", "copies")):
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        asked = bucket_source(domain, name, weed.endpoint, domain=domain, head="all")
        sources += [asked, RELEASE]
        s3.put_object(Bucket=name, Key=MODEL, Body=b"1", ChecksumAlgorithm="SHA256")
    keys = [f"models/churn/1.0.{number}/model.bin" for number in range(3)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1", ChecksumAlgorithm="SHA256")
    write_buckets(tmp_path, *sources)
    case = recon.open(tmp_path)
    collected(case)
    s3.put_object(Bucket=bucket, Key=MODEL, Body=b"1", ChecksumAlgorithm="SHA256")
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    collected(case)
    told = found(case)
    assert not [one for rule in told for one in told[rule] if one.verdict != "observation"]
    assert {"bulk-delete", "vanished-version"}.isdisjoint(told)
    case.evidence.custody.close()
