"""No WAL at all: dumps of two nights, and a capture weeks later.

Incident: between the nights the table is recreated with one digest another.
Innocent: between the nights VACUUM FULL gives it a new file.
"""

from __future__ import annotations

from tests.scenarios.cluster import REMADE, REWRITTEN
from tests.scenarios.lineage import ALTERED, COLUMNS, KEPT, begin, literals, observed, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth


def incident(stage: Stage) -> Truth:
    # Rows alone do not tell a recreation from an update before it: no log is at hand.
    return _story(
        stage, {("re-registered", "undetermined", ALTERED)} | observed(ALTERED), recreated=True
    )


def innocent(stage: Stage) -> Truth:
    return _story(stage, set())


def _story(stage: Stage, findings: set[tuple[str, str, str]], *, recreated: bool = False) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        db.at("2026-03-08 19:12")
        if recreated:
            db.do(
                f"create table ml.lineage_v2 ({COLUMNS});"
                f"insert into ml.lineage_v2 ({KEPT}) values {literals(db.rows())};"
                "drop table ml.lineage; alter table ml.lineage_v2 rename to lineage",
                lineage=REMADE,
            )
        else:
            db.alone("vacuum full ml.lineage", "ml.lineage", lineage=REWRITTEN)
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
    return stage.truth(findings)
