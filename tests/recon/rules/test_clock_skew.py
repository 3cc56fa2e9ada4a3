"""clock-skew: two clocks are apart; an observation, and every order is judged without it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recon.rules.clock_skew import clock_skew
from recon.rules.impossible_order import impossible_order
from tests.orders import DATABASE, LOG, START, Pipeline, hours


def test_observes_a_log_that_is_hours_ahead_all_along():
    (draft,) = Pipeline().runs(24, lambda _: hours(6)).judged(clock_skew)
    assert draft.verdict == "observation"
    assert draft.subject == f"clock:{LOG}"
    assert draft.statement.startswith(f"The clock {LOG} reads 6 h 00 m")
    assert f"ahead of {DATABASE} all along, as a host set to another zone does" in draft.statement
    (offset,) = draft.steps
    assert (offset.data["agreeing"], offset.data["pairs"]) == (24, 24)
    assert offset.data["low"] < 6 * 3600 < offset.data["high"]


def test_observes_the_stretch_in_which_a_log_was_many_minutes_behind():
    found = Pipeline().runs(24, lambda n: -1500 if n < 9 else 0).judged(clock_skew)
    (draft,) = found
    assert draft.statement.startswith(f"The clock {LOG} reads 25 m")
    assert "behind" in draft.statement
    assert "from 2026-03-01 09:35 UTC to 2026-03-01" in draft.statement
    assert "zone" not in draft.statement


def test_one_record_that_is_days_off_is_no_skew():
    story = Pipeline().runs(12)
    story.finished(12, START - timedelta(days=3)).inserted(12, START + timedelta(hours=24))
    assert story.runs(12, begin=13).judged(clock_skew) == []


def test_observes_by_laws_alone_what_they_bound_on_one_side():
    """Every line of the log reads hours before the commit that it names."""
    (draft,) = Pipeline(declared=False).runs(24, lambda _: hours(-6)).judged(clock_skew)
    assert draft.statement.startswith(f"The clock {LOG} reads at least 5 h 30 m behind git:")
    assert "They rest on laws alone." in draft.alibi


def test_observes_by_laws_alone_a_lag_that_ended():
    (draft,) = Pipeline(declared=False).runs(24, lambda n: -2400 if n < 9 else 0).judged(clock_skew)
    assert draft.statement.startswith(f"The clock {LOG} reads at least 10 m behind git:")
    assert "9 of them in a row" in draft.statement


@pytest.mark.parametrize("off", [0.0, 45.0, -45.0])
def test_silent_below_a_minute(off: float):
    assert Pipeline().runs(24, lambda _: off).judged(clock_skew) == []


def test_silent_where_two_pairs_alone_say_so():
    assert Pipeline().runs(2, lambda _: hours(3)).judged(clock_skew) == []


def test_latency_that_one_side_alone_shows_is_no_skew():
    """Every deploy comes three hours after its commit: that says nothing of the clocks."""
    assert Pipeline(declared=False).runs(24, lambda _: hours(3)).judged(clock_skew) == []


def test_minutes_between_records_that_the_tool_alone_takes_for_one_act_are_no_skew():
    """Each row is written five minutes after its line; only the tool takes them for one act."""
    story = Pipeline(declared=False, digests=True).runs(24, late=300)
    assert story.timeline().measured.proposals
    assert story.judged(clock_skew) == []


def test_weeks_that_laws_alone_show_are_no_clock_that_is_off():
    """A log that is dated three weeks before every commit that it names: another rule tells it."""
    story = Pipeline(declared=False).runs(12, lambda _: hours(-21 * 24))
    assert story.judged(clock_skew) == []
    (draft,) = story.judged(impossible_order)[:1]
    assert draft.verdict == "undetermined"
