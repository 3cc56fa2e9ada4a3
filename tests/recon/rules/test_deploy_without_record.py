"""deploy-without-record: the norm that every deploy has its row."""

from __future__ import annotations

import pytest

from recon.config import Norm
from recon.rules.deploy_without_record import deploy_without_record
from tests.stories import GOOD, Story

NORM = Norm(rule="deploy-without-record", table="ml.lineage")


def told(*deploys: str, dumped: str = "12:00") -> Story:
    """The table holds m1; deploys of the models given, at nine."""
    story = Story().snapshot(dumped, m1=GOOD)
    for model in deploys:
        story.deployed("09:00", model)
    return story


def test_fires_where_a_whole_copy_from_after_it_has_no_row():
    (draft,) = told("m1", "m2").judged(deploy_without_record, NORM)
    assert (draft.verdict, draft.subject) == ("breach", "model:m2@1")


def test_silent_where_each_has_its_row_and_without_the_norm():
    assert told("m1").judged(deploy_without_record, NORM) == []
    assert told("m2").judged(deploy_without_record) == []
    assert told("m2").judged(deploy_without_record, Norm(rule="deploy-without-record")) == []


def test_undetermined_once_where_no_copy_is_from_after_them():
    """The innocent twin: they were deployed after the dump was made."""
    (draft,) = told("m2", "m3", dumped="08:00").judged(deploy_without_record, NORM)
    assert draft.verdict == "undetermined"
    assert "and 1 more" in draft.statement


def test_undetermined_without_coverage():
    story = told("m2")
    story.covered.clear()
    (draft,) = story.judged(deploy_without_record, NORM)
    assert draft.verdict == "undetermined"


def test_silent_where_a_row_was_there_once():
    """It has been removed since: other rules tell of that."""
    story = told("m2").snapshot("10:00", m1=GOOD, m2=GOOD)
    assert story.judged(deploy_without_record, NORM) == []


@pytest.mark.parametrize(("ahead", "verdict"), [(-5 * 3600, "breach"), (0, "undetermined")])
def test_the_clocks_say_whether_the_copy_is_from_after_it(ahead: int, verdict: str):
    """The log reads an hour later than the dump; it may be five hours ahead."""
    story = told("m2", dumped="08:00")
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = "dumper"
    story.measured("log:deploys", "dumper", ahead)
    (draft,) = story.judged(deploy_without_record, NORM)
    assert draft.verdict == verdict


def test_a_run_names_the_act():
    norm = Norm(rule="deploy-without-record", table="runs", by="run")
    story = Story().deployed("09:00", "m1", run="r1").deployed("10:00", "m1", run="r2")
    story.event("runs", "claim", "run:r1", "09:00", attribute="model", value="m1")
    (draft,) = story.judged(deploy_without_record, norm)
    assert draft.verdict == "undetermined"
    assert "(r2)" in draft.statement
