"""migration-signed-off: a copy and a sign-off by the owner come before a schema migration."""

from __future__ import annotations

from typing import Any

import pytest

from recon.config import Norm
from recon.rules import Draft
from recon.rules.migration_signed_off import migration_signed_off
from tests.stories import TABLE, Story


def norm(**parameters: Any) -> Norm:
    return Norm(rule="migration-signed-off", **parameters)


def judged(story: Story, **parameters: Any) -> list[Draft]:
    return story.judged(migration_signed_off, norm(**parameters))


def signed(story: Story, time: str, actor: str = "owner@acme", table: str = "ml.lineage") -> Story:
    return story.event("tickets", "signoff", f"table:{table}", time, actor=actor, clock="records:t")


def copied(time: str = "02:00") -> Story:
    return Story().snapshot(time, m="a" * 64)


def test_silent_where_a_copy_and_a_sign_off_come_before():
    assert judged(signed(copied(), "2026-03-07 10:00").recreated("19:00", 800)) == []


def test_fires_where_neither_does_and_the_case_answers_for_completeness():
    (draft,) = judged(Story().recreated("19:00", 800), complete="yes")
    assert draft.verdict == "breach"
    assert "no read-only copy of the 24 hours before and no sign-off" in draft.statement


def test_undetermined_where_nobody_answers_for_completeness():
    (draft,) = judged(copied().recreated("19:00", 800))
    assert draft.verdict == "undetermined"
    assert "sign-off" in draft.statement
    assert "read-only copy of" not in draft.statement


@pytest.mark.parametrize(
    ("time", "actor", "table"),
    [
        ("19:30", "owner@acme", "ml.lineage"),
        ("2026-01-10 10:00", "owner@acme", "ml.lineage"),
        ("10:00", "somebody@acme", "ml.lineage"),
        ("10:00", "owner@acme", "ml.other"),
    ],
    ids=["later", "long before", "of somebody else", "of another table"],
)
def test_a_sign_off_that_is_none(time: str, actor: str, table: str):
    story = signed(copied(), time, actor, table).recreated("19:00", 800)
    (draft,) = judged(story, owner="owner@*", complete="yes")
    assert draft.verdict == "breach"


def test_a_copy_of_longer_ago_than_the_norm_allows():
    story = signed(copied("2026-03-06 02:00"), "10:00").recreated("19:00", 800)
    assert len(judged(story, complete="yes")) == 1
    assert judged(story, complete="yes", copy_hours=72) == []


def test_a_base_backup_is_a_copy_of_every_table():
    story = Story().cover("lineage-db", "claim", TABLE, "23:00", "23:00")
    story.event("lineage-db", "backup.stop", "pg:lineage-db", "01:30")
    assert judged(signed(story, "10:00").recreated("19:00", 800), complete="yes") == []


def test_a_copy_that_a_clock_makes_late_counts_where_that_clock_may_be_ahead():
    """The log's clock was an hour behind the tickets': the sign-off may have come before."""
    story = copied().measured("pg:lineage-db/commit", "records:t", 3600.0)
    story = signed(story, "19:30").recreated("19:00", 800)
    assert judged(story, complete="yes") == []
    assert len(judged(signed(copied(), "19:30").recreated("19:00", 800), complete="yes")) == 1


@pytest.mark.parametrize("act", ["rewritten", "wrote"])
def test_silent_on_what_migrates_nothing(act: str):
    assert judged(getattr(Story(), act)("19:00", 800), complete="yes") == []


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("ALTER TABLE or REFRESH MATERIALIZED VIEW", 1),
        ("ALTER TABLE SET TABLESPACE", 0),
        ("VACUUM FULL or CLUSTER", 0),
    ],
)
def test_a_rewrite_by_what_did_it(value: str, count: int):
    story = Story().wal("table.rewrite", "19:00", 800, value=value)
    assert len(judged(story, complete="yes")) == count


def test_tables_and_days_that_the_norm_is_not_about():
    story = Story().recreated("19:00", 800)
    assert judged(story, table="ml.other", complete="yes") == []
    assert judged(story, since="2026-03-10", complete="yes") == []
    assert len(judged(story, since="2026-03-01", complete="yes")) == 1


def test_each_migration_once():
    assert len(judged(Story().recreated("19:00", 800).truncated("20:00", 801), complete="yes")) == 2
