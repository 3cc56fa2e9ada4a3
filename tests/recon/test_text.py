"""Evidence text made safe to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from recon.text import clean, one_line


def test_escapes_what_a_terminal_or_a_reader_could_be_fooled_by():
    assert clean("a\x1b[31mb") == "a‹U+001B›[31mb"
    assert clean("model\u202etxt.exe") == "model‹U+202E›txt.exe"
    assert clean("a\nb") == "a‹U+000A›b"
    assert clean("a\nb", keep="\n") == "a\nb"
    assert clean("naïve, 東京") == "naïve, 東京"
    assert clean("‹U+202E›") == "‹U+2039›U+202E›"


def test_counts_what_it_cuts():
    assert one_line("x" * 300) == "x" * 200 + "… (100 more characters)"


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_what_is_shown_holds_no_control(text: str):
    shown = clean(text)
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in shown)


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_texts_are_never_shown_alike(one: str, other: str):
    assert (clean(one) == clean(other)) == (one == other)
