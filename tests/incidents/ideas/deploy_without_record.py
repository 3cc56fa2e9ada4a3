"""A log of deploys, and the table that another system keeps of them."""

from __future__ import annotations

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
