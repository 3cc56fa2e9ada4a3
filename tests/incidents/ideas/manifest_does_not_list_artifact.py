"""A bucket with models and their manifests, whose bytes are fetched."""

from __future__ import annotations

import hashlib

from tests.incidents.bucket import MODEL, Bucket
from tests.incidents.stage import M1, Stage, Truth

NEEDS_BUCKET = True
RULE = "manifest-does-not-list-artifact"
WEIGHTS = b"weights of m1"


def manifest(*bodies: bytes) -> bytes:
    digests = [hashlib.sha256(one).hexdigest() for one in bodies]
    return f'{{"files": {digests}}}'.replace("'", '"').encode()


def stored(stage: Stage, *manifests: bytes) -> None:
    stage.norm(RULE)
    bucket = Bucket(stage).at("09:00")
    bucket.put(MODEL, WEIGHTS)
    for one in manifests:
        bucket.put("m1/1/manifest.json", one)
    bucket.hand_over(bytes=True)


def incident(stage: Stage) -> Truth:
    """The manifest is of other weights."""
    stored(stage, manifest(b"other weights", b"card"))
    return {(RULE, "breach", M1)}


def incident_without_digests(stage: Stage) -> Truth:
    """It names the file, and no digest of it."""
    stored(stage, b'{"files": ["model.bin"]}')
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """The manifest was wrong at first and was corrected; it lists a card as well."""
    stored(stage, manifest(b"other weights"), manifest(b"card", WEIGHTS))
    return set()


def innocent_without_a_manifest(stage: Stage) -> Truth:
    """There is none: another norm says whether there has to be."""
    stored(stage)
    return set()
