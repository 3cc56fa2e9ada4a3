"""A name that is deployed twice."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, line

RULE = "artifact-swapped-behind-name"


def incident(stage: Stage) -> Truth:
    """The same version, with other bytes, two hours later."""
    stage.norm(RULE)
    stage.log(line("09:00", digest=GOOD), line("11:00", digest=BAD))
    return {(RULE, "breach", M1)}


def incident_rolled_back(stage: Stage) -> Truth:
    """And the first ones again: the name may as well stand for two files."""
    stage.norm(RULE)
    stage.log(line("09:00", digest=GOOD), line("11:00", digest=BAD), line("12:00", digest=GOOD))
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """Deployed again with the same bytes; a later version has others."""
    stage.norm(RULE)
    stage.log(
        line("09:00", digest=GOOD),
        line("11:00", digest=GOOD),
        line("12:00", digest=BAD) | {"version": "2"},
    )
    return set()
