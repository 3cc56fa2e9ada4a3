"""What ``recon written`` answers, and how it looks on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from recon import show_said
from recon.written.answers import answers
from tests.stories import BAD, GOOD, Story

NOON = "2026-03-20 12:00"


def test_a_version_that_several_captures_show_is_given_once():
    story = Story().commit("10:05", 800)
    for time in ("2026-03-19 12:00", NOON):
        story.capture(time, ("m1", GOOD, "10:00", None, 800))
    (one,) = answers(story.timeline())
    assert one.transaction == "xid:1/800"
    assert one.event.endswith("line m1#0")
    assert one.bases[0].basis == "commit record"


def test_a_dump_shows_what_no_capture_does():
    story = (
        Story()
        .snapshot("2026-03-07 02:00", m1=BAD, m2=GOOD)
        .snapshot("2026-03-08 02:00", m1=BAD, m2=GOOD)
        .capture(NOON, ("m1", GOOD, None, None, 800), ("m2", GOOD, None, None, 801))
    )
    told = [(one.subject, one.transaction) for one in answers(story.timeline())]
    assert told == [
        ("model:m1@1", None),
        ("model:m1@1", "xid:1/800"),
        ("model:m2@1", "xid:1/801"),
    ]


def test_a_glob_chooses_the_subjects():
    story = Story().capture(NOON, ("m1", GOOD, None, None, 800), ("n1", GOOD, None, None, 801))
    assert [one.subject for one in answers(story.timeline(), ["model:n*"])] == ["model:n1@1"]


def test_text_of_the_evidence_reaches_the_terminal_cleaned():
    story = Story().capture(NOON, ("m\x1b[31m", GOOD, None, None, 800))
    out = StringIO()
    show_said.written(Console(file=out, width=100), answers(story.timeline()), explain=True)
    assert "\x1b" not in out.getvalue()
    assert "up to 2026-03-20T12:00:00Z" in out.getvalue()


def test_a_row_that_nothing_dates_says_so():
    story = Story()
    story.event("lineage-db", "row.version", "model:m1@1", names=["pg:lineage-db/ml/ml.lineage"])
    out = StringIO()
    show_said.written(Console(file=out, width=100), answers(story.timeline()))
    assert "nothing dates it" in out.getvalue()
