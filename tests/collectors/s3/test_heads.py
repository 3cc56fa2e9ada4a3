"""What a HEAD proves of an object's bytes, and what it does not."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.s3 import heads
from collectors.s3.listing import NotAListingError

BODY = b"weights"
SHA = hashlib.sha256(BODY)
B64 = base64.b64encode(SHA.digest()).decode()
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()


def ours(**headers: str) -> dict[str, Any]:
    pairs = [[name.replace("_", "-"), value] for name, value in headers.items()]
    record = {"bucket": "b", "key": "k", "versionId": "v", "status": 200, "headers": pairs}
    return heads.ours(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("checksum", "kind", "etag", "expected"),
    [
        (B64, "FULL_OBJECT", MD5, SHA.hexdigest()),
        (B64, "", MD5, SHA.hexdigest()),
        (B64, "FULL_OBJECT", f"{MD5}-3", SHA.hexdigest()),
        # A checksum of the parts' checksums is no digest of the object.
        (f"{B64}-3", "COMPOSITE", f"{MD5}-3", None),
        (B64, "COMPOSITE", MD5, None),
        (f"{B64}-3", "", MD5, None),
        # Nobody says the type, and the object came in parts.
        (B64, "", f"{MD5}-3", None),
        ("", "FULL_OBJECT", MD5, None),
        ("not base64!", "FULL_OBJECT", MD5, None),
        (base64.b64encode(b"short").decode(), "FULL_OBJECT", MD5, None),
    ],
)
def test_sha256_only_of_the_whole_object(
    checksum: str, kind: str, etag: str, expected: str | None
) -> None:
    row = ours(x_amz_checksum_sha256=checksum, x_amz_checksum_type=kind, etag=f'"{etag}"')
    assert row["sha256"] == expected


@pytest.mark.parametrize(
    ("etag", "encryption", "customer", "expected"),
    [
        (MD5, "", "", MD5),
        (MD5, "AES256", "", MD5),
        (MD5, "aws:kms", "", None),
        (MD5, "aws:kms:dsse", "", None),
        (MD5, "", "AES256", None),
        (f"{MD5}-1", "", "", None),
        (MD5.upper(), "", "", None),
        ("", "", "", None),
    ],
)
def test_an_etag_is_an_md5_only_of_one_part_in_plain_or_sse_s3(
    etag: str, encryption: str, customer: str, expected: str | None
) -> None:
    row = ours(
        ETag=f'"{etag}"',
        x_amz_server_side_encryption=encryption,
        x_amz_server_side_encryption_customer_algorithm=customer,
    )
    assert row["md5"] == expected


def test_the_cli_prints_the_same_without_key_and_date() -> None:
    said = {
        "LastModified": "Sat, 14 Feb 2026 10:05:00 GMT",
        "ETag": f'"{MD5}"',
        "VersionId": "v",
        "ChecksumSHA256": B64,
        "ChecksumType": "FULL_OBJECT",
        "ServerSideEncryption": "AES256",
    }
    row = heads.cli(json.dumps(said).encode())
    assert (row["key"], row["version"], row["sha256"], row["md5"]) == (
        None,
        "v",
        SHA.hexdigest(),
        MD5,
    )


def test_powershell_writes_utf16_and_is_read() -> None:
    said = json.dumps({"ETag": '"x"', "LastModified": "2026-02-14T10:05:00+00:00"})
    assert heads.cli(said.encode("utf-16"))["etag"] == "x"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["headers", "status", "ETag", "LastModified", "VersionId", "key"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    data = json.dumps(value).encode()
    for reader in (heads.ours, heads.cli):
        try:
            row = reader(data)
        except NotAListingError:
            continue
        assert set(row) | {"item"} == set(heads.HEADS)
        assert row["sha256"] is None


@given(st.binary(max_size=200))
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    for reader in (heads.ours, heads.cli):
        with pytest.raises(NotAListingError):
            reader(data)
