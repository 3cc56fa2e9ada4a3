"""What WAL records of heaps did to which tuples, for PostgreSQL 14 to 18.

Source: ``heapam_xlog.h``, ``heapam.c`` and ``heapam_xlog.c`` (``heap_xlog_insert``,
``heap_xlog_update``, ``heap_xlog_multi_insert``, ``heap_xlog_prune_freeze``); held against
``pg_waldump`` and the server's own rows in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from collectors.postgres.heap import replay
from collectors.postgres.heap.kept import Keys
from collectors.postgres.heap.model import Tuple
from collectors.postgres.heap.page import SIZE
from collectors.postgres.heap.pages import KEPT, File, Pages, Seed
from collectors.postgres.heap.prune import Batch
from collectors.postgres.heap.slots import HEAD, TUPLES
from collectors.postgres.wal.blocks import (
    FILE,
    FIRST,
    HOLE,
    IMAGE,
    IMAGE_SIZE,
    MAIN,
    MAIN_SIZE,
    PACKED,
    PAGE,
    RECORD,
    UNFIT,
    WAYS,
    Blocks,
    Bytes,
    Numbers,
    Registry,
)
from collectors.postgres.wal.heaprecords import Chunk
from collectors.postgres.wal.image import restored
from collectors.postgres.wal.layout import HEAP2, MULTI_INSERT, STORAGE
from collectors.postgres.wal.record import split

_OPS = ("insert", "update", "delete", "unmade")
_TUPLE = struct.Struct("<IHHBxxxI")
_ROWS = 16_384
"""Block references that are gone through together, at most, unless a single record has more; and
the same of rows."""
_PAGES = KEPT // 2
"""The same of pages, and of page images."""


class Change(NamedTuple):
    """What happened to one row version."""

    op: str
    """``insert``, ``update``, ``delete``; ``unmade``: a speculative insert that was taken back."""
    xid: int
    """Of the writer, which may be a subtransaction."""
    file: File
    made: tuple[int, int] | None
    """Block and line pointer of the new version."""
    ended: tuple[int, int] | None
    """Of the version that it ended."""
    new: Tuple | None
    """None: it cannot be put together from what is at hand."""
    old: Tuple | None
    """None: not in the archive."""
    key_only: bool = False
    """The old one holds no more than the columns of its key."""
    row: int = 0
    """Which of the rows of one record it is, from 0."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What some records of a chunk did. Records are numbered as in the chunk."""

    chunk: Chunk
    files: list[File]
    table: Numbers
    """One row a change; columns as in :mod:`.replay`. A tuple is its place in ``tuples``."""
    tuples: Bytes
    """As in :mod:`.slots`."""
    unfit: list[int]
    """Records whose lengths do not fit together: what they did is not known."""
    unread: list[tuple[int, File]]
    """Records with page images that do not unpack to a page of 8192 bytes, and of which file."""
    images: list[tuple[int, File, int, bytes]]
    """Record, file, block and page of the images of files that were asked for so."""

    def each(self, which: Numbers | None = None) -> Iterator[tuple[int, Change]]:
        """The record of each change, and the change; ``which``: of these, not of all."""
        xids = self.chunk.xid
        for one in self.table if which is None else self.table[which]:
            record, op, file, *places, new, old, key_only, row = one.tolist()
            made, ended = (
                (block, line) if block >= 0 else None for block, line in (places[:2], places[2:])
            )
            yield (
                record,
                Change(
                    *(_OPS[op], int(xids[record]), self.files[file], made, ended),
                    *(self.tuple(new), self.tuple(old), bool(key_only), row),
                ),
            )

    def tuple(self, place: int) -> Tuple | None:
        """A tuple by its place; None for none."""
        if place < 0:
            return None
        start = place + HEAD
        xmin, natts, mask, hoff, size = _TUPLE.unpack(self.tuples[place:start].tobytes())
        return Tuple(xmin, natts, mask, hoff, self.tuples[start : start + size].tobytes())


