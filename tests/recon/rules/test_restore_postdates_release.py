"""restore-postdates-release: a state that was restored after the release that it speaks of."""

from __future__ import annotations

import pytest

from recon.rules.restore_postdates_release import restore_postdates_release
from tests.recon.rules.test_lost_in_restore import SWITCH, Restored
from tests.stories import BAD, GOOD, TABLE

RELEASED = "2026-02-14 10:00"
NOW = "2026-03-09 03:00"
OLD = "2026-02-20 02:00"


def story(reason: str = "before 2026-03-01 00:00") -> Restored:
    """Deployed on 14 February; the cluster goes on from an earlier state at 11:00 on 8 March."""
    made = Restored().fork(0, reason, aborts=1).went_on().in_use(2)
    made.deployed(RELEASED, "m1")
    return made


def row(written: str | None = "2026-02-13 09:00", xid: int = 700):
    return ("m1", GOOD, "2026-02-13 09:00", written, xid)


def test_undetermined_where_nothing_from_before_the_restore_says_the_same():
    told = story()
    told.capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert (draft.verdict, draft.subject) == ("undetermined", "model:m1@1")
    assert [role for role, _ in draft.events] == ["released", "restored", "states"]
    assert draft.margin_seconds == pytest.approx(22 * 86400 + 3600)
    assert "no record from before that" in draft.statement


def test_observes_where_a_dump_from_before_the_restore_agrees():
    """The innocent twin."""
    told = story()
    told.snapshot(OLD, m1=GOOD).capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert draft.verdict == "observation"
    assert [role for role, _ in draft.events][-1] == "earlier"


def test_observes_where_the_log_from_before_the_switch_agrees():
    """The innocent twin."""
    told = story()
    told.placed(
        *(1, SWITCH - 16, "claim", "model:m1@1", "2026-02-13 09:00"),
        attribute="artifact",
        value=GOOD.removeprefix("sha256:"),
        names=[TABLE, "xid:1/700"],
    )
    told.capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert draft.verdict == "observation"


def test_undetermined_where_a_dump_from_before_gives_another_value():
    told = story()
    told.snapshot(OLD, m1=BAD).capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert draft.verdict == "undetermined"
    assert "bbbb" in draft.statement


def test_silent_on_a_standby_that_took_over():
    """The innocent twin."""
    told = story("no recovery target specified")
    told.capture(NOW, row())
    assert told.judged(restore_postdates_release) == []


def test_silent_on_an_upgrade():
    """The innocent twin: pg_upgrade gives a new cluster, and is no restore."""
    told = Restored()
    told.event("lineage-db", "database.upgraded", "pg:lineage-db/ml", "2026-03-01 10:00")
    told.deployed(RELEASED, "m1").capture(NOW, row())
    assert told.judged(restore_postdates_release) == []


def test_fires_on_a_database_that_was_loaded_into_another_cluster():
    told = Restored()
    told.event("lineage-db", "database.moved", "pg:lineage-db/ml", "2026-03-01 10:00")
    told.deployed(RELEASED, "m1").capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert draft.verdict == "undetermined"


def test_silent_on_a_release_after_the_restore():
    told = Restored().fork(0, "before 2026-03-01 00:00", aborts=1).went_on().in_use(2)
    told.deployed("2026-03-08 15:00", "m1").capture(NOW, row())
    assert told.judged(restore_postdates_release) == []


def test_silent_on_a_row_that_was_written_after_the_restore():
    told = story()
    told.capture(NOW, row("2026-03-08 12:00", 900))
    assert told.judged(restore_postdates_release) == []


def test_silent_where_the_newest_snapshot_is_from_before_the_restore():
    told = story()
    told.snapshot(OLD, m1=GOOD)
    assert told.judged(restore_postdates_release) == []


def test_another_sources_asserted_time_stands_for_a_deploy():
    told = Restored().fork(0, "before 2026-03-01 00:00", aborts=1).went_on().in_use(2)
    told.event(
        *("code", "claim", "model:m1@1", RELEASED), attribute="tag", value="v1", basis="asserted"
    )
    told.capture(NOW, row())
    (draft,) = told.judged(restore_postdates_release)
    assert draft.verdict == "undetermined"
