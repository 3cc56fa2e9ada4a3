"""What a page shows of evidence text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.glyphs import NAMED, drawable, legend, lines, printable, verbatim

_BACK = {shown: character for character, shown in NAMED.items()}


def unescaped(text: str) -> str:
    """The inverse of ``verbatim``, by its definition."""

    def back(match: re.Match[str]) -> str:
        shown = match.group()
        return _BACK.get(shown) or chr(int(shown[3:-1], 16))

    return re.sub(r"‹[^›]*›", back, text)


any_text = st.text(st.characters(exclude_categories=[]))


@given(any_text)
def test_nothing_but_drawable_characters_comes_out(text: str):
    assert set(printable(text)) <= drawable()
    assert set(verbatim(text)) <= drawable()


@given(any_text)
def test_a_quote_can_be_read_back_to_the_words_of_the_source(text: str):
    assert unescaped(verbatim(text)) == text


@given(any_text)
def test_making_printable_twice_changes_nothing(text: str):
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\u202e", "‹U+202E›"),  # right-to-left override
        ("\u0301", "‹U+0301›"),  # a combining accent
        ("\u05e9", "‹U+05E9›"),  # a Hebrew letter reorders its neighbours
        ("\u00a0", "‹U+00A0›"),  # a space that looks like another
        ("\u200b", "‹U+200B›"),
        ("\u6f22", "‹U+6F22›"),  # no embedded font has it
        ("\U0001f600", "‹U+1F600›"),
        ("\ud800", "‹U+D800›"),
        ("\t", "‹TAB›"),
        ("\x1b", "‹U+001B›"),
        ("é", "é"),
        ("Ж", "Ж"),
    ],
)
def test_one_character(character: str, shown: str):
    assert printable(f"a{character}b") == f"a{shown}b"


def test_no_drawable_character_is_hidden_or_reorders():
    for character in drawable() - {" "}:
        assert unicodedata.category(character)[0] not in "CMZ"
        assert unicodedata.bidirectional(character) not in {"R", "AL", "AN"}


def test_a_cut_says_how_much_it_cut():
    assert printable("abcdef", limit=4) == "abcd… (2 more characters)"


def test_the_legend_counts_escapes_and_is_silent_without_any():
    assert legend({"a": ["plain", {"b": "text"}]}) == ""
    assert "2 times" in legend({"a": ["‹TAB›", {"b": "x‹U+202E›"}]})


@given(st.lists(any_text.map(lambda t: t.replace("\n", " ")), min_size=1).map("\n".join))
def test_rows_joined_are_the_quote(text: str):
    rows, note = lines(text, width=20, limit=10_000)
    assert note == ""
    joined = "".join(("\n" if number else "") + piece for number, piece in rows)
    kept = text.removesuffix("\n") if "\n" in text else text
    assert unescaped(joined) == "\n" + kept
    assert all(len(piece) <= 20 for _, piece in rows)


def test_a_long_quote_says_what_is_left_out():
    rows, note = lines("first\n" + "x" * 1000 + "\nlast", width=10, limit=4)
    assert [number for number, _ in rows] == ["1", "2", "", ""]
    assert note.startswith("4 rows shown, up to line 2 in part, of 3 lines and 1,011 characters")


def test_a_quote_of_many_lines_stops_at_the_limit():
    rows, note = lines("\n".join(map(str, range(50))), width=10, limit=5)
    assert rows[-1] == ["5", "4"]
    assert note.startswith("5 rows shown, up to line 5, of 50 lines")


def test_an_escape_is_never_broken_across_rows():
    rows, _ = lines("abcdefg\u202e", width=10, limit=5)
    assert rows == [["1", "abcdefg"], ["", "‹U+202E›"]]
