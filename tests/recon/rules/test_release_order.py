"""release-order: the norm that a release is uploaded, then registered, then deployed."""

from __future__ import annotations

import pytest

from recon.config import Norm
from recon.findings import Verdict
from recon.rules import Draft
from recon.rules.release_order import release_order
from tests.stories import GOOD, Story

NORM = Norm(rule="release-order")
Row = tuple[str, str, str | None, str | None, int]


def registered(asserted: str | None, written: str | None, model: str = "m1") -> Row:
    return (model, GOOD, asserted, written, 700)


def judged(story: Story, **more: object) -> list[Draft]:
    return story.judged(release_order, NORM.model_copy(update=more))


def one_clock(story: Story) -> Story:
    """As if one machine had read all times."""
    for row in story.rows:
        if row.get("clock") is not None and not row["clock"].endswith("registered_at"):
            row["clock"] = "s3:models" if row["clock"].startswith("s3:") else "log:deploys"
    return story


def told(drafts: list[Draft]) -> list[tuple[Verdict, tuple[str, ...], float | None]]:
    return [
        (draft.verdict, tuple(role for role, _ in draft.events), draft.margin_seconds)
        for draft in drafts
    ]


def test_silent_on_a_release_in_order():
    story = Story().stored("10:00", "m1", GOOD)
    story.capture("12:00", registered("10:05", "10:05")).deployed("10:30", "m1", artifact=GOOD)
    assert judged(story) == []


def test_fires_where_a_model_was_deployed_an_hour_before_it_was_registered():
    story = Story().stored("10:00", "m1", GOOD).deployed("10:30", "m1", artifact=GOOD)
    story.capture("12:00", registered(None, "11:30"))
    assert told(judged(one_clock(story))) == [("breach", ("registered", "deployed"), 3600)]


def test_a_registration_that_its_writer_dates_before_the_deploy_may_be_as_old_as_that():
    """A table that was written anew: the rows are of 11:30, the registrations are not."""
    story = Story().deployed("10:30", "m1", artifact=GOOD)
    story.capture("12:00", registered("10:00", "11:30"))
    assert judged(one_clock(story)) == []


def test_silent_where_a_snapshot_from_before_the_deploy_shows_the_registration():
    story = Story().snapshot("10:00", m1=GOOD).deployed("10:30", "m1", artifact=GOOD)
    story.capture("12:00", registered(None, "11:30"))
    assert judged(one_clock(story)) == []


def test_a_dump_that_shows_it_after_the_deploy_does_not_say_that_it_was_not_there_before():
    story = Story().deployed("10:30", "m1", artifact=GOOD).snapshot("12:00", m1=GOOD)
    assert judged(one_clock(story)) == []


def test_fires_where_a_snapshot_shows_the_registration_before_the_upload():
    story = Story().snapshot("10:00", m1=GOOD).stored("11:00", "m1", GOOD)
    story.rows[0]["clock"] = "s3:models"
    assert told(judged(story)) == [("breach", ("uploaded", "registered"), 3600)]


@pytest.mark.parametrize(
    ("time", "kind", "digest", "verdict"),
    [
        ("09:00", "trail.PutObject", None, "undetermined"),
        ("09:00", "object.put", None, "undetermined"),
        ("09:00", "object.put", "sha256:" + "b" * 64, "breach"),
        ("10:40", "trail.PutObject", None, "breach"),
        ("09:00", "trail.DeleteObject", None, "breach"),
    ],
)
def test_undetermined_where_something_not_known_was_uploaded_to_the_key_in_time(
    time: str, kind: str, digest: str | None, verdict: Verdict
):
    """The object may have been copied over itself since, as a change of its encryption does."""
    story = Story().snapshot("10:00", m1=GOOD).stored("11:00", "m1", GOOD)
    story.rows[0]["clock"] = "s3:models"
    key = "s3:bucket/model.bin"
    story.rows[-1]["names"] = [f"{key}?versionId=v2"]
    story.event("any", kind, key, time, names=[f"{key}?versionId=v1"], digest=digest)
    assert [draft.verdict for draft in judged(story)] == [verdict]


