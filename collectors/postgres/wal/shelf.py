"""Records and rows written of one piece of WAL, most of them on disk.

Nearly all records that are kept are commits that say no more than when: they go to temporary
files, fifty thousand at a time. The others, and the outcomes of transactions that made files
or took locks, stay in memory: what befell tables is judged by them alone.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from collectors.postgres.scratch import WAL, root, scratch_folder
from collectors.postgres.wal.model import NO_RECORDS, RECORDS
from collectors.postgres.wal.trail import Trail
from recon.schema import INSTANT

PLAIN: dict[str, pl.DataType] = {
    "lsn": pl.UInt64(),
    "prev": pl.UInt64(),
    "xid": pl.UInt32(),
    "commit": pl.Boolean(),
    "time": INSTANT,
}
"""One row per COMMIT (``commit``) or ABORT that says no more than when.

It names no files, statistics, subtransactions or origin.
"""
NO_PLAIN = pl.DataFrame(schema=PLAIN)
_ROWS = 50_000
"""Rows of a file."""
_END = 2**64


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, in a temporary file or, the last ones, in memory."""

    first: int
    """LSN of its first row."""
    rows: Path | pl.DataFrame


class Folder:
    """A temporary folder that goes with the last reference to this."""

    def __init__(self) -> None:
        stack = ExitStack()
        self.path = stack.enter_context(scratch_folder(WAL, root()))
        weakref.finalize(self, stack.close)


@dataclass(slots=True)
class Pile:
    """Frames of one schema, in the order of LSN."""

    schema: dict[str, pl.DataType]
    batches: list[Batch] = field(default_factory=list)
    _folder: Folder | None = None
    _held: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; they go to the disk when there are enough."""
        if not frame.height:
            return
        self._held.append(frame)
        self._rows += frame.height
        if self._rows >= _ROWS:
            self._folder = self._folder or Folder()
            path = self._folder.path / f"{len(self.batches):08}"
            rows = pl.concat(self._held)
            rows.write_ipc(path, compression="lz4")
            self._put(rows, path)

    def close(self) -> None:
        """No more rows come."""
        if self._held:
            rows = pl.concat(self._held)
            self._put(rows, rows)

    def _put(self, rows: pl.DataFrame, stored: Path | pl.DataFrame) -> None:
        self.batches.append(Batch(int(rows["lsn"].min()), stored))  # type: ignore[arg-type]
        self._held, self._rows = [], 0

    def read(self, batch: Batch) -> pl.DataFrame:
        """A batch's rows."""
        return pl.read_ipc(batch.rows) if isinstance(batch.rows, Path) else batch.rows

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows, file by file."""
        return map(self.read, self.batches)


@dataclass(slots=True)
class Shelf:
    """What was read of one piece."""

    plain: Pile = field(default_factory=lambda: Pile(PLAIN))
    writes: list[Pile] = field(default_factory=list)
    """Of :data:`WRITES`; each by ascending LSN."""
    first: int | None = None
    """LSN of the first record."""
    last: int = 0
    """Of the last one."""
    trail: Trail | None = None
    """Where all records begin, if our own reader has found them."""
    _rest: list[pl.DataFrame] = field(default_factory=list)
    _outcomes: list[pl.DataFrame] = field(default_factory=list)
    _busy: set[int] = field(default_factory=set)

    def add(self, plain: pl.DataFrame, rest: pl.DataFrame) -> None:
        """Records, later ones than all before: rows of :data:`PLAIN`, and others as RECORDS."""
        for rows in (plain, rest):
            if rows.height:
                low, high = int(rows["lsn"].min()), int(rows["lsn"].max())  # type: ignore[arg-type]
                self.first = low if self.first is None else min(self.first, low)
                self.last = max(self.last, high)
        if rest.height:
            self._rest.append(rest)
            made = rest.filter(
                pl.any_horizontal(pl.col("created", "locks", "database").is_not_null())
            )
            self._busy.update(made["xid"].to_list())
        if self._busy and plain.height:
            known = pl.Series(list(self._busy), dtype=pl.UInt32)
            ended = plain.filter(pl.col("xid").is_in(known.implode()))
            if ended.height:
                self._outcomes.append(ended)
                self._busy.difference_update(ended["xid"].to_list())
        self.plain.add(plain)

    def close(self) -> None:
        """Nothing comes any more."""
        self.plain.close()
        for pile in self.writes:
            pile.close()
        self._rest = [pl.concat([NO_RECORDS, *self._rest]).sort("lsn")]

    @property
    def rest(self) -> pl.DataFrame:
        """The records that are not plain, once it is closed."""
        return self._rest[0]

    def told(self) -> pl.DataFrame:
        """The records that tell of tables and timelines: :attr:`rest`, and outcomes of theirs."""
        return pl.concat([self.rest, *map(whole, self._outcomes)]).sort("lsn")

    def between(self) -> Iterator[tuple[int, pl.DataFrame, pl.DataFrame]]:
        """(end, rows of PLAIN, other rows) stretch by stretch; ``end``: LSN where the next begins.

        Together they are all records, in order.
        """
        batches = self.plain.batches
        ends = [batch.first for batch in batches[1:]] + [_END]
        low = 0
        for number, end in enumerate(ends):
            rows = self.plain.read(batches[number]) if batches else NO_PLAIN
            here = pl.col("lsn").is_between(low, min(end, _END - 1), closed="left")
            last = pl.col("lsn") >= low
            yield end, rows, self.rest.filter(here if end < _END else last)
            low = end


def whole(plain: pl.DataFrame) -> pl.DataFrame:
    """Rows of :data:`PLAIN` as RECORDS."""
    if not plain.height:
        return NO_RECORDS
    rows = plain.select(
        *("lsn", "prev", "xid", "time"),
        rmgr=pl.lit("Transaction"),
        op=pl.when("commit").then(pl.lit("COMMIT")).otherwise(pl.lit("ABORT")),
    )
    return pl.concat([NO_RECORDS, rows], how="diagonal").select(list(RECORDS))


def plain_of(records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """RECORDS apart: rows of :data:`PLAIN`, and the others."""
    if not records.height:
        return NO_PLAIN, NO_RECORDS
    outcome = (pl.col("rmgr") == "Transaction") & pl.col("op").is_in(["COMMIT", "ABORT"])
    bare = pl.all_horizontal(pl.col("files", "stats", "subxids", "origin").is_null())
    marked = records.with_columns(commit=pl.col("op") == "COMMIT", _bare=outcome & bare)
    return (
        marked.filter("_bare").select(list(PLAIN)),
        marked.filter(~pl.col("_bare")).select(list(RECORDS)),
    )
