"""Whether the table in a snapshot is one that the log replaced, by what both call it: its OID."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from recon.rules.base import Timeline


@dataclass(frozen=True, slots=True)
class Identities:
    """OIDs of tables in snapshots, and of tables that were recreated.

    A dump does not say which cluster it is of. Where a database was moved, a table of the old
    cluster has another OID than the one that the new cluster's log replaces, but by chance.
    """

    seen: pl.DataFrame
    """``item``, ``table``, ``oid``."""
    replaced: pl.DataFrame
    """``source``, ``table``, ``oid`` (of the table that went), ``latest``."""

    def differ(self, source: str, table: str, item: str, since: datetime) -> bool:
        """Whether no act since a time replaced the table that the item shows.

        False where either side tells no OID.
        """
        here = (pl.col("table") == table) & pl.col("oid").is_not_null()
        oids = self.seen.filter(here & (pl.col("item") == item))["oid"]
        gone = self.replaced.filter(
            here & (pl.col("source") == source) & (pl.col("latest") >= since)
        )["oid"]
        return (
            not oids.is_empty() and not gone.is_empty() and oids.is_in(gone.implode()).not_().all()
        )


def identities(timeline: Timeline) -> Identities:
    """As far as dumps, captures and the log tell."""
    seen = timeline.kind("dump.table", "table.catalogue").select(
        "item", table="subject", oid=pl.col("value").str.extract(r"\boid=(\d+)")
    )
    replaced = timeline.kind("table.recreate").select(
        "source", "latest", table="subject", oid=pl.col("value").str.extract(r"^oid (\d+) to ")
    )
    return Identities(seen.collect(), replaced.collect())
