"""impossible-order: an order that laws force and readings deny beyond any offset of the clocks."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from recon.config import CaseConfig
from recon.findings import Finding
from recon.prose import argument
from recon.reconcile import reconcile
from recon.rules import Timeline
from recon.rules.backdated_record import backdated_record
from recon.rules.clock_skew import clock_skew
from recon.rules.clock_step import clock_step
from recon.rules.impossible_order import impossible_order
from tests.orders import DATABASE, LOG, START, Pipeline, hours
from tests.stories import PLATFORM, Story, commit
from tests.worlds import feasible, told, world

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

ACCUSING = (impossible_order, backdated_record)
HOUR = timedelta(hours=1)


def silent(story: Pipeline) -> bool:
    """Whether no rule says that records deny each other; clocks may be said to be apart."""
    found = story.all_of(*ACCUSING)
    return not any(found.values())


def dated_late(by: timedelta, *, declared: bool = True) -> Pipeline:
    """A row names a line of the log; the line is dated so much after the row."""
    story = Pipeline(declared=declared, digests=not declared).runs(12)
    when = START + timedelta(hours=24)
    story.finished(50, when + by)
    line = len(story.rows) - 1
    story.inserted(51, when)
    story.law(line, -1, "names the line of the log")
    return story.runs(12, begin=13)


def finding(story: Story) -> Finding:
    config = CaseConfig(
        id="c",
        title="?",
        instant=None,
        subjects=("*",),
        domains={"platform": PLATFORM},
        sources=(),
        norms=(),
    )
    (one,) = reconcile(config, "0" * 64, story.timeline(), [impossible_order]).findings
    return one


# It fires


def test_fires_where_a_row_names_a_line_that_is_dated_hours_after_it():
    (draft,) = dated_late(3 * HOUR).judged(impossible_order)
    assert draft.verdict == "contradiction"
    assert [role for role, _ in draft.events] == ["earlier", "later"]
    # Three hours, less what the two clocks can be apart.
    assert draft.margin_seconds == pytest.approx(3 * 3600, abs=10)
    assert f"{DATABASE} would have had to be 3 h 00 m behind {LOG}" in draft.excuse
    assert "24 of 25 pairs of records" in draft.alibi
    assert "that the case declares" in draft.alibi
    assert "Excluded by them: " in draft.alibi


def test_undetermined_where_no_pair_watched_the_clocks_that_night():
    """Both days' pairs agree; at night a machine can sleep, wake with an old time, and be set."""
    story = Pipeline().runs(12, begin=-5)
    when = START + timedelta(hours=16)
    story.finished(50, when + 3 * HOUR)
    line = len(story.rows) - 1
    story.inserted(51, when)
    story.law(line, -1, "names the line of the log")
    (draft,) = story.runs(8, begin=10).judged(impossible_order)
    assert draft.verdict == "undetermined"
    assert draft.margin_seconds == pytest.approx(3 * 3600, abs=10)


