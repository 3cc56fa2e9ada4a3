"""The two answers: said then, says now about then."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from recon.asof import Answer, asof, asof_frame
from recon.asof_history import history
from recon.errors import UsageError
from tests.stories import BAD, GOOD, Story, at

NOON = at("12:00")
FEBRUARY = "2026-02-14 10:00:00"
NOW = "2026-04-02 09:00"
COMMIT, DUMP, HOUR = "pg:lineage-db/commit", "pg:lineage-db/dump", 3600


def one(story: Story, source: str, time: str = "12:00") -> Answer:
    (answer,) = [a for a in asof(story.timeline(), at(time)) if a.source == source]
    return answer


def said(answer: Answer) -> tuple[str | None, str | None]:
    def short(value: str | None) -> str | None:
        return value[:1] if value else None

    return (
        short(answer.said_then.value) if answer.said_then else None,
        short(answer.says_now.value) if answer.says_now else None,
    )


def incident() -> Story:
    return (
        Story()
        .wrote("2026-03-04 10:00", 690, insert=1)
        .snapshot("02:00", m1=GOOD)
        .wrote("19:12", 800, insert=1)
        .recreated("19:12", 800)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
    )


def test_a_row_rewritten_after_the_instant_said_what_the_dump_before_holds():
    answer = one(incident(), "lineage-db")
    assert said(answer) == ("a", "b")
    assert answer.changed
    assert answer.said_then.certainty == "possible"
    assert answer.says_now.certainty == "certain"


def test_it_is_certain_where_the_log_covers_the_hours_in_between_and_nothing_was_written():
    answer = one(incident().logged("2026-03-01 00:00", "2026-03-09 00:00"), "lineage-db")
    assert said(answer) == ("a", "b")
    assert answer.said_then.certainty == "certain"


def test_a_write_to_the_table_in_between_leaves_it_possible():
    story = incident().logged("2026-03-01 00:00", "2026-03-09 00:00").wrote("11:00", 790, update=1)
    assert one(story, "lineage-db").said_then.certainty == "possible"


def test_after_the_rewriting_the_new_value_was_said():
    answer = one(incident(), "lineage-db", "20:30")
    assert said(answer) == ("b", "b")
    assert answer.said_then.certainty == "certain"


def test_it_is_possible_where_the_clock_need_be_off_by_less_than_an_hour_and_nothing_bounds_it():
    """Written at 19:12, and asked for 20:00."""
    answer = one(incident(), "lineage-db", "20:00")
    assert said(answer) == ("b", "b")
    assert answer.said_then.certainty == "possible"
    assert answer.said_then.clock == COMMIT
    assert answer.said_then.measured is False
    assert answer.said_then.margin_seconds == 48 * 60
    assert f"nothing bounds {COMMIT}, which may be that far off" in answer.said_then.because


def test_an_anchor_to_utc_makes_it_certain_or_moves_it():
    story = incident().measured("utc", COMMIT, 0)
    answer = one(story, "lineage-db", "20:00")
    assert said(answer) == ("b", "b")
    assert (answer.said_then.certainty, answer.said_then.measured) == ("certain", True)
    # Three hours ahead: 20:00 UTC is 23:00 by that clock, and 17:00 UTC is not yet.
    story = incident().measured("utc", COMMIT, 3 * HOUR)
    assert said(one(story, "lineage-db", "16:30")) == ("b", "b")
    assert said(one(story, "lineage-db", "15:00")) == ("a", "b")


def test_many_minutes_of_lag_make_it_possible():
    """The bucket's clock is forty minutes behind, give or take ten."""
    story = Story().stored(FEBRUARY, "m1", GOOD).stored("19:00", "m1", BAD)
    story.measured("utc", "s3:models", -2400, wide=1200.0)
    assert said(one(story, "models", "19:20")) == ("a", "a")
    assert one(story, "models", "19:20").said_then.certainty == "certain"
    assert one(story, "models", "19:35").said_then.certainty == "possible"
    assert said(one(story, "models", "20:00")) == ("b", "b")
    assert one(story, "models", "20:00").said_then.certainty == "certain"


def test_an_instant_by_a_clock_of_the_case_needs_no_bound_to_utc():
    timeline = incident().timeline()
    (answer,) = asof(timeline, at("19:13"), clock=COMMIT)
    assert said(answer) == ("b", "b")
    assert answer.said_then.certainty == "certain"


def test_a_write_by_a_log_that_is_ahead_of_the_dump_leaves_it_possible():
    """The dump says 02:00 and was made at 21:00; the log records a write at 23:00."""
    story = incident().logged("2026-03-01 00:00", "2026-03-09 00:00")
    story.wrote("2026-03-07 23:00", 790, update=1)
    for row in story.rows:
        if row["kind"] == "snapshot" and row["earliest"] == at("02:00"):
            row["clock"] = DUMP
    assert one(story, "lineage-db").said_then.certainty == "certain"
    story.measured(COMMIT, DUMP, 5 * HOUR)
    assert one(story, "lineage-db").said_then.certainty == "possible"


