"""A model is released from a bucket, and its version is deleted; the bucket is listed twice."""

from __future__ import annotations

import hashlib

from tests.incidents.bucket import MODEL, Bucket
from tests.incidents.stage import M1, Stage, Truth, line

NEEDS_BUCKET = True
RULE = "released-from-vanished-version"
WEIGHTS, AGAIN = b"weights of m1", b"trained again"


def listed(stage: Stage, second: bytes) -> tuple[Bucket, str]:
    """Two uploads, of which the first is released, and the first listing of both."""
    bucket = Bucket(stage).at("08:00")
    first = bucket.put(MODEL, WEIGHTS)
    bucket.at("10:00").put(MODEL, second)
    stage.log(line("09:00", digest=hashlib.sha256(WEIGHTS).hexdigest()))
    bucket.hand_over()
    stage.collect()
    return bucket, first


def incident(stage: Stage) -> Truth:
    """The version that was released is deleted by its id, which leaves no trace in a listing."""
    bucket, first = listed(stage, AGAIN)
    bucket.remove(MODEL, first)
    bucket.hand_over()
    return {
        (RULE, "missing", M1),
        ("vanished-version", "missing", f"s3:{bucket.name}/{MODEL}"),
    }


def innocent(stage: Stage) -> Truth:
    """The second upload has the same bytes: the release is still there. That one is gone is so."""
    bucket, first = listed(stage, WEIGHTS)
    bucket.remove(MODEL, first)
    bucket.hand_over()
    return {("vanished-version", "missing", f"s3:{bucket.name}/{MODEL}")}


def innocent_kept(stage: Stage) -> Truth:
    """Nothing is deleted."""
    bucket, _ = listed(stage, AGAIN)
    bucket.hand_over()
    return set()
