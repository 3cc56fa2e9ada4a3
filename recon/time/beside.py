"""A time that a writer put into a record, beside the time at which the record was stored.

``registered_at`` in a row, and the commit of the row: both are of one record, and how far apart
they usually are tells how the writer works. Nothing forces them to be close, so this is a norm of
that writer and never a law; no clock is bounded by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.time.agreement import Agreement, agreements

if TYPE_CHECKING:
    from recon.rules import Timeline


def beside(timeline: Timeline) -> list[Agreement]:
    """How asserted clocks read against the clock that stamped the same record, by clocks."""
    from recon.rules.views import RECORD, versions
    from recon.written import BASES

    since = pl.col("written_from").dt.epoch("us"), pl.col("written_to").dt.epoch("us")
    both = (
        timeline.kind("claim")
        .filter((pl.col("basis") == "asserted") & pl.col("latest").is_not_null())
        .join(versions(timeline), on=RECORD)
        .filter(pl.col("written_basis").is_in(BASES[:2]) & pl.col("written_clock").is_not_null())
        .sort("row")
        # A row is one record, however many snapshots have it.
        .unique(["source", "xid", "subject", "clock"], keep="first", maintain_order=True)
        .select(
            first="clock",
            second="written_clock",
            low=(since[0] - pl.col("latest").dt.epoch("us")) / 1e6,
            high=(since[1] - pl.col("earliest").dt.epoch("us")) / 1e6,
        )
    )
    return [found for _, found in sorted(agreements(both).items())]
