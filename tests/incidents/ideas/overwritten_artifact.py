"""A bucket in which a model is uploaded twice."""

from __future__ import annotations

from tests.incidents.bucket import MODEL, Bucket
from tests.incidents.stage import M1, Stage, Truth

NEEDS_BUCKET = True
RULE = "overwritten-artifact"


def uploaded(stage: Stage, *bodies: bytes) -> None:
    stage.norm(RULE)
    bucket = Bucket(stage)
    for hour, body in enumerate(bodies, 10):
        bucket.at(f"{hour}:00").put(MODEL, body)
    bucket.hand_over()


def incident(stage: Stage) -> Truth:
    """The second upload has other bytes."""
    uploaded(stage, b"weights", b"trained again")
    return {(RULE, "breach", M1)}


def innocent(stage: Stage) -> Truth:
    """It has the same ones."""
    uploaded(stage, b"weights", b"weights")
    return set()
