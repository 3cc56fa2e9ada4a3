"""The figure: lanes, marks, close-ups; the same bytes for the same input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from lxml import etree

from reports.figure import describe, draw, spread, svg
from reports.spans import US, Mark, close_ups, ticks

START = datetime(2026, 2, 10, tzinfo=UTC)
ASKED = datetime(2026, 3, 8, 12, tzinfo=UTC)
SCHEMA = {
    "source": pl.String(),
    "earliest": pl.Datetime("us", "UTC"),
    "latest": pl.Datetime("us", "UTC"),
}


def events(per_lane: int, lanes: tuple[str, ...] = ("code", "db", "log", "s3")) -> pl.DataFrame:
    step = timedelta(days=30) / per_lane
    return pl.DataFrame(
        [
            (lane, START + n * step, START + n * step + timedelta(seconds=1))
            for lane in lanes
            for n in range(per_lane)
        ],
        schema=SCHEMA,
        orient="row",
    )


def mark(label: str, source: str, moment: str | None, *, stamped: bool = True) -> Mark:
    at = datetime.fromisoformat(moment) if moment else None
    return Mark(label, source, at, at, stamped)


MARKS = [
    mark("A", "db", "2026-02-14T09:31:07Z", stamped=False),
    mark("B", "db", "2026-03-08T20:14:01Z"),
    mark("C", "db", "2026-03-08T20:14:03Z"),
    mark("D", "s3", None),
]


def test_the_same_input_gives_the_same_bytes_of_svg():
    first, second = (svg(draw(events(50), MARKS, instant=ASKED).figure) for _ in range(2))
    assert first == second
    assert etree.fromstring(first).tag.endswith("svg")
    assert b"<dc:date>" not in first


def test_marks_that_fall_together_get_a_close_up():
    drawn = draw(events(50), MARKS, instant=ASKED)
    assert [len(axis.get_yticks()) for axis in drawn.figure.axes] == [4, 1]
    title = drawn.figure.axes[1].get_title(loc="left")
    assert title.startswith("Close up: 2026-03-08 20:14:00")


def test_marks_of_different_lanes_need_no_close_up():
    apart = [mark("A", "db", "2026-03-08T20:14:01Z"), mark("B", "s3", "2026-03-08T20:14:03Z")]
    assert close_ups(apart, 30 * 86400 * US) == []


def test_an_undated_mark_is_named_and_not_drawn():
    assert draw(events(5), MARKS).undated == ["D"]


def test_events_outside_the_span_are_not_counted_as_in_view():
    marks = [mark("A", "db", "2026-02-12T00:00:00Z"), mark("B", "s3", "2026-02-13T00:00:00Z")]
    drawn = draw(events(30), marks)
    # A day, 7 % of it on either side: of the events at 00:00 of each day two in each lane.
    assert (drawn.in_view, drawn.given) == (8, 120)


def test_nothing_at_all_is_drawn_as_empty_lanes():
    drawn = draw(events(5).clear(), [])
    assert drawn.in_view == 0
    assert svg(drawn.figure)


def test_a_name_with_dollar_signs_is_no_formula():
    lanes = ("$\\frac{1}{0}$", "$x")
    assert svg(draw(events(3, lanes), []).figure)


def test_many_lanes_stay_on_a_page():
    lanes = tuple(f"source-{n}" for n in range(40))
    assert draw(events(2, lanes), []).figure.get_size_inches()[1] <= 7.7


def test_ticks_are_round_and_few():
    low, high = 0, 10 * 86400 * US
    places, texts = ticks(low, high)
    assert texts[0] == "1970-01-01"
    assert len(places) <= 8
    assert all(place % (86400 * US) == 0 for place in places)


def test_words_for_who_cannot_see_it():
    drawn = draw(events(5), MARKS[:1], instant=ASKED)
    row = {"label": "A", "source": "db", "role": "asserted", "time": "2026-02-14", "basis": "x"}
    text = describe(drawn, [row], "2026-03-08T12:00:00Z")
    assert "A: db, asserted, 2026-02-14, x" in text
    assert "2026-03-08T12:00:00Z" in text


def test_a_lane_of_five_thousand_events_is_one_collection():
    """One artist an event would take seconds; the benchmark has the times."""
    few, many = (draw(events(n), MARKS).figure.axes[0] for n in (5, 5000))
    assert len(many.collections) == len(few.collections)


def test_labels_that_would_touch_share_one_and_each_name_stands_once():
    """Characters are 1 wide: E at 0 and B, C at 3 would run into each other as `EB, C`."""
    assert spread([(0, "A"), (10, "B")], 1) == [(0, "A"), (10, "B")]
    assert spread([(0, "E"), (2.5, "B"), (3, "C")], 1) == [(1.5, "B, C, E")]
    assert spread([(0, "1, 2"), (0, "1, 2")], 1) == [(0, "1, 2")]
    assert spread([(0, str(n)) for n in (10, 9, 2, 1, 3)], 1) == [(0, "1…10")]
