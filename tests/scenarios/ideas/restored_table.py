"""The table of evaluation results is lost and restored from a dump.

Incident: the dump is three weeks younger than the release, and its figure is not the one that a
dump of the day after the release holds.
Innocent: the dump is older than the release of the model, and agrees with that earlier dump.
"""

from __future__ import annotations

from tests.scenarios.claims import EVALUATIONS, LINEAGE
from tests.scenarios.cluster import EMPTIED, MADE
from tests.scenarios.lineage import RELEASES, begin, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15)

_RELEASE = "model:credit-risk@2.3.1"
_TABLE = """
create table ml.evaluations (
    model text not null, version text not null, auc numeric(4, 3) not null,
    evaluated_at timestamptz not null default now(), primary key (model, version))
"""


def incident(stage: Stage) -> Truth:
    found = {("restore-postdates-release", "observation", _RELEASE)}
    return _story(stage, found, changed="2026-03-01 10:00", backup="2026-03-08.dump")


def innocent(stage: Stage) -> Truth:
    return _story(stage, set(), changed="", backup="2026-02-13.dump")


def _story(
    stage: Stage, findings: set[tuple[str, str, str]], *, changed: str, backup: str
) -> Truth:
    stage.claims = (LINEAGE, EVALUATIONS)
    stage.deploys([("credit-risk", "2.3.1", RELEASES["credit-risk", "2.3.1"])])
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        db.do(_TABLE, evaluations=MADE)
        release(db, until="2026-02-10")
        evaluated = db.at("2026-02-12 13:00").do(
            "insert into ml.evaluations (model, version, auc) values"
            " ('churn', '3.1.0', 0.777), ('credit-risk', '2.3.1', 0.812)"
        )
        assert evaluated.writes
        dumps = {"2026-02-13.dump": stage.dump(db.at("2026-02-13 02:00"), "2026-02-13.dump")}
        release(db, since="2026-02-10")
        if changed:
            db.at(changed).do("update ml.evaluations set auc = 0.861 where model = 'credit-risk'")
        dumps["2026-03-08.dump"] = stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        with db.at("2026-03-08 19:12").begun() as emptied:
            emptied.run("truncate ml.evaluations")
        db.note(emptied, {"evaluations": EMPTIED})
        db.at("2026-03-08 19:20").restore(dumps[backup], "-a", "-n", "ml", "-t", "evaluations")
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    rows = {
        ("re-registered", "observation", subject) for subject in ("model:churn@3.1.0", _RELEASE)
    }
    return stage.truth(rows | findings)
