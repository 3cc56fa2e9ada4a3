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


HOUR = 3600.0


def cards(artifact: str, manifest: str) -> Story:
    """An artifact in one bucket, its manifest in another that has a clock of its own."""
    story = Story().stored(artifact, "m1", GOOD).stored(manifest, "m1", BAD, "manifest")
    story.rows[-1]["clock"] = "s3:cards"
    return story


def test_silent_where_the_manifests_clock_is_measured_three_hours_ahead():
    """The innocent twin: 09:58 by the artifact's clock, 12:58 by its own."""
    story = cards("10:00", "12:58").measured("s3:models", "s3:cards", 3 * HOUR)
    assert story.judged(manifest_after_artifact, NORM) == []


def test_fires_where_an_offset_hid_it():
    """11:00 by the artifact's clock, 08:00 by its own."""
    story = cards("10:00", "08:00").measured("s3:models", "s3:cards", -3 * HOUR)
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "breach"
    assert draft.margin_seconds is not None
    assert abs(draft.margin_seconds - HOUR) < 5
    assert "hold s3:cards within −3 h 00 m" in draft.alibi


def test_undetermined_where_the_offset_is_measured_but_wide():
    story = cards("10:00", "11:00").measured("s3:models", "s3:cards", 0, wide=5 * HOUR)
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_lag_ended_before():
    """Forty minutes behind until its time service came back on the morning of 8 March."""
    story = (
        cards("10:00", "10:30")
        .measured("s3:models", "s3:cards", -2400, until="2026-03-08 00:00")
        .measured("s3:models", "s3:cards", 0, since="2026-03-08 12:00")
    )
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "undetermined"


def test_undetermined_where_a_tolerance_widens_what_is_measured():
    story = cards("10:00", "11:00").measured("s3:models", "s3:cards", 0)
    assert story.judged(manifest_after_artifact, NORM)[0].verdict == "breach"
    story.tolerance = {"s3:cards": 2 * HOUR}
    (draft,) = story.judged(manifest_after_artifact, NORM)
    assert draft.verdict == "undetermined"


def test_an_earlier_manifest_by_another_clock_counts():
    """The innocent twin: a first copy of it lies in the other bucket, stored before."""
    story = cards("10:00", "09:00").stored("11:00", "m1", BAD, "manifest")
    story.measured("s3:models", "s3:cards", 0)
    assert story.judged(manifest_after_artifact, NORM) == []


def in_bucket() -> Story:
    """The versions that a bucket lists today: the manifest an hour after the artifact."""
    story = Story().stored("10:00", "m1", GOOD)
    story.rows[-1]["names"] = ["s3:bucket/m1/model.bin?versionId=v1"]
    story.stored("11:00", "m1", BAD, "manifest")
    story.rows[-1]["names"] = ["s3:bucket/m1/manifest.json?versionId=v2"]
    return story


def uploaded(story: Story, time: str, key: str) -> Story:
    names = [f"s3:bucket/{key}?versionId=v0"]
    return story.event(
        "trail",
        "trail.PutObject",
        f"s3:bucket/{key}",
        time,
        clock="aws:us-east-1/cloudtrail",
        basis="stamped",
        names=names,
    )


def test_silent_where_cloudtrail_records_an_earlier_upload_of_the_manifest():
    """The innocent twin: what was stored in time was replaced, and is not listed any more."""
    (draft,) = in_bucket().judged(manifest_after_artifact, NORM)
    assert draft.verdict == "breach"
    story = uploaded(in_bucket(), "09:30", "m1/manifest.json")
    assert story.judged(manifest_after_artifact, NORM) == []
    story = uploaded(in_bucket(), "09:30", "m2/manifest.json")
    assert [one.verdict for one in story.judged(manifest_after_artifact, NORM)] == ["breach"]


def test_an_artifact_that_cloudtrail_alone_saw_earlier_counts():
    """Listed in good order; the first upload of the artifact was before the manifest's."""
    story = Story().stored("10:00", "m1", BAD, "manifest").stored("11:00", "m1", GOOD)
    story.rows[-1]["names"] = ["s3:bucket/m1/model.bin?versionId=v1"]
    assert story.judged(manifest_after_artifact, NORM) == []
    (draft,) = uploaded(story, "08:00", "m1/model.bin").judged(manifest_after_artifact, NORM)
    assert draft.verdict == "undetermined"
    assert draft.events[0] == ("artifact", 2)
