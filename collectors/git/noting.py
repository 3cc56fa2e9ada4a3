"""Warnings about many records of one sort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.collector import Sha256, Warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

NAMED = 100
"""Records of one sort that are named one by one; those beyond are counted."""


def named(frame: pl.DataFrame, what: str, message: pl.Expr) -> Iterator[Warn]:
    """One warning per row (columns ``name``, ``item``), citing ``WHAT NAME``."""
    rows = frame.select("name", "item", said=message)
    for name, item, said in rows.head(NAMED).iter_rows():
        yield Warn(Sha256(item), f"{what} {name}", said)
    if rows.height > NAMED:
        name, item, said = rows.row(NAMED)
        rest = rows.height - NAMED
        yield Warn(Sha256(item), f"{what} {name}", f"{said}; and so on: {rest} more of this sort")
