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


def measured(stage: Stage) -> None:
    """The case knows that a release is deployed within four hours of its registration."""
    row = {"source": "lineage-db", "table": "ml.lineage", "clock": "*.registered_at"}
    stage.pair(row, {"source": "deploys", "kind": "deploy.finish"}, 4 * 3600)


def incident_march_8(stage: Stage) -> Truth:
    """It was in use two days before it was registered, by clocks that nothing measures."""
    due = deployed_again(stage, timedelta(days=-2))
    return due | {(RULE, "undetermined", f"model:{MODEL}@{VERSION}")}


def innocent_march_8(stage: Stage) -> Truth:
    """It was deployed again the day after; rows that were loaded again on 8 March are old ones."""
    return deployed_again(stage, timedelta(days=1))


def incident_by_measured_clocks_march_8(stage: Stage) -> Truth:
    """The same, and the other releases hold the log's clock to that of the registrations."""
    due = deployed_again(stage, timedelta(days=-2))
    measured(stage)
    return due | {(RULE, "breach", f"model:{MODEL}@{VERSION}")}


def innocent_by_measured_clocks_march_8(stage: Stage) -> Truth:
    """The log's clock is four hours behind, and every deploy reads before its registration."""
    due = march_8.packaged(stage)
    stage.norm(RULE)
    measured(stage)
    lines = march_8.log(stage)
    for one in lines:
        when = datetime.fromisoformat(one["ts"]) - timedelta(hours=4)
        one["ts"] = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    march_8.write(stage, lines)
    clocks = ("log:deploys", "pg:lineage-db/ml.lineage.registered_at")
    return due | {("clock-skew", "observation", f"clock:{one}") for one in clocks}
