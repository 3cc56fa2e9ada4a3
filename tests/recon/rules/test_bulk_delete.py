"""bulk-delete: markers over many keys within a short time."""

from __future__ import annotations

from recon.rules.bulk_delete import bulk_delete
from tests.stories import Story

DBA = "arn:aws:iam::1:user/dba"


def markers(story: Story, count: int, *, apart: int = 1, start: int = 20 * 3600) -> Story:
    for number in range(count):
        second = start + number * apart
        time = f"{second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}"
        key = f"s3:bucket/models/{number:02}/model.bin"
        names = [f"{key}?versionId=m{number}"]
        story.event("models", "object.delete", key, time, value=f"m{number}", names=names)
    return story


def locked(story: Story, number: int) -> Story:
    key = f"s3:bucket/models/{number:02}/model.bin"
    names = [f"{key}?versionId=v{number}"]
    story.event("models", "object.put", key, "10:00", value=f"v{number}", names=names)
    value = "COMPLIANCE until 2033-01-01T00:00:00Z"
    return story.event(
        "models", "object.retention", key, "21:00", attribute="retention", value=value, names=names
    )


def test_fires_over_a_partly_locked_prefix():
    story = locked(locked(markers(Story(), 12), 3), 4)
    (draft,) = story.judged(bulk_delete)
    assert draft.verdict == "observation"
    assert "12 delete markers over keys of s3:bucket/models/*" in draft.statement
    assert "under 2 of them locked versions are there still" in draft.statement
    assert draft.subject == "s3:bucket/models/*"


def test_names_who_put_them():
    story = markers(Story(), 12)
    for number in range(12):
        key = f"s3:bucket/models/{number:02}/model.bin"
        story.event("trail", "trail.DeleteObject", key, "20:00:03", actor=DBA)
    (draft,) = story.judged(bulk_delete)
    assert f"put by {DBA}" in draft.statement
    assert draft.innocent[0].ruled_out is True


def test_who_put_one_of_them_is_not_said_to_have_put_all():
    story = markers(Story(), 12)
    key = "s3:bucket/models/03/model.bin"
    story.event("trail", "trail.DeleteObject", key, "20:00:03", actor=DBA)
    (draft,) = story.judged(bulk_delete)
    assert f"1 of them on record as put by {DBA}" in draft.statement
    assert draft.innocent[0].ruled_out is None


def test_who_removed_another_version_put_no_marker():
    story = markers(Story(), 12)
    key = "s3:bucket/models/03/model.bin"
    names = [f"{key}?versionId=v1"]
    story.event("trail", "trail.DeleteObject", key, "20:00:03", actor=DBA, value="v1", names=names)
    (draft,) = story.judged(bulk_delete)
    assert DBA not in draft.statement


def test_silent_on_one_key_that_is_deleted_again_and_again():
    story = markers(Story(), 12)
    for row in story.rows:
        row["subject"] = "s3:bucket/lock"
    assert story.judged(bulk_delete) == []


def test_what_a_lifecycle_rule_was_due_to_mark_is_said():
    story = markers(Story(), 12)
    for number in range(12):
        key = f"s3:bucket/models/{number:02}/model.bin"
        story.event("models", "object.expires-under-marker", key, "2026-03-08 00:00")
    (draft,) = story.judged(bulk_delete)
    assert "12 of them by the bucket's own lifecycle" in draft.statement
    assert draft.innocent[0].ruled_out is False


def test_silent_on_few_and_on_many_over_a_long_time():
    assert markers(Story(), 9).judged(bulk_delete) == []
    assert markers(Story(), 12, apart=120).judged(bulk_delete) == []


def test_silent_on_markers_listed_again_by_a_later_listing():
    story = markers(markers(Story(), 6), 6)
    assert story.judged(bulk_delete) == []
