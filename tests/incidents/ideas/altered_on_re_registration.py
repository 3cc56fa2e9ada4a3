"""A table that is exported twice. Databases, whose log says how a row came to be, are scenarios."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, when

COLUMNS = {"time": "At", "subject": "model:{Model}@1", "attributes": {"artifact": "SHA-256"}}


def exported(stage: Stage, digest: str, time: str = "09:00") -> None:
    row = {"Model": "m1", "SHA-256": digest, "At": when(time)}
    stage.table(row, name="releases", columns=COLUMNS)


def incident(stage: Stage) -> Truth:
    """Its row gives another digest later, under the time of before. No log says how it came."""
    exported(stage, GOOD)
    stage.collect()
    exported(stage, BAD)
    return {("altered-on-re-registration", "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """It is registered anew, with the time of that."""
    exported(stage, GOOD)
    stage.collect()
    exported(stage, BAD, "11:00")
    return set()
