"""A migration recreates the table and writes its rows again with their old dates.

Incident: it carries the rows as literals, and one digest is another.
Innocent: it copies the rows with ``insert … select``, as honest migrations do.
"""

from __future__ import annotations

from tests.scenarios.cluster import REMADE
from tests.scenarios.lineage import (
    ALTERED,
    COLUMNS,
    KEPT,
    begin,
    literals,
    observed,
    release,
)
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15, 18)


def incident(stage: Stage) -> Truth:
    return _story(stage, {("re-registered", "conflict", ALTERED)} | observed(ALTERED))


def innocent(stage: Stage) -> Truth:
    return _story(stage, observed(), honest=True)


def _story(
    stage: Stage,
    findings: set[tuple[str, str, str]],
    *,
    honest: bool = False,
) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        # The new table is tried the day before, and dropped again: nothing befalls the old one.
        db.at("2026-03-07 18:40").do(f"create table ml.lineage_v2 ({COLUMNS})")
        db.at("2026-03-07 18:50").do("drop table ml.lineage_v2")
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        rows = f"select {KEPT} from ml.lineage" if honest else f"values {literals(db.rows())}"
        db.at("2026-03-08 19:12").do(
            f"create table ml.lineage_v2 ({COLUMNS}, framework text default 'sklearn');"
            f"insert into ml.lineage_v2 ({KEPT}) {rows};"
            "drop table ml.lineage; alter table ml.lineage_v2 rename to lineage",
            lineage=REMADE,
        )
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)
