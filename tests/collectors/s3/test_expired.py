"""What a bucket's own lifecycle removed on a real server, beside what somebody deleted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import recon
from recon.case import Case
from tests import s3_servers

pytestmark = pytest.mark.live
CASE = """\
[case]
id = "expired"
title = "What the lifecycle removed"
[domain.storage]
organisation = "acme"
[[source]]
id = "models"
collector = "s3"
domain = "storage"
url = "s3://{bucket}/"
endpoint = "{endpoint}"
"""
PASSED = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": "m/"},
    "Expiration": {"Date": "2026-01-01T00:00:00Z"},
}


def collected(case: Case) -> None:
    assert not [one for each in case.collect(again=True) for one in each.failures]


def test_what_the_lifecycle_removed_is_no_accusation_and_what_somebody_deleted_is(
    weed: s3_servers.Server, bucket: str, tmp_path: Path
) -> None:
    """Of a bucket without versions the object is gone; in one with them a marker lies over it."""
    s3 = s3_servers.client(weed)
    cases = {}
    for name in (f"{bucket}-plain", f"{bucket}-versions"):
        s3.create_bucket(Bucket=name)
        if name.endswith("versions"):
            enabled = {"Status": "Enabled"}
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=enabled)  # type: ignore[arg-type]
        for key in ("m/expired", "kept/deleted", "kept/there"):
            s3.put_object(Bucket=name, Key=key, Body=b"1")
        rules = {"Rules": [PASSED]}
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)  # type: ignore[arg-type]
        (tmp_path / name).mkdir()
        text = CASE.format(bucket=name, endpoint=weed.endpoint)
        (tmp_path / name / "case.toml").write_text(text)
        cases[name] = recon.open(tmp_path / name)
    time.sleep(1.1)  # so that the listing is of a later second than the objects
    for case in cases.values():
        collected(case)
    s3_servers.expire(weed)
    for name in cases:
        (gone,) = s3.list_object_versions(Bucket=name, Prefix="kept/deleted")["Versions"]
        s3.delete_object(Bucket=name, Key="kept/deleted", VersionId=gone["VersionId"])
    time.sleep(1.1)
    found = {}
    for name, case in cases.items():
        collected(case)
        found[name] = {(f.rule, f.verdict, f.subject) for f in case.findings().findings}
    plain, versions = cases
    assert found == {
        plain: {
            ("vanished-version", "observation", f"s3:{plain}/m/expired"),
            ("vanished-version", "undetermined", f"s3:{plain}/kept/deleted"),
        },
        versions: {("vanished-version", "missing", f"s3:{versions}/kept/deleted")},
    }
    markers = cases[versions].select(kinds=["object.delete"]).collect()
    assert markers["subject"].unique().to_list() == [f"s3:{versions}/m/expired"]
