"""Our own reader: a run of WAL segments to frames, with numpy, polars and compiled loops.

Every record's CRC-32C is checked. Records that are not kept never become Python objects:
headers are columns, gathered from the 64-bit words at which records start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal import decode
from collectors.postgres.wal.firstblock import first_blocks
from collectors.postgres.wal.foreign import CUSTOM, Foreign
from collectors.postgres.wal.layout import (
    HEAP,
    HEAP2,
    HEAP_OPS,
    MULTI_INSERT,
    OP_MASK,
    OPS,
    PG_EPOCH_US,
    TRANSACTION,
    show_lsn,
)
from collectors.postgres.wal.model import NO_RECORDS, NO_WRITES, RECORDS, WRITES
from collectors.postgres.wal.record import split
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.shelf import PLAIN, Pile, Shelf, plain_of
from collectors.postgres.wal.stream import Part, Stop, parts
from collectors.postgres.wal.trail import Trail
from recon.collector import Sha256, Warn
from recon.schema import frame

NAME = "recon's own reader"
_PLAIN = 34
"""Length of a COMMIT or ABORT that holds a time and no more."""
_SHORT_OF_8 = 0x08FF
"""Its first two bytes behind the header: short main data, of 8 bytes."""
_BLOCKS = 32
"""Blocks whose columns make one frame."""
_COMMIT, _ABORT = 0x00, 0x20
_INSERT, _UPDATE, _DELETE, _MANY = 1, 2, 3, 4
_WRITES = {"insert": _INSERT, "update": _UPDATE, "delete": _DELETE}


def _table(values: dict[tuple[int, int], int]) -> npt.NDArray[np.uint8]:
    """(resource manager, operation) to a number: at ``rmgr * 256 + info``, 0 for all others."""
    table = np.zeros((256, 256), np.uint8)
    for (rmgr, op), value in values.items():
        for info in range(256):
            if info & OP_MASK[rmgr] == op:
                table[rmgr, info] = value
    return table.reshape(-1)


_KEPT = _table({(rmgr, op): 1 for rmgr, ops in OPS.items() for op in ops})
_WRITTEN = _table(
    {(HEAP, op): _WRITES[word] for op, word in HEAP_OPS.items()} | {(HEAP2, MULTI_INSERT): _MANY}
)


@dataclass(frozen=True, slots=True)
class Scan:
    """How reading a run went."""

    stop: Stop | None
    foreign: Foreign
    warnings: Sequence[Warn] = ()


def scan(run: Sequence[Checked], wanted: Collection[int], shelf: Shelf) -> Scan:
    """Put the records of a run on a shelf, and the rows written to some of its relation files.

    Those are counted whose number is wanted, or that the run shows being created.
    """
    gathered = _Gathered(shelf, Pile(WRITES), set(wanted))
    shelf.writes = [gathered.pile]
    shelf.trail = Trail()
    stop = None
    for part in parts(run, shelf.trail):
        stop = part.stop
        if len(part.starts):
            gathered.take(part, run[part.index].major)
    gathered.close()
    shelf.close()
    items = item_of(run)
    return Scan(
        stop,
        gathered.foreign,
        [
            Warn(
                items(lsn),
                f"lsn {show_lsn(lsn)}",
                "expected a record of a known shape; found lengths that do not fit; left out",
            )
            for lsn in gathered.unread
        ],
    )


def item_of(run: Sequence[Checked]) -> Callable[[int], Sha256]:
    """A function from an LSN to the item of the segment in which it lies."""
    names = {one.number: one.segment.sha256 for one in run}
    size = run[0].geometry.segment
    return lambda lsn: names[lsn // size]


@dataclass(slots=True)
class _Gathered:
    """Columns of several blocks, until they are enough for frames: each frame has its price."""

    shelf: Shelf
    pile: Pile
    numbers: set[int]
    """Of relation files whose rows are counted."""
    unread: list[int] = field(default_factory=list)
    """LSNs of records whose lengths do not fit."""
    _usual: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _written: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    foreign: Foreign = field(default_factory=Foreign)
    _blocks: int = 0

    def take(self, part: Part, major: int) -> None:
        """The records of one block."""
        self._take_kept(part, major)
        self._take_written(part, major)
        rmgr = part.rmgr
        custom = rmgr >= CUSTOM.start
        if custom.any():
            self.foreign.add(rmgr[custom].tolist(), part.lsn[custom].tolist())
        self._blocks += 1
        if self._blocks == _BLOCKS:
            self.close()

    def close(self) -> None:
        """Make frames of what is there."""
        more, rest = plain_of(frame(self._rows, RECORDS) if self._rows else NO_RECORDS)
        plain = _joined(self._usual, PLAIN)
        self.shelf.add(pl.concat([plain, more]).sort("lsn") if more.height else plain, rest)
        self.pile.add(_counted(self._written))
        self._usual, self._rows, self._written, self._blocks = [], [], [], 0

    def _take_kept(self, part: Part, major: int) -> None:
        at = np.flatnonzero(_KEPT[part.kind])
        start, length, info = part.starts[at], part.lengths[at], part.info[at]
        last = len(part.words) - 1
        body, after = (part.words[np.minimum(start + word, last)] for word in (3, 4))
        # The usual COMMIT: one byte that says "short main data", its length 8, and the time.
        plain = (
            (part.rmgr[at] == TRANSACTION)
            & (length == _PLAIN)
            & ((info == _COMMIT) | (info == _ABORT))
            & ((body & np.uint64(0xFFFF)) == _SHORT_OF_8)
        )
        micros = (body >> np.uint64(16) | after << np.uint64(48)).view(np.int64)
        # Beyond what a datetime holds (a forged time) the other path says so.
        plain &= (micros >= -(2**55)) & (micros <= 2**55)
        usual = at[plain]
        self._usual.append(
            {
                "lsn": part.lsn[usual],
                "prev": part.words[part.starts[usual] + 1],
                "xid": part.xid[usual],
                "commit": part.info[usual] == _COMMIT,
                "time": micros[plain] + PG_EPOCH_US,
            }
        )
        # One by one: lists of varying length, and few of them.
        others = at[~plain]
        for lsn, text in zip(part.lsn[others].tolist(), part.chosen(others), strict=True):
            record = split(text, major)
            row = decode.row(record, major) if record else None
            if row is None:
                self.unread.append(lsn)
                continue
            self._rows.append({"lsn": lsn, **row})
            if created := row.get("created"):
                self.numbers.add(int(created.rsplit("/", 1)[1]))

    def _take_written(self, part: Part, major: int) -> None:
        kind = _WRITTEN[part.kind]
        at = np.flatnonzero(kind)
        if not len(at) or not self.numbers:
            return
        numbers = np.sort(np.fromiter(self.numbers, np.uint32, len(self.numbers)))
        block = first_blocks(part.words, part.starts[at], part.lengths[at], major, numbers)
        theirs = np.flatnonzero(block.fork == 0)
        if not len(theirs):
            return
        at = at[block.at[theirs]]
        kind = kind[at]
        inserts = (kind == _INSERT).astype(np.uint64)
        many = np.flatnonzero(kind == _MANY)
        # One by one: the count stands at the end of headers of varying length.
        inserts[many] = [_inserted(text, major) for text in part.chosen(at[many])]
        self._written.append(
            {
                "xid": part.xid[at],
                "space": block.space[theirs],
                "database": block.database[theirs],
                "number": block.number[theirs],
                "inserts": inserts,
                "updates": (kind == _UPDATE).astype(np.uint64),
                "deletes": (kind == _DELETE).astype(np.uint64),
                "lsn": part.lsn[at],
            }
        )


def _joined(
    columns: list[dict[str, npt.NDArray[Any]]], schema: dict[str, pl.DataType]
) -> pl.DataFrame:
    """Columns of blocks one after the other."""
    if not columns:
        return pl.DataFrame(schema=schema)
    whole = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    return pl.DataFrame(whole).cast(schema)  # type: ignore[arg-type]


def _counted(columns: list[dict[str, npt.NDArray[Any]]]) -> pl.DataFrame:
    """Rows of WRITES, one for each transaction and file."""
    if not columns:
        return NO_WRITES
    whole = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    return (
        pl.DataFrame(whole)
        .group_by("xid", "space", "database", "number", maintain_order=True)
        .agg(pl.col("inserts", "updates", "deletes").sum(), pl.col("lsn").min())
        .select(
            pl.lit(None, dtype=pl.UInt32).alias("timeline"),
            "xid",
            pl.format("{}/{}/{}", "space", "database", "number").alias("file"),
            *("inserts", "updates", "deletes", "lsn"),
            pl.lit(None, dtype=pl.String).alias("item"),
        )
    )


def _inserted(text: bytes, major: int) -> int:
    record = split(text, major)
    if record is None or len(record.main) < 4:  # noqa: PLR2004  (flags, padding, count)
        return 0
    return int.from_bytes(record.main[2:4], "little")
