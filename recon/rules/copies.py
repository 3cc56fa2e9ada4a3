"""Whether a complete copy of a table is from after an instant: without one absence says nothing.

A copy is a stretch of coverage with a subject (:data:`recon.schema.COVERAGE`), whose end is when it
was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from recon.rules.base import Timeline
from recon.rules.views import snapshots

Reads = tuple[str | None, datetime | None, datetime | None]
"""Clock, earliest, latest."""


@dataclass(slots=True)
class Copies:
    """Complete copies, by source and subject."""

    timeline: Timeline
    made: dict[tuple[str, str], list[Reads]]
    """When each was made."""
    _known: dict[tuple[str, str, Reads], bool] = field(default_factory=dict)

    def after(self, source: str, subject: str | None, reads: Reads) -> bool:
        """Whether one was certainly made at a time or after it.

        Args:
            source: of the copy.
            subject: as its coverage has it; None: nothing covers it.
            reads: of the record that it is asked for; without a time no copy is from after it.
        """
        if subject is None or reads[1] is None:
            return False
        key = source, subject, reads
        if key not in self._known:
            own = self.made.get((source, subject), [])
            apart = self.timeline.clocks.compared([reads] * len(own), own)
            self._known[key] = any(one.not_after for one in apart)
        return self._known[key]


def later_copies(timeline: Timeline, kind: str) -> Copies:
    """Copies that hold all of a kind: ``claim`` for the rows of a table."""
    dated = snapshots(timeline).select("source", "item", "seen_clock")
    whole = (
        timeline.coverage.filter((pl.col("kind") == kind) & pl.col("earliest").is_not_null())
        .join(dated, on=["source", "item"], how="left")
        # Of the copies that one clock dates, the last is from after most.
        .sort("source", "subject", "seen_clock", "earliest")
        .unique(["source", "subject", "seen_clock"], keep="last", maintain_order=True)
        .select("source", "subject", "seen_clock", "earliest", "latest")
        .collect()
    )
    made: dict[tuple[str, str], list[Reads]] = {}
    for source, subject, *reads in whole.iter_rows():
        made.setdefault((source, subject), []).append((reads[0], reads[1], reads[2]))
    return Copies(timeline, made)
