"""The packaged case, which promises that a release is registered before it is deployed."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.incidents import march_8
from tests.incidents.stage import Stage, Truth

RULE = "release-order"
MODEL, VERSION = "fraud-score", "5.4.0"


def deployed_again(stage: Stage, after: timedelta) -> Truth:
    """One more deploy of a release, so long after the one on record."""
    due = march_8.packaged(stage)
    stage.norm(RULE)
    lines = march_8.log(stage)
    (own,) = (
        one
        for one in lines
        if (one["model"], one["version"], one["event"]) == (MODEL, VERSION, "deploy.finish")
    )
    when = datetime.fromisoformat(own["ts"]) + after
    more = {key: own[key] for key in ("event", "user", "model", "version", "sha256")}
    more["ts"] = f"{when:%Y-%m-%dT%H:%M:%SZ}"
    march_8.write(stage, sorted([*lines, more], key=lambda one: one["ts"]))
    return due


def incident_march_8(stage: Stage) -> Truth:
    """It was in use two days before it was registered, by clocks that nothing measures."""
    due = deployed_again(stage, timedelta(days=-2))
    return due | {(RULE, "undetermined", f"model:{MODEL}@{VERSION}")}


def innocent_march_8(stage: Stage) -> Truth:
    """It was deployed again the day after; rows that were loaded again on 8 March are old ones."""
    return deployed_again(stage, timedelta(days=1))
