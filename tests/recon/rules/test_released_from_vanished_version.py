"""released-from-vanished-version: only a version that is gone had what was deployed."""

from __future__ import annotations

from recon.rules.released_from_vanished_version import released_from_vanished_version as rule
from tests.stories import BAD, GOOD, Story

FEBRUARY, APRIL = "2026-02-20 09:00", "2026-04-02 09:00"
OLD, NEW = (("model.bin", f"v{n}", f"2026-02-1{n} 10:00") for n in (4, 6))
NAMES = {one[1]: f"s3:bucket/model.bin?versionId={one[1]}" for one in (OLD, NEW)}


def told(*later: tuple[str, str, str], digest: str = GOOD, other: str | None = BAD) -> Story:
    """v4 has GOOD and v6 other bytes; GOOD was deployed; a later listing shows some of them."""
    story = Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, *later)
    for version, bytes_ in (("v4", GOOD), ("v6", other)):
        if bytes_:
            story.stored(f"2026-02-1{version[1]} 10:00", "m1", bytes_)
            story.rows[-1]["names"] = [bytes_, NAMES[version]]
    return story.deployed("2026-02-15 12:00", "m1", artifact=digest)


def test_fires_where_only_a_version_that_is_gone_had_it():
    (draft,) = told(NEW).judged(rule)
    assert (draft.verdict, draft.subject) == ("missing", "model:m1@1")
    assert [role for role, _ in draft.events] == ["deployed", "listed", "absent"]


def test_silent_where_it_is_still_there_or_was_never_deployed():
    assert told(OLD, NEW).judged(rule) == []
    assert told(NEW, digest=BAD).judged(rule) == []


def test_silent_where_another_version_has_the_same_bytes():
    """The innocent twin: uploaded again, and the first one cleaned up."""
    assert told(NEW, other=GOOD).judged(rule) == []


def test_undetermined_where_the_bytes_of_another_version_of_the_key_are_not_known():
    (draft,) = told(NEW, other=None).judged(rule)
    assert draft.verdict == "undetermined"


def test_undetermined_where_a_lifecycle_rule_may_have_expired_it():
    story = told(NEW)
    story.event("models", "bucket.configuration", "s3:bucket", attribute="lifecycle", value="<R/>")
    (draft,) = story.judged(rule)
    assert draft.verdict == "undetermined"


def test_an_expiry_that_s3_records_is_an_observation():
    story = told(NEW)
    story.event("models", "log.S3.EXPIRE.OBJECT", "s3:bucket/model.bin", APRIL, names=[NAMES["v4"]])
    (draft,) = story.judged(rule)
    assert draft.verdict == "observation"
    assert "S3 expired it" in draft.statement


def test_who_deleted_it_is_named():
    story = told(NEW)
    story.event(
        "trail",
        "trail.DeleteObject",
        "s3:bucket/model.bin",
        "2026-03-08 10:00",
        value="v4",
        actor="user/dba",
        names=[NAMES["v4"]],
    )
    (draft,) = story.judged(rule)
    assert draft.verdict == "missing"
    assert "user/dba" in draft.statement
