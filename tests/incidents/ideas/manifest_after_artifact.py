"""A bucket with a model and its manifest, uploaded by a server's clock."""

from __future__ import annotations

from tests.incidents.bucket import MODEL, Bucket
from tests.incidents.stage import M1, Stage, Truth

NEEDS_BUCKET = True
RULE = "manifest-after-artifact"


def uploaded(stage: Stage, *uploads: tuple[str, str]) -> None:
    stage.norm(RULE)
    bucket = Bucket(stage)
    for time, key in uploads:
        bucket.at(time).put(key, f"{key} of {time}".encode())
    bucket.hand_over()


def incident(stage: Stage) -> Truth:
    """The manifest comes an hour after the model."""
    uploaded(stage, ("09:00", MODEL), ("10:00", "m1/1/manifest.json"))
    return {(RULE, "breach", M1)}


def innocent(stage: Stage) -> Truth:
    """It came before, and was corrected after."""
    uploaded(
        stage, ("08:00", "m1/1/manifest.json"), ("09:00", MODEL), ("10:00", "m1/1/manifest.json")
    )
    return set()
