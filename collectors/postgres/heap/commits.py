"""Which transaction a record belongs to, and what became of it.

An archive has any number of commits: they lie in temporary files, each of some that follow each
other in the log, sorted by who wrote. Of each file the bounds are kept in memory, and the files
that were used last: records that are gone through in order need one or two of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.compiled import INT, INTS, NUMBERS, compiled
from collectors.postgres.wal.model import Wal
from collectors.postgres.wal.piece import in_order
from collectors.postgres.wal.shelf import Folder

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = 4
"""Files whose rows stay in memory."""
_NOWHERE = 2**64 - 1
UNKNOWN = -(2**63)
"""Of a time: it is none that can be read."""
Numbers = npt.NDArray[np.int64]
Lsns = npt.NDArray[np.uint64]
Xids = npt.NDArray[np.uint32]


class Commit(NamedTuple):
    """A transaction that committed."""

    lsn: int
    time: datetime | None
    """None: it cannot be read."""
    xid: int
    """Of the whole, where the writer was a subtransaction."""


class Found(NamedTuple):
    """Commits of some writers, side by side."""

    there: npt.NDArray[np.bool_]
    """Whether there is one; else the rest means nothing."""
    lsn: Lsns
    time: Numbers
    """Microseconds since 1970, or :data:`UNKNOWN`."""
    xid: Xids


class _Rows(NamedTuple):
    """Sorted by writer and LSN. A writer is its timeline times 2^32, and its xid."""

    writer: Lsns
    lsn: Lsns
    time: Numbers
    xid: Xids


_STORED = np.dtype([("writer", "<u8"), ("lsn", "<u8"), ("time", "<i8"), ("xid", "<u4")])


@dataclass(frozen=True, slots=True)
class _Batch:
    """Commits that follow each other on one timeline, in a file; the last bounds are theirs too."""

    path: Path
    timeline: int
    writers: tuple[int, int]
    lsns: tuple[int, int]


class Commits:
    """Commits of an archive by the xid that records bear."""

    def __init__(self, wal: Wal) -> None:
        self._folder = Folder()
        self._kept: OrderedDict[Path, _Rows] = OrderedDict()
        self._batches: list[_Batch] = []
        for timeline, piece in in_order(wal.pieces):
            for _, plain, rest in piece.parted(timeline):
                self._add(timeline, _by_writer(timeline, plain, rest))

    def _add(self, timeline: int, rows: _Rows) -> None:
        if len(rows.writer):
            path = self._folder.path / f"{len(self._batches):08}.npy"
            stored = np.empty(len(rows.writer), _STORED)
            for name, column in zip(_Rows._fields, rows, strict=True):
                stored[name] = column
            np.save(path, stored, allow_pickle=False)
            bounds = int(rows.writer[0]), int(rows.writer[-1])
            lsns = int(rows.lsn.min()), int(rows.lsn.max())
            self._batches.append(_Batch(path, timeline, bounds, lsns))

    def _rows(self, one: _Batch) -> _Rows:
        rows = self._kept.pop(one.path, None)
        if rows is None:
            stored = np.load(one.path, allow_pickle=False)
            rows = _Rows(*(np.ascontiguousarray(stored[name]) for name in _Rows._fields))
        self._kept[one.path] = rows
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return rows

    def before(self, timeline: int, lsn: int) -> datetime | None:
        """When the last transaction before a record committed; None: none did."""
        found: tuple[int, int] | None = None
        for one in self._batches:
            if one.timeline == timeline and one.lsns[0] < lsn:
                rows = self._rows(one)
                at = np.flatnonzero(rows.lsn < np.uint64(lsn))
                last = int(at[np.lexsort((rows.time[at], rows.lsn[at]))[-1]])
                found = max(found or (0, 0), (int(rows.lsn[last]), int(rows.time[last])))
        return None if found is None else _instant(found[1])

    def of(self, timeline: int, xid: int, lsn: int) -> Commit | None:
        """The commit of a writer, behind a record of it; None: none in the archive."""
        columns = np.array([timeline], np.uint32), np.array([xid], np.uint32)
        found = self.which(*columns, np.array([lsn], np.uint64))
        if not found.there[0]:
            return None
        return Commit(int(found.lsn[0]), _instant(int(found.time[0])), int(found.xid[0]))

    def which(self, timeline: Xids, xid: Xids, lsn: Lsns) -> Found:
        """The same for columns."""
        count = len(xid)
        writer = timeline.astype(np.uint64) << np.uint64(32) | xid
        lsn = np.ascontiguousarray(lsn)
        best = np.full(count, _NOWHERE, np.uint64)
        found = Found(np.zeros(count, np.bool_), best, np.zeros(count, np.int64), xid.copy())
        for one in self._near(writer, lsn):
            first, last = (np.uint64(bound) for bound in one.writers)
            may = (writer >= first) & (writer <= last) & (lsn <= np.uint64(one.lsns[1]))
            rows = np.flatnonzero(may & (best > np.uint64(one.lsns[0])))
            if not len(rows):
                continue
            stored, at = self._rows(one), np.empty(len(rows), np.int64)
            _find(stored.writer, stored.lsn, writer[rows], lsn[rows], at)
            rows, at = rows[at >= 0], at[at >= 0]
            nearer = stored.lsn[at] < best[rows]
            rows, at = rows[nearer], at[nearer]
            found.there[rows] = True
            found.lsn[rows], found.xid[rows] = stored.lsn[at], stored.xid[at]
            found.time[rows] = stored.time[at]
        return found

    def _near(self, writer: Lsns, lsn: Lsns) -> Iterator[_Batch]:
        """Files that may hold a commit of one of the writers behind its LSN."""
        if len(writer):
            low, high, since = int(writer.min()), int(writer.max()), int(lsn.min())
            for one in self._batches:
                if one.writers[0] <= high and one.writers[1] >= low and one.lsns[1] >= since:
                    yield one


def _instant(time: int) -> datetime | None:
    return None if time == UNKNOWN else _EPOCH + timedelta(microseconds=time)


def _by_writer(timeline: int, plain: pl.DataFrame, rest: pl.DataFrame) -> _Rows:
    """One row for each transaction that committed, and for each of its subtransactions."""
    shared = ("lsn", "time", "xid")
    ended = rest.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
    below = ended.filter(pl.col("subxids").is_not_null()).explode("subxids")
    every = pl.concat(
        [
            plain.filter("commit").select(*shared, writer="xid"),
            ended.select(*shared, writer="xid"),
            below.select(*shared, writer="subxids"),
        ]
    )
    columns: Sequence[npt.NDArray[np.generic]] = (
        every["writer"].to_numpy().astype(np.uint64) + np.uint64(timeline << 32),
        every["lsn"].to_numpy(),
        every["time"].cast(pl.Int64).fill_null(UNKNOWN).to_numpy(),
        every["xid"].to_numpy(),
    )
    order = np.lexsort((columns[1], columns[0]))
    return _Rows(*(column[order] for column in columns))  # type: ignore[arg-type]


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
