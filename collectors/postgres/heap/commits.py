"""Which transaction a record belongs to, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.compiled import INT, INTS, NUMBERS, compiled
from collectors.postgres.wal.model import Wal
from collectors.postgres.wal.piece import in_order

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Numbers = npt.NDArray[np.int64]
Lsns = npt.NDArray[np.uint64]


class Commit(NamedTuple):
    """A transaction that committed."""

    lsn: int
    time: datetime
    xid: int
    """Of the whole, where the writer was a subtransaction."""


class Commits:
    """Commits of an archive by the xid that records bear."""

    def __init__(self, wal: Wal) -> None:
        none = {"writer": pl.UInt64, "lsn": pl.UInt64, "time": pl.Int64, "xid": pl.UInt32}
        found = [pl.DataFrame(schema=none)]
        for timeline, piece in in_order(wal.pieces):
            for _, rows in piece.records(timeline):
                found.append(_by_writer(rows))
        every = pl.concat(found).sort("writer", "lsn", maintain_order=True)
        # Compiled loops take arrays that can be written to.
        self._writer = every["writer"].to_numpy(writable=True)
        self._lsn = every["lsn"].to_numpy(writable=True)
        self.lsn, self.xid = self._lsn, every["xid"].to_numpy()
        self.time: Numbers = every["time"].to_numpy()
        """Microseconds since 1970."""

    def before(self, timeline: int, lsn: int) -> datetime | None:
        """When the last transaction before a record committed; None: none did."""
        theirs = (self._writer >> np.uint64(32) == timeline) & (self._lsn < np.uint64(lsn))
        at = np.flatnonzero(theirs)
        if not len(at):
            return None
        return self._time(int(at[np.lexsort((self.time[at], self._lsn[at]))[-1]]))

    def of(self, timeline: int, xid: int, lsn: int) -> Commit | None:
        """The commit of a writer, behind a record of it; None: none in the archive."""
        writer, place = np.array([timeline << 32 | xid], np.uint64), np.array([lsn], np.uint64)
        at = int(self._found(writer, place)[0])
        return None if at < 0 else Commit(int(self._lsn[at]), self._time(at), int(self.xid[at]))

    def which(
        self, timeline: npt.NDArray[np.uint32], xid: npt.NDArray[np.uint32], lsn: Lsns
    ) -> Numbers:
        """The same for columns: places in :attr:`lsn`, :attr:`xid`, :attr:`time`; -1 for none."""
        writer = timeline.astype(np.uint64) << np.uint64(32) | xid
        return self._found(writer, lsn)

    def _found(self, writer: Lsns, lsn: Lsns) -> Numbers:
        out = np.empty(len(writer), np.int64)
        _find(self._writer, self._lsn, writer, np.ascontiguousarray(lsn), out)
        return out

    def _time(self, at: int) -> datetime:
        return _EPOCH + timedelta(microseconds=int(self.time[at]))


def _by_writer(records: pl.DataFrame) -> pl.DataFrame:
    """One row for each transaction that committed, and for each of its subtransactions."""
    found = records.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
    below = found.filter(pl.col("subxids").is_not_null()).explode("subxids")
    return pl.concat([found.with_columns(subxids="xid"), below]).select(
        writer=pl.col("timeline").cast(pl.UInt64) * 2**32 + pl.col("subxids"),
        lsn="lsn",
        time=pl.col("time").cast(pl.Int64),
        xid="xid",
    )


@compiled(INT(NUMBERS, NUMBERS, NUMBERS, NUMBERS, INTS))
def _find(writers: Lsns, lsns: Lsns, writer: Lsns, lsn: Lsns, out: Numbers) -> int:
    """For each the first of the writer's that is not before ``lsn``; both columns are sorted."""
    for index in range(len(writer)):
        low, high = 0, len(writers)
        while low < high:
            middle = (low + high) >> 1
            one = writers[middle]
            if one < writer[index] or (one == writer[index] and lsns[middle] < lsn[index]):
                low = middle + 1
            else:
                high = middle
        out[index] = low if low < len(writers) and writers[low] == writer[index] else -1
    return len(writer)
