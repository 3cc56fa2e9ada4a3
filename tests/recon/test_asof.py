"""The two answers: said then, says now about then."""

from __future__ import annotations

from recon.asof import Answer, asof
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
