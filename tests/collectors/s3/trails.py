"""Trails as AWS delivers them, signed with a key of our own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ACCOUNT, REGION, NAME, BUCKET = "111122223333", "us-east-1", "acme", "acme-trail"
FIRST = datetime(2026, 3, 8, 18, 0, tzinfo=UTC)
ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{NAME}"


def record(name: str, time: str, **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.09",
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dba/alice",
            "accountId": ACCOUNT,
        },
        "requestParameters": {"bucketName": "b00"},
        "responseElements": None,
        "requestID": "3E57427F33A59F07",
        "eventID": "0828c0d2",
        "recipientAccountId": ACCOUNT,
        **more,
    }


@dataclass
class Trail:
    """Hours of a trail; each call of :meth:`hour` adds one digest and its log files."""

    hours: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    """As they lie in the bucket, by key."""
    signatures: dict[str, str] = field(default_factory=dict)
    """Of digests, by key: in the metadata of their objects."""
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    previous: tuple[str, str, str] | None = None
    """Key, SHA-256 and signature of the digest before."""

    @property
    def fingerprint(self) -> str:
        return hashlib.md5(self._der).hexdigest()  # noqa: S324  (CloudTrail's)

    @property
    def _der(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)

    @property
    def public_keys(self) -> dict[str, Any]:
        return {
            "PublicKeyList": [
                {
                    "Value": base64.b64encode(self._der).decode(),
                    "ValidityStartTime": FIRST.timestamp() - 86400,
                    "ValidityEndTime": FIRST.timestamp() + 864000,
                    "Fingerprint": self.fingerprint,
                }
            ]
        }

    def hour(self, *records: dict[str, Any], skip: int = 0, anew: bool = False) -> str:
        """One more hour with one log file; gives back its digest's key."""
        self.hours += skip
        begins = FIRST + timedelta(hours=self.hours)
        self.hours += 1
        ends = FIRST + timedelta(hours=self.hours)
        stem = f"AWSLogs/{ACCOUNT}"
        log = (
            f"{stem}/CloudTrail/{REGION}/{begins:%Y/%m/%d}/"
            f"{ACCOUNT}_CloudTrail_{REGION}_{begins:%Y%m%dT%H05Z}_{self.hours:016d}.json.gz"
        )
        data = json.dumps({"Records": list(records)}).encode()
        self.files[log] = gzip.compress(data, mtime=0)
        key = (
            f"{stem}/CloudTrail-Digest/{REGION}/{ends:%Y/%m/%d}/"
            f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{NAME}_{REGION}_{ends:%Y%m%dT%H%M%SZ}.json.gz"
        )
        before = None if anew else self.previous
        digest = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{begins:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": self.fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": BUCKET if before else None,
            "previousDigestS3Object": before and before[0],
            "previousDigestHashValue": before and before[1],
            "previousDigestHashAlgorithm": "SHA-256" if before else None,
            "previousDigestSignature": before and before[2],
            "logFiles": [
                {
                    "s3Bucket": BUCKET,
                    "s3Object": log,
                    "hashValue": hashlib.sha256(data).hexdigest(),
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": None,
                    "oldestEventTime": None,
                }
            ],
        }
        body = json.dumps(digest).encode()
        sha256 = hashlib.sha256(body).hexdigest()
        signed = f"{digest['digestEndTime']}\n{BUCKET}/{key}\n{sha256}\n"
        signed += before[2] if before else "null"
        signature = self.key.sign(signed.encode(), PKCS1v15(), SHA256()).hex()
        self.files[key] = gzip.compress(body, mtime=0)
        self.signatures[key] = signature
        self.previous = (key, sha256, signature)
        return key

    def write(self, folder: Path, *, metadata: str = "newest") -> None:
        """A plain copy of the bucket, the public keys, and metadata of digests.

        Of the ``newest``, of ``all``, or of ``none``.
        """
        for key, data in self.files.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder / "list-public-keys.json").write_text(json.dumps(self.public_keys))
        signed = list(self.signatures.values())
        kept = {"newest": signed[-1:], "all": signed, "none": []}[metadata]
        for number, signature in enumerate(kept):
            head = {
                "LastModified": "Mon, 09 Mar 2026 00:00:00 GMT",
                "ETag": '"x"',
                "Metadata": {"signature": signature, "signature-algorithm": "SHA256withRSA"},
            }
            (folder / f"head-object-digest-{number}.json").write_text(json.dumps(head))

    def change(self, key: str, old: bytes, new: bytes) -> None:
        """As someone would who can write to the bucket: the file is packed anew."""
        data = gzip.decompress(self.files[key])
        assert old in data
        self.files[key] = gzip.compress(data.replace(old, new), mtime=0)

    @property
    def logs(self) -> list[str]:
        return [key for key in self.files if "_CloudTrail_" in key]

    @property
    def digests(self) -> list[str]:
        return [key for key in self.files if "_CloudTrail-Digest_" in key]
