"""manifest-after-artifact: the norm that a manifest is not newer than its artifact."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.manifest_after_artifact import manifest_after_artifact
from tests.stories import BAD, GOOD, Story

NORM = Norm(rule="manifest-after-artifact")


def test_fires_where_the_manifest_came_an_hour_later():
    story = Story().stored("10:00", "m1", GOOD).stored("11:00", "m1", BAD, "manifest")
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "breach"
    assert draft.margin_seconds == 3600


def test_silent_where_the_manifest_came_first():
    story = Story().stored("10:00", "m1", BAD, "manifest").stored("10:05", "m1", GOOD)
    assert story.judged(manifest_after_artifact, NORM) == []


def test_silent_on_two_uploads_within_a_second():
    story = Story().stored("10:00:00", "m1", GOOD).stored("10:00:01", "m1", BAD, "manifest")
    assert story.judged(manifest_after_artifact, NORM) == []


def test_silent_on_a_manifest_that_was_corrected_later():
    story = (
        Story()
        .stored("09:00", "m1", BAD, "manifest")
        .stored("10:00", "m1", GOOD)
        .stored("11:00", "m1", BAD, "manifest")
    )
    assert story.judged(manifest_after_artifact, NORM) == []


def test_silent_on_artifacts_from_before_the_norm():
    norm = Norm(rule="manifest-after-artifact", since="2026-03-09")
    story = Story().stored("10:00", "m1", GOOD).stored("11:00", "m1", BAD, "manifest")
    assert story.judged(manifest_after_artifact, norm) == []


def test_undetermined_between_two_clocks():
    story = Story().stored("10:00", "m1", GOOD)
    story.stored("11:00", "m1", BAD, "manifest")
    story.rows[-1]["clock"] = "s3:cards"
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "undetermined"
