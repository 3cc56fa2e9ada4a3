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


def due(story: Story, day: str, *, tags: bool = False) -> Story:
    """The rule removes v1 on a day, by the configuration as it was read."""
    return lifecycle(story).event(
        "models",
        "object.expires",
        "s3:bucket/model.bin",
        f"{day} 00:00",
        attribute="rule by tags" if tags else "rule",
        value="rule 'old': 30 days after its successor was created",
        names=["s3:bucket/model.bin?versionId=v1"],
    )


def deleted(story: Story, time: str, actor: str = "arn:aws:iam::1:user/dba") -> Story:
    return story.event(
        "trail",
        "trail.DeleteObject",
        "s3:bucket/model.bin",
        time,
        value="v1",
        actor=actor,
        names=["request:1", "s3:bucket/model.bin?versionId=v1"],
    )


def gone() -> Story:
    return Story().listing(FEBRUARY, OLD, NEW).listing(APRIL, NEW)


def test_what_a_rule_was_due_to_remove_is_said_and_is_no_finding():
    (draft,) = due(gone(), "2026-03-19").judged(vanished_version)
    assert draft.verdict == "observation"
    assert "rule 'old'" in draft.statement


def test_fires_where_the_rule_was_not_due_yet():
    (draft,) = due(gone(), "2026-04-19").judged(vanished_version)
    assert draft.verdict == "missing"


def test_undetermined_where_the_rule_asks_for_tags():
    (draft,) = due(gone(), "2026-03-19", tags=True).judged(vanished_version)
    assert draft.verdict == "undetermined"


def test_a_principals_delete_is_told_apart_from_expiry():
    (draft,) = deleted(due(gone(), "2026-03-19"), "2026-03-01 10:00").judged(vanished_version)
    assert draft.verdict == "missing"
    assert "user/dba" in draft.statement
    assert [role for role, _ in draft.events] == ["listed", "absent", "deleted"]


def test_s3s_own_record_of_an_expiry_is_an_observation():
    story = lifecycle(gone()).event(
        "models",
        "log.S3.EXPIRE.OBJECT",
        "s3:bucket/model.bin",
        "2026-03-19 04:00",
        value="v1",
        actor="AmazonS3",
        names=["s3:bucket/model.bin?versionId=v1"],
    )
    (draft,) = story.judged(vanished_version)
    assert draft.verdict == "observation"


def test_a_version_under_a_delete_marker_was_not_current():
    """It was noncurrent, so that a rule may have expired it."""
    story = Story().listing(FEBRUARY, OLD)
    story.event(
        "models",
        "object.delete",
        "s3:bucket/model.bin",
        "2026-02-16 10:00",
        item=story.rows[-1]["item"],
        value="m1",
        names=["s3:bucket/model.bin?versionId=m1"],
    )
    (draft,) = lifecycle(story.listing(APRIL)).judged(vanished_version)
    assert draft.verdict == "undetermined"


def followed() -> Story:
    """v1 was current when it was listed; v2 came after that."""
    return Story().listing("2026-02-15 09:00", OLD).listing(APRIL, NEW)


def test_undetermined_where_it_became_noncurrent_after_it_was_listed():
    """From then on a rule may have expired it."""
    (draft,) = lifecycle(followed()).judged(vanished_version)
    assert draft.verdict == "undetermined"
    assert draft.innocent[0].ruled_out is not True


def test_what_a_rule_was_due_to_remove_after_it_was_listed_is_no_finding():
    (draft,) = due(followed(), "2026-03-19").judged(vanished_version)
    assert draft.verdict == "observation"


def test_a_rule_that_marks_a_current_version_and_one_that_removes_it_then_are_no_finding():
    (draft,) = due(Story().listing(FEBRUARY, OLD).listing(APRIL), "2026-03-19").judged(
        vanished_version
    )
    assert draft.verdict == "observation"


