"""A table of releases, and the log of the job that deploys them."""

from __future__ import annotations

from tests.incidents.stage import GOOD, Stage, Truth, line, when

RULE = "record-without-deploy"
COLUMNS = {"time": "Finished", "subject": "run:{Run}", "attributes": {"model": "Model"}}


def told(stage: Stage, *runs: tuple[str, str]) -> None:
    """A log of the runs r1 and r9, and a table of those given."""
    stage.norm(RULE, table="releases", by="run")
    stage.log(line("09:00", digest=GOOD, run="r1"), line("18:00", digest=GOOD, run="r9"))
    rows = [{"Run": run, "Model": "m1", "Finished": when(time)} for run, time in runs]
    stage.table(*rows, name="releases", columns=COLUMNS, domain="storage")


def incident(stage: Stage) -> Truth:
    """A release at noon, of which the log knows nothing, though it goes on until evening."""
    told(stage, ("r1", "09:00"), ("r2", "12:00"), ("r9", "18:00"))
    return {(RULE, "breach", "run:r2")}


def incident_after_the_log(stage: Stage) -> Truth:
    """A release of the night, after the last line that was handed over."""
    told(stage, ("r1", "09:00"), ("r9", "18:00"), ("r10", "23:00"))
    return {(RULE, "undetermined", "run:r10")}


def innocent(stage: Stage) -> Truth:
    """Each release is in the log."""
    told(stage, ("r1", "09:00"), ("r9", "18:00"))
    return set()
