"""A deploy log that is acquired twice."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, Stage, Truth, line

FIRST, SECOND = line("09:00", digest=GOOD), line("10:00", "m2", digest=GOOD)
LOG = "log:deploys"


def incident(stage: Stage) -> Truth:
    """The digest of its second line is another one later."""
    stage.log(FIRST, SECOND)
    stage.collect()
    stage.log(FIRST, SECOND | {"sha256": BAD}, line("11:00", "m3"))
    return {("log-rewritten", "conflict", LOG)}


def incident_cut(stage: Stage) -> Truth:
    """Its last line is gone later."""
    stage.log(FIRST, SECOND)
    stage.collect()
    stage.log(FIRST)
    return {("log-rewritten", "missing", LOG)}


def incident_begun_anew(stage: Stage) -> Truth:
    """Nothing of it is left: it may have been rotated, to where nobody looked."""
    stage.log(FIRST, SECOND)
    stage.collect()
    stage.log(line("11:00", "m3"))
    return {("log-rewritten", "undetermined", LOG)}


def innocent(stage: Stage) -> Truth:
    """It was appended to."""
    stage.log(FIRST)
    stage.collect()
    stage.log(FIRST, SECOND)
    return set()
