"""CSV of evidence text: read back exactly, but for what a spreadsheet or terminal would do."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reports import tables

cells = st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2))


@given(cells)
def test_every_cell_is_read_back_and_none_is_active(rows: list[list[str]]):
    content, changed = tables.write(["a", "b"], rows)
    read = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))[1:]
    assert [[tables.harmless(cell) for cell in row] for row in rows] == read
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for r in read for cell in r)
    assert changed == sum(tables.harmless(cell) != cell for row in rows for cell in row)


def test_an_apostrophe_goes_before_a_formula():
    content, changed = tables.write(["a"], [['=HYPERLINK("http://x")'], ["plain"], [None]])
    assert content == b'a\r\n"\'=HYPERLINK(""http://x"")"\r\nplain\r\n""\r\n'
    assert changed == 1


def test_controls_stand_by_their_number():
    content, changed = tables.write(["a"], [["\x1b]0;t\x07"], ["\u202ex"], ["a\nb"]])
    shown = "a\r\n‹U+001B›]0;t‹U+0007›\r\n‹U+202E›x\r\na‹U+000A›b\r\n"
    assert content.decode() == shown
    assert changed == 3


def test_a_frame_as_text_keeps_microseconds_and_lists():
    frame = pl.DataFrame(
        {"t": [datetime(2026, 3, 8, 20, 14, 3, 118402, tzinfo=UTC)], "n": [["a", "b"]]},
        schema={"t": pl.Datetime("us", "UTC"), "n": pl.List(pl.String)},
    )
    assert tables.plain(frame).row(0) == ("2026-03-08T20:14:03.118402Z", "a|b")
