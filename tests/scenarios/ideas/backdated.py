"""A row whose time is earlier than its commit, and whose table nobody touched.

Incident: it is inserted with a date of three weeks before.
Innocent: a transaction was open for forty minutes; ``now()`` is the time of its BEGIN.
"""

from __future__ import annotations

from tests.scenarios.lineage import begin, release
from tests.scenarios.stage import Stage, digest
from tests.scenarios.truth import Found, Gap, Truth

_NEW = "model:credit-risk@2.4.0"


def incident(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        db.at("2026-03-08 19:12").do(
            "insert into ml.lineage (model, version, artifact_sha256, registered_at) values"
            f" ('credit-risk', '2.4.0', '{digest('credit-risk', '2.4.0')}', '2026-02-15 11:00+00')"
        )
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    gap = Gap(
        Found("backdated-record", "conflict", _NEW),
        "2026-11-25",
        "a row's own time beside its commit is a norm, which backdated-record judges where the "
        "case declares it: an import of history looks the same",
    )
    return stage.truth(set(), gaps=[gap])


def innocent(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        with db.at("2026-03-08 19:12").begun() as long:
            long.run(
                "insert into ml.lineage (model, version, artifact_sha256) values"
                f" ('credit-risk', '2.4.0', '{digest('credit-risk', '2.4.0')}')"
            )
            db.at("2026-03-08 19:52")
        db.note(long, {})
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(set())
