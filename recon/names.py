"""What an event names: ids of things, each with a prefix that says of what kind."""

from __future__ import annotations

import polars as pl


def named(prefix: str) -> pl.Expr:
    """The first name that starts with the prefix; null where there is none."""
    names = pl.col("names")
    return names.list.filter(pl.element().str.starts_with(prefix)).list.first()


def within(subject: pl.Expr, covered: pl.Expr) -> pl.Expr:
    """Whether a stretch of coverage speaks of a subject: of itself, or of all below it (``…/*``).

    The name of a table may hold a star as well, so that no more than this is a glob.
    """
    below = covered.str.strip_suffix("*")
    return (subject == covered) | (covered.str.ends_with("/*") & subject.str.starts_with(below))


def xids() -> pl.Expr:
    """Every transaction that an event names: its own, then its subtransactions."""
    return pl.col("names").list.filter(pl.element().str.starts_with("xid:"))
