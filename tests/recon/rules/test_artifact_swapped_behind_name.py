"""artifact-swapped-behind-name: the norm that a name stands for one content."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.artifact_swapped_behind_name import artifact_swapped_behind_name as swapped
from tests.stories import BAD, GOOD, Story

NORM = Norm(rule="artifact-swapped-behind-name")
OTHER = "sha256:" + "c" * 64


def test_fires_once_on_a_name_that_is_deployed_with_other_bytes():
    story = Story().deployed("09:00", "m1", artifact=GOOD).deployed("11:00", "m1", artifact=BAD)
    (draft,) = story.deployed("12:00", "m1", artifact=OTHER).judged(swapped, NORM)
    assert draft.verdict == "breach"
    assert draft.events == [("first", 1), ("other", 3)]
    assert "1 more digest" in draft.statement


def test_silent_on_the_same_bytes_and_without_the_norm():
    """The innocent twin: deployed again; digits in capitals are the same digits."""
    story = Story().deployed("09:00", "m1", artifact=GOOD)
    story.deployed("11:00", "m1", artifact=GOOD.upper().replace("SHA256", "sha256"))
    assert story.judged(swapped, NORM) == []
    assert story.deployed("12:00", "m1", artifact=BAD).judged(swapped) == []


def test_silent_on_a_release_of_several_files():
    """Both digests are given at one time, again and again."""
    story = Story()
    for time in ("09:00", "11:00"):
        story.deployed(time, "m1", artifact=GOOD).deployed(time, "m1", artifact=BAD)
    assert story.judged(swapped, NORM) == []


def test_undetermined_where_the_first_one_comes_back():
    story = Story().deployed("09:00", "m1", artifact=GOOD).deployed("11:00", "m1", artifact=BAD)
    (draft,) = story.deployed("12:00", "m1", artifact=GOOD).judged(swapped, NORM)
    assert draft.verdict == "undetermined"


def versions(second: str) -> Story:
    """Two versions that a bucket claims of one name, the second one under another key or not."""
    story = Story().stored("09:00", "m1", GOOD).stored("11:00", "m1", BAD)
    for row, key in zip(story.rows, ("a", second), strict=True):
        row["names"] = [f"s3:bucket/{key}?versionId=v{key}"]
    return story


def test_versions_of_one_key_are_told_once():
    norms = (NORM, Norm(rule="overwritten-artifact"))
    assert len(versions("a").judged(swapped, NORM)) == 1
    assert versions("a").judged(swapped, *norms) == []
    assert len(versions("b").judged(swapped, *norms)) == 1


def test_records_from_before_the_norm_are_not_judged():
    norm = Norm(rule="artifact-swapped-behind-name", since="2026-03-09")
    story = Story().deployed("09:00", "m1", artifact=GOOD).deployed("11:00", "m1", artifact=BAD)
    assert story.judged(swapped, norm) == []


def test_two_snapshots_of_one_row_are_no_two_records_of_the_name():
    story = Story().snapshot("09:00", "08:00", m1=GOOD).snapshot("12:00", "08:00", m1=BAD)
    assert story.judged(swapped, NORM) == []
    story = Story().snapshot("09:00", "08:00", m1=GOOD).snapshot("14:00", "13:00", m1=BAD)
    (draft,) = story.judged(swapped, NORM)
    assert draft.verdict == "breach"
