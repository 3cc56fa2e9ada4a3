"""The service that writes the lineage is released between a model's deploy and its evaluation.

Incident: a row of the lineage is updated after that and before the evaluation; or the evaluation
is of other bytes than were deployed.
Innocent: the row is updated before the service changes, and only a new one is written after it.
"""

from __future__ import annotations

from tests.scenarios.claims import LINEAGE, Claim
from tests.scenarios.cluster import MADE
from tests.scenarios.lineage import ALTERED, OTHER, begin, register
from tests.scenarios.stage import Stage, digest
from tests.scenarios.truth import Found, Truth

_EVALUATIONS = Claim(
    "ml.evaluations",
    "model:{model}@{version}",
    "evaluated_at",
    {"evaluated": "artifact_sha256"},
)
_SERVICE = "lineage-writer"
_UPDATE = "update ml.lineage set registered_by = 'hotfix' where version = '2.3.1'"


def incident(stage: Stage) -> Truth:
    return _story(stage, "2026-03-02 10:00", {Found("hotfix-window", "observation", ALTERED)})


def incident_other_bytes(stage: Stage) -> Truth:
    found = {Found("evaluated-other-bytes", "breach", ALTERED)}
    return _story(stage, "2026-02-20 10:00", found, evaluated=OTHER)


def innocent(stage: Stage) -> Truth:
    return _story(stage, "2026-02-20 10:00", set())


def _story(
    stage: Stage,
    updated: str,
    findings: set[Found],
    evaluated: str = digest("credit-risk", "2.3.1"),
) -> Truth:
    stage.claims = (LINEAGE, _EVALUATIONS)
    stage.norm("hotfix-window", table="ml.lineage", service=f"model:{_SERVICE}@*")
    stage.norm("evaluated-other-bytes")
    stage.deploys(
        [("credit-risk", "2.3.1", "2026-02-14 12:00"), (_SERVICE, "2", "2026-03-01 10:00")]
    )
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        db.do(
            "create table ml.evaluations (model text, version text, artifact_sha256 text,"
            " evaluated_at timestamptz default now())",
            evaluations=MADE,
        )
        register(db, "credit-risk", "2.3.1", "2026-02-14 11:01:30")

        db.at(updated).do(_UPDATE)
        register(db, "pricing", "1.2.0", "2026-03-03 11:01:32")
        db.at("2026-03-05 10:00").do(
            "insert into ml.evaluations (model, version, artifact_sha256)"
            f" values ('credit-risk', '2.3.1', '{evaluated}')"
        )
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)
