"""Transaction numbers: 32 bits in a row and in a log record, 64 bits where the server counts.

A number of 32 bits is given out again after four thousand million transactions. Which of them is
meant follows from a point of the count nearby: ``next_xid`` of a checkpoint, ``xmax`` of a
snapshot.
Source: PostgreSQL documentation, 25.1.5 "Preventing Transaction ID Wraparound Failures", and
``access/transam.h``: 1 is the bootstrap transaction, 2 the frozen one, 3 the first normal one.
"""

from __future__ import annotations

import polars as pl

ROUND = 2**32
"""Numbers after which a number comes again."""
FIRST_NORMAL = 3
_HALF = 2**31


def system_of(name: pl.Expr) -> pl.Expr:
    """The cluster of ``xid:SYSTEM/NUMBER``, as text."""
    return name.str.strip_prefix("xid:").str.split("/").list.first()


def number_of(name: pl.Expr) -> pl.Expr:
    """The number of ``xid:SYSTEM/NUMBER``; null where it is none."""
    return name.str.split("/").list.last().cast(pl.Int64, strict=False)


def before(number: pl.Expr, end: pl.Expr) -> pl.Expr:
    """The latest full number below ``end`` (full) that has these 32 bits; else the number itself.

    For what is known to have been given out when ``end`` was to come next.
    """
    full = end - 1 - (end - 1 - number) % ROUND
    return pl.when(full >= FIRST_NORMAL).then(full).otherwise(number)


def near(number: pl.Expr, point: pl.Expr) -> pl.Expr:
    """The full number with these 32 bits that is nearest to ``point`` (full)."""
    full = point + (number - point + _HALF) % ROUND - _HALF
    return pl.when(full >= FIRST_NORMAL).then(full).otherwise(number)
