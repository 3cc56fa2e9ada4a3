"""log-gap: a log goes on after a stretch that is not there."""

from __future__ import annotations

from recon.rules.log_gap import log_gap
from tests.stories import Story


def gap(story: Story, time: str, value: str, item: str = "a") -> Story:
    return story.event(
        "deploys", "log.gap", "log:deploys", time, attribute="n", value=value, item=item
    )


def test_fires_once_on_numbers_that_are_not_there():
    """One finding a log, and a stretch that two acquisitions show is one."""
    story = gap(gap(Story(), "09:00", "3 to 4"), "10:00", "7 to 7")
    (draft,) = gap(story, "09:00", "3 to 4", item="b").judged(log_gap)
    assert draft.verdict == "missing"
    assert "3 to 4, 7 to 7" in draft.statement
    assert draft.events == [("after", 0)]


def test_undetermined_is_silent_where_nothing_says_that_a_log_counts():
    assert Story().deployed("09:00", "m1").deployed("11:00", "m2").judged(log_gap) == []


def logged(*stretches: tuple[str, str]) -> Story:
    """Commits at the ends of each stretch of a write-ahead log."""
    story = Story()
    for number, (since, until) in enumerate(stretches):
        story.commit(since, 700 + number).commit(until, 800 + number)
        story.cover("lineage-db", "wal.*", "pg:lineage-db/*", since, until)
        story.covered[-1]["stream"] = "pg:1/1"
    return story


def test_fires_on_segments_that_are_not_there():
    (draft,) = logged(("09:00", "10:00"), ("14:00", "15:00")).judged(log_gap)
    assert draft.verdict == "missing"
    assert draft.events == [("before", 1), ("after", 2)]


def test_silent_on_a_log_without_a_gap_and_on_two_timelines():
    """The innocent twins: stretches that meet, and a log that went on elsewhere."""
    assert logged(("09:00", "10:00"), ("10:00", "15:00")).judged(log_gap) == []
    story = logged(("09:00", "10:00"), ("14:00", "15:00"))
    story.covered[-1]["stream"] = "pg:1/2"
    assert story.judged(log_gap) == []


def test_silent_where_the_log_begins_anew():
    """The innocent twin: pg_upgrade resets the log, and passes over the bytes in between."""
    story = Story().commit("09:00", 700)
    story.cover("lineage-db", "wal.*", "pg:lineage-db/*", "08:00", "09:00")
    story.checkpoint("14:00", 800, first=True).commit("15:00", 801)
    story.cover("lineage-db", "wal.*", "pg:lineage-db/*", "14:00", "15:00")
    for covered in story.covered:
        covered["stream"] = "pg:1/1"
    assert story.judged(log_gap) == []
    story.rows[1]["value"] = story.rows[1]["value"].replace("prev=0/0", "prev=0/60")
    assert len(story.judged(log_gap)) == 1


def hours(*, stopped: bool) -> Story:
    story = Story().event(
        "trail", "trail.gap", "trail:b/digest", "12:00", value="no digest spans the time"
    )
    if stopped:
        story.event("trail", "trail.StopLogging", "aws:1/cloudtrail", "09:59", actor="dba")
    return story


def test_hours_that_no_digest_spans_are_missing_unless_logging_was_stopped():
    (draft,) = hours(stopped=False).judged(log_gap)
    assert draft.verdict == "missing"
    (draft,) = hours(stopped=True).judged(log_gap)
    assert draft.verdict == "observation"
    assert "dba" in draft.statement
    assert draft.events == [("gap", 0), ("stopped", 1)]


def test_a_stop_that_was_followed_by_a_start_before_the_gap_does_not_explain_it():
    story = hours(stopped=True)
    story.event("trail", "trail.digest", "trail:b/before", "11:00")
    assert story.judged(log_gap)[0].verdict == "observation"
    story.event("trail", "trail.StartLogging", "aws:1/cloudtrail", "10:30", actor="dba")
    (draft,) = story.judged(log_gap)
    assert draft.verdict == "missing"
