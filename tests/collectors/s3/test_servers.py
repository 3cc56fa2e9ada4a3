"""The same story on every kind of server, against what that server itself says of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from collectors.s3.kinds import ATTRIBUTES, HEAD, LEGAL_HOLD, OBJECT, PAGE, RETENTION
from tests import s3_servers
from tests.collectors.s3.test_live import versioned

pytestmark = pytest.mark.live
Make = Callable[..., Any]
PREFIX = "models/m"
PARTS = (b"x" * (5 << 20), b"y" * 1000)


class Told:
    """A bucket, a minute after another on servers whose clock is chosen."""

    def __init__(self, server: s3_servers.Server, s3: Any, bucket: str) -> None:
        self.server, self.s3, self.bucket = server, s3, bucket
        self.now = datetime(2026, 7, 1, tzinfo=UTC)

    def __call__(self, act: str, key: str, **more: Any) -> Any:
        """One call of boto3's client on a key."""
        if self.server.clock is not None:
            self.now += timedelta(minutes=1)
            s3_servers.set_clock(self.server, self.now)
        return getattr(self.s3, act)(Bucket=self.bucket, Key=key, **more)

    def listed(self) -> set[tuple[str, str, str]]:
        """Kind, key and version id, as boto3 reads the server's listing."""
        page = self.s3.list_object_versions(Bucket=self.bucket)
        kinds = (("object.put", "Versions"), ("object.delete", "DeleteMarkers"))
        return {
            (kind, f"s3:{self.bucket}/{one['Key']}", one["VersionId"])
            for kind, name in kinds
            for one in page.get(name, [])
        }


def events(case: Any) -> set[tuple[str, str, str]]:
    rows = case.events("object.put", "object.delete").select("kind", "subject", "value").rows()
    assert len(rows) == len(set(rows))
    return set(rows)


def test_locks_holds_markers_and_parts(strict: s3_servers.Server, bucket: str, make: Make) -> None:
    """Locked, put over, deleted and uploaded in parts; more is asked of what is claimed alone."""
    s3 = s3_servers.client(strict)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    told = Told(strict, s3, bucket)
    until = (datetime.now(UTC) + timedelta(days=400)).replace(microsecond=0)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    key, parted = f"{PREFIX}/1/model.bin", f"{PREFIX}/2/model.bin"
    first = told("put_object", key, Body=b"1", **lock)["VersionId"]
    second = told("put_object", key, Body=b"2")["VersionId"]
    told("put_object_legal_hold", key, VersionId=second, LegalHold={"Status": "ON"})
    told("delete_object", key)
    told("put_object", "other", Body=b"3")
    upload = {"UploadId": told("create_multipart_upload", parted)["UploadId"]}
    etags = [
        told("upload_part", parted, **upload, PartNumber=n, Body=body)["ETag"]
        for n, body in enumerate(PARTS, 1)
    ]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    told("complete_multipart_upload", parted, **upload, MultipartUpload={"Parts": parts})

    time.sleep(1.1)  # so that the listing is of a later second than the upload in parts
    case = make(url=f"s3://{bucket}/", endpoint=strict.endpoint, bytes=True)
    run = case.acquire()
    # Older releases of Ceph do not know GetObjectAttributes: that is named, and stops nothing.
    assert not [one for one in run.failures if "get-object-attributes" not in one[0]]
    assert events(case) == told.listed()
    assert len(case.items.of(HEAD)) == len(case.items.of(OBJECT)) == 3
    assert len(case.items.of(RETENTION)) == len(case.items.of(LEGAL_HOLD)) == 3
    assert len(case.items.of(ATTRIBUTES)) <= 1

    name = pl.col("names").list.last()
    asked = {item.sha256 for item in case.items.of(RETENTION, LEGAL_HOLD)}
    said = case.events("object.retention", "object.legal-hold").filter(pl.col("item").is_in(asked))
    kept = {
        (kind, version.rpartition("=")[2]): value
        for kind, version, value in said.select("kind", name, "value").rows()
    }
    assert kept["object.retention", first].startswith(f"COMPLIANCE until {until:%Y-%m-%d}")
    assert kept["object.retention", second] is None
    assert kept["object.legal-hold", second] == "ON"
    assert kept["object.legal-hold", first] in {None, "OFF"}
    digests = {row["digest"] for row in case.events("object.bytes").iter_rows(named=True)}
    bodies = (b"1", b"2", b"".join(PARTS))
    assert digests == {f"sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies}
    whole = case.events("object.put").filter(subject=f"s3:{bucket}/{parted}")
    assert whole["latest"].item() > whole["earliest"].item() + timedelta(seconds=1)
    assert case.parse().coverage.height == 1
    case.quotable()


def test_suspended_and_null(strict: s3_servers.Server, bucket: str, make: Make) -> None:
    """An object from before versioning, versions, and a `null` that took its place."""
    s3 = s3_servers.client(strict)
    s3.create_bucket(Bucket=bucket)
    told = Told(strict, s3, bucket)
    told("put_object", "k", Body=b"0")
    versioned_ids = []
    for state, bodies in (("Enabled", (b"1", b"2")), ("Suspended", (b"3",))):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        versioned_ids += [told("put_object", "k", Body=body).get("VersionId") for body in bodies]
    told("put_object", "gone", Body=b"4")
    told("delete_object", "gone")
    case = make(url=f"s3://{bucket}/", endpoint=strict.endpoint, claims=(), head="all")
    assert not case.acquire().failures
    assert events(case) == told.listed()
    k = case.events("object.put").filter(subject=f"s3:{bucket}/k")
    assert set(k["value"]) == {*versioned_ids[:2], "null"}
    places = {row["value"]: row["position"] for row in k.iter_rows(named=True)}
    assert places["null"] is None, "whenever it was stored: nothing orders it"
    [state] = case.events("bucket.configuration").filter(attribute="versioning")["value"]
    assert state == "Suspended"
    case.quotable()


def test_every_answer_has_its_ids_its_date_and_our_clock_around_it(
    server: s3_servers.Server, bucket: str, make: Make
) -> None:
    """In the item and in the custody log; of the second id, where the server gives one."""
    versioned(server, bucket).put_object(Bucket=bucket, Key="k", Body=b"")
    case = make(url=f"s3://{bucket}/", endpoint=server.endpoint, head="all")
    assert not case.acquire().failures
    pages = case.items.of(PAGE)
    assert {page.meta["pass"] for page in pages} == {1, 2}
    for item in (*pages, *case.items.of(HEAD)):
        before, after = (datetime.fromisoformat(item.meta[name]) for name in ("before", "after"))
        assert before <= after
        assert item.meta["request_id"]
        assert item.meta["date"].endswith(" GMT")
        assert item.meta["status"] == 200
    calls = [one for one in case.evidence.custody.entries() if one["action"] == "call"]
    asked = [json.loads(one["command"].split(" ", 2)[2]) for one in calls]
    assert all(parameters["Bucket"] == bucket for parameters in asked)
    assert len(calls) == len(pages) + 1 + 9, "pages, a HEAD, configuration"
