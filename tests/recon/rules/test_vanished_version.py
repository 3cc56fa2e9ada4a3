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
