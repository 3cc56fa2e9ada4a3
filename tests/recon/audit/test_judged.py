"""Norms by what came of them, and checks that nothing could make fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recon import registry
from recon.audit.judged import Judged, judged, population
from recon.collector import Source
from recon.config import CaseConfig, Norm
from recon.declared import Check
from recon.reconcile import reconcile
from tests.recon.witnesses.told import config
from tests.stories import GOOD, Story

NORM = Norm(rule="manifest-after-artifact")


def sources(**collectors: str) -> CaseConfig:
    told = config(dict.fromkeys(collectors, "platform"))
    made = [
        Source(name, collector, "platform", None, (), Path())
        for name, collector in collectors.items()
    ]
    return replace(told, sources=made)


CASE = sources(bucket="s3", db="postgres", log="deploylog", monitor="records")


def of(story: Story, case: CaseConfig = CASE, *norms: Norm, checks: tuple[Check, ...] = ()):
    told = replace(case, norms=norms, checks=checks)
    timeline = story.timeline(*norms)
    found = reconcile(told, "0" * 64, timeline)
    return {(one.what, one.name): one for one in judged(told, timeline, found)}


def norm(story: Story, *norms: Norm, case: CaseConfig = CASE) -> Judged:
    return of(story, case, *norms)["norm", norms[0].rule or ""]


def stored(story: Story, attribute: str, time: str, model: str = "m") -> Story:
    return story.event(
        "bucket", "claim", f"model:{model}@1", time, attribute=attribute, value="x",
        clock="s3:bucket", basis="stamped", digest=GOOD,
    )  # fmt: skip


def kept() -> Story:
    return stored(stored(Story(), "manifest", "10:00"), "artifact", "10:05")


def test_a_norm_that_was_kept():
    one = norm(kept(), NORM)
    assert (one.status, one.judged, one.findings) == ("kept", 1, ())


def test_a_norm_that_was_broken():
    one = norm(stored(stored(Story(), "artifact", "10:00"), "manifest", "10:05"), NORM)
    assert (one.status, len(one.findings)) == ("broken", 1)


def test_a_norm_of_an_attribute_that_nobody_states_is_vacuous():
    """One letter wrong in the name, and the check is passed for ever."""
    one = norm(kept(), Norm(rule="manifest-after-artifact", manifest="manifset"))
    assert (one.status, one.judged) == ("vacuous", 0)
    assert "`manifset`" in one.because


def test_records_from_before_a_norm_was_declared_are_not_judged_by_it():
    broken = stored(stored(Story(), "artifact", "10:00"), "manifest", "10:05")
    late = Norm(rule="manifest-after-artifact", since="2026-03-09")
    one = norm(broken, late)
    assert (one.status, one.judged) == ("vacuous", 0)
    assert one.since is not None
    early = Norm(rule="manifest-after-artifact", since="2026-03-06")
    assert norm(broken, early).status == "broken"


@pytest.mark.parametrize(
    "one",
    [
        Norm(rule="release-order"),
        Norm(rule="overwritten-artifact"),
        Norm(rule="backdated-record"),
        NORM,
    ],
    ids=lambda one: one.rule,
)
def test_of_nothing_every_norm_could_judge_nothing(one: Norm):
    assert population(one, Story().timeline(one))[0] == 0


def test_what_each_norm_could_judge():
    story = kept().snapshot("11:00", asserted="10:30", m="a" * 64)
    story.event("log", "deploy.finish", "model:m@1", "12:00", clock="log:log")
    story.event(
        "bucket", "claim", "model:m@1", "10:05", attribute="artifact", value="x", digest=GOOD,
        names=["s3:bucket/m.bin?versionId=v1"], basis="stamped", clock="s3:bucket",
    )  # fmt: skip
    counts = {
        rule: population(Norm(rule=rule), story.timeline())[0]
        for rule in ("release-order", "overwritten-artifact", "backdated-record")
    }
    assert counts == {"release-order": 1, "overwritten-artifact": 1, "backdated-record": 1}


def test_a_rule_whose_records_no_source_can_hold_is_vacuous_and_one_that_lacks_them_is_not_run():
    story = Story().event("log", "deploy.finish", "model:m@1", "10:00")
    with_git = of(story, sources(log="deploylog", code="git"))["rule", "unbacked-deploy"]
    assert with_git.status == "not run"
    without = of(story, sources(log="deploylog", table="records"))["rule", "unbacked-deploy"]
    assert without.status == "vacuous"
    assert "git.commit" in without.because


def outcomes(*values: str) -> Story:
    story = Story()
    for value in values:
        story.event("monitor", "claim", "model:m@1", "10:00", attribute="lineage", value=value)
    return story


def check(story: Story, *passes: str) -> Judged:
    one = Check(name="healthy", source="monitor", attribute="lineage", passes=passes or ("ok",))
    return of(story, CASE, checks=(one,))["check", "healthy"]


def test_a_check_that_never_said_anything_else_is_vacuous():
    one = check(outcomes("ok", "ok", "ok"))
    assert (one.status, one.judged) == ("vacuous", 3)


def test_a_check_that_failed_once_can_fail():
    one = check(outcomes("ok", "stale", "ok"))
    assert (one.status, one.because) == ("broken", "failed 1 of 3 times")


def test_a_check_that_every_outcome_passes_is_vacuous():
    assert check(outcomes("ok", "stale"), "ok", "*").status == "vacuous"


def test_a_check_without_a_record_is_vacuous():
    assert check(Story()).status == "vacuous"


@pytest.mark.parametrize("name", registry.collector_names())
def test_every_collector_says_what_kinds_it_can_give(name: str):
    kinds = registry.collector(name).kinds
    assert kinds
    assert kinds != ("*",)
