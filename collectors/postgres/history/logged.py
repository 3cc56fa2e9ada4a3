"""Which acts the log tells better than two views do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

Row = dict[str, Any]

_PLACES = ("table.create", "table.recreate", "table.drop")
_FILES = ("table.rewrite", "table.truncate", "table.replaced")
_LIKE = {
    "table.create": _PLACES,
    "table.recreate": _PLACES,
    "table.drop": _PLACES,
    "table.rewrite": _FILES,
    "table.truncate": _FILES,
    "table.replaced": (*_FILES, *_PLACES),
}
"""Acts of the log that are, or may be, the one that two views show."""


def unlogged(
    rows: Sequence[Row], logged: pl.LazyFrame, coverage: pl.DataFrame | None
) -> Iterator[Row]:
    """The acts that no act of the log stands for.

    Where the log covers all of the time between two views, it alone tells why a table has another
    file: counters may lag behind, and it does not.
    """
    acts = (
        logged.filter(pl.col("kind").is_in([*_PLACES, *_FILES]) & pl.col("earliest").is_not_null())
        .select("kind", "subject", "earliest", "latest")
        .collect()
        .to_dicts()
    )
    stretches: list[Row] = []
    if coverage is not None:
        whole = coverage.filter(pl.col("kind") == "table.*")
        stretches = whole.select("subject", "earliest", "latest").to_dicts()
    for row in rows:
        told = any(
            act["kind"] in _LIKE.get(row["kind"], ())
            and act["subject"] == row["subject"]
            and row["earliest"] <= act["latest"]
            and act["earliest"] <= row["latest"]
            for act in acts
        )
        covered = row["kind"] in _FILES and any(
            one["earliest"] <= row["earliest"]
            and row["latest"] <= one["latest"]
            and (one["subject"] == row["subject"] or one["subject"].endswith("/*"))
            for one in stretches
        )
        if not told and not covered:
            yield row
