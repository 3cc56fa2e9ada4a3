"""Digest files of CloudTrail, the signatures saved beside them, and AWS's public keys.

One an hour, shortened (CloudTrail User Guide, "CloudTrail digest file structure")::

    {"awsAccountId": "111122223333", "digestStartTime": "2026-03-08T19:00:00Z",
     "digestEndTime": "2026-03-08T20:00:00Z", "digestS3Bucket": "acme-trail",
     "digestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/…_20260308T200000Z.json.gz",
     "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
     "digestSignatureAlgorithm": "SHA256withRSA", "previousDigestS3Object": "…",
     "previousDigestHashValue": "97fb…", "previousDigestSignature": "50887ccf…",
     "logFiles": [{"s3Object": "AWSLogs/…_20260308T1955Z_a1b2.json.gz", "hashValue": "9bb6…"}]}

A digest's own signature stands in the next one, and that of the newest only in the metadata of its
S3 object: ``aws s3api head-object`` saves it. ``aws cloudtrail list-public-keys`` prints the keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3 import clijson, times
from collectors.s3.clijson import text
from collectors.s3.kinds import CLI_HEAD, DIGEST, PUBLIC_KEYS
from collectors.s3.listing import NotAListingError
from collectors.s3.trail.packed import unpacked
from recon.collector import Item, Items, Warn

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEX = re.compile(r"[0-9a-fA-F]{2,2048}")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file as a digest names it."""

    key: str
    sha256: str
    """Of the JSON, unpacked."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest file."""

    item: Item
    sha256: str
    """Of the JSON, unpacked: what the next digest and the signature hold."""
    bucket: str
    key: str
    begins: datetime
    ends: datetime
    end: str
    """``digestEndTime`` as it stands: it is signed so."""
    fingerprint: str
    previous_key: str | None
    previous_sha256: str | None
    previous_signature: str | None
    logs: tuple[LogFile, ...]

    @property
    def signed(self) -> bytes:
        """What is signed (CloudTrail User Guide, "Custom implementations of … validation")."""
        previous = self.previous_signature or "null"
        return f"{self.end}\n{self.bucket}/{self.key}\n{self.sha256}\n{previous}".encode()

    @property
    def trail(self) -> str:
        """The chain that it is of: its name less the day and the time."""
        name = re.sub(r"\d{8}T\d{6}Z", "TIME", self.key)
        return re.sub(r"/\d{4}/\d{2}/\d{2}/", "/DAY/", f"{self.bucket}/{name}")


def read(items: Items, warnings: list[Warn]) -> list[Digest]:
    """All digest files that can be read, by chain and time."""
    found = []
    for item in items.of(DIGEST):
        try:
            found.append(_digest(item, unpacked(items.read(item))))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
    return sorted(found, key=lambda one: (one.trail, one.ends, one.sha256))


def _digest(item: Item, data: bytes) -> Digest:
    top = clijson.load(data)
    needed = ("digestS3Bucket", "digestS3Object", "digestStartTime", "digestEndTime")
    said = {name: text(top.get(name)) for name in (*needed, "digestPublicKeyFingerprint")}
    missing = [name for name, value in said.items() if not value]
    if missing:
        raise NotAListingError(f"expected {', '.join(missing)} of a digest file, found none")
    dated = times.modified(pl.Series([said["digestStartTime"], said["digestEndTime"]]))
    begins, ends = dated["earliest"]
    if begins is None or ends is None:
        raise NotAListingError("expected digestStartTime and digestEndTime as times, found other")
    logs = top.get("logFiles")
    return Digest(
        item=item,
        sha256=hashlib.sha256(data).hexdigest(),
        bucket=said["digestS3Bucket"] or "",
        key=said["digestS3Object"] or "",
        begins=begins,
        ends=ends,
        end=said["digestEndTime"] or "",
        fingerprint=said["digestPublicKeyFingerprint"] or "",
        previous_key=text(top.get("previousDigestS3Object")),
        previous_sha256=text(top.get("previousDigestHashValue")),
        previous_signature=text(top.get("previousDigestSignature")),
        logs=tuple(
            LogFile(key, (text(one.get("hashValue")) or "").lower())
            for one in (logs if isinstance(logs, list) else [])
            if isinstance(one, dict) and (key := text(one.get("s3Object")))
        ),
    )


def signatures(items: Items) -> list[bytes]:
    """Signatures in saved metadata of S3 objects; each is tried on digests that lack one."""
    found = []
    for item in items.of(CLI_HEAD):
        try:
            metadata = clijson.load(items.read(item)).get("Metadata")
        except NotAListingError:
            continue
        if isinstance(metadata, dict) and (one := unhex(text(metadata.get("signature")))):
            found.append(one)
    return found


def unhex(value: str | None) -> bytes:
    """Bytes of a signature; empty where it is none."""
    if value is None or not _HEX.fullmatch(value) or len(value) % 2:
        return b""
    return binascii.unhexlify(value)


def public_keys(items: Items, warnings: list[Warn]) -> Mapping[str, Any]:
    """Public keys by fingerprint, from ``aws cloudtrail list-public-keys``."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    keys: dict[str, RSAPublicKey] = {}
    for item in items.of(PUBLIC_KEYS):
        try:
            listed = clijson.load(items.read(item)).get("PublicKeyList")
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        for number, one in enumerate(listed if isinstance(listed, list) else []):
            value = text(one.get("Value")) if isinstance(one, dict) else None
            name = text(one.get("Fingerprint")) if isinstance(one, dict) else None
            try:
                # PKCS #1, which it reads as well as SubjectPublicKeyInfo.
                key = load_der_public_key(base64.b64decode(value or "", validate=True))
            except (ValueError, UnsupportedAlgorithm):
                key = None
            if name and isinstance(key, RSAPublicKey):
                keys[name] = key
            else:
                wrong = "expected an RSA public key with its fingerprint, found other"
                warnings.append(Warn(item.sha256, f"/PublicKeyList/{number}", wrong, "error"))
    return keys
