"""JSON lines as rows of a table: a column is a key, ``a.b`` a key within an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors import jsonlines
from collectors.records.rows import Said, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collectors.records.options import RecordsOptions


def read(path: Path, options: RecordsOptions, said: Said) -> Iterator[pl.DataFrame]:
    """One row a line; blank lines are counted and left out."""
    used = options.used()
    blank, first, seen = 0, 0, 0
    met: set[str] = set()
    for block in jsonlines.read(path, used):
        seen += block.height
        blanks = block.filter("blank")
        if blanks.height:
            first = first or blanks["line"][0]
            blank += blanks.height
        have = [name for name in used if f"={name}" in block.columns]
        met |= {name for name in have if block[f"={name}"].null_count() < block.height}
        missing = {f"={name}": pl.lit(None, dtype=pl.String) for name in used if name not in have}
        odd = pl.col("odd") if "odd" in block.columns else pl.lit(None, dtype=pl.String)
        yield (
            block.filter(~pl.col("blank"))
            .with_columns(**missing)
            .select(
                citation=pl.format("line {}", pl.col("line")),
                place=pl.col("line"),
                text=pl.col("text"),
                problem=pl.col("problem"),
                said=pl.format(
                    "expected one text or number in {}; found a key that stands twice, an object,"
                    " a list or half a character; the value is left out",
                    odd,
                ),
                **{f"={name}": trimmed(pl.col(f"={name}")) for name in used},
            )
        )
    if blank:
        said.warn(f"expected rows; found {blank} blank lines", f"line {first}")
    for name in used:
        if seen and name not in met:
            said.warn(f"expected {name!r} in some row; found it in none")
