"""overwritten-null: another PUT took the place of the claimed version `null`."""

from __future__ import annotations

from recon.rules.overwritten_null import overwritten_null
from tests.stories import BAD, GOOD, Story

KEY = "s3:bucket/model.bin"
NAMES = [f"{KEY}?versionId=null"]


def put(story: Story, time: str, digest: str | None) -> Story:
    return story.event("models", "object.put", KEY, time, value="null", digest=digest, names=NAMES)


def claimed() -> Story:
    return Story().event("models", "claim", "model:m@1", "10:00", attribute="artifact", names=NAMES)


def test_fires_on_other_bytes():
    (draft,) = put(put(claimed(), "10:00", GOOD), "20:00", BAD).judged(overwritten_null)
    assert draft.verdict == "missing"


def test_silent_on_the_same_bytes_and_on_one_record_listed_twice():
    assert put(put(claimed(), "10:00", GOOD), "20:00", GOOD).judged(overwritten_null) == []
    assert put(put(claimed(), "10:00", GOOD), "10:00", None).judged(overwritten_null) == []
    assert put(put(claimed(), "10:00", GOOD), "20:00", GOOD.upper()).judged(overwritten_null) == []


def test_undetermined_where_a_digest_is_not_known_or_is_of_another_kind():
    for other in (None, "md5:" + "a" * 32):
        (draft,) = put(put(claimed(), "10:00", GOOD), "20:00", other).judged(overwritten_null)
        assert draft.verdict == "undetermined"


def test_silent_on_an_object_that_nobody_claims():
    assert put(put(Story(), "10:00", GOOD), "20:00", BAD).judged(overwritten_null) == []
