"""Laws: orders that no clock can change, derived from the timeline by joins.

Each law is one function in :mod:`recon.time.laws`, whose docstring says what is forced and by
what, and where it is not. Only neighbours are related where a law is a chain: what follows from
two pairs is not a third. So there are about as many pairs as records, and the cost is linear.
"""

from __future__ import annotations

import polars as pl

from recon import schema
from recon.time.laws import LAWS, Seen
from recon.time.laws.base import PAIR


def relations(events: pl.LazyFrame, coverage: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Rows of :data:`recon.schema.RELATIONS`, sorted, each pair once, by the first law of its.

    ``coverage``: :data:`recon.schema.COVERAGE`, which tells of gaps in a log.
    """
    seen = Seen.of(events, coverage)
    parts = [
        frame.select(pl.col(name).cast(dtype) for name, dtype in PAIR.items()).with_columns(
            law=pl.lit(number, pl.UInt8())
        )
        for number, one in enumerate(LAWS)
        for frame in one.derive(seen)
    ]
    if not parts:
        return pl.LazyFrame(schema=schema.RELATIONS)
    before, after, law = pl.col("before"), pl.col("after"), pl.col("law").cast(pl.UInt64())
    # One number sorts five times as fast as three. Past a thousand million events it would repeat
    # itself, and say less of the order in the file; pairs are told apart by their own columns.
    key = before * 2**34 + after * 2**4 + law
    same = (before == before.shift(1)) & (after == after.shift(1))
    names = pl.Series([one.name for one in LAWS])
    return (
        pl.concat(parts)
        # Of one pair by one law, the first that the law gives.
        .sort(key, maintain_order=True)
        .filter(~same.fill_null(value=False))
        .select("before", "after", law=pl.lit(names).gather("law"), because="because")
    )
