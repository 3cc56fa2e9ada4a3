"""The cluster goes on from an earlier state, on timeline 2.

Incident: it is restored to a point before the last releases; one of them is registered again with
its old date and another digest, the other is not.
Innocent: a failover; the standby had replayed everything, and registration goes on. Or a trial: a
copy is restored to an earlier point and written to, while the cluster itself goes on.
"""

from __future__ import annotations

from tests import servers
from tests.scenarios.cluster import instant
from tests.scenarios.lineage import ALTERED, LOST, begin, literals, register, release
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth

MAJORS = (15, 18)
"""Before 15 the process that recovers a server keeps the machine's clock under libfaketime."""


def incident(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db, until="2026-02-10")
        base = stage.backup(db.at("2026-02-10 01:00"))
        undone = release(db, since="2026-02-10")
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        rows = [row for row in db.rows()["ml.lineage"] if row.subject == ALTERED]
        stage.wal(db)
        target = {"recovery_target_time": "2026-02-12 00:00:00+00"}
        with stage.restored(db, base, "2026-03-08 19:12", target) as again:
            again.do(f"insert into ml.lineage values {literals({'ml.lineage': rows})}")
            stage.dump(again.at("2026-03-09 02:00"), "2026-03-09.dump")
            stage.capture(again.at("2026-04-02 09:00"))
            stage.wal(again, "wal-2")
    # What was written between the last commit of the old timeline and the restore is not known.
    findings = {
        ("re-registered", "undetermined", ALTERED),
        ("vanished-row", "undetermined", LOST),
        ("lost-in-restore", "missing", ALTERED),
        ("lost-in-restore", "missing", LOST),
    }
    return stage.truth(findings, lost=[ALTERED, LOST], lost_transactions=undone)


def innocent(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db)
        base = stage.backup(db.at("2026-03-01 01:00"))
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        with servers.standby(db.server, base, clock=instant("2026-03-08 19:12")) as follower:
            stage.wal(db)
            db.server.stop()
            follower.psql("select pg_promote()")
            with stage.watched(follower) as new:
                register(new, "churn", "3.2.0", "2026-03-19 11:01:30")
                stage.dump(new.at("2026-04-01 02:00"), "2026-04-01.dump")
                stage.capture(new.at("2026-04-02 09:00"))
                stage.wal(new, "wal-2")
    return stage.truth(set())


def innocent_trial_of_a_backup(stage: Stage) -> Truth:
    with stage.cluster("2026-01-05 09:00") as db:
        begin(db)
        release(db, until="2026-02-10")
        base = stage.backup(db.at("2026-02-10 01:00"))
        release(db, since="2026-02-10")
        stage.dump(db.at("2026-03-08 02:00"), "2026-03-08.dump")
        db.server.switch_wal()
        target = {"recovery_target_time": "2026-02-12 00:00:00+00"}
        with stage.restored(db, base, "2026-03-08 19:12", target) as trial:
            register(trial, "trial", "0.0.1", "2026-03-08 19:14")
            stage.wal(trial, "wal-trial")
        register(db, "churn", "3.2.0", "2026-03-19 11:01:30")
        stage.dump(db.at("2026-04-01 02:00"), "2026-04-01.dump")
        stage.capture(db.at("2026-04-02 09:00"))
        stage.wal(db)
    return stage.truth(set())
