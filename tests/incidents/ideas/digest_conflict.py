"""A job's log and a table of releases tell of one model."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, line, when

COLUMNS = {"time": "At", "subject": "model:{Model}@1", "attributes": {"artifact": "SHA-256"}}


def told(stage: Stage, digest: str) -> None:
    stage.log(line("09:00", digest=GOOD))
    rows = {"Model": "m1", "SHA-256": digest, "At": when("09:01")}
    stage.table(rows, name="releases", columns=COLUMNS, domain="audit")


def incident(stage: Stage) -> Truth:
    """They give different digests."""
    told(stage, BAD)
    return {("digest-conflict", "conflict", M1)}


def innocent(stage: Stage) -> Truth:
    """They give the same one, in other letters."""
    told(stage, GOOD.upper())
    return set()
