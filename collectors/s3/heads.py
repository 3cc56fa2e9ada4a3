r"""HEAD of a version: its checksums, in our record of the response or as the AWS CLI prints it.

Ours holds the headers as received, in their order (a repeated header joined with commas, as
RFC 9110 section 5.3 allows)::

    {"bucket": "acme-models", "key": "m/2/model.bin", "versionId": "QUpfdndh", "status": 200,
     "headers": [["Date", "Mon, 23 Nov 2026 06:24:07 GMT"],
                 ["Last-Modified", "Sat, 14 Feb 2026 10:05:00 GMT"],
                 ["ETag", "\"c81e728d9d4c2f636f067f89cc14862c\""],
                 ["x-amz-version-id", "QUpfdndh"],
                 ["x-amz-checksum-type", "FULL_OBJECT"],
                 ["x-amz-checksum-sha256", "1HNeOiZeFu7gP1lxi5tdAwGcB9i2xR+Q2jpmbuwTqzU="]]}

The CLI's (``aws s3api head-object --checksum-mode ENABLED``) has no key: it is found by version::

    {"LastModified": "Sat, 14 Feb 2026 10:05:00 GMT", "ContentLength": 1, "VersionId": "QUpfdndh",
     "ETag": "\"c81e728d9d4c2f636f067f89cc14862c\"", "ChecksumType": "FULL_OBJECT",
     "ChecksumSHA256": "1HNeOiZeFu7gP1lxi5tdAwGcB9i2xR+Q2jpmbuwTqzU="}
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3.clijson import load, text
from collectors.s3.listing import NotAListingError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADS: dict[str, pl.DataType] = {
    "item": pl.String(),
    "bucket": pl.String(),
    "key": pl.String(),
    "version": pl.String(),
    "status": pl.Int64(),
    "modified": pl.String(),
    "etag": pl.String(),
    "sha256": pl.String(),
    "md5": pl.String(),
    "date": pl.String(),
    "composite": pl.String(),
    "said": pl.List(pl.Struct({"name": pl.String(), "value": pl.String(), "at": pl.String()})),
}
"""One row a HEAD: ``sha256`` and ``md5`` in hexadecimal, only where they are of the whole object.

``key`` is null in the AWS CLI's output; ``date`` is the server's clock when it answered.
``composite`` is a SHA-256 of the parts' SHA-256, in base64, with the number of parts.
``said`` holds locks, expiration, replication and the writer's metadata, each with the JSON pointer
of the value; names as in HTTP, in lower case.
"""

_SAID = re.compile(
    r"x-amz-(meta-.{1,200}|object-lock-(mode|retain-until-date|legal-hold)|expiration"
    r"|replication-status|restore)",
    re.DOTALL,
)
_FIELDS = {
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ObjectLockRetainUntilDate": "x-amz-object-lock-retain-until-date",
    "ObjectLockLegalHoldStatus": "x-amz-object-lock-legal-hold",
    "Expiration": "x-amz-expiration",
    "ReplicationStatus": "x-amz-replication-status",
    "Restore": "x-amz-restore",
}
"""Names in the AWS CLI's output."""

_MD5 = re.compile(r"[0-9a-f]{32}")
_SHA256_BYTES = 32
# Encryption under which an ETag is the MD5 of the object (Amazon S3 API Reference, Object).
_PLAIN = {"", "AES256"}
_OK = 200


def ours(data: bytes) -> dict[str, Any]:
    """A row of :data:`HEADS` from our record of a response.

    Raises:
        NotAListingError: it is no such record.
    """
    top = load(data)
    pairs = top.get("headers")
    status = top.get("status")
    if not isinstance(pairs, list) or type(status) is not int:
        raise NotAListingError("expected status and headers of a HEAD, found neither")
    headers: dict[str, str] = {}
    said = []
    for number, pair in enumerate(pairs):
        if isinstance(pair, list) and len(pair) == 2 and text(pair[0]):  # noqa: PLR2004
            name, value = pair[0].lower(), text(pair[1]) or ""
            headers.setdefault(name, value)
            if _SAID.fullmatch(name):
                said.append({"name": name, "value": value, "at": f"/headers/{number}"})
    return {
        "bucket": text(top.get("bucket")),
        "key": text(top.get("key")),
        "version": text(top.get("versionId")),
        "status": status,
        "modified": headers.get("last-modified"),
        "etag": (headers.get("etag") or "").strip('"') or None,
        "date": headers.get("date"),
        "said": said,
        **_digests(
            checksum=headers.get("x-amz-checksum-sha256", ""),
            kind=headers.get("x-amz-checksum-type", ""),
            etag=headers.get("etag", ""),
            encryption=headers.get("x-amz-server-side-encryption", ""),
            customer=headers.get("x-amz-server-side-encryption-customer-algorithm", ""),
        ),
    }


def cli(data: bytes) -> dict[str, Any]:
    """A row of :data:`HEADS` from the AWS CLI's output.

    Raises:
        NotAListingError: it is something else.
    """
    top = load(data)
    if text(top.get("ETag")) is None or "LastModified" not in top:
        raise NotAListingError(f"expected ETag and LastModified, found {sorted(top)[:5]}")
    said = _texts(top)
    return {
        "bucket": None,
        "key": None,
        # An object from before versioning has no version id, and is listed as `null`.
        "version": said.get("VersionId") or "null",
        "status": _OK,
        "modified": said.get("LastModified"),
        "etag": said.get("ETag", "").strip('"') or None,
        "date": None,
        "said": _said(top),
        **_digests(
            checksum=said.get("ChecksumSHA256", ""),
            kind=said.get("ChecksumType", ""),
            etag=said.get("ETag", ""),
            encryption=said.get("ServerSideEncryption", ""),
            customer=said.get("SSECustomerAlgorithm", ""),
        ),
    }


def _said(top: Mapping[str, Any]) -> list[dict[str, str]]:
    """The same of the AWS CLI's output."""
    metadata = top.get("Metadata")
    written = metadata if isinstance(metadata, dict) else {}
    fields = [
        {"name": name, "value": value, "at": f"/{field}"}
        for field, name in _FIELDS.items()
        if (value := text(top.get(field)))
    ]
    return fields + [
        {
            "name": f"x-amz-meta-{key.lower()}",
            "value": value,
            "at": f"/Metadata/{key.replace('~', '~0').replace('/', '~1')}",
        }
        for key, value in written.items()
        if text(key) is not None and text(value) is not None
    ]


def _texts(top: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in top.items() if text(value) is not None}


def _digests(
    *, checksum: str, kind: str, etag: str, encryption: str, customer: str
) -> dict[str, str | None]:
    """Digests of the whole object's bytes, null where the response does not give one.

    A checksum of parts (``COMPOSITE``, or ``…-N``) is of the parts' checksums, not of the bytes.
    Servers that do not say the type are believed only where the ETag is not of parts either.
    """
    bare = etag.strip('"')
    whole = kind == "FULL_OBJECT" or (not kind and "-" not in bare)
    sha256 = None
    if whole and checksum and "-" not in checksum:
        try:
            raw = base64.b64decode(checksum, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        sha256 = raw.hex() if len(raw) == _SHA256_BYTES else None
    is_md5 = _MD5.fullmatch(bare) is not None and encryption in _PLAIN and not customer
    return {
        "sha256": sha256,
        "md5": bare if is_md5 else None,
        "composite": checksum if not whole and checksum else None,
    }