NIGHT = [0, 4, 8, 18, 22, 26]
"""Hours of runs: few a day, so that days are taken together."""


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        (NIGHT, "undetermined"),
        ([*range(-10, 9, 2), *range(18, 40, 2)], "undetermined"),
        (range(0, 28, 4), "contradiction"),
        (range(-10, 40, 2), "contradiction"),
    ],
    ids=["few a day, a night", "many a day, a night", "few a day", "many a day, midnight"],
)
def test_pairs_that_are_hours_apart_watch_the_clocks_however_many_a_day_has(
    runs: Iterable[int], verdict: str
):
    """The line reads 23:30, half an hour before midnight, and an hour after the row that names it.

    Both readings are between two pairs, which are hours or a night apart.
    """
    story, told = Pipeline(), list(runs)
    for hour in (one for one in told if one <= 12):
        story.runs(1, begin=hour // 2)
    when = START + timedelta(hours=12.5)
    story.finished(50, when + HOUR)
    line = len(story.rows) - 1
    story.inserted(51, when)
    story.law(line, -1, "names the line of the log")
    for hour in (one for one in told if one > 12):
        story.runs(1, begin=hour // 2)
    (draft,) = story.judged(impossible_order)
    assert draft.verdict == verdict
    assert draft.margin_seconds == pytest.approx(3600, abs=10)


def test_the_argument_is_a_proof_in_sentences():
    lines = argument(finding(dated_late(3 * HOUR)))
    assert lines[0].startswith("Let A be deploy.finish run:50 in deploys (line 13), and B be row.")
    assert lines[1].startswith("Then A came before B, because of the law receipt: names the line")
    assert lines[2].startswith("But A reads 2026-03-02T13:00:00Z on clock log:deploys")
    assert lines[3].startswith("B reads 2026-03-02T10:00:00Z on clock pg:lineage-db/commit")
    assert lines[4].startswith(f"And {LOG} and {DATABASE} agree within −")
    assert "by 24 of 25 pairs of records" in lines[4]
    assert lines[5] == (
        "So A reads 3 h 00 m later than B, 3 h 00 m more than the clocks can be apart: they cannot "
        "both be true."
    )
    assert lines[6].startswith("To restore consistency, any one of these alone is enough: A's time")


def test_steps_are_data():
    steps = finding(dated_late(3 * HOUR)).steps
    names = ["let", "before", "reads", "reads", "bounded-by", "denies", "restores"]
    assert [one.step for one in steps] == names
    bound = steps[4].data
    assert (bound["one"], bound["other"], bound["agreeing"]) == (LOG, DATABASE, 24)
    assert bound["low"] < 0 < bound["high"]


def test_a_digest_says_more_than_a_place_in_the_log():
    """A line that is 15 days early, and names a commit of that morning."""
    story = Pipeline().runs(12)
    story.committed_at("X", START + timedelta(hours=24))
    story.finished(99, START - timedelta(days=15), "X").runs(12, begin=13)
    (draft,) = story.judged(impossible_order)
    # Nothing measures the committer's clock, so it may have been that far off.
    assert draft.verdict == "undetermined"
    assert [one.step for one in draft.steps][:2] == ["let", "before"]
    assert commit("X") in draft.steps[1].data["because"]
    assert "24 other pairs of records of the two clocks read in the order" in draft.alibi


def test_the_order_in_which_events_and_laws_are_told_changes_nothing():
    story = dated_late(3 * HOUR)
    timeline = story.timeline()
    (one,) = impossible_order.check(timeline)
    for seed in range(3):
        rng = Random(seed)  # noqa: S311  (a shuffle, no secret)

        def shuffled(frame: pl.LazyFrame, rng: Random = rng) -> pl.LazyFrame:
            rows = frame.collect()
            return rows[rng.sample(range(len(rows)), len(rows))].lazy()

        again = Timeline(
            *(shuffled(timeline.events), timeline.coverage, (), {}),
            *(shuffled(timeline.laws), timeline.correspondences),
        )
        assert list(impossible_order.check(again)) == [one]


# It is undetermined


def test_undetermined_where_one_step_of_a_clock_would_explain_it():
    """Nothing after the two records says whether the log's clock went on as it was."""
    story = Pipeline().runs(12)
    when = START + timedelta(hours=24)
    story.finished(50, when + 3 * HOUR).inserted(51, when)
    story.law(-2, -1, "names the line of the log")
    found = story.judged(impossible_order)
    assert [one.verdict for one in found] == ["undetermined"]


def test_undetermined_where_the_tool_alone_takes_records_for_one_act():
    """The same as the contradiction, but nobody declared which records are of one act."""
    story = dated_late(3 * HOUR, declared=False)
    assert story.timeline().measured.proposals
    (draft,) = story.judged(impossible_order)
    assert draft.verdict == "undetermined"
    assert "that this tool assumes" in draft.alibi
    assert draft.margin_seconds == pytest.approx(3 * 3600, abs=60)


def test_undetermined_where_a_child_is_dated_days_before_its_parent():
    story = Pipeline().committed("a", time="2026-03-05 10:00")
    story.committed("b", "a", time="2026-03-01 10:00").committed("c", "b", time="2026-03-06 10:00")
    (draft,) = story.judged(impossible_order)
    assert draft.verdict == "undetermined"
    assert any("rebase" in one.cause for one in draft.innocent)


def test_of_many_commits_that_nothing_decides_one_stands_for_all():
    story = Pipeline()
    for number in range(20):
        story.committed(f"a{number}", time=f"2026-03-05 10:{number:02}")
        story.committed(f"b{number}", f"a{number}", time=f"2026-03-01 10:{59 - number}")
    (draft,) = story.judged(impossible_order)
    assert "likewise 19 more of its records" in draft.statement


# It is silent


def test_silent_on_a_host_that_is_whole_hours_off_all_along():
    assert silent(Pipeline().runs(24, lambda _: hours(6)))
    assert silent(Pipeline().runs(24, lambda _: hours(-6)))
    # Also where no record of one act measures it.
    assert silent(Pipeline(declared=False).runs(24, lambda _: hours(-6)))


def test_a_lie_is_seen_on_a_host_that_is_whole_hours_off():
    """Six hours ahead all along; one line is dated two hours before the row that it names."""
    story = Pipeline().runs(12, lambda _: hours(6))
    when = START + timedelta(hours=24)
    story.inserted(50, when).finished(51, when + 4 * HOUR).law(-2, -1, "names the row")
    story.runs(12, lambda _: hours(6), begin=13)
    (draft,) = story.judged(backdated_record)
    assert draft.verdict == "contradiction"
    assert draft.margin_seconds == pytest.approx(2 * 3600, abs=10)
    assert "no more than 4 h 00 m ahead of" in draft.excuse


def test_silent_on_an_hour_of_daylight_saving():
    assert silent(Pipeline().runs(24, lambda n: hours(1) if n < 12 else 0))
    assert silent(Pipeline().runs(24, lambda n: 0 if n < 12 else hours(1)))


def test_silent_on_many_minutes_of_lag_until_one_morning():
    for lag in (-900, -2400, 2400):
        assert silent(Pipeline().runs(24, lambda n, lag=lag: lag if n < 9 else 0)), lag
    assert silent(Pipeline(declared=False).runs(24, lambda n: -2400 if n < 9 else 0))


def test_silent_on_whole_seconds_about_one_instant():
    story = Pipeline()
    story.committed("a", time="2026-03-05 10:00:00").committed("b", "a", time="2026-03-05 10:00:00")
    for number in range(12):
        when = START + timedelta(hours=2 * number)
        story.committed_at(f"c{number}", when).finished(number, when, f"c{number}")
        story.inserted(number, when)
    assert silent(story)


def test_silent_on_a_clock_that_jitters_by_seconds():
    rng = Random(1)  # noqa: S311  (a story, no secret)
    assert silent(Pipeline().runs(40, lambda _: rng.uniform(-20, 20)))


def test_silent_on_rows_and_lines_that_a_queue_delivers_hours_late():
    late_row = Pipeline().runs(12).runs(1, begin=12, late=3 * 3600).runs(12, begin=14)
    assert silent(late_row)
    late_line = Pipeline().runs(12)
    late_line.finished(77, START + timedelta(hours=18)).runs(12, begin=13)
    assert silent(late_line)


def test_silent_on_a_run_that_is_tried_again():
    story = Pipeline().runs(12)
    for again in range(3):
        story.finished(5, START + timedelta(hours=23, minutes=again), "c5")
    assert silent(story.runs(12, begin=13))


def test_silent_on_imported_history_and_on_author_dates_years_before():
    story = Pipeline().runs(12)
    for number in range(10):
        parents = [f"old{number - 1}"] if number else []
        story.committed(f"old{number}", *parents, time=f"2019-0{number % 9 + 1}-01 10:00")
        story.rows[-1]["earliest"] = story.rows[-1]["latest"] = START - timedelta(
            days=2000 - number
        )
        story.event(
            *("code", "git.author", f"git:code/commit/{commit(f'old{number}')}"),
            "2011-01-01 10:00",
            clock="git:author:a@b",
            basis="asserted",
        )
    story.inserted(60, START + timedelta(hours=23)).law(-2, -1, "holds the commit")
    assert silent(story)


def test_silent_where_the_tolerance_of_the_case_covers_it():
    timeline = dated_late(3 * HOUR).timeline()
    wide = Timeline(
        *(timeline.events, timeline.coverage, (), {"log:*": 4 * 3600.0}),
        *(timeline.laws, timeline.correspondences),
    )
    assert list(impossible_order.check(wide)) == []


def test_silent_below_a_minute():
    assert silent(dated_late(timedelta(seconds=40)))
    assert not silent(dated_late(timedelta(seconds=90)))


def test_a_beginning_that_one_record_holds_beside_its_end_is_no_time_of_writing():
    """One line gives ``started`` and ``finished``; the digest in it is of what was built."""
    story = dated_late(3 * HOUR)
    (later,) = (row for row in story.rows if row["subject"] == "run:51")
    ends = {name: later[name] + 4 * HOUR for name in ("earliest", "latest")}
    story.rows.append(later | ends | {"part": 1, "stream": None, "position": None})
    assert silent(story)


# Over made-up worlds


@pytest.mark.parametrize("begin", [0, 20])
def test_no_contradiction_in_a_world_without_falsehood(begin: int):
    for seed in range(begin, begin + 20):
        timeline = told(world(seed, steps=seed % 2 == 1))
        for rule in ACCUSING:
            assert all(one.verdict != "contradiction" for one in rule.check(timeline)), seed


def test_a_contradiction_holds_a_falsehood_and_the_oracle_agrees():
    found = 0
    for seed in range(40):
        made = world(seed, drift=False, lies=1)
        drafts = [one for rule in ACCUSING for one in rule.check(told(made))]
        certain = [one for one in drafts if one.verdict == "contradiction"]
        found += len(certain)
        for one in certain:
            assert not feasible(made), seed
            assert {row for _, row in one.events} & set(made.false), seed
    assert found > 5


def test_clocks_are_observed_and_never_accused():
    for seed in range(20):
        timeline = told(world(seed, steps=True))
        for rule in (clock_step, clock_skew):
            assert {one.verdict for one in rule.check(timeline)} <= {"observation"}, seed
