"""What an event names: ids of things, each with a prefix that says of what kind."""

from __future__ import annotations

import polars as pl

from recon.schema import PLAIN


def _those(is_meant: pl.Expr) -> pl.Expr:
    return pl.col("names").list.filter(is_meant)


def xids() -> pl.Expr:
    """Every transaction that an event names: its own, then its subtransactions."""
    return _those(pl.element().str.starts_with("xid:"))


_VERSION = pl.element().str.contains("?versionId=", literal=True)
_MADE = {
    "named_table": _those(pl.element().str.starts_with("pg:")).list.first(),
    "named_xid": xids().list.first(),
    "named_version": _those(_VERSION).list.first(),
    "several_xids": xids().list.len() > 1,
}
"""How the columns of :data:`recon.schema.PLAIN` are made."""
_COLUMN = {"pg:": "named_table", "xid:": "named_xid"}


def plain(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with the columns of :data:`recon.schema.PLAIN`, made of their names where need be.

    A list of names is ten times as slow to read as a column of one, and the timeline's file has
    these columns beside it.
    """
    there = events.collect_schema()
    return events.with_columns(_MADE[name].alias(name) for name in PLAIN if name not in there)


def named(prefix: str) -> pl.Expr:
    """The first name that starts with the prefix; null where there is none.

    Of a table and of a transaction in events that are :func:`plain`.
    """
    if prefix in _COLUMN:
        return pl.col(_COLUMN[prefix])
    return _those(pl.element().str.starts_with(prefix)).list.first()


def version_name() -> pl.Expr:
    """``s3:BUCKET/KEY?versionId=ID``, by which events of one version find each other."""
    return pl.col("named_version")


def by_xid(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with each transaction that they name, ``xid``; those without one are left out.

    Where none names several, no list is read. Events are :func:`plain`, and ``names`` is dropped.
    """
    several = pl.col("several_xids").fill_null(value=False)
    one = events.filter(~several & pl.col("named_xid").is_not_null())
    parts = [one.drop("names").with_columns(xid="named_xid")]
    more = events.filter(several)
    if not more.select("several_xids").limit(1).collect(engine="streaming").is_empty():
        parts.append(more.with_columns(xid=xids()).drop("names").explode("xid"))
    return pl.concat(parts)


def within(subject: pl.Expr, covered: pl.Expr) -> pl.Expr:
    """Whether a stretch of coverage speaks of a subject: of itself, or of all below it (``…/*``).

    The name of a table may hold a star as well, so that no more than this is a glob.
    """
    below = covered.str.strip_suffix("*")
    return (subject == covered) | (covered.str.ends_with("/*") & subject.str.starts_with(below))
