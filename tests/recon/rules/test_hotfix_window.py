"""hotfix-window: lineage's writer changed between a deploy and the next evaluation."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.hotfix_window import hotfix_window
from tests.stories import BAD, GOOD, Story

NORM = Norm(rule="hotfix-window", table="ml.lineage", service="service:lineage@*")


def window(service: str = "11:00", *, covered: bool = True) -> Story:
    """m1 is deployed at nine and evaluated at two; the service changes at a time."""
    story = Story().stored("08:00", "m1", BAD, "manifest").stored("08:05", "m1", GOOD)
    story.deployed("09:00", "m1")
    story.event(
        "deploys",
        "deploy.finish",
        "service:lineage@2",
        service,
        clock="log:deploys",
        basis="asserted",
    )
    for time in ("07:00", "14:00"):
        story.event(
            "bench",
            "claim",
            "model:m1@1",
            time,
            attribute="evaluated",
            value="ok",
            clock="log:bench",
            basis="asserted",
        )
    return story.logged("2026-03-08 00:00", "2026-03-09 00:00") if covered else story


def test_tells_of_a_service_that_changed_where_rows_changed_as_well():
    (draft,) = window().wrote("12:00", 700, update=1).judged(hotfix_window, NORM)
    assert draft.verdict == "observation"
    roles = [role for role, _ in draft.events]
    assert roles == ["deployed", "service", "evaluated", "changed", "manifest", "artifact"]
    assert "manifest is older than its artifact all the same" in draft.statement


def test_the_clocks_say_whether_rows_changed_in_between():
    """The database is measured to be two hours behind, or by a time that is not known."""
    story = window().wrote("10:00", 700, update=1)
    assert story.judged(hotfix_window, NORM) == []
    story.measured("log:deploys", "pg:lineage-db/commit", -2 * 3600)
    (draft,) = story.judged(hotfix_window, NORM)
    assert draft.verdict == "observation"
    story = window().wrote("12:00", 700, update=1)
    story.measured("log:deploys", "pg:lineage-db/commit", 0, wide=4 * 3600)
    (draft,) = story.judged(hotfix_window, NORM)
    assert draft.verdict == "undetermined"


def test_silent_where_rows_were_only_added():
    """The innocent twin: the next model was registered."""
    story = window().wrote("12:00", 700, insert=1)
    story.capture("20:00", ("m2", GOOD, "12:00", "12:00", 700))
    assert story.judged(hotfix_window, NORM) == []


def test_rows_that_are_older_by_their_own_word_were_written_anew():
    story = window().wrote("12:00", 700, insert=1)
    story.capture("20:00", ("m1", GOOD, "2026-02-14 10:00", "12:00", 700))
    (draft,) = story.judged(hotfix_window, NORM)
    assert "(1)" in draft.statement


def test_silent_where_the_service_did_not_change_in_between():
    for time in ("08:30", "15:00"):
        story = window(time).wrote("12:00", 700, update=1)
        assert story.judged(hotfix_window, NORM) == []


def test_silent_where_rows_changed_before_the_service_or_after_the_evaluation():
    for time in ("10:00", "15:00"):
        assert window().wrote(time, 700, update=1).judged(hotfix_window, NORM) == []


def test_undetermined_where_nothing_covers_the_table():
    (draft,) = window(covered=False).judged(hotfix_window, NORM)
    assert draft.verdict == "undetermined"
    assert "nothing covers ml.lineage" in draft.statement


def test_silent_without_the_norm_and_before_it():
    story = window().wrote("12:00", 700, update=1)
    assert story.judged(hotfix_window) == []
    later = Norm.model_validate(NORM.model_dump() | {"since": "2026-03-09"})
    assert story.judged(hotfix_window, later) == []
