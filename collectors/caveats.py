"""Warnings about many rows or lines of one item: some named one by one, the others counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.collector import Warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from recon.collector import Item

NAMED = 100
"""Rows of one sort that are named one by one; those beyond are counted, the first of them named.

A log with a million broken lines would otherwise be a million warnings.
"""


def named(
    item: Item, rows: pl.DataFrame, message: pl.Expr, severity: str = "warning", what: str = "lines"
) -> Iterator[Warn]:
    """A warning for each of the rows, whose column ``citation`` says where they stand."""
    shown = rows.head(NAMED).select("citation", message=message)
    for citation, text in shown.iter_rows():
        yield Warn(item.sha256, citation, text, severity)
    if rows.height > NAMED:
        rest = rows.slice(NAMED)
        citation, text = rest.head(1).select("citation", message=message).row(0)
        text = f"{text}; the same sort of warning for {rest.height} {what} from here on"
        yield Warn(item.sha256, citation, text, severity)
