"""clock-step: a clock was set; an observation, and each order has the offset of its own time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recon.rules.clock_step import clock_step
from recon.time.declared import Correspondence
from tests.orders import DATABASE, LOG, START, Pipeline, hours


def test_observes_a_clock_that_was_set_forward_by_minutes_one_morning():
    (draft,) = Pipeline().runs(24, lambda n: -1500 if n < 12 else 0).judged(clock_step)
    assert draft.verdict == "observation"
    assert draft.statement.startswith(f"The offset of {LOG} against {DATABASE} changed by 25 m")
    assert f"ahead if it was {LOG} that was set" in draft.statement
    # The bracket: the last pair before it and the first after it.
    assert "between 2 March 2026, 07:35:00 UTC and 2 March 2026, 10:00:00 UTC" in draft.statement
    assert len(draft.events) == 4
    before, after, stepped = draft.steps
    assert (before.data["agreeing"], after.data["agreeing"]) == (12, 12)
    assert stepped.data["low"] < 1500 < stepped.data["high"]


def test_observes_the_hour_of_daylight_saving():
    (draft,) = Pipeline().runs(24, lambda n: 3600 if n < 12 else 0).judged(clock_step)
    assert "changed by 1 h 00 m" in draft.statement
    assert f"back if it was {LOG}" in draft.statement
    (dst,) = (one for one in draft.innocent if "daylight" in one.cause)
    assert dst.ruled_out is False


def test_names_the_clock_that_two_others_saw_step():
    """The log's clock against the database's and against an access log's: one was set."""
    story = Pipeline().runs(24, lambda n: -1500 if n < 12 else 0)
    for number in range(24):
        when = START + timedelta(hours=2 * number, seconds=2)
        story.event(
            *("access", "request", f"run:{number}", f"{when:%Y-%m-%d %H:%M:%S}"),
            clock="log:access",
            basis="asserted",
        )
    story.paired.append(
        Correspondence.model_validate(
            {
                "first": {"source": "deploys", "kind": "deploy.finish"},
                "second": {"source": "access", "kind": "request"},
                "within": [0, 5],
                "by": "run",
            }
        )
    )
    (draft,) = story.judged(clock_step)
    assert draft.statement.startswith(f"The clock {LOG} was set ahead by 25 m")
    assert draft.steps[-1].data["clock"] == LOG
    assert draft.steps[-1].data["others"] == 1


def test_observes_a_line_that_stands_after_a_later_one():
    """A queue delivered it late, or the clock was set: the log alone does not say."""
    story = Pipeline().runs(12)
    story.finished(77, START + timedelta(hours=18)).runs(12, begin=13)
    (draft,) = story.judged(clock_step)
    assert draft.verdict == "observation"
    assert "the clock was set back, or the record was written late" in draft.statement
    assert draft.margin_seconds == 4 * 3600


@pytest.mark.parametrize("off", [0.0, hours(6), hours(-9)])
def test_silent_on_a_clock_that_is_off_all_along(off: float):
    assert Pipeline().runs(24, lambda _: off).judged(clock_step) == []


def test_silent_on_one_record_that_is_off():
    story = Pipeline().runs(12)
    story.finished(12, START - timedelta(days=3)).inserted(12, START + timedelta(hours=24))
    story.runs(12, begin=13)
    assert not [one for one in story.judged(clock_step) if "changed by" in one.statement]


def test_silent_on_a_drift_of_seconds_a_day():
    story = Pipeline().runs(60, lambda n: n * 0.5)
    assert story.judged(clock_step) == []


def test_silent_on_rows_that_are_written_late():
    story = Pipeline().runs(12).runs(2, begin=12, late=3600).runs(12, begin=14)
    assert story.judged(clock_step) == []
