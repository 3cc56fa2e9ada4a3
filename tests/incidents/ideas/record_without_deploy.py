"""A table of releases, and the log of the job that deploys them."""

from __future__ import annotations

from tests.corpus.march_8.story import RELEASES
from tests.incidents import march_8
from tests.incidents.stage import GOOD, Stage, Truth, line, when

RULE = "record-without-deploy"
RESPELT = next(one for one in RELEASES if one.tag == "churn-v3.2.0")
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


def incident_march_8(stage: Stage) -> Truth:
    """The lines of one run are taken out of the log; the table of deployments has its row."""
    due = march_8.packaged(stage)
    march_8.write(stage, [one for one in march_8.log(stage) if one["run"] != RESPELT.run])
    stage.norm(RULE, table="ml.deployments", by="run")
    return due | {(RULE, "breach", f"run:{RESPELT.run}")}


def incident_never_deployed_march_8(stage: Stage) -> Truth:
    """A norm that promises that what is registered is deployed: three releases were not."""
    due = march_8.packaged(stage)
    stage.norm(RULE, table="ml.lineage")
    return due | {(RULE, "breach", one.subject) for one in RELEASES if not one.deployed}


def innocent_march_8(stage: Stage) -> Truth:
    """The log as it is."""
    due = march_8.packaged(stage)
    stage.norm(RULE, table="ml.deployments", by="run")
    return due
