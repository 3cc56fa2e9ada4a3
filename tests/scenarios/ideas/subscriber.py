"""A subscriber of logical replication: every row is younger there than it says.

Innocent: the first rows come by the initial copy, the last by the stream, days late.
The subscriber keeps the publisher's commit times as its own; its log has the true ones.
"""

from __future__ import annotations

import time

from tests.scenarios.cluster import MADE, Cluster
from tests.scenarios.lineage import COLUMNS, begin, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (18,)
"""Up to 15 the processes that replicate keep the machine's clock under libfaketime."""


def innocent(stage: Stage) -> Truth:
    return _story(stage)


def innocent_without_its_log(stage: Stage) -> Truth:
    """The publisher's commit times are no firm ones then."""
    return _story(stage, logged=False)


def _story(stage: Stage, *, logged: bool = True) -> Truth:
    with stage.cluster("2026-01-05 09:00", {"wal_level": "logical"}) as publisher:
        begin(publisher)
        release(publisher, until="2026-02-20")
        publisher.do("create publication lineage for table ml.lineage")
        with stage.cluster("2026-02-20 09:00") as db:
            db.do(f"create schema ml; create table ml.lineage ({COLUMNS})", lineage=MADE)
            start = db.now()
            db.server.psql(
                "create subscription lineage connection"
                f" 'host={publisher.server.folder} port={publisher.server.port} user=postgres'"
                " publication lineage"
            )
            _wait(db, 4)
            db.note_others(start)
            db.server.psql("alter subscription lineage disable")
            release(publisher, since="2026-02-20")
            start = db.at("2026-03-01 10:00").now()
            db.server.psql("alter subscription lineage enable")
            _wait(db, 5)
            db.note_others(start)
            stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
            stage.capture(db.at("2026-04-02 09:00"))
            if logged:
                stage.wal(db)
    return stage.truth(set())


def _wait(db: Cluster, rows: int) -> None:
    """Until the subscriber has so many rows."""
    for _ in range(300):
        if sum(map(len, db.rows().values())) == rows:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{rows} rows did not come")