def test_silent_where_an_earlier_version_was_uploaded_in_time():
    story = Story().stored("09:00", "m1", GOOD).snapshot("10:00", m1=GOOD)
    story.stored("11:00", "m1", GOOD)
    story.rows[1]["clock"] = "s3:models"
    assert judged(story) == []


def test_silent_on_a_job_that_registers_what_it_deploys():
    """A start or a failure is no deployment, unless the case says that it counts as one."""
    story = Story().deployed("10:30", "m1", artifact=GOOD)
    story.rows[0]["kind"] = "deploy.start"
    story.deployed("10:40", "m1", artifact=GOOD).capture("12:00", registered(None, "10:35"))
    one_clock(story)
    assert judged(story) == []
    every = Norm.model_validate({"rule": "release-order", "deployed": "deploy.*"})
    assert len(story.judged(release_order, every)) == 1


def test_silent_on_another_model_and_another_digest():
    story = (
        Story()
        .deployed("10:30", "m1", artifact=GOOD)
        .deployed("10:30", "m3", artifact="sha256:" + "b" * 64)
    )
    story.capture("12:00", registered(None, "11:30", "m2"), registered(None, "11:30", "m3"))
    assert judged(one_clock(story)) == []


@pytest.mark.parametrize("tolerance", [3598, 3600])
def test_a_breach_within_the_tolerance_is_none(tolerance: float):
    story = (
        Story().deployed("10:30", "m1", artifact=GOOD).capture("12:00", registered(None, "11:30"))
    )
    assert len(judged(one_clock(story), tolerance=tolerance)) == (tolerance < 3599)


def test_silent_on_two_records_within_a_second():
    story = Story().deployed("10:30:00", "m1", artifact=GOOD)
    story.capture("12:00", registered(None, "10:30:01"))
    assert judged(one_clock(story)) == []


def test_records_from_before_the_norm_was_declared_are_not_judged():
    story = (
        Story().deployed("10:30", "m1", artifact=GOOD).capture("12:00", registered(None, "11:30"))
    )
    for since, count in (("2026-03-08T10:00:00Z", 1), ("2026-03-08T11:00:00Z", 0)):
        norm = Norm(rule="release-order", since=since)
        assert len(one_clock(story).judged(release_order, norm)) == count


def test_undetermined_between_two_clocks_that_nothing_measures():
    story = (
        Story().deployed("10:30", "m1", artifact=GOOD).capture("12:00", registered(None, "11:30"))
    )
    assert told(judged(story)) == [("undetermined", ("registered", "deployed"), 3600)]


def releases(off: str) -> Story:
    """Ten acts that a log and a table tell of, seconds apart; then one that is ``off``."""
    story = Story().measured("pg:lineage-db/commit", "log:deploys", 0, wide=12)
    rows = [registered(None, f"{hour:02}:00", f"r{hour}") for hour in range(1, 11)]
    for hour in range(1, 11):
        story.deployed(f"{hour:02}:00:{hour:02}", f"r{hour}", artifact=GOOD)
    story.deployed("05:30", "m1", artifact=GOOD)
    story.capture("12:00", *rows, registered(None, off))
    for row in story.rows:
        if row["source"] == "lineage-db" and row["kind"] != "snapshot":
            row["names"] = ["pg:lineage-db/ml/ml.deployments"]
    return story


def test_fires_between_two_clocks_that_other_records_measure():
    ((verdict, roles, margin),) = told(judged(releases("06:30")))
    assert (verdict, roles) == ("breach", ("registered", "deployed"))
    assert margin is not None
    assert 3500 < margin < 3600


def test_silent_where_the_measured_clocks_explain_it():
    assert judged(releases("05:30:05")) == []
