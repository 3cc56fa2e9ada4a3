"""restore-postdates-release: a state that was restored after the release that it speaks of."""

from __future__ import annotations

import pytest

from recon.rules.restore_postdates_release import restore_postdates_release
from tests.recon.rules.test_lost_in_restore import SWITCH, Restored
from tests.stories import BAD, GOOD, TABLE, Story, at

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


WHEN = "2026-02-13 09:00"
"""The time that the row gives."""


def loaded(act: str = "truncated", xid: int = 801, **before: str) -> Story:
    """Deployed on 14 February; the table is emptied on 8 March and loaded at 19:20.

    ``before``: by month and day of a dump, its artifact.
    """
    told = Story().deployed(RELEASED, "m1")
    for day, digest in before.items():
        told.snapshot(f"2026-{day[1:].replace('_', '-')} 02:00", WHEN, m1=digest)
    getattr(told, act)("19:12", 800)
    told.wrote("19:20", xid, insert=1)
    return told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", xid))


def test_observes_a_table_loaded_from_a_state_that_is_younger_than_the_release():
    (draft,) = loaded(_02_13=BAD, _03_08=GOOD).judged(restore_postdates_release)
    assert (draft.verdict, draft.subject) == ("observation", "model:m1@1")
    assert "the last record from before the release gives artifact = bbbb" in draft.statement
    assert "one from 8 March 2026, 02:00:00 UTC gives the same" in draft.statement
    roles = ["released", "emptied", "restored", "states", "at-release", "earlier"]
    assert [role for role, _ in draft.events] == roles


def test_silent_where_a_dump_from_before_the_release_holds_what_was_loaded():
    """The innocent twin."""
    assert loaded(_02_13=GOOD, _03_08=GOOD).judged(restore_postdates_release) == []
    assert loaded(_02_13=GOOD).judged(restore_postdates_release) == []


def test_silent_where_the_log_from_before_the_release_holds_it():
    """The innocent twin."""
    told = Story()
    told.wal("row.insert", "2026-02-13 09:00", 700, subject="model:m1@1")
    told.rows[-1] |= {"names": ["xid:1/700", TABLE]}
    told.rows.append(
        told.rows[-1]
        | {"kind": "claim", "attribute": "artifact", "value": "a" * 64, "basis": "asserted"}
        | {"part": 1, "stream": None, "position": None}
    )
    told.deployed(RELEASED, "m1").truncated("19:12", 800).wrote("19:20", 801, insert=1)
    told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", 801))
    assert told.judged(restore_postdates_release) == []


def test_undetermined_where_nothing_from_before_the_load_gives_what_was_loaded():
    (draft,) = loaded(_02_13=BAD).judged(restore_postdates_release)
    assert draft.verdict == "undetermined"
    (draft,) = loaded().judged(restore_postdates_release)
    assert "no record from before the release says what it held" in draft.statement


def test_observes_a_table_that_was_made_anew_and_then_loaded():
    """As `pg_restore --clean` does."""
    (draft,) = loaded("recreated", _02_13=BAD, _03_08=GOOD).judged(restore_postdates_release)
    assert draft.verdict == "observation"


def test_silent_on_a_table_that_one_transaction_makes_and_fills():
    """The innocent twin, a migration: re-registered compares it with what it was."""
    told = loaded("recreated", 800, _02_13=BAD, _03_08=GOOD)
    assert told.judged(restore_postdates_release) == []


def test_silent_on_a_table_that_is_made_and_had_none_before_it():
    """The innocent twin: history is entered into a new table."""
    told = Story().deployed(RELEASED, "m1").commit("19:12", 800).wal("table.create", "19:12", 800)
    told.wrote("19:20", 801, insert=1).capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", 801))
    assert told.judged(restore_postdates_release) == []


def test_silent_where_a_row_of_the_subject_is_younger_than_the_release_by_its_own_word():
    """The innocent twin: it was evaluated again."""
    told = loaded(_02_13=BAD, _03_08=GOOD)
    for row in told.rows[-2:]:
        later = {"earliest": at("20:00"), "latest": at("20:00"), "citation": "line again"}
        names = [*row["names"][:-1], "xid:1/802"] if row["names"] else []
        told.rows.append(row | later | {"names": names})
    assert told.judged(restore_postdates_release) == []


