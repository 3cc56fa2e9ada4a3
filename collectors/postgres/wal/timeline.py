"""Which timeline a record was written on.

The first segment of a new timeline begins with a copy of the old one's bytes, and the page in
which they end keeps the old number. What tells is the record that ends recovery: END_OF_RECOVERY,
or the checkpoint whose previous timeline is another. Records before it are the old timeline's.
Source: ``xlog.c`` (``CreateEndOfRecoveryRecord``, ``CreateCheckPoint``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.trail import Trail
from recon.collector import Warn

ENDS_RECOVERY = ("END_OF_RECOVERY", "CHECKPOINT_SHUTDOWN", "CHECKPOINT_ONLINE")


@dataclass(frozen=True, slots=True)
class Turns:
    """Where the history that a run holds passes from one timeline to the next."""

    first: int
    """The timeline of the first record."""
    points: Sequence[tuple[int, int]]
    """(LSN, new timeline), ascending."""
    warnings: Sequence[Warn]

    def label(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Fill ``timeline`` from ``lsn``."""
        timeline = pl.lit(self.first, dtype=pl.UInt32)
        for lsn, number in self.points:
            after = pl.col("lsn") >= lsn
            timeline = pl.when(after).then(pl.lit(number, dtype=pl.UInt32)).otherwise(timeline)
        return rows.with_columns(timeline=timeline)

    def of(self, lsn: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
        """The timelines of a column of LSNs."""
        points = np.array([lsn for lsn, _ in self.points], np.uint64)
        timelines = np.array([self.first, *(number for _, number in self.points)], np.uint32)
        return timelines[np.searchsorted(points, lsn, side="right")]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments that were read without a break, and what is told of them elsewhere."""

    run: Sequence[Checked]
    """Up to damage, or to their end."""
    turns: Turns
    since: int = 0
    """Below this LSN another stretch tells what was written."""
    trail: Trail | None = None
    """Where its records begin, if our own reader has found them."""


def turns(records: pl.DataFrame, run: Sequence[Checked]) -> Turns:
    """From the records of a run. A segment named for a timeline that none begins is a warning."""
    ends = records.filter(
        pl.col("op").is_in(ENDS_RECOVERY)
        & (pl.col("tli") != pl.col("prev_tli"))
        & (pl.col("prev_tli") > 0)
    ).sort("lsn")
    points: list[tuple[int, int]] = []
    now = run[0].begun_on
    # An end of recovery and the checkpoint behind it speak of one turn.
    for lsn, tli in ends.select("lsn", "tli").iter_rows():
        if tli > now:
            points.append((lsn, tli))
            now = tli
    begun = {run[0].begun_on, *(tli for _, tli in points)}
    warnings = [
        Warn(
            one.segment.sha256,
            "",
            f"{one.name}: expected a record that begins timeline {one.timeline}, by its name; "
            f"found timeline {one.begun_on} in its first page and no such record: renamed, or its "
            f"end is missing; its records count as timeline {now}'s",
        )
        for one in run
        if one.begun_on != one.timeline and one.timeline not in begun
    ]
    return Turns(run[0].begun_on, points, warnings)
