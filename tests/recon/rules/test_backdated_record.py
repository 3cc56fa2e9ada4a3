"""backdated-record: a stamped order denies a time that a writer supplied."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recon.config import Norm
from recon.findings import Verdict
from recon.rules import Draft
from recon.rules.backdated_record import backdated_record
from recon.rules.clock_step import clock_step
from recon.rules.impossible_order import impossible_order
from tests.orders import START, Pipeline
from tests.stories import GOOD, TABLE, Story

NORM = Norm(rule="backdated-record")
HOUR = timedelta(hours=1)


def names_a_row(dated: timedelta, after: int = 12) -> Pipeline:
    """A line of the log names a row that was committed at 10:00, and is dated so much later."""
    story = Pipeline().runs(12)
    when = START + timedelta(hours=24)
    story.inserted(50, when)
    story.finished(51, when + dated).law(-2, -1, "names the number of the transaction")
    return story.runs(after, begin=13)


# By law


def test_fires_on_a_line_that_is_dated_before_the_row_that_it_names():
    story = names_a_row(-3 * HOUR)
    (draft,) = story.judged(backdated_record)
    assert draft.verdict == "contradiction"
    assert draft.subject == "run:51"
    assert draft.margin_seconds == pytest.approx(3 * 3600, abs=10)
    assert draft.excuse.endswith(
        "log:deploys would have had to be 3 h 00 m behind pg:lineage-db/commit."
    )
    assert "24 of 25 pairs of records" in draft.alibi
    # One rule tells it.
    assert story.judged(impossible_order) == []


def test_fires_where_the_place_of_the_line_denies_its_time_by_more():
    """The line before it is an hour younger than the row: a late line, as clock-step has it."""
    story = Pipeline().runs(12)
    when = START + timedelta(hours=24)
    story.inserted(50, when).finished(60, when + HOUR)
    story.finished(51, when - HOUR).law(-3, -1, "names the number of the transaction")
    found = story.runs(12, begin=13).all_of(backdated_record, clock_step)
    assert [one.verdict for one in found["backdated-record"]] == ["contradiction"]
    assert found["clock-step"] == []


def test_undetermined_where_nothing_after_it_says_that_the_clock_had_not_been_set():
    (draft,) = names_a_row(-3 * HOUR, after=0).judged(backdated_record)
    assert draft.verdict == "undetermined"


def test_undetermined_where_the_time_is_a_column_of_a_row():
    """An update keeps ``registered_at``, and may write the digest of a younger thing."""
    story = names_a_row(-3 * HOUR)
    for row in story.rows:
        if row["clock"] == "log:deploys":
            row["clock"] = "pg:lineage-db/ml.deployments.finished_at"
    (draft,) = story.judged(backdated_record)
    assert draft.verdict == "undetermined"
    assert any("updated" in one.cause for one in draft.innocent)


def test_silent_on_a_line_dated_after_the_row_and_within_a_minute():
    for dated in (HOUR, timedelta(), timedelta(seconds=-40)):
        assert names_a_row(dated).judged(backdated_record) == []


# By norm


def registered(asserted: str, written: str, story: Story | None = None) -> Story:
    """A row that the log inserts, with the time that it gives."""
    story = story or Story()
    story.wal("row.insert", written, 900, "model:m1@1")
    story.rows[-1]["names"] = ["xid:1/900", TABLE]
    return story.event(
        *("lineage-db", "claim", "model:m1@1", asserted),
        item=story.rows[-1]["item"],
        citation=story.rows[-1]["citation"],
        part=1,
        attribute="artifact",
        value=GOOD,
        digest=GOOD,
        clock="pg:lineage-db/ml.lineage.registered_at",
        basis="asserted",
    )


def verdicts(story: Story, norm: Norm = NORM) -> list[Verdict]:
    return [one.verdict for one in story.judged(backdated_record, norm)]


def test_a_breach_where_a_snapshot_from_between_lacks_the_row():
    story = registered("2026-02-14 10:00", "2026-03-08 19:12").snapshot("2026-03-01 02:00", m2=GOOD)
    (draft,) = story.judged(backdated_record, NORM)
    assert draft.verdict == "breach"
    assert [role for role, _ in draft.events] == ["asserted", "written", "lacking"]
    assert draft.margin_seconds == pytest.approx(22 * 86400 + 9.2 * 3600 - 86400)


def test_undetermined_without_such_a_snapshot():
    assert verdicts(registered("2026-02-14 10:00", "2026-03-08 19:12")) == ["undetermined"]


@pytest.mark.parametrize(("ahead", "verdict"), [(0, "breach"), (-2 * 86400, "undetermined")])
def test_undetermined_where_the_snapshot_is_measured_to_be_of_later(ahead: int, verdict: Verdict):
    """Its clock was two days behind: the row may have come and gone before it."""
    story = registered("2026-03-01 10:00", "2026-03-08 19:12").snapshot("2026-03-07 20:00", m2=GOOD)
    for row in story.rows:
        if row["kind"] == "snapshot":
            row["clock"] = "dump"
    story.commit("2026-03-08 19:12", 900).measured("pg:lineage-db/commit", "dump", ahead)
    assert verdicts(story) == [verdict]


def test_silent_on_imported_history_where_no_norm_is_declared():
    story = registered("2025-02-14 10:00", "2026-03-08 19:12").snapshot("2026-03-01 02:00", m2=GOOD)
    assert story.judged(backdated_record) == []


def test_silent_on_a_long_transaction():
    assert verdicts(registered("18:30", "19:12")) == []
    strict = Norm.model_validate({"rule": "backdated-record", "tolerance": 600})
    assert verdicts(registered("18:30", "19:12"), strict) == ["undetermined"]


def test_silent_on_rows_that_a_migration_copies():
    """An earlier snapshot holds the row with the same time."""
    story = registered("2026-02-14 10:00", "2026-03-08 19:12")
    story.snapshot("2026-03-01 02:00", "2026-02-14 10:00", m1=GOOD)
    assert verdicts(story) == []


@pytest.mark.parametrize("source", ["lineage-db", "old-db"])
def test_silent_on_rows_that_a_migration_copies_from_another_table(source: str):
    """The new table was there before it was filled, and an earlier dump shows it without them."""
    story = Story().snapshot("2026-02-20 02:00", "2026-02-14 10:00", m1=GOOD)
    for row in story.rows:
        row["source"] = source
        row["names"] = [name.replace("ml.lineage", "ml.old") for name in row["names"]]
        row["clock"] = row.get("clock") and f"pg:{source}/ml.old.registered_at"
    story.covered[0] |= {"source": source, "subject": f"pg:{source}/ml/ml.old"}
    registered("2026-02-14 10:00", "2026-03-08 19:12", story)
    assert verdicts(story.snapshot("2026-03-01 02:00", m2=GOOD)) == []


def test_silent_on_rows_of_the_transaction_that_made_the_table():
    story = registered("2026-02-14 10:00", "2026-03-08 19:12").recreated("2026-03-08 19:12", 900)
    assert verdicts(story) == []


def test_the_norm_can_be_about_some_tables_and_begin_one_day():
    story = registered("2026-02-14 10:00", "2026-03-08 19:12")
    for more, count in (
        ({"table": "ml.lineage"}, 1),
        ({"table": "ml.other"}, 0),
        ({"since": "2026-03-01"}, 1),
        ({"since": "2026-04-01"}, 0),
    ):
        norm = Norm.model_validate({"rule": "backdated-record", **more})
        assert len(verdicts(story, norm)) == count, more


def test_the_first_row_of_several_snapshots_is_told_once():
    story = registered("2026-02-14 10:00", "2026-03-08 19:12")
    story.snapshot("2026-03-09 02:00", "2026-02-14 10:00", m1=GOOD)
    found: list[Draft] = story.judged(backdated_record, NORM)
    assert len(found) == 1
