"""overwritten-artifact: a later version under a claimed key has other bytes."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.overwritten_artifact import overwritten_artifact
from tests.stories import Story

NORM = Norm(rule="overwritten-artifact")
KEY = "s3:bucket/model.bin"


def stored(
    story: Story, time: str, value: str, version: str, source: str = "models", key: str = KEY
) -> Story:
    return story.event(
        source,
        "claim",
        "model:m@1",
        time,
        attribute="artifact",
        value=value * 64,
        clock=f"s3:{source}",
        basis="stamped",
        names=[f"sha256:{value * 64}", f"{key}?versionId={version}"],
    )


def test_fires_on_other_bytes_under_the_same_key():
    story = stored(stored(Story(), "2026-02-14 10:00", "a", "v1"), "2026-03-08 20:00", "b", "v2")
    (draft,) = story.judged(overwritten_artifact, NORM)
    assert draft.verdict == "breach"
    assert "b" * 64 in draft.statement


def test_silent_on_the_same_bytes_uploaded_again():
    story = stored(stored(Story(), "2026-02-14 10:00", "a", "v1"), "2026-03-08 20:00", "a", "v2")
    assert story.judged(overwritten_artifact, NORM) == []


def test_silent_on_a_replica_in_another_bucket():
    story = stored(Story(), "2026-02-14 10:00", "a", "v1")
    stored(story, "2026-02-14 10:00", "a", "v1", source="replica")
    assert story.judged(overwritten_artifact, NORM) == []


def test_silent_on_another_file_of_the_same_release():
    """Two keys that the case claims for one subject: neither took the other's place."""
    story = stored(stored(Story(), "10:00", "a", "v1"), "20:00", "b", "v2", key="s3:bucket/tail")
    assert story.judged(overwritten_artifact, NORM) == []
    (draft,) = stored(story, "21:00", "c", "v3").judged(overwritten_artifact, NORM)
    assert "c" * 64 in draft.statement
    assert "a" * 64 in draft.statement


def test_silent_on_two_of_one_second_and_where_no_norm_is_declared():
    one = stored(stored(Story(), "10:00", "a", "v1"), "10:00", "b", "v2")
    assert one.judged(overwritten_artifact, NORM) == []
    two = stored(stored(Story(), "10:00", "a", "v1"), "20:00", "b", "v2")
    assert two.judged(overwritten_artifact) == []


def test_undetermined_is_silent_where_a_digest_is_not_known():
    """A version without a SHA-256 claims nothing."""
    story = stored(Story(), "10:00", "a", "v1").listing("21:00", ("model.bin", "v2", "20:00"))
    assert story.judged(overwritten_artifact, NORM) == []
