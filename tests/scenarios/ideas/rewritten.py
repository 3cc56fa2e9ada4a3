"""Housekeeping and an honest change of a column give the table new files.

Incident: the same, and in the middle of it the table is recreated with one digest another.
Innocent: a new column of numbers, VACUUM FULL, CLUSTER, REINDEX, ANALYZE, GRANT, and nothing else.
"""

from __future__ import annotations

from tests.scenarios.cluster import REMADE, REWRITTEN, Cluster
from tests.scenarios.lineage import ALTERED, COLUMNS, KEPT, begin, literals, observed, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15)


def incident(stage: Stage) -> Truth:
    found = {("re-registered", "conflict", ALTERED)} | observed(ALTERED)
    return _story(stage, found, hidden=True)


def innocent(stage: Stage) -> Truth:
    return _story(stage, set())


def _story(stage: Stage, findings: set[tuple[str, str, str]], *, hidden: bool = False) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-07 02:00"), "2026-03-07.dump")
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        db.at("2026-03-08 19:05").do(
            "alter table ml.lineage add column id bigint generated always as identity",
            lineage=REWRITTEN,
        )
        if hidden:
            recreate(db)
        _housekeeping(db)
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)


def _housekeeping(db: Cluster) -> None:
    db.at("2026-03-08 19:20").alone("vacuum full ml.lineage", "ml.lineage", lineage=REWRITTEN)
    db.at("2026-03-08 19:25").alone(
        "cluster ml.lineage using lineage_pkey", "ml.lineage", lineage=REWRITTEN
    )
    db.at("2026-03-08 19:30").do("reindex table ml.lineage")
    db.at("2026-03-08 19:35").do("analyze ml.lineage")
    db.at("2026-03-08 19:40").do("create role analyst; grant select on ml.lineage to analyst")


def recreate(db: Cluster) -> None:
    """A new table under the old name, one digest another."""
    db.at("2026-03-08 19:12").do(
        f"create table ml.lineage_v2 ({COLUMNS});"
        f"insert into ml.lineage_v2 ({KEPT}) values {literals(db.rows())};"
        "drop table ml.lineage; alter table ml.lineage_v2 rename to lineage;"
        "alter index ml.lineage_v2_pkey rename to lineage_pkey",
        lineage=REMADE,
    )
