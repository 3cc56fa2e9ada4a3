"""A new column is filled for every row, and history is loaded that says so in its own column.

Incident: the same UPDATE also changes the digest of a released model. An UPDATE is an ordinary
act: the database alone shows a change, which is observed; the deploy log says the old digest.
Innocent: the back-fill alone.
"""

from __future__ import annotations

from tests.scenarios.lineage import ALTERED, OTHER, RELEASES, begin, release
from tests.scenarios.stage import Stage, digest
from tests.scenarios.truth import Truth

UPDATED = ("altered-on-re-registration", "observation", ALTERED)
_HISTORY = [("churn", "2.9.0", "2025-03-04 10:00+00"), ("churn", "3.0.0", "2025-08-19 10:00+00")]


def incident(stage: Stage) -> Truth:
    stage.deploys((model, version, when) for (model, version), when in RELEASES.items())
    return _story(
        stage,
        f", artifact_sha256 = case when version = '2.3.1' then '{OTHER}' else artifact_sha256 end",
        {("digest-conflict", "conflict", ALTERED), UPDATED},
    )


def incident_that_nobody_else_saw(stage: Stage) -> Truth:
    """Without a witness nothing disagrees: what changed is in the log, and that is observed."""
    return _story(
        stage,
        f", artifact_sha256 = case when version = '2.3.1' then '{OTHER}' else artifact_sha256 end",
        {UPDATED},
    )


def innocent(stage: Stage) -> Truth:
    stage.deploys((model, version, when) for (model, version), when in RELEASES.items())
    return _story(stage, "", set())


def _story(stage: Stage, change: str, findings: set[tuple[str, str, str]]) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        db.at("2026-03-08 19:12").do(
            "alter table ml.lineage add column framework text, add column imported_at timestamptz"
        )
        db.at("2026-03-08 19:13").do(f"update ml.lineage set framework = 'sklearn'{change}")
        values = ", ".join(
            f"('{model}', '{version}', '{digest(model, version)}', '{when}', now())"
            for model, version, when in _HISTORY
        )
        db.at("2026-03-08 19:20").do(
            "insert into ml.lineage"
            f" (model, version, artifact_sha256, registered_at, imported_at) values {values}"
        )
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)
