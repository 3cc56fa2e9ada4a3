"""The machine that dumps the database has a clock that is five minutes ahead of the server's.

Incident: the table is recreated with one digest another.
Innocent: a digest is corrected by UPDATE between the dump and the time that the dump says, and the
table is recreated later with what it holds.
"""

from __future__ import annotations

from tests.scenarios.cluster import REMADE, Cluster
from tests.scenarios.lineage import (
    ALTERED,
    COLUMNS,
    KEPT,
    OTHER,
    begin,
    literals,
    observed,
    release,
)
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth


def incident(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 01:55"), "2026-03-08.dump", ahead=300)
        migrate(db, f"values {literals(db.rows())}")
        _handed_over(stage, db)
    return stage.truth({("re-registered", "conflict", ALTERED)} | observed(ALTERED))


def innocent(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 01:55"), "2026-03-08.dump", ahead=300)
        db.at("2026-03-08 01:57").do(
            f"update ml.lineage set artifact_sha256 = '{OTHER}' where version = '2.3.1'"
        )
        migrate(db, f"select {KEPT} from ml.lineage")
        _handed_over(stage, db)
    # Whether the update came before the dump or after it: the log says what it made of the row.
    return stage.truth(observed())


def migrate(db: Cluster, rows: str) -> None:
    """A new table under the old name."""
    db.at("2026-03-08 19:12").do(
        f"create table ml.lineage_v2 ({COLUMNS}); insert into ml.lineage_v2 ({KEPT}) {rows};"
        "drop table ml.lineage; alter table ml.lineage_v2 rename to lineage",
        lineage=REMADE,
    )


def _handed_over(stage: Stage, db: Cluster) -> None:
    stage.dump(db.at("2026-03-09 01:55"), "2026-03-09.dump", ahead=300)
    stage.capture(db.at("2026-04-02 09:00"))
    stage.wal(db)