def test_a_row_version_from_before_that_stands_today_stood_then():
    story = Story().capture(NOW, ("m1", GOOD, FEBRUARY, FEBRUARY, 700))
    answer = one(story, "lineage-db")
    assert said(answer) == ("a", "a")
    assert answer.said_then.certainty == "certain"


def test_a_row_written_later_was_not_there_though_it_says_so():
    story = Story().capture(NOW, ("m1", GOOD, FEBRUARY, "19:12", 800))
    assert said(one(story, "lineage-db")) == (None, "a")


def test_a_row_that_is_gone_is_said_no_more():
    story = Story().snapshot("02:00", m1=GOOD, m2=GOOD).snapshot(NOW, m1=GOOD)
    gone = [a for a in asof(story.timeline(), NOON) if a.subject == "model:m2@1"]
    assert [said(a) for a in gone] == [("a", None)]


def test_a_snapshot_of_the_very_instant_is_certain_of_what_it_holds_and_of_what_not():
    """As of a database rebuilt at that instant; the dump before it leaves both possible."""
    story = Story().snapshot("02:00", m1=GOOD, m2=GOOD).snapshot(NOW, m1=BAD)
    before = {a.subject: a.said_then.certainty for a in asof(story.timeline(), NOON)}
    assert before == {"model:m1@1": "possible", "model:m2@1": "possible"}
    answers = {a.subject: a for a in asof(story.snapshot("12:00", m1=GOOD).timeline(), NOON)}
    assert answers["model:m1@1"].said_then.certainty == "certain"
    assert said(answers["model:m1@1"]) == ("a", "b")
    assert "model:m2@1" not in answers


def test_a_table_that_is_empty_now_says_nothing_now():
    story = Story().snapshot("02:00", m1=GOOD).snapshot(NOW)
    assert [said(a) for a in asof(story.timeline(), NOON)] == [("a", None)]


def test_a_bucket_said_the_version_stored_before():
    story = Story().stored(FEBRUARY, "m1", GOOD).stored("19:00", "m1", BAD)
    answer = one(story, "models")
    assert said(answer) == ("a", "a")
    assert answer.said_then.certainty == "certain"
    assert said(one(story, "models", "20:00")) == ("b", "b")


def test_a_line_that_its_writer_dated_is_possible():
    answer = one(Story().deployed("10:00", "m1", artifact=GOOD), "deploys")
    assert said(answer) == ("a", "a")
    assert answer.said_then.certainty == "possible"


def test_nothing_is_said_before_it_was_stored_or_dated():
    story = Story().deployed("13:00", "m1", artifact=GOOD).stored("13:00", "m1", GOOD)
    assert asof(story.timeline(), NOON) == []


def test_what_a_delete_marker_was_put_over_is_said_no_more():
    story = Story().stored(FEBRUARY, "m1", GOOD)
    story.rows[-1]["names"] = ["s3:bucket/m1?versionId=v1"]
    story.event(
        "models", "object.delete", "s3:bucket/m1", "11:00", clock="s3:models", basis="stamped"
    )
    assert asof(story.timeline(), NOON) == []
    before = one(story, "models", "10:00")
    assert before.said_then is not None
    assert before.says_now is None


def test_a_key_may_hold_the_words_of_a_query_itself():
    """Only the version id at its end is none of the key."""
    story = Story().stored(FEBRUARY, "m1", GOOD)
    story.rows[-1]["names"] = ["s3:bucket/m1?versionId=odd?versionId=v1"]
    marker = {"clock": "s3:models", "basis": "stamped"}
    story.event("models", "object.delete", "s3:bucket/m1", "11:00", **marker)
    assert said(one(story, "models")) == ("a", "a")
    story.event("models", "object.delete", "s3:bucket/m1?versionId=odd", "11:00", **marker)
    assert asof(story.timeline(), NOON) == []


def test_it_is_possible_where_the_log_has_nothing_to_say_of_the_table():
    """Its file may be one that no record names: after a VACUUM FULL from before the log."""
    story = (
        Story()
        .snapshot("02:00", m1=GOOD)
        .recreated("19:12", 800)
        .capture(NOW, ("m1", BAD, FEBRUARY, "19:12", 800))
        .logged("2026-03-01 00:00", "2026-03-09 00:00")
    )
    assert one(story, "lineage-db").said_then.certainty == "possible"


def test_a_write_in_the_second_of_the_snapshot_may_have_come_after_it():
    story = incident().logged("2026-03-01 00:00", "2026-03-09 00:00")
    story.wrote("02:00:00", 790, update=1)
    for row in story.rows:
        if row["kind"] == "snapshot" and row["earliest"] == at("02:00"):
            row["latest"] = at("02:00:01")
    assert one(story, "lineage-db").said_then.certainty == "possible"


