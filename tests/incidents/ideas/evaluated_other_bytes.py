"""A deploy, and the evaluations of another system."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, line, when

RULE = "evaluated-other-bytes"


def told(stage: Stage, *digests: str) -> None:
    stage.norm(RULE)
    stage.log(line("12:00", digest=GOOD))
    stage.log(
        *(line("09:00", event="evaluation", digest=one) for one in digests),
        name="evaluations",
        domain="audit",
        attributes={"evaluated": "sha256"},
    )


def incident(stage: Stage) -> Truth:
    """Other bytes were evaluated. A log does not say that it has all evaluations."""
    told(stage, BAD)
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """A candidate was evaluated, trained again, evaluated again, and that one deployed."""
    told(stage, BAD, GOOD)
    return set()


def innocent_without_digests(stage: Stage) -> Truth:
    """No evaluation says what it evaluated: nothing is known, and nothing is said."""
    stage.norm(RULE)
    stage.log(line("12:00", digest=GOOD))
    stage.table(
        {"Model": "m1", "Auc": "0.91", "At": when("09:00")},
        name="evaluations",
        columns={"time": "At", "subject": "model:{Model}@1", "attributes": {"auc": "Auc"}},
    )
    return set()
