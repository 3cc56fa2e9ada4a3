"""The database moves to a new cluster by dump and restore, or by a script that loads it.

Incident: the script that loads the new cluster carries another digest.
Innocent: the restored rows are those of the nightly dump; or one was corrected, and another
deleted, in the old cluster in the hours between the nightly dump and the move, of which nothing at
hand has a record.
"""

from __future__ import annotations

from tests.scenarios.cluster import DROPPED, MADE, REMADE, Cluster
from tests.scenarios.lineage import (
    ALTERED,
    KEPT,
    LOST,
    OTHER,
    SCHEMA,
    begin,
    copied,
    observed,
    release,
)
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15)


def innocent(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as old:
        begin(old)
        release(old)
        made = stage.dump(old.at("2026-03-08 02:00"), "2026-03-08.dump")
        with stage.cluster("2026-03-08 03:00") as db:
            db.restore(made)
            handed_over(stage, db)
    return stage.truth(observed())


def innocent_though_corrected_before_the_move(stage: Stage) -> Truth:
    """After a rehearsal, whose table was dropped again."""
    return _rehearsed(stage, is_dropped=True)


def innocent_though_the_rehearsal_stood_until_the_move(stage: Stage) -> Truth:
    """The table of the rehearsal is recreated in the move: the new log follows it all the time."""
    return _rehearsed(stage, is_dropped=False)


def _rehearsed(stage: Stage, *, is_dropped: bool) -> Truth:
    with stage.cluster("2026-01-05 09:00") as old:
        begin(old)
        release(old)
        made = stage.dump(old.at("2026-03-06 02:00"), "2026-03-06.dump")
        with stage.cluster("2026-03-06 10:00") as db:
            db.do("create schema audit; create table audit.logins (who text)")
            db.restore(made)
            drop = "drop table ml.lineage;"
            if is_dropped:
                db.at("2026-03-06 18:00").do(drop, lineage=DROPPED)
            stage.dump(old.at("2026-03-08 02:00"), "2026-03-08.dump")
            old.at("2026-03-08 10:00").do(
                f"update ml.lineage set artifact_sha256 = '{OTHER}' where version = '2.3.1'"
            )
            old.at("2026-03-08 10:05").do("delete from ml.lineage where model = 'pricing'")
            lines = copied(old.rows(), [])
            acts = (*MADE, "table.recreate") if is_dropped else REMADE
            load(db, lines, *acts, drop="" if is_dropped else drop)
            handed_over(stage, db)
    findings = {
        ("re-registered", "undetermined", ALTERED),
        ("vanished-row", "undetermined", LOST),
    }
    return stage.truth(findings | observed(ALTERED, LOST))


def incident(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as old:
        begin(old)
        release(old)
        stage.dump(old.at("2026-03-08 02:00"), "2026-03-08.dump")
        lines = copied(old.rows())
        with stage.cluster("2026-03-08 03:00") as db:
            db.do("create schema ml")
            load(db, lines, *MADE)
            handed_over(stage, db)
    # The old cluster may have changed the row between its last dump and the move.
    return stage.truth({("re-registered", "undetermined", ALTERED)} | observed(ALTERED))


def load(db: Cluster, lines: str, *acts: str, drop: str = "") -> None:
    """The move: the table is made and loaded."""
    with db.at("2026-03-08 19:12").begun() as move:
        move.run(drop + SCHEMA.removeprefix("create schema ml;"))
        move.copy(f"copy ml.lineage ({KEPT}) from stdin", lines)
    db.note(move, {"lineage": acts})


def handed_over(stage: Stage, db: Cluster) -> None:
    """What the new cluster gives."""
    stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
    stage.capture(db.at("2026-04-02 09:00"))
    stage.wal(db)
