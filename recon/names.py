"""What an event names: ids of things, each with a prefix that says of what kind."""

from __future__ import annotations

import polars as pl


def named(prefix: str) -> pl.Expr:
    """The first name that starts with the prefix; null where there is none."""
    names = pl.col("names")
    return names.list.filter(pl.element().str.starts_with(prefix)).list.first()


def xids() -> pl.Expr:
    """Every transaction that an event names: its own, then its subtransactions."""
    return pl.col("names").list.filter(pl.element().str.starts_with("xid:"))