def test_rows_of_a_table_that_was_still_called_otherwise_are_possible():
    """10:00 lineage_v2 is made and filled; 19:12 the old table is dropped and v2 renamed."""
    story = Story().snapshot("02:00", m1=GOOD).commit("10:00", 790)
    story.wal("table.create", "10:00", 790, value="name=lineage_v2")
    story.wrote("10:00", 790, insert=1).recreated("19:12", 800)
    story.capture(NOW, ("m1", BAD, FEBRUARY, "10:00", 790))
    noon = one(story, "lineage-db")
    assert noon.said_then.certainty == "possible"
    evening = one(story, "lineage-db", "20:00")
    assert said(evening) == ("b", "b")
    assert evening.said_then.certainty == "certain"


def test_a_digest_in_other_letters_is_no_other_story():
    story = incident()
    for row in story.rows:
        if row.get("value") == "b" * 64:
            row["value"] = "A" * 64
    assert not one(story, "lineage-db").changed


def exported(story: Story, taken: str, *lines: tuple[str, str, str]) -> Story:
    """A table that was taken at a time: (dated, model, digest) by line."""
    item = story.item()
    story.event(
        *("inventory", "snapshot", "records:inventory", taken),
        item=item,
        citation="",
        clock="examiner",
        basis="stamped",
    )
    for number, (dated, model, digest) in enumerate(lines, 2):
        story.event(
            *("inventory", "claim", f"model:{model}@1", dated),
            item=item,
            citation=f"line {number}",
            part=1,
            attribute="artifact",
            value=digest.removeprefix("sha256:"),
            digest=digest,
            clock="records:inventory",
            basis="asserted",
        )
    return story


def test_an_earlier_export_is_what_was_said_then_whatever_a_later_one_makes_of_the_line():
    """The line keeps its date, and has another digest in the export of 20 March."""
    story = exported(Story(), "2026-03-05 09:00", (FEBRUARY, "m1", GOOD))
    exported(story, "2026-03-20 09:00", (FEBRUARY, "m1", BAD))
    answer = one(story, "inventory")
    assert said(answer) == ("a", "b")
    assert answer.said_then.certainty == "possible"
    later = asof(story.timeline(), at("2026-03-21 10:00"))
    assert [said(one) for one in later] == [("b", "b")]


def test_a_line_that_a_later_export_has_no_more_is_not_said_now():
    story = exported(Story(), "2026-03-05 09:00", (FEBRUARY, "m1", GOOD), (FEBRUARY, "m2", GOOD))
    exported(story, "2026-03-20 09:00", (FEBRUARY, "m2", GOOD))
    answers = {a.subject: said(a) for a in asof(story.timeline(), NOON)}
    assert answers == {"model:m1@1": ("a", None), "model:m2@1": ("a", "a")}
    assert [a.subject for a in asof(story.timeline(), at("2026-03-21 10:00"))] == ["model:m2@1"]


def test_a_line_that_was_added_since_is_what_the_export_dates_it():
    """The twin: an export that only grew has changed no story."""
    story = exported(Story(), "2026-03-05 09:00", (FEBRUARY, "m1", GOOD))
    exported(story, "2026-03-20 09:00", (FEBRUARY, "m1", GOOD), ("2026-03-07 10:00", "m1", BAD))
    assert said(one(story, "inventory")) == ("b", "b")
    assert said(one(story, "inventory", "2026-03-06 10:00")) == ("a", "a")


def test_a_version_that_an_earlier_listing_shows_was_there_and_is_no_more():
    def put(story: Story, taken: str, *versions: tuple[str, str, str]) -> Story:
        story.listing(taken, *((f"m{v}", v, stored) for v, stored, _ in versions))
        item = story.rows[-1]["item"] if versions else None
        for version, stored, digest in versions:
            story.stored(stored, "m1", digest)
            story.rows[-1] |= {"item": item, "names": [f"s3:bucket/m{version}?versionId={version}"]}
        return story

    story = put(Story(), "2026-03-05 09:00", ("v1", FEBRUARY, GOOD), ("v2", FEBRUARY, GOOD))
    put(story, "2026-03-20 09:00", ("v2", FEBRUARY, GOOD))
    for row in story.rows:
        if row["kind"] == "claim" and row["names"] == ["s3:bucket/mv2?versionId=v2"]:
            row["subject"] = "model:m2@1"
    answers = {a.subject: a for a in asof(story.timeline(), NOON)}
    assert said(answers["model:m1@1"]) == ("a", None)
    assert answers["model:m1@1"].said_then.certainty == "possible"
    assert said(answers["model:m2@1"]) == ("a", "a")
    assert answers["model:m2@1"].said_then.certainty == "certain"
    assert [a.subject for a in asof(story.timeline(), at("2026-03-21 10:00"))] == ["model:m2@1"]


