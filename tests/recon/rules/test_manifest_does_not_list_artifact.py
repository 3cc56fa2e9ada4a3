"""manifest-does-not-list-artifact: the norm that a manifest names its artifact's digest."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.manifest_does_not_list_artifact import manifest_does_not_list_artifact as rule
from tests.stories import BAD, GOOD, Story

NORM = Norm(rule="manifest-does-not-list-artifact")
OWN = "sha256:" + "d" * 64


def manifest(story: Story, version: str, *lists: str, read: bool = True) -> Story:
    name = f"s3:bucket/manifest.json?versionId={version}"
    story.stored("09:00", "m1", OWN, "manifest")
    story.rows[-1]["names"] = [OWN, name]
    if read:
        names = [OWN, name, *lists]
        story.event("models", "object.bytes", "s3:bucket/manifest.json", digest=OWN, names=names)
    return story


def artifact(digest: str = GOOD) -> Story:
    story = Story().stored("10:00", "m1", digest)
    story.rows[-1]["names"] = [digest, "s3:bucket/model.bin?versionId=a1"]
    return story


def test_fires_where_the_bytes_name_other_digests():
    (draft,) = manifest(artifact(), "v1", BAD).judged(rule, NORM)
    assert draft.verdict == "breach"
    assert draft.events == [("artifact", 0), ("manifest", 1)]


def test_silent_where_one_version_lists_it_and_without_the_norm():
    """The innocent twin: it was corrected later."""
    story = manifest(manifest(artifact(), "v1", BAD), "v2", BAD, GOOD)
    assert story.judged(rule, NORM) == []
    assert manifest(artifact(), "v1", BAD).judged(rule) == []


def test_undetermined_where_bytes_are_not_at_hand_or_name_no_digest():
    story = manifest(manifest(artifact(), "v1", BAD), "v2", read=False)
    assert story.judged(rule, NORM)[0].verdict == "undetermined"
    assert manifest(artifact(), "v1", read=False).judged(rule, NORM)[0].verdict == "undetermined"
    assert manifest(artifact(), "v1").judged(rule, NORM)[0].verdict == "undetermined"


def test_a_version_that_was_listed_twice_is_one():
    story = manifest(artifact(), "v1", BAD)
    story.rows.append(story.rows[1] | {"item": story.item()})
    (draft,) = story.judged(rule, NORM)
    assert "1 of 1 known" in draft.statement


def test_a_record_of_a_table_is_a_manifest_too():
    story = Story().deployed("10:00", "m1", artifact=GOOD)
    story.event("build", "manifest", "model:m1@1", "09:00", names=[BAD])
    assert story.judged(rule, NORM)[0].verdict == "breach"
    story.rows[-1]["names"] = [BAD, GOOD]
    assert story.judged(rule, NORM) == []


def test_silent_where_there_is_no_manifest():
    assert artifact().judged(rule, NORM) == []
