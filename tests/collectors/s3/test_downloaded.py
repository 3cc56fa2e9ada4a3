"""Objects as somebody downloaded them, against what S3 stored of each version."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.collectors.s3.test_exports import TIME, version, write

Make = Callable[..., Any]
KEY = "models/m/1/model.bin"
OLD, NEW = "v-old-00000001", "v-new-00000002"
PART = b"x" * (5 << 20)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def read(
    make: Make, listed: list[dict[str, object]], objects: dict[str, bytes], **more: Any
) -> Any:
    """A listing, more files beside it, and objects by the place where they lie."""
    case = make(url="s3://b00/", exports=["x", {"path": "objects", "objects": True}])
    write(case, "x/list-object-versions.json", {"Versions": listed, "Prefix": None})
    for name, value in more.items():
        write(case, f"x/{name.replace('_', '-')}.json", value)
    for name, data in objects.items():
        path = case.folder / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert not case.acquire().failures
    return case


def head(number: str, etag: str, **more: str) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "LastModified": TIME, "VersionId": number, **more}


def proof(case: Any) -> list[tuple[str | None, str]]:
    """What S3 stored that the bytes agree with, and the version that they are."""
    rows = case.events("object.bytes").rows(named=True)
    return [(row["value"], row["names"][1].rpartition("=")[2]) for row in rows]


def test_a_file_is_the_one_version_whose_bytes_it_has(make: Make) -> None:
    """By the ETag, where that is an MD5; the claim stands on the bytes themselves."""
    listed = [version(KEY, NEW, ETag=f'"{md5(b"2")}"'), version(KEY, OLD, ETag=f'"{md5(b"1")}"')]
    case = read(make, listed, {KEY: b"1"})
    assert proof(case) == [("the ETag, which is an MD5", OLD)]
    [claim] = case.events("claim").rows(named=True)
    assert claim["value"] == hashlib.sha256(b"1").hexdigest()
    case.quotable()


def test_the_stored_sha256_is_worth_more_than_an_etag(make: Make) -> None:
    listed = [version(KEY, OLD, ETag=f'"{md5(b"1")}"')]
    stored = head(OLD, md5(b"1"), ChecksumSHA256=b64(b"1"), ChecksumType="FULL_OBJECT")
    case = read(make, listed, {KEY: b"1"}, head_object=stored)
    assert proof(case) == [("the SHA-256 that S3 stored", OLD)]


def test_an_etag_of_encrypted_bytes_is_no_md5(make: Make) -> None:
    """Under SSE-KMS it only looks like one: it agrees with nothing, and contradicts nothing."""
    listed = [version(KEY, OLD, ETag=f'"{"a" * 32}"')]
    stored = head(OLD, "a" * 32, ServerSideEncryption="aws:kms")
    case = read(make, listed, {f"{KEY}?versionId={OLD}": b"1"}, head_object=stored)
    assert proof(case) == [(None, OLD)]
    assert not [w for w in case.parse().warnings if w.severity == "error"]


def parts(*bodies: bytes) -> tuple[str, str, list[dict[str, object]]]:
    """ETag, composite checksum and parts of an upload, as S3 makes them."""
    inner = b"".join(hashlib.sha256(body).digest() for body in bodies)
    tags = b"".join(bytes.fromhex(md5(body)) for body in bodies)
    listed: list[dict[str, object]] = [
        {"PartNumber": n, "Size": len(body), "ChecksumSHA256": b64(body)}
        for n, body in enumerate(bodies, 1)
    ]
    return f"{md5(tags)}-{len(bodies)}", f"{b64(inner)}-{len(bodies)}", listed


@pytest.mark.parametrize("changed", [False, True])
def test_the_checksum_of_parts_is_recomputed_from_the_bytes(
    make: Make,
    changed: bool,  # noqa: FBT001  (a case of the test)
) -> None:
    """Parts of odd sizes, which their sizes alone tell; one byte more is found."""
    bodies = (PART, PART + b"y", b"z")
    etag, composite, listed_parts = parts(*bodies)
    listed = [version(KEY, OLD, ETag=f'"{etag}"')]
    stored = head(OLD, etag, ChecksumSHA256=composite, ChecksumType="COMPOSITE")
    attributes = {"ETag": etag, "ObjectParts": {"TotalPartsCount": 3, "Parts": listed_parts}}
    data = b"".join(bodies)
    data = data[:-1] + b"!" if changed else data
    named = {"head_object": stored, f"get_object_attributes-{OLD}": attributes}
    case = read(make, listed, {f"{KEY}?versionId={OLD}": data}, **named)
    errors = [w.message for w in case.parse().warnings if w.severity == "error"]
    if changed:
        assert proof(case) == [(None, OLD)]
        assert ["the checksum of the parts that S3 stored" in one for one in errors] == [True]
    else:
        assert proof(case) == [("the checksum of the parts that S3 stored", OLD)]
        assert not errors
    # What the checksum of parts is of, it is no digest of the whole: only the bytes give that.
    heads = case.events("object.head")["digest"].to_list()
    assert heads == [None]


def test_an_etag_of_parts_is_recomputed_for_sizes_that_clients_use(make: Make) -> None:
    data = b"q" * (8 << 20) + b"rest"
    etag, _, _ = parts(data[: 8 << 20], data[8 << 20 :])
    case = read(make, [version(KEY, OLD, ETag=f'"{etag}"')], {KEY: data})
    assert proof(case) == [(f"the ETag of parts of {8 << 20} bytes", OLD)]


def test_bytes_that_contradict_what_was_stored_are_kept_and_named(make: Make) -> None:
    listed = [version(KEY, OLD, ETag=f'"{md5(b"1")}"')]
    stored = head(OLD, md5(b"1"), ChecksumSHA256=b64(b"1"), ChecksumType="FULL_OBJECT")
    case = read(make, listed, {f"{KEY}?versionId={OLD}": b"2"}, head_object=stored)
    assert proof(case) == [(None, OLD)]
    [error] = [w.message for w in case.parse().warnings if w.severity == "error"]
    assert "expected the SHA-256 that S3 stored" in error


def test_bytes_of_no_listed_version_and_of_two_are_tied_to_none(make: Make) -> None:
    same = f'"{md5(b"1")}"'
    for etags, found in ((((OLD, same), (NEW, same)), 2), (((OLD, "x"),), 0)):
        listed = [version(KEY, number, ETag=etag) for number, etag in etags]
        case = read(make, listed, {KEY: b"1"})
        assert case.events("object.bytes").is_empty()
        [tied] = [w.message for w in case.parse().warnings if "tied to no version" in w.message]
        assert f"found {found}" in tied