class Replay:
    """Replays chunk after chunk; close it when done."""

    def __init__(
        self,
        numbers: Collection[int],
        wants: Callable[[File], bool],
        seed: Seed | None = None,
        shown: Collection[File] = (),
    ) -> None:
        """``numbers``: of the files; ``shown``: of which page images are given back."""
        self._registry = Registry(np.unique(np.array(list(numbers), np.uint32)), wants)
        self._pages, self._seed = Pages(), seed
        self._shown = frozenset(shown)

    def forget(self) -> None:
        """Nothing is known of any page any more."""
        self._pages.forget()

    def close(self) -> None:
        """Let go of everything."""
        self._pages.close()

    def take(self, chunk: Chunk, begun: int = 0) -> Iterator[Changes]:
        """What the chunk's records did, some at a time, in order.

        ``begun``: LSN from which on the archive is whole up to here.
        """
        blocks = self._registry.blocks(chunk.text, chunk.starts, chunk.lengths, chunk.major)
        low, told = 0, np.cumsum(_rows(chunk, blocks))
        for at in [*np.flatnonzero(chunk.rmgr == STORAGE).tolist(), len(chunk.lsn)]:
            while low < at:
                high = _together(blocks, told, low, at)
                yield self._batch(chunk, blocks, low, high, begun)
                low = high
            if at < len(chunk.lsn):
                self._storage(chunk, at)
                low = at + 1

    def _batch(self, chunk: Chunk, blocks: Blocks, low: int, high: int, begun: int) -> Changes:
        records = blocks.records[low:high].copy()
        first = int(records[0, FIRST])
        last = int(blocks.records[high, FIRST]) if high < len(blocks.records) else len(blocks.rows)
        rows = blocks.rows[first:last]
        records[:, FIRST] -= first
        image_of, images = _images(chunk.text, rows)
        batch = Batch(
            chunk.text,
            chunk.kind[low:high],
            chunk.xid[low:high],
            records,
            rows,
            self._pages.place(_keys(rows), self._seeded(chunk, rows, begun)),
            image_of,
            images,
            chunk.major,
        )
        fit = np.empty(len(records), np.bool_)
        table, tuples = replay.replayed(batch, self._pages.slots, fit)
        table[:, replay.RECORD] += low
        files = self._registry.files
        wrong = np.flatnonzero(image_of == replay.UNREADABLE)
        return Changes(
            *(chunk, files, table, tuples),
            unfit=(np.flatnonzero(~fit) + low).tolist(),
            unread=[(int(rows[at, RECORD]), files[rows[at, FILE]]) for at in wrong.tolist()],
            images=list(self._images_shown(batch)),
        )

    def _images_shown(self, batch: Batch) -> Iterator[tuple[int, File, int, bytes]]:
        files = self._registry.files
        shown = [index for index, file in enumerate(files) if file in self._shown]
        theirs = np.isin(batch.rows[:, FILE], shown) & (batch.image_of >= 0)
        for at in np.flatnonzero(theirs).tolist():
            row, start = batch.rows[at], int(batch.image_of[at]) * SIZE
            page = batch.images[start : start + SIZE].tobytes()
            yield int(row[RECORD]), files[row[FILE]], int(row[PAGE]), page

    def _seeded(
        self, chunk: Chunk, rows: Numbers, begun: int
    ) -> Callable[[int, int], bytes | None] | None:
        seed = self._seed
        if seed is None:
            return None

        def seeded(key: int, at: int) -> bytes | None:
            record = int(rows[at, RECORD])
            lsn, timeline = int(chunk.lsn[record]), int(chunk.timeline[record])
            file = self._registry.files[key >> 32]
            return seed(file, key & 0xFFFFFFFF, lsn, timeline, begun)

        return seeded

    def _storage(self, chunk: Chunk, at: int) -> None:
        """A file that is made has no pages; one that is cut short loses those behind."""
        record = split(chunk.record(at), chunk.major)
        if record is None or len(record.main) < 16:  # noqa: PLR2004  (file and fork, or pages that stay)
            return
        one, two, three, four = struct.unpack_from("<IIII", record.main)
        file, blocks = (two, three, four), one
        if record.op == "CREATE":
            file, blocks = (one, two, three), 0
            if four:
                return
        elif record.op != "TRUNCATE":
            return
        files = self._registry.files
        if file in files:
            self._pages.forget(files.index(file), blocks)


def _rows(chunk: Chunk, blocks: Blocks) -> Numbers:
    """How many rows each record tells of, at most: a MULTI_INSERT says so, others of one."""
    rows = np.ones(len(chunk.kind), np.int64)
    many = (chunk.kind & np.uint16(0xFF70)) == HEAP2 << 8 | MULTI_INSERT
    main, size = blocks.records[:, MAIN], blocks.records[:, MAIN_SIZE]
    at = np.flatnonzero(many & (main != UNFIT) & (size >= 4))  # noqa: PLR2004  (flags, and how many)
    place = main[at]
    count = chunk.text[place + 2].astype(np.int64) | chunk.text[place + 3].astype(np.int64) << 8
    rows[at] = np.clip(count, 1, TUPLES)
    return rows


def _together(blocks: Blocks, told: Numbers, low: int, at: int) -> int:
    """Up to which record, ``at`` at most, they are gone through together from ``low`` on.

    Their pages are in memory together, and are few where rows of one page follow each other.
    ``told``: rows up to the end of each record.
    """
    before = int(told[low - 1]) if low else 0
    at = min(at, max(low + 1, int(np.searchsorted(told, before + _ROWS, side="right"))))
    first = int(blocks.records[low, FIRST])
    ends = blocks.records[low + 1 : at, FIRST]
    high = low + 1 + int(np.searchsorted(ends, first + _ROWS, side="right"))
    last = int(blocks.records[high, FIRST]) if high < len(blocks.records) else len(blocks.rows)
    if last - first > _PAGES:
        rows = blocks.rows[first:last]
        takes = rows[:, IMAGE] >= 0
        takes[np.unique(_keys(rows), return_index=True)[1]] = True
        # Up to the one that is one too many.
        limit = first + int(np.searchsorted(np.cumsum(takes), _PAGES, side="right"))
        high = low + 1 + int(np.searchsorted(ends, limit, side="right"))
    return min(high, at)


def _keys(rows: Numbers) -> Keys:
    return rows[:, FILE].astype(np.uint64) << np.uint64(32) | rows[:, PAGE].astype(np.uint64)


def _images(text: Bytes, rows: Numbers) -> tuple[Numbers, Bytes]:
    """Which image each reference has, and the pages, one after the other."""
    image_of = np.full(len(rows), replay.NO_IMAGE, np.int64)
    having = np.flatnonzero(rows[:, IMAGE] >= 0)
    images = np.empty(len(having) * SIZE, np.uint8)
    for number, at in enumerate(having.tolist()):
        row = rows[at].tolist()
        stored = text[row[IMAGE] : row[IMAGE] + row[IMAGE_SIZE]].tobytes()
        page = restored(stored, WAYS[row[PACKED]], row[HOLE])
        image_of[at] = replay.UNREADABLE if page is None else number
        if page is not None:
            images[number * SIZE : (number + 1) * SIZE] = np.frombuffer(page, np.uint8)
    return image_of, images
