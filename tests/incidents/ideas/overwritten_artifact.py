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


def incident_put_back(stage: Stage) -> Truth:
    """Other bytes stand there for an hour, and then the first ones again."""
    uploaded(stage, b"weights", b"trained again", b"weights")
    return {(RULE, "breach", M1)}


def innocent_beside(stage: Stage) -> Truth:
    """Each of two models has its own bytes, under its own key."""
    stage.norm(RULE)
    bucket = Bucket(stage).at("10:00")
    for model in ("m1", "m2"):
        bucket.put(f"{model}/1/model.bin", f"weights of {model}".encode())
    bucket.hand_over()
    return set()


def innocent_before_the_norm(stage: Stage) -> Truth:
    """The norm holds from the next day on."""
    stage.norm(RULE, since="2026-03-09T00:00:00Z")
    bucket = Bucket(stage)
    for hour, body in ((10, b"weights"), (11, b"trained again")):
        bucket.at(f"{hour}:00").put(MODEL, body)
    bucket.hand_over()
    return set()
