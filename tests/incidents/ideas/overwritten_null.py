"""A bucket whose versioning is suspended, listed with the AWS CLI before and after an upload."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from tests.incidents.bucket import CLAIMS, MODEL
from tests.incidents.stage import Stage, Truth

WEIGHTS, AGAIN = b"weights of m1", b"trained again"
LATEST = "m1/latest.txt"


def listing(folder: Path, time: str, body: bytes, key: str, version: str = "null") -> None:
    """What ``list-object-versions`` and ``head-object`` print, of one upload on 8 March."""
    folder.mkdir()
    stored = {
        "LastModified": f"2026-03-08T{time}:00+00:00",
        "ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
    }
    listed = {**stored, "Key": key, "VersionId": version, "IsLatest": True, "Size": len(body)}
    (folder / "list-object-versions.json").write_text(
        json.dumps({"Versions": [listed], "Prefix": None})
    )
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
    head = {
        **stored,
        "VersionId": version,
        "ContentLength": len(body),
        "ChecksumSHA256": checksum,
        "ChecksumType": "FULL_OBJECT",
    }
    (folder / "head-object.json").write_text(json.dumps(head))


def listed_twice(stage: Stage, *bodies: bytes, key: str = MODEL) -> None:
    exports = []
    for number, body in enumerate(bodies):
        listing(stage.folder / f"listing-{number}", f"{8 + 2 * number:02}:00", body, key)
        exports.append(
            {"path": f"listing-{number}/", "taken": f"2026-03-08T{9 + 2 * number:02}:00:00Z"}
        )
    stage.source("models", "s3", "storage", url="s3://b00/", exports=exports, claims=CLAIMS)


def incident(stage: Stage) -> Truth:
    """The second upload has other bytes, and the first ones are gone."""
    listed_twice(stage, WEIGHTS, AGAIN)
    return {("overwritten-null", "missing", f"s3:b00/{MODEL}")}


def innocent(stage: Stage) -> Truth:
    """It has the same bytes."""
    listed_twice(stage, WEIGHTS, WEIGHTS)
    return set()


def innocent_unclaimed(stage: Stage) -> Truth:
    """The object is one of which the case claims nothing, as one that changes by design."""
    listed_twice(stage, WEIGHTS, AGAIN, key=LATEST)
    return set()
