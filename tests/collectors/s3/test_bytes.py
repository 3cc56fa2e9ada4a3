"""Objects fetched and hashed, parts recomputed, locks and metadata, on real servers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from collectors.s3 import composite
from collectors.s3.kinds import ATTRIBUTES, LEGAL_HOLD, OBJECT, RETENTION
from collectors.s3.wire import Answer
from tests import s3_servers
from tests.collectors.s3.test_live import MODEL, versioned

pytestmark = pytest.mark.live
Make = Callable[..., Any]


def test_bytes_are_streamed_and_their_hash_agrees(
    server: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(server, bucket)
    body = b"weights" * 400_000
    put = s3.put_object(Bucket=bucket, Key=MODEL, Body=body)
    case = make(url=f"s3://{bucket}/", endpoint=server.endpoint, bytes=True)
    assert not case.acquire().failures
    [item] = case.items.of(OBJECT)
    assert item.sha256 == hashlib.sha256(body).hexdigest()
    assert item.meta["version"] == put["VersionId"]
    assert case.events("object.bytes")["value"].to_list() == ["the ETag, which is an MD5"]
    assert case.events("claim")["value"].unique().to_list() == [item.sha256]
    assert not [w for w in case.parse().warnings if w.severity == "error"]
    case.quotable()


def test_digests_that_stand_in_small_objects_are_names_of_their_bytes_alone(
    moto: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(moto, bucket)
    listed = hashlib.sha256(b"weights").hexdigest()
    large = b" " * (1 << 20) + b"e" * 64
    for key, body in (("manifest.json", f'{{"sha256": "{listed}"}}'.encode()), ("large", large)):
        s3.put_object(Bucket=bucket, Key=f"models/m/1/{key}", Body=body)
    claims = ({"key": "models/{m}/{v}/{f}", "subject": "model:{m}@{v}"},)
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint, bytes=True, claims=claims)
    assert not case.acquire().failures
    names = dict(case.events("object.bytes").select("subject", "names").rows())
    manifest, other = (names[f"s3:{bucket}/models/m/1/{key}"] for key in ("manifest.json", "large"))
    assert f"sha256:{listed}" in manifest
    assert len(manifest) == 3
    assert len(other) == 2
    assert not case.events("claim").filter(pl.col("names").list.contains(f"sha256:{listed}")).height


def test_the_checksum_of_parts_is_recomputed_from_the_bytes(
    moto: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3_servers.set_clock(moto, datetime(2026, 8, 1, 9, 0, tzinfo=UTC))
    s3 = versioned(moto, bucket)
    first, second = b"x" * (5 << 20), b"y" * 1000
    upload = {"Bucket": bucket, "Key": MODEL}
    begun = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")
    upload |= {"UploadId": begun["UploadId"]}
    parts = []
    for n, body in ((1, first), (2, second)):
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        etag = s3.upload_part(**upload, PartNumber=n, Body=body, ChecksumSHA256=digest)["ETag"]
        parts.append({"PartNumber": n, "ETag": etag})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint, bytes=True)
    case.acquire()
    assert len(case.items.of(ATTRIBUTES)) == 1
    said = case.events("object.bytes")
    whole = hashlib.sha256(first + second).hexdigest()
    assert said["digest"].to_list() == [f"sha256:{whole}"]
    assert said["value"].item() is not None, "the ETag of parts agrees at least"
    assert case.events("claim")["value"].to_list() == [whole], "its own bytes prove it"
    path = case.items.path(case.items.of(OBJECT)[0])
    made = composite.composite(path, [len(first), len(second)])
    inner = hashlib.sha256(first).digest() + hashlib.sha256(second).digest()
    outer = base64.b64encode(hashlib.sha256(inner).digest()).decode()
    assert made == f"{outer}-2"
    assert composite.composite(path, [len(first), len(second) + 1]) == ""


@pytest.mark.parametrize("sized", [True, False])
def test_an_object_cut_off_midway_is_taken_up_where_it_broke(
    weed: s3_servers.Server,
    bucket: str,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    sized: bool,  # noqa: FBT001  (a case of the test)
) -> None:
    """Also where the answer came in pieces, with no length before them."""
    from botocore.exceptions import ResponseStreamingError
    from botocore.response import StreamingBody

    body = bytes(range(256)) * 20_000
    versioned(weed, bucket).put_object(Bucket=bucket, Key=MODEL, Body=body)
    chunks = StreamingBody.iter_chunks
    broken: list[int] = []

    def breaking(self: Any, size: int) -> Any:
        stream = chunks(self, size)
        if not broken:
            broken.append(1)
            yield next(stream)
            raise ResponseStreamingError(error="connection reset")
        yield from stream

    monkeypatch.setattr(StreamingBody, "iter_chunks", breaking)
    header = Answer.header
    if not sized:
        monkeypatch.setattr(
            Answer, "header", lambda self, n: None if n == "content-length" else header(self, n)
        )
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, bytes=True)
    assert not case.acquire().failures
    assert broken
    [item] = case.items.of(OBJECT)
    assert item.sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("name", "said"),
    [("content-range", "bytes 0-5119999/5120000"), ("content-range", None), ("etag", '"other"')],
)
def test_the_rest_of_an_object_is_no_other_part_and_of_no_other_object(
    weed: s3_servers.Server,
    bucket: str,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    said: str | None,
) -> None:
    """A server that answers a range with other bytes would give an object that never was."""
    from botocore.exceptions import ResponseStreamingError
    from botocore.response import StreamingBody

    versioned(weed, bucket).put_object(Bucket=bucket, Key=MODEL, Body=bytes(range(256)) * 20_000)
    chunks = StreamingBody.iter_chunks

    def breaking(self: Any, size: int) -> Any:
        yield next(chunks(self, size))
        raise ResponseStreamingError(error="connection reset")

    monkeypatch.setattr(StreamingBody, "iter_chunks", breaking)
    header = Answer.header

    def lying(self: Answer, asked: str) -> str | None:
        return said if asked == name and self.status == 206 else header(self, asked)

    monkeypatch.setattr(Answer, "header", lying)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, bytes=True)
    [(_, error)] = case.acquire().failures
    assert ("Content-Range: bytes 1048576-" if name == "content-range" else "ETag") in str(error)
    assert not case.items.of(OBJECT)


def test_locks_and_holds_of_a_server_that_keeps_them(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = s3_servers.client(weed)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = (datetime.now(UTC) + timedelta(days=40)).replace(microsecond=0)
    locked = s3.put_object(
        Bucket=bucket,
        Key=MODEL,
        Body=b"1",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=until,
        Metadata={"created": "2026-02-14T10:05:00Z", "team": "risk"},
    )["VersionId"]
    free = s3.put_object(Bucket=bucket, Key=MODEL, Body=b"2")["VersionId"]
    s3.put_object_legal_hold(Bucket=bucket, Key=MODEL, VersionId=free, LegalHold={"Status": "ON"})
    with pytest.raises(s3.exceptions.ClientError):
        s3.delete_object(Bucket=bucket, Key=MODEL, VersionId=locked)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)
    assert not case.acquire().failures
    assert len(case.items.of(RETENTION)) == len(case.items.of(LEGAL_HOLD)) == 2
    name = pl.col("names").list.first()
    kept = case.events("object.retention").with_columns(version=name)
    said = {row["version"].rpartition("=")[2]: row["value"] for row in kept.iter_rows(named=True)}
    assert said[locked].startswith(f"COMPLIANCE until {until:%Y-%m-%d}")
    assert said[free] is None
    holds = case.events("object.legal-hold").with_columns(version=name)
    assert holds.filter(value="ON")["version"].str.ends_with(free).all()
    assert holds.filter(value="ON").height
    meta = case.events("object.metadata").sort("attribute")
    assert meta["attribute"].to_list() == ["x-amz-meta-created", "x-amz-meta-team"]
    assert meta["basis"].cast(pl.String).unique().to_list() == ["asserted"]
    assert meta["earliest"].to_list() == [datetime(2026, 2, 14, 10, 5, tzinfo=UTC), None]
    case.quotable()
