"""altered-on-re-registration: a row is inserted anew, as of its old time, with another value."""

from __future__ import annotations

from recon.rules.altered_on_re_registration import altered_on_re_registration as rule
from recon.rules.re_registered import re_registered
from tests.stories import BAD, GOOD, Story, at

FEBRUARY, APRIL = "2026-02-14 10:00", "2026-04-02 09:00"
LOG = ("2026-02-01 00:00", "2026-04-01 00:00")


def told(later: str = BAD, time: str = FEBRUARY) -> Story:
    """A dump of the night, the log, and a capture of April."""
    story = Story().snapshot("02:00", FEBRUARY, m1=GOOD).logged(*LOG)
    return story.capture(APRIL, ("m1", later, time, "19:12", 800))


def test_fires_where_the_log_has_it_inserted_anew():
    story = told().wrote("19:12", 800, insert=1, delete=1)
    (draft,) = story.judged(rule)
    assert draft.verdict == "conflict"
    assert [role for role, _ in draft.events] == ["earlier", "later", "written"]
    assert "inserted anew" in draft.statement
    assert draft.innocent[0].ruled_out is True


def test_silent_on_the_same_value_and_on_a_registration_of_its_own_day():
    """The innocent twins: rows that are loaded again, and a second training."""
    for story in (told(GOOD), told(BAD, "2026-03-08 19:12")):
        assert story.wrote("19:12", 800, insert=1, delete=1).judged(rule) == []


def test_silent_on_a_second_registration_on_the_day_that_a_date_gives():
    """The innocent twin: the column is a date, and the row was inserted anew on that very day."""
    for day, drafts in (("2026-03-08", 0), ("2026-03-07", 1)):
        story = Story().snapshot("02:00", f"{day} 00:00", m1=GOOD).logged(*LOG)
        story.capture(APRIL, ("m1", BAD, f"{day} 00:00", "19:12", 800))
        story.wrote("19:12", 800, insert=1, delete=1)
        for row in story.rows:
            if row["kind"] == "claim":
                row["latest"] = at(f"{day} 23:59")
        assert len(story.judged(rule)) == drafts


def test_an_observation_where_the_log_has_it_updated():
    (draft,) = told().wrote("19:12", 800, update=1).judged(rule)
    assert draft.verdict == "observation"
    assert draft.innocent[0].ruled_out is False


def test_undetermined_where_the_log_does_not_say():
    assert told().judged(rule)[0].verdict == "undetermined"
    story = told().wrote("19:12", 800, update=1, insert=1)
    assert story.judged(rule)[0].verdict == "undetermined"
    dumps = (
        Story().snapshot("02:00", FEBRUARY, m1=GOOD).snapshot("2026-03-09 02:00", FEBRUARY, m1=BAD)
    )
    assert dumps.judged(rule)[0].verdict == "undetermined"


def plain(story: Story) -> Story:
    """The value is none that identifies bytes."""
    for row in story.rows:
        if row["kind"] == "claim":
            row["digest"] = None
    return story


def test_of_values_that_are_no_digest_only_what_was_inserted_anew_is_told():
    assert plain(told()).judged(rule) == []
    assert plain(told().wrote("19:12", 800, update=1)).judged(rule) == []
    (draft,) = plain(told().wrote("19:12", 800, insert=1, delete=1)).judged(rule)
    assert draft.verdict == "conflict"


def test_a_value_that_is_only_written_otherwise_is_the_same():
    story = told(GOOD).wrote("19:12", 800, insert=1, delete=1)
    for row in story.rows[-3:]:
        if row["kind"] == "claim":
            row["value"] = row["value"].upper()
    assert story.judged(rule) == []


def test_the_last_word_of_the_log_counts():
    """Inserted again as it was, and then updated."""
    story = told().wrote("19:00", 799, insert=1, delete=1)
    for kind, time, xid in (("row.insert", "19:00", 799), ("row.update", "19:12", 800)):
        story.wal(kind, time, xid, "model:m1@1")
        story.rows[-1]["names"] = [f"xid:1/{xid}", "pg:lineage-db/ml/ml.lineage"]
    (draft,) = story.judged(rule)
    assert draft.verdict == "observation"


def test_a_table_that_was_recreated_is_left_to_re_registered():
    story = Story().snapshot("02:00", FEBRUARY, m1=GOOD).recreated("19:12", 800).logged(*LOG)
    story.capture(APRIL, ("m1", BAD, FEBRUARY, "19:12", 800))
    assert len(story.judged(re_registered)) == 1
    assert story.judged(rule) == []


def test_silent_where_a_subject_has_several_rows_of_one_time():
    story = told().wrote("19:12", 800, insert=1)
    claim = next(row for row in story.rows if row["kind"] == "claim")
    story.rows.append(claim | {"value": "c" * 64, "digest": "sha256:" + "c" * 64, "part": 7})
    assert story.judged(rule) == []


def test_a_table_that_is_exported_twice_is_undetermined():
    story = Story()
    for day, digest in (("2026-03-01 09:00", GOOD), ("2026-03-09 09:00", BAD)):
        item = story.item()
        story.event("inventory", "snapshot", "records:inventory", day, item=item, citation="")
        story.event(
            "inventory",
            "claim",
            "server:web1",
            FEBRUARY,
            item=item,
            attribute="jar",
            value=digest,
            digest=digest,
            clock="records:inventory",
            basis="asserted",
        )
    (draft,) = story.judged(rule)
    assert draft.verdict == "undetermined"
