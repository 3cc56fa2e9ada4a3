"""vanished-version: an earlier listing shows it, and a later, complete one does not."""

from __future__ import annotations

from recon.rules.vanished_version import vanished_version
from tests.stories import Story

FEBRUARY, APRIL = "2026-02-20 09:00", "2026-04-02 09:00"
OLD = ("model.bin", "v1", "2026-02-14 10:00")
NEW = ("model.bin", "v2", "2026-02-16 10:00")


def lifecycle(story: Story) -> Story:
    return story.event(
        "models", "bucket.configuration", "s3:bucket", attribute="lifecycle", value="<Rule/>"
    )


def test_fires_on_a_current_version_that_is_gone():
    story = Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, OLD)
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "missing"
    assert "v2" in draft.statement


def test_fires_on_a_noncurrent_version_of_a_bucket_without_rules():
    story = Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, NEW)
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "missing"


def test_undetermined_where_a_lifecycle_rule_may_have_expired_it():
    story = lifecycle(Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, NEW))
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "undetermined"


def test_a_lifecycle_rule_does_not_excuse_a_current_version():
    story = lifecycle(Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, OLD))
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "missing"


def test_silent_where_a_version_was_only_covered_by_a_newer_one():
    story = Story().listing(FEBRUARY, OLD).listing(APRIL, OLD, NEW)
    assert story.judged(vanished_version) == []


def test_silent_where_the_later_listing_is_of_another_prefix():
    story = Story().listing(FEBRUARY, OLD)
    item = story.item()
    story.event("models", "snapshot", "s3:bucket", APRIL, item=item, citation="")
    story.cover("models", "object.*", "s3:bucket/cards/*", APRIL, APRIL, item)
    assert story.judged(vanished_version) == []


def clocked(first: str, second: str) -> Story:
    """Two listings, each by the clock of whoever made it."""
    story = Story().listing(first, OLD, NEW).listing(second, NEW)
    clocks = iter(("export", "examiner"))
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = next(clocks)
    return story


def test_silent_where_the_listing_that_lacks_it_is_measured_to_be_the_earlier():
    """The innocent twin: the version was stored in between."""
    story = clocked("10:00", "12:00")
    (draft,) = story.judged(vanished_version)
    assert "Nothing in the case bounds examiner against export" in draft.alibi
    assert story.measured("export", "examiner", 5 * 3600).judged(vanished_version) == []


def test_fires_where_an_offset_hid_which_listing_is_the_later():
    story = clocked("12:00", "10:00")
    assert story.judged(vanished_version) == []
    (draft,) = story.measured("export", "examiner", -5 * 3600).judged(vanished_version)
    assert draft.verdict == "missing"


def test_undetermined_where_the_offset_is_too_wide_to_tell():
    story = clocked("10:00", "12:00").measured("export", "examiner", 0, wide=6 * 3600)
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "undetermined"
