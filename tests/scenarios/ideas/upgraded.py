"""pg_upgrade to the next version: a new system identifier, and no commit timestamps of before.

Incident: two weeks later the table is recreated with one digest another.
Innocent: the upgrade alone; and the same where the archive holds what the new cluster wrote before
it got the old one's data, in transactions of the same numbers.
"""

from __future__ import annotations

from tests.scenarios.cluster import REMADE, Cluster
from tests.scenarios.lineage import ALTERED, COLUMNS, KEPT, begin, literals, observed, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15)


def incident(stage: Stage) -> Truth:
    return _story(stage, {("re-registered", "conflict", ALTERED)} | observed(ALTERED), hidden=True)


def innocent(stage: Stage) -> Truth:
    return _story(stage, set())


def innocent_with_the_log_of_the_upgrade(stage: Stage) -> Truth:
    return _story(stage, set(), whole=True)


def _story(
    stage: Stage,
    findings: set[tuple[str, str, str]],
    *,
    hidden: bool = False,
    whole: bool = False,
) -> Truth:
    with stage.cluster("2026-01-05 09:00") as old:
        begin(old)
        release(old, until="2026-02-20")
        stage.dump(old.at("2026-02-20 02:00"), "2026-02-20.dump")
        with stage.upgraded(old.at("2026-02-20 19:00"), stage.major + 1) as db:
            first = db.segment()
            release(db, since="2026-02-20")
            stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
            if hidden:
                recreate(db)
            stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
            stage.capture(db.at("2026-04-02 09:00"))
            stage.wal(db, since="" if whole else first)
    return stage.truth(findings)


def recreate(db: Cluster) -> None:
    """A new table under the old name, one digest another."""
    db.at("2026-03-08 19:12").do(
        f"create table ml.lineage_v2 ({COLUMNS});"
        f"insert into ml.lineage_v2 ({KEPT}) values {literals(db.rows())};"
        "drop table ml.lineage; alter table ml.lineage_v2 rename to lineage",
        lineage=REMADE,
    )
