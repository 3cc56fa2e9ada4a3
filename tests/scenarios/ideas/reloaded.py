"""TRUNCATE and COPY in one transaction, on a server that keeps no commit timestamps.

Incident: one digest in the load is another.
Innocent: the nightly reload of the same values.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.scenarios.cluster import EMPTIED
from tests.scenarios.lineage import ALTERED, KEPT, begin, copied, observed, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (14, 15, 18)


def incident(stage: Stage) -> Truth:
    found = {("re-registered", "conflict", ALTERED)} | observed(ALTERED)
    return _story(stage, [ALTERED], found)


def innocent(stage: Stage) -> Truth:
    return _story(stage, [], observed())


def _story(
    stage: Stage,
    altered: Sequence[str],
    findings: set[tuple[str, str, str]],
) -> Truth:
    with stage.cluster("2026-01-05 09:00", {"track_commit_timestamp": "off"}) as db:
        begin(db)
        release(db)
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        lines = copied(db.rows(), altered)
        with db.at("2026-03-08 19:12").begun() as load:
            load.run("truncate ml.lineage")
            load.copy(f"copy ml.lineage ({KEPT}) from stdin", lines)
        db.note(load, {"lineage": EMPTIED})
        stage.dump(db.at("2026-03-09 02:00"), "2026-03-09.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(findings)
