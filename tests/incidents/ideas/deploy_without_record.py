"""A log of deploys, and the table that another system keeps of them."""

from __future__ import annotations

from tests.incidents import march_8
from tests.incidents.stage import GOOD, M1, Stage, Truth, line

RULE = "deploy-without-record"
COLUMNS = {"time": "Finished", "subject": "run:{Run}", "attributes": {"model": "Model"}}


def table(stage: Stage, *runs: str) -> None:
    rows = [{"Run": one, "Model": "m1", "Finished": "2026-03-08T09:00:00Z"} for one in runs]
    stage.table(*rows, name="releases", columns=COLUMNS)


def incident(stage: Stage) -> Truth:
    """The second run is in no row. A CSV file does not say that it is whole."""
    stage.norm(RULE, table="releases", by="run")
    stage.log(line("09:00", digest=GOOD, run="r1"), line("10:00", digest=GOOD, run="r2"))
    table(stage, "r1")
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """Each run has its row."""
    stage.norm(RULE, table="releases", by="run")
    stage.log(line("09:00", digest=GOOD, run="r1"), line("10:00", digest=GOOD, run="r2"))
    table(stage, "r1", "r2")
    return set()


def incident_march_8(stage: Stage) -> Truth:
    """A run that no job did is put into the log; dumps and a capture from after it lack its row."""
    due = march_8.packaged(stage)
    lines = march_8.log(stage)
    place = next(n for n, one in enumerate(lines) if one["ts"] > "2026-02-20")
    made_up = lines[place - 1] | {"run": "run-0000000000", "ts": "2026-02-20T10:00:00.000Z"}
    march_8.write(stage, [*lines[:place], made_up, *lines[place:]])
    stage.norm(RULE, table="ml.deployments", by="run")
    return due | {(RULE, "breach", "model:{model}@{version}".format(**made_up))}


def innocent_march_8(stage: Stage) -> Truth:
    """The log as it is."""
    due = march_8.packaged(stage)
    stage.norm(RULE, table="ml.deployments", by="run")
    return due
