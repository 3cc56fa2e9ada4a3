"""A row is deleted and inserted again under its old date, while its table stays.

Incident: its digest is another. So it is where two transactions do it, a minute apart.
Innocent: its digest is the same, as a job that loads its rows again leaves it; or it is registered
anew with the date of that day, as a second training is.
"""

from __future__ import annotations

from tests.scenarios.lineage import ALTERED, OTHER, begin, release
from tests.scenarios.stage import Stage, digest
from tests.scenarios.truth import Found, Truth

_DELETE = "delete from ml.lineage where model = 'credit-risk' and version = '2.3.1'"
_SAME = digest("credit-risk", "2.3.1")
_FOUND = Found("altered-on-re-registration", "conflict", ALTERED)


def incident(stage: Stage) -> Truth:
    return _story(stage, OTHER, {_FOUND})


def incident_in_two(stage: Stage) -> Truth:
    return _story(stage, OTHER, {_FOUND}, apart=True)


def innocent(stage: Stage) -> Truth:
    return _story(stage, _SAME, set())


def innocent_of_that_day(stage: Stage) -> Truth:
    return _story(stage, OTHER, set(), when="now()")


def _story(
    stage: Stage, sha256: str, findings: set[Found], *, apart: bool = False, when: str = ""
) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        (row,) = [one for one in db.rows()["ml.lineage"] if one.subject == ALTERED]
        insert = (
            "insert into ml.lineage (model, version, artifact_sha256, registered_at)"
            f" values ('credit-risk', '2.3.1', '{sha256}', {when or repr(str(row.asserted))})"
        )
        for minute, act in enumerate([_DELETE, insert] if apart else [f"{_DELETE};{insert}"], 12):
            db.at(f"2026-03-08 19:{minute}").do(act)
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)
