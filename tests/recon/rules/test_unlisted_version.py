"""unlisted-version: CloudTrail saw it being put, and no listing shows it."""

from __future__ import annotations

import pytest

from recon.rules.unlisted_version import unlisted_version
from tests.stories import Story

APRIL = "2026-04-02 09:00"
NEW = ("model.bin", "v2", "2026-02-16 10:00")


def put(version: str = "v1", time: str = "2026-02-14 10:00") -> Story:
    return Story().event(
        "trail",
        "trail.PutObject",
        "s3:bucket/model.bin",
        time,
        value=version,
        actor="arn:aws:iam::1:user/ci",
        names=["request:1", f"s3:bucket/model.bin?versionId={version}"],
    )


def test_fires_on_a_first_version_that_no_listing_shows():
    (draft,) = put().listing(APRIL, NEW).judged(unlisted_version)
    assert draft.verdict == "missing"
    assert "first version known" in draft.statement


def read(kind: str, source: str = "models", time: str = "2026-02-20 10:00") -> Story:
    """A read of version v1 by its id, that was answered, and a listing of v2 alone."""
    story = Story().listing(APRIL, NEW)
    names = ["request:1", "s3:bucket/model.bin?versionId=v1"]
    who = "arn:aws:iam::1:user/ml"
    return story.event(
        source, kind, "s3:bucket/model.bin", time, value="v1", actor=who, names=names
    )


@pytest.mark.parametrize(
    ("kind", "source"), [("log.REST.GET.OBJECT", "models"), ("trail.GetObject", "trail")]
)
def test_fires_on_a_version_that_was_read_by_its_id(kind: str, source: str):
    (draft,) = read(kind, source).judged(unlisted_version)
    assert draft.verdict == "missing"
    assert draft.statement.startswith(
        f"{source} records a read of a version of s3:bucket/model.bin"
    )
    assert "v1" in draft.statement


def test_the_last_of_many_reads_is_cited_once_and_an_upload_before_any():
    story = read("log.REST.GET.OBJECT")
    names = ["request:2", "s3:bucket/model.bin?versionId=v1"]
    last = ("models", "log.REST.HEAD.OBJECT", "s3:bucket/model.bin", "2026-03-01 10:00")
    story.event(*last, value="v1", names=names)
    (draft,) = story.judged(unlisted_version)
    assert "1 March 2026" in draft.statement
    first = ("trail", "trail.PutObject", "s3:bucket/model.bin", "2026-02-14 10:00")
    story.event(*first, value="v1", names=names)
    (draft,) = story.judged(unlisted_version)
    assert "CloudTrail records the upload of the first version known" in draft.statement


def test_silent_on_a_read_that_failed_or_names_no_version_or_is_from_after_the_listing():
    assert read("log.failed").judged(unlisted_version) == []
    assert read("log.REST.GET.OBJECT", time="2026-04-03 10:00").judged(unlisted_version) == []
    story = Story().listing(APRIL, NEW)
    story.event("models", "log.REST.GET.OBJECT", "s3:bucket/model.bin", "2026-02-20 10:00")
    assert story.judged(unlisted_version) == []


def test_silent_on_a_read_of_a_version_that_is_listed():
    old = ("model.bin", "v1", "2026-02-14 10:00")
    story = read("log.REST.GET.OBJECT").listing("2026-04-03 09:00", NEW, old)
    assert story.judged(unlisted_version) == []


def test_names_who_deleted_it():
    story = put().listing(APRIL, NEW)
    story.event(
        "trail",
        "trail.DeleteObject",
        "s3:bucket/model.bin",
        "2026-03-08 10:00",
        value="v1",
        actor="arn:aws:iam::1:user/dba",
        names=["s3:bucket/model.bin?versionId=v1"],
    )
    (draft,) = story.judged(unlisted_version)
    assert "user/dba" in draft.statement


def test_silent_where_a_listing_shows_it():
    old = ("model.bin", "v1", "2026-02-14 10:00")
    assert put().listing("2026-02-20 09:00", old).listing(APRIL, NEW).judged(unlisted_version) == []


def test_silent_where_it_was_put_after_the_listing():
    assert put(time="2026-04-03 10:00").listing(APRIL, NEW).judged(unlisted_version) == []


def test_undetermined_where_a_lifecycle_rule_may_have_expired_it():
    story = put().listing(APRIL, NEW)
    story.event("models", "bucket.configuration", "s3:bucket", attribute="lifecycle", value="<R/>")
    (draft,) = story.judged(unlisted_version)
    assert draft.verdict == "undetermined"


def test_s3s_own_record_of_an_expiry_is_an_observation():
    story = put().listing(APRIL, NEW)
    story.event(
        "models",
        "log.S3.EXPIRE.OBJECT",
        "s3:bucket/model.bin",
        "2026-03-19 04:00",
        names=["s3:bucket/model.bin?versionId=v1"],
    )
    (draft,) = story.judged(unlisted_version)
    assert draft.verdict == "observation"


def test_a_delete_or_an_expiry_from_after_the_listing_is_not_its_end():
    for kind, actor in (
        ("trail.DeleteObject", "arn:aws:iam::1:user/dba"),
        ("log.S3.EXPIRE.OBJECT", None),
    ):
        story = put().listing(APRIL, NEW)
        story.event(
            "trail",
            kind,
            "s3:bucket/model.bin",
            "2026-04-03 10:00",
            value="v1",
            actor=actor,
            names=["s3:bucket/model.bin?versionId=v1"],
        )
        (draft,) = story.judged(unlisted_version)
        assert draft.verdict == "missing"
        assert [role for role, _ in draft.events] == ["put", "absent"]
