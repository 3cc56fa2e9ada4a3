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


def incident_of_one_of_two(stage: Stage) -> Truth:
    """Of two models one has its manifest an hour after it."""
    uploaded(
        stage,
        ("08:00", "m2/1/manifest.json"),
        ("08:30", "m2/1/model.bin"),
        ("09:00", MODEL),
        ("10:00", "m1/1/manifest.json"),
    )
    return {(RULE, "breach", M1)}


def innocent_without(stage: Stage) -> Truth:
    """There is no manifest, which is another matter."""
    uploaded(stage, ("09:00", MODEL))
    return set()