def test_silent_on_a_row_that_was_updated_since():
    """The innocent twin: an ordinary change, which wrote the row as it is."""
    told = Story().deployed(RELEASED, "m1").snapshot("2026-02-13 02:00", WHEN, m1=BAD)
    told.truncated("19:12", 800).wrote("19:20", 801, insert=1).wrote("21:00", 802, update=1)
    told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 21:00", 802))
    assert told.judged(restore_postdates_release) == []


def test_silent_on_a_release_after_the_load():
    """The innocent twin."""
    told = Story().truncated("19:12", 800).wrote("19:20", 801, insert=1)
    told.deployed("2026-03-08 21:00", "m1")
    told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", 801))
    assert told.judged(restore_postdates_release) == []


COMMIT, LOG, HOUR = "pg:lineage-db/commit", "log:deploys", 3600.0


def deployed(time: str, *rows: tuple[str, str, str | None, str | None, int]) -> Restored:
    """Deployed on the day of the restore, which goes on at 11:00."""
    told = Restored().fork(0, "before 2026-03-08 00:00", aborts=1).went_on().in_use(2)
    told.deployed(time, "m1").capture(NOW, *(rows or (row(),)))
    return told


def test_silent_where_the_logs_clock_is_measured_three_hours_behind():
    """The innocent twin: it says 09:00, and was noon, after the restore."""
    (draft,) = deployed("09:00").judged(restore_postdates_release)
    assert f"Nothing in the case bounds {COMMIT} against {LOG}" in draft.alibi
    told = deployed("09:00").measured(COMMIT, LOG, -3 * HOUR)
    assert told.judged(restore_postdates_release) == []


def test_fires_where_the_logs_clock_hid_it():
    """It says 13:00, and was eight in the morning."""
    assert deployed("13:00").judged(restore_postdates_release) == []
    told = deployed("13:00").measured(COMMIT, LOG, 5 * HOUR)
    (draft,) = told.judged(restore_postdates_release)
    assert draft.margin_seconds == pytest.approx(3 * HOUR, abs=10)
    assert f"hold {COMMIT} within −5 h 00 m (−1.2 s to +1.2 s) of {LOG}" in draft.alibi


def test_undetermined_where_the_offset_is_wide_though_a_dump_agrees():
    told = deployed("09:00")
    told.snapshot(OLD, m1=GOOD)
    assert told.judged(restore_postdates_release)[0].verdict == "observation"
    (draft,) = told.measured(COMMIT, LOG, 0, wide=10 * HOUR).judged(restore_postdates_release)
    assert draft.verdict == "undetermined"
    assert "the release may be the later of the two" in draft.alibi


def test_silent_where_the_logs_clock_hid_that_the_table_was_loaded_before():
    """The innocent twin, of a load: the log says 18:00 and was 20:00, after the load of 19:20."""
    told = Story().deployed("18:00", "m1").snapshot("2026-02-13 02:00", WHEN, m1=BAD)
    told.truncated("19:12", 800).wrote("19:20", 801, insert=1)
    told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", 801))
    assert len(told.judged(restore_postdates_release)) == 1
    assert told.measured(COMMIT, LOG, -2 * HOUR).judged(restore_postdates_release) == []


def test_a_load_after_the_release_is_seen_though_the_log_reads_later():
    told = Story().deployed("21:00", "m1").snapshot("2026-02-13 02:00", WHEN, m1=BAD)
    told.truncated("19:12", 800).wrote("19:20", 801, insert=1)
    told.capture(NOW, ("m1", GOOD, WHEN, "2026-03-08 19:20", 801))
    assert told.judged(restore_postdates_release) == []
    (draft,) = told.measured(COMMIT, LOG, 4 * HOUR).judged(restore_postdates_release)
    assert draft.verdict == "undetermined"
