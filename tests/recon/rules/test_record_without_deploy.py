"""record-without-deploy: the norm that what a table records is in the log."""

from __future__ import annotations

from recon.config import Norm
from recon.rules.record_without_deploy import record_without_deploy
from tests.stories import GOOD, Story

NORM = Norm(rule="record-without-deploy", table="ml.lineage")


def told(time: str = "12:00") -> Story:
    """Deploys of m1 at nine and at six; the table holds m1, and m2 of a time."""
    story = Story().deployed("09:00", "m1").deployed("18:00", "m1")
    return story.snapshot("23:00", time, m1=GOOD, m2=GOOD)


def test_fires_on_a_row_of_a_time_that_the_log_has():
    (draft,) = told().judged(record_without_deploy, NORM)
    assert (draft.verdict, draft.subject) == ("breach", "model:m2@1")


def test_silent_where_it_is_logged_and_without_the_norm():
    assert told().deployed("12:00", "m2").judged(record_without_deploy, NORM) == []
    assert told().judged(record_without_deploy) == []


def test_undetermined_where_the_log_does_not_reach():
    """The innocent twin: the deploy is in a part of the log that is not at hand."""
    for time in ("08:00", "19:00"):
        (draft,) = told(time).judged(record_without_deploy, NORM)
        assert draft.verdict == "undetermined"


def test_undetermined_where_the_log_was_rewritten_or_lacks_something():
    for kind in ("log.rewritten", "log.gap"):
        story = told().event("deploys", kind, "log:deploys", "18:00")
        (draft,) = story.judged(record_without_deploy, NORM)
        assert draft.verdict == "undetermined"


def test_undetermined_where_the_clocks_leave_it_open():
    """The row's clock may be a day off."""
    story = told().measured("log:deploys", "pg:lineage-db/ml.lineage.registered_at", 0, wide=2e5)
    (draft,) = story.judged(record_without_deploy, NORM)
    assert draft.verdict == "undetermined"


def test_silent_without_a_log_of_deploys():
    story = Story().snapshot("23:00", "12:00", m2=GOOD)
    assert story.judged(record_without_deploy, NORM) == []
