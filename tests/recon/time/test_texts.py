"""Equal texts are found wherever they stand, and each as often as it is there."""

from __future__ import annotations

import polars as pl
import pytest

from recon.time.laws.texts import alike


@pytest.mark.parametrize("count", [0, 1, 7, 100_000])
def test_all_that_a_join_finds_in_the_order_of_both(count: int):
    """Some are in neither, some there twice, and more than are looked at together."""
    number = pl.int_range(count, eager=True)
    ours = pl.select(pl.format("git:{}", number * 7919 % max(count, 1) % 60_000)).to_series()
    theirs = pl.select(pl.format("git:{}", number * 31 % max(count, 1) // 2 + 11)).to_series()
    name, of = alike(ours, theirs)
    pairs = pl.DataFrame({"name": name, "of": of}, schema={"name": pl.Int64, "of": pl.Int64})
    found = pairs.filter(ours.gather(name) == theirs.gather(of))
    assert len(pairs) - len(found) <= 1  # parts of hashes that are the same by chance
    expected = (
        ours.to_frame("text")
        .with_row_index("name")
        .join(theirs.to_frame("text").with_row_index("of"), on="text")
        .select(pl.col("name", "of").cast(pl.Int64))
        .sort("name", "of")
    )
    assert found.equals(expected)


def test_what_is_null_is_no_text():
    texts = pl.Series(["a", None, "b"])
    name, of = alike(texts, pl.Series(["b", None, "b"]))
    met = [(int(one), int(other)) for one, other in zip(name, of, strict=True)]
    assert [pair for pair in met if texts[pair[0]] is not None] == [(2, 0), (2, 2)]
