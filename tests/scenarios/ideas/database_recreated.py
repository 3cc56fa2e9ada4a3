"""The database is dropped and made again, and its rows are written anew with their old dates.

Incident: one digest is another.
Innocent: the same is rehearsed in a database beside it, which is dropped again.
"""

from __future__ import annotations

from tests.scenarios.cluster import DROPPED
from tests.scenarios.lineage import ALTERED, SCHEMA, begin, literals, observed, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

_AGAIN = ("table.create", "table.recreate")


def incident(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        rows = db.rows()
        db.at("2026-03-08 19:12").make_database_anew(lineage=DROPPED)
        db.do(SCHEMA, lineage=_AGAIN)
        db.do(f"insert into ml.lineage values {literals(rows)}")
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth({("re-registered", "conflict", ALTERED)} | observed(ALTERED))


def innocent(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        server = db.at("2026-03-08 19:12").server
        server.psql("create database rehearsal")
        beside = server.dsn.replace("/postgres?", "/rehearsal?")
        server.psql(f"{SCHEMA}; insert into ml.lineage values {literals(db.rows())}", dsn=beside)
        server.psql("drop database rehearsal")
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(set())
