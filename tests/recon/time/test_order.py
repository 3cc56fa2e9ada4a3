"""Of events of one reading, which comes first is what a reader can see, and no hash."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from recon.rules.impossible_order import impossible_order
from recon.time.order import Order
from tests.orders import START, Pipeline


def test_by_time_then_source_place_subject_and_id():
    events = pl.DataFrame(
        [
            (0, 5, "b", "log:1", 7, "s"),
            (1, 5, "a", "log:2", 9, "s"),
            (2, 5, "a", "log:2", 3, "s"),
            (3, 5, "a", None, None, "t"),
            (4, 5, "a", None, None, "s"),
            (5, 5, "a", None, None, "s"),
            (6, 8, "a", "log:2", 1, "s"),
            (7, None, "z", None, None, "s"),
            (8, None, "y", None, None, "s"),
        ],
        schema=["row", "earliest", "source", "stream", "position", "subject"],
        orient="row",
    ).with_columns(pl.col("row").cast(pl.UInt64))
    order = Order.of(events.lazy(), events.select("row", "earliest"))
    assert order.rows.tolist() == [2, 1, 4, 5, 3, 0, 6, 8, 7]
    assert [order.row(order.place(row)) for row in range(9)] == list(range(9))
    laws = pl.DataFrame({"before": [0, 2], "after": [6, 7]}, schema_overrides={"before": pl.UInt64})
    assert order.placed(laws).rows() == [(0, 8), (5, 6)]


@pytest.mark.parametrize("hashes", ["as the lines", "the other way"])
def test_of_two_lines_of_one_time_the_first_in_the_log_is_named(hashes: str):
    """Two rows name a line each; both lines are dated three hours after the rows."""
    story = Pipeline().runs(12)
    begin = len(story.rows)
    when = START + timedelta(hours=24)
    for number in (50, 51):
        story.finished(number, when + timedelta(hours=3), subject="run:50")
    if hashes == "the other way":
        # As if the second line had the lower id: its events stand first.
        story.rows[begin:] = story.rows[begin:][::-1]
    story.inserted(52, when)
    for line in (begin, begin + 1):
        story.law(line, len(story.rows) - 1, "names the line of the log")
    (draft,) = story.runs(12, begin=13).judged(impossible_order)
    (earlier,) = (row for role, row in draft.events if role == "earlier")
    assert story.rows[earlier]["citation"] == "line 13"
