"""Globs of subjects mean the same to polars as to the shell."""

from __future__ import annotations

from fnmatch import fnmatchcase

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recon.subjects import glob

ALPHABET = "ab*?.(>)|:\n"


@given(st.text(ALPHABET, max_size=8), st.lists(st.text(ALPHABET, max_size=8), max_size=5))
def test_a_glob_with_any_number_of_stars(pattern: str, texts: list[str]):
    found = pl.Series("text", texts, pl.String).str.contains(glob(pattern)).to_list()
    assert found == [fnmatchcase(text, pattern) for text in texts]