def told(story: Story, source: str, since: str, until: str, every: timedelta | None = None):
    """By instant what the source said, where that changed."""
    found = history(story.timeline(), (at(since), at(until)), every, changes=True)
    rows = found.filter(pl.col("source") == source).select("instant", "then_value").iter_rows()
    return [(f"{instant:%d %H:%M:%S}", value[:1] if value else None) for instant, value in rows]


def test_a_story_that_changed_tells_when_and_by_which_record():
    answer = one(incident(), "lineage-db")
    assert answer.change is not None
    assert (answer.change.earliest, answer.change.clock) == (at("19:12"), COMMIT)
    assert answer.change.event == answer.says_now.event
    gone = Story().snapshot("02:00", m1=GOOD).snapshot("2026-03-09 02:00")
    answer = one(gone, "lineage-db")
    assert (answer.change.earliest, answer.change.latest) == (at("02:00"), at("2026-03-09 02:00"))
    assert answer.change.event == f"{2:016x}:#0"
    unchanged = Story().capture(NOW, ("m1", GOOD, FEBRUARY, FEBRUARY, 700))
    assert one(unchanged, "lineage-db").change is None


def test_a_later_export_dates_the_change_between_the_two():
    story = exported(Story(), "2026-03-05 09:00", (FEBRUARY, "m1", GOOD))
    exported(story, "2026-03-20 09:00", (FEBRUARY, "m1", BAD))
    change = one(story, "inventory").change
    assert (change.earliest, change.latest) == (at("2026-03-05 09:00"), at("2026-03-20 09:00"))
    assert change.clock == "examiner"


def test_the_history_has_the_instants_at_which_an_answer_changes():
    found = told(incident(), "lineage-db", "2026-03-08 00:00", "2026-03-09 00:00")
    assert found == [("08 00:00:00", None), ("08 02:00:00", "a"), ("08 19:12:00", "b")]
    stored = Story().stored(FEBRUARY, "m1", GOOD).stored("19:00", "m1", BAD)
    found = told(stored, "models", "2026-03-08 00:00", "2026-03-09 00:00")
    assert found == [("08 00:00:00", "a"), ("08 19:00:00", "b")]
    assert told(stored, "models", "2026-03-07 00:00", "2026-03-08 00:00") == [("07 00:00:00", "a")]


def test_a_clock_that_is_off_moves_the_change():
    """Three hours ahead: 19:00 by that clock is 16:00 UTC, a time that no record reads."""
    story = Story().stored(FEBRUARY, "m1", GOOD).stored("19:00", "m1", BAD)
    story.measured("utc", "s3:models", 3 * HOUR, wide=1.0)
    found = told(story, "models", "2026-03-08 00:00", "2026-03-09 00:00")
    assert found == [("08 00:00:00", "a"), ("08 16:00:00", "b")]


def test_a_grid_shows_a_change_at_its_next_step_and_is_bounded():
    stored = Story().stored(FEBRUARY, "m1", GOOD).stored("19:00", "m1", BAD)
    found = told(stored, "models", "2026-03-08 00:00", "2026-03-09 00:00", timedelta(hours=6))
    assert found == [("08 00:00:00", "a"), ("09 00:00:00", "b")]
    with pytest.raises(UsageError, match="at most 2000 instants"):
        history(stored.timeline(), (at("00:00"), at("01:00")), timedelta(seconds=1))


def test_a_history_holds_only_so_many_answers_but_all_changes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recon.asof_history.MOST_ANSWERS", 1)
    timeline, day = incident().timeline(), (at("00:00"), at("2026-03-09 00:00"))
    with pytest.raises(UsageError, match="at most 1 answers"):
        history(timeline, day, timedelta(hours=6))
    assert len(history(timeline, day, timedelta(hours=6), changes=True)) > 1


def test_answers_are_the_same_however_many_claims_are_judged_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
):
    whole = asof_frame(incident().timeline(), NOON)
    monkeypatch.setattr("recon.asof_judged._AT_ONCE", 1)
    assert asof_frame(incident().timeline(), NOON).equals(whole)


@pytest.mark.parametrize("claimed", [True, False])
def test_of_subjects_of_which_nothing_is_claimed_nothing_is_said(*, claimed: bool):
    story = incident().updated("20:00", 801, "m1", GOOD, FEBRUARY) if claimed else Story()
    story.event("models", "object.delete", "s3:bucket/k", "11:00", clock="s3:models")
    timeline, nobody = story.timeline(), ["model:nobody@*"]
    assert asof(timeline, NOON, nobody) == []
    assert history(timeline, (NOON, at("13:00")), subjects=nobody, changes=True).is_empty()
