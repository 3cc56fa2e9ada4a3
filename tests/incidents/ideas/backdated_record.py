"""A review in the deploy log names the SHA-256 of the forge's pushes, as they were exported for it.

The forge stamps its pushes, each within seconds of the commit; the log is written by hand and job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

from tests.incidents.runs import APART, COUNT, LOG, START, Off, deployed, never
from tests.incidents.stage import Stage, Truth, line

IS_LONG = True
RULE = "backdated-record"
REVIEW = "git:code/commit/review"
_HALF = 6
"""Pushes of the export; the review's line stands after the line of the last one of them."""
_LAST = START + (_HALF - 1) * APART + timedelta(seconds=5)


def reviewed(
    stage: Stage, after: timedelta, off: Off = never, *, kind: str = "review.end", export: int = 0
) -> None:
    """The review is dated so long after the last push of an export (0: the one that it names)."""

    def line_of(commits: list[str]) -> Mapping[int, Mapping[str, str]]:
        pushes = [_push(number, commits) for number in range(COUNT)]
        texts = ["".join(pushes[:_HALF]), "".join(pushes[_HALF:])]
        for number, text in enumerate(texts):
            (stage.folder / f"pushes-{number}.jsonl").write_text(text)
        digest = hashlib.sha256(texts[export].encode()).hexdigest()
        when = f"{_LAST + after:%Y-%m-%d %H:%M:%S}"
        return {_HALF - 1: line(when, "review", kind, digest=digest, commit="review")}

    deployed(stage, off, beside=line_of)
    stage.source(
        "forge",
        "deploylog",
        "audit",
        paths=["pushes-0.jsonl", "pushes-1.jsonl"],
        format="github",
        fields={"subject": "git:code/commit/{after}", "attributes": {"commit": "after"}},
    )
    pushed = {"source": "forge", "kind": "github.push"}
    stage.pair(pushed, {"source": "deploys", "kind": "deploy.finish"}, 60)


def _push(number: int, commits: list[str]) -> str:
    before = commits[number - 1] if number else "0" * 40
    when = f"{START + number * APART + timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"
    push = {"before": before, "after": commits[number], "ref": "refs/heads/main"}
    return json.dumps({**push, "timestamp": when, "activity_type": "push"}) + "\n"


def incident(stage: Stage) -> Truth:
    """It is dated an hour before the last push that stands in the export that it names."""
    reviewed(stage, timedelta(hours=-1))
    return {(RULE, "contradiction", REVIEW)}


def incident_on_a_host_in_another_zone(stage: Stage) -> Truth:
    """The log is six hours ahead all along, and the review's line only five."""
    reviewed(stage, timedelta(hours=5), lambda _: timedelta(hours=6))
    return {(RULE, "contradiction", REVIEW), ("clock-skew", "observation", LOG)}


def innocent(stage: Stage) -> Truth:
    """It is dated ten minutes after the last push that stands in the export."""
    reviewed(stage, timedelta(minutes=10))
    return set()


def innocent_zone(stage: Stage) -> Truth:
    """The log is six hours behind all along, and so is the line of the review."""
    reviewed(stage, timedelta(minutes=10, hours=-6), lambda _: timedelta(hours=-6))
    return {("clock-skew", "observation", LOG)}


def innocent_of_that_minute(stage: Stage) -> Truth:
    """It is dated half a minute before the push: a clock may be off by as much."""
    reviewed(stage, timedelta(seconds=-30))
    return set()


def innocent_began(stage: Stage) -> Truth:
    """It is dated by when the review began, an hour before the export: who knows."""
    reviewed(stage, timedelta(hours=-1), kind="review.start")
    return {(RULE, "undetermined", REVIEW)}