def test_fires_where_it_was_followed_and_the_bucket_has_no_rules():
    (draft,) = followed().judged(vanished_version)
    assert draft.verdict == "missing"
    assert draft.innocent[0].ruled_out is None


def expired(story: Story, time: str) -> Story:
    return lifecycle(story).event(
        "models",
        "log.S3.EXPIRE.OBJECT",
        "s3:bucket/model.bin",
        time,
        value="v1",
        names=["s3:bucket/model.bin?versionId=v1"],
    )


def test_a_delete_or_an_expiry_from_after_the_listing_is_not_its_end():
    """What the listing lacked had ended before: another copy of it was deleted, or the log errs."""
    (draft,) = deleted(due(gone(), "2026-03-19"), "2026-04-03 10:00").judged(vanished_version)
    assert draft.verdict == "observation"
    assert "user/dba" not in draft.statement
    (draft,) = expired(gone(), "2026-04-03 10:00").judged(vanished_version)
    assert draft.verdict == "undetermined"
    assert draft.innocent[0].ruled_out is None
    assert [role for role, _ in draft.events] == ["listed", "absent"]


def test_a_delete_that_may_be_from_before_the_listing_counts():
    story = deleted(gone(), "2026-04-02 09:00")
    (draft,) = story.judged(vanished_version)
    assert "user/dba" in draft.statement
    # An hour after it, by a clock that may be two hours ahead.
    story = deleted(gone(), "2026-04-02 10:00")
    for row in story.rows:
        clock = {"snapshot": "examiner", "trail.DeleteObject": "trail"}.get(row["kind"])
        row["clock"] = clock or row.get("clock")
    assert "user/dba" not in story.judged(vanished_version)[0].statement
    story.measured("examiner", "trail", 3600, wide=7200)
    assert "user/dba" in story.judged(vanished_version)[0].statement


def test_an_expiry_is_not_excluded_where_no_rule_is_known_to_be_due():
    (draft,) = lifecycle(gone()).judged(vanished_version)
    assert draft.verdict == "undetermined"
    assert draft.innocent[0].ruled_out is None


FIRST, SECOND = ("m.bin", "v1", "2026-02-14 10:00"), ("m.bin", "v2", "2026-02-16 10:00")


def test_two_sources_that_list_one_bucket_are_held_against_each_other():
    story = Story().listing("2026-03-01 09:00", FIRST, SECOND)
    story.listing("2026-04-02 09:00", SECOND, source="export")
    (draft,) = story.judged(vanished_version)
    assert draft.statement.startswith("models listed version v1 of s3:bucket/m.bin")
    assert "and export does not in that of 2 April 2026" in draft.statement


def test_what_its_own_source_lacks_too_is_told_once():
    story = Story().listing("2026-03-01 09:00", FIRST, SECOND)
    story.listing("2026-03-20 09:00", SECOND)
    story.listing("2026-04-02 09:00", SECOND, source="export")
    (draft,) = story.judged(vanished_version)
    assert "and does not in that of 20 March 2026" in draft.statement


def test_silent_where_the_other_source_lists_earlier_or_another_bucket_of_that_name():
    earlier = Story().listing("2026-02-15 09:00", FIRST)
    earlier.listing("2026-04-02 09:00", FIRST, SECOND, source="export")
    assert earlier.judged(vanished_version) == []
    other = Story().listing("2026-03-01 09:00", FIRST, SECOND)
    other.listing("2026-04-02 09:00", ("m.bin", "w1", "2026-02-14 10:00"), source="export")
    assert other.judged(vanished_version) == []


def test_silent_where_the_first_source_lists_it_again_after_the_other_did_not():
    story = Story().listing("2026-03-01 09:00", FIRST, SECOND)
    story.listing("2026-03-20 09:00", SECOND, source="export")
    story.listing("2026-04-02 09:00", FIRST, SECOND)
    assert story.judged(vanished_version) == []
