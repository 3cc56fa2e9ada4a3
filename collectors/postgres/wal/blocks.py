"""The block references of many records at once, where they are of wanted files.

Source: ``xlogrecord.h``, ``xlogreader.c`` (``DecodeXLogRecord``). The same as
:func:`collectors.postgres.wal.record.split` finds record by record; the tests compare them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import (
    BYTES,
    FLAG,
    HALVES,
    INT,
    INT_ROWS,
    INTS,
    NUMBERS,
    THREE,
    compiled,
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Key = npt.NDArray[np.uint64]
File = tuple[int, int, int]
"""Tablespace, database, number of the relation file."""

RECORD, NUMBER, FILE, PAGE, IMAGE, IMAGE_SIZE, HOLE, PACKED, DATA, DATA_SIZE = range(10)
"""Columns of :attr:`Blocks.rows`. ``FILE``: index in :attr:`Registry.files`. ``PACKED``: 0, or
index in :data:`WAYS`. ``IMAGE``: -1 where there is none."""
MAIN, MAIN_SIZE, FIRST, COUNT = range(4)
"""Columns of :attr:`Blocks.records`: main data, and which rows are the record's own."""
UNFIT = -1
"""Of ``MAIN``: the record's lengths do not fit together."""
WAYS = ("", "pglz", "lz4", "zstd")

# A block reference as it is met: flags, then the file's three parts in place of its index.
_FLAGS, _SPACE, _DATABASE, _RELATION, _WIDTH = 0, 10, 11, 12, 13
_FULL, _UNKNOWN, _UNWANTED = -3, -2, -1
_HEADER, _MAX_BLOCK, _MOST = 24, 32, 512
_LEAST = 16
"""Rows of the table of files at first."""
_SHORT, _LONG, _ORIGIN, _TOP = 0xFF, 0xFE, 0xFD, 0xFC
_HAS_IMAGE, _HAS_DATA, _SAME_FILE, _FORK = 0x10, 0x20, 0x80, 0x0F
_HAS_HOLE = 0x01
_PACKED_THREE_WAYS_SINCE = 15


@dataclass(slots=True)
class Registry:
    """The files that are met, and which of them are wanted."""

    numbers: npt.NDArray[np.uint32]
    """Last parts of the files that may be wanted, sorted."""
    wants: Callable[[File], bool]
    files: list[File] = field(default_factory=list)
    """The wanted ones."""
    _met: int = 0
    """How many files there are in the table."""
    _table: Numbers = field(default_factory=lambda: _free(_LEAST))
    """Their three parts, and the index of each in ``files``: at their home, or next to it."""
    _key: Key = field(default_factory=lambda: _random(4))
    """By which homes are found. Of this run alone: nobody can make files that share a home."""

    def blocks(self, text: Bytes, starts: Numbers, lengths: Numbers, major: int) -> Blocks:
        """Of records whose first bytes are at ``starts``.

        Only references to a relation itself count, not to its other forks.
        """
        three_ways = major >= _PACKED_THREE_WAYS_SINCE
        records = np.empty((len(starts), 4), np.int64)
        rows = np.empty((2 * len(starts) + _MOST, _WIDTH), np.int64)
        unknown = np.empty(3, np.int64)
        done = count = 0
        while done < len(starts):
            places = text, starts, lengths, three_ways
            state = np.array([done, count])
            met = self.numbers, self._table, self._key
            what = _find(*places, *met, records, rows, unknown, state)
            done, count = state.tolist()
            if what == _FULL:
                rows = np.concatenate([rows, np.empty_like(rows)])
            elif what == _UNKNOWN:
                space, database, number = unknown.tolist()
                self._learn((space, database, number))
        return Blocks(records, rows[:count])

    def _learn(self, file: File) -> None:
        index = _UNWANTED
        if self.wants(file):
            index = len(self.files)
            self.files.append(file)
        self._met += 1
        if 2 * self._met > len(self._table):
            small, self._table = self._table, _free(2 * len(self._table))
            for row in small[small[:, 3] != _UNKNOWN].tolist():
                self._put(row)
        self._put([*file, index])

    def _put(self, row: list[int]) -> None:
        space, database, number, _ = row
        self._table[_place(space, database, number, self._table, self._key)] = row


def _free(size: int) -> Numbers:
    """A table without files. ``size``: a power of 2."""
    return np.full((size, 4), _UNKNOWN, np.int64)


def _random(count: int) -> Key:
    return np.frombuffer(secrets.token_bytes(8 * count), np.uint64).copy()


@dataclass(frozen=True, slots=True)
class Blocks:
    """Block references of some records. Places are of bytes in the text."""

    records: Numbers
    """One row a record."""
    rows: Numbers
    """One row a block reference of a wanted file, in order."""


@compiled(
    INT(BYTES, INTS, INTS, FLAG, HALVES, INT_ROWS, NUMBERS, INT_ROWS, INT_ROWS, INTS, INTS),
)
def _find(
    text: Bytes,
    starts: Numbers,
    lengths: Numbers,
    three_ways: bool,
    numbers: npt.NDArray[np.uint32],
    table: Numbers,
    key: Key,
    records: Numbers,
    rows: Numbers,
    unknown: Numbers,
    state: Numbers,
) -> int:
    """Fills ``records`` and ``rows``; ``state``: how many of each there are.

    Stops where the rows are full, and at a file that is not in the table.
    """
    for index in range(state[0], len(starts)):
        count = state[1]
        state[0] = index
        if len(rows) - count < _MOST:
            return _FULL
        end = starts[index] + lengths[index]
        found, main, at = _heads(text, starts[index] + _HEADER, end, three_ways, rows, count)
        records[index, MAIN], records[index, FIRST], records[index, COUNT] = UNFIT, count, 0
        if found < 0:
            continue
        kept = 0
        for number in range(found):
            head = rows[count + number]
            image = at
            at += head[IMAGE_SIZE]
            data = at
            if head[_FLAGS] & _HAS_DATA:
                at += head[DATA_SIZE]
            else:
                head[DATA_SIZE] = 0
            if head[_FLAGS] & _FORK:
                continue
            file = _index(head[_SPACE], head[_DATABASE], head[_RELATION], numbers, table, key)
            if file == _UNKNOWN:
                for part in range(3):
                    unknown[part] = head[_SPACE + part]
                return _UNKNOWN
            if file != _UNWANTED:
                head[IMAGE] = image if head[_FLAGS] & _HAS_IMAGE else -1
                head[RECORD], head[FILE], head[DATA] = index, file, data
                for part in range(_WIDTH):
                    rows[count + kept, part] = head[part]
                kept += 1
        if at + main > end:
            continue
        records[index, MAIN], records[index, MAIN_SIZE], records[index, COUNT] = at, main, kept
        state[1] = count + kept
    state[0] = len(starts)
    return 0


@compiled(THREE(BYTES, INT, INT, FLAG, INT_ROWS, INT), part=True)
def _heads(
    text: Bytes,
    at: int,
    end: int,
    three_ways: bool,
    rows: Numbers,
    first: int,
) -> tuple[int, int, int]:
    """How many there are (-1: they do not fit), length of the main data, where the data begins."""
    count = payload = 0
    while payload < end - at:
        what = text[at]
        if what <= _MAX_BLOCK:
            if count == _MOST:
                return -1, 0, at
            at = _head(text, at, end, three_ways, rows, first + count, count)
            if at < 0:
                return -1, 0, at
            payload += rows[first + count, DATA_SIZE] + rows[first + count, IMAGE_SIZE]
            count += 1
        elif what == _SHORT:
            if at + 2 > end:
                return -1, 0, at
            return count, np.int64(text[at + 1]), at + 2
        elif what == _LONG:
            if at + 5 > end:
                return -1, 0, at
            return count, _u32(text, at + 1), at + 5
        elif what == _ORIGIN and at + 3 <= end:
            at += 3
        elif what == _TOP:
            at += 5
        else:
            return -1, 0, at
    return count, 0, at


@compiled(INT(BYTES, INT, INT, FLAG, INT_ROWS, INT, INT), part=True)
def _head(
    text: Bytes,
    at: int,
    end: int,
    three_ways: bool,
    rows: Numbers,
    place: int,
    count: int,
) -> int:
    """Where the next begins; below 0: it runs beyond the end."""
    head = rows[place]
    if at + 4 > end:
        return -1
    flags = np.int64(text[at + 1])
    head[NUMBER], head[_FLAGS], head[DATA_SIZE] = text[at], flags, _u16(text, at + 2)
    head[IMAGE_SIZE] = head[HOLE] = head[PACKED] = 0
    at += 4
    if flags & _HAS_IMAGE:
        if at + 5 > end:
            return -1
        head[IMAGE_SIZE], head[HOLE] = _u16(text, at), _u16(text, at + 2)
        kind = np.int64(text[at + 4])
        head[PACKED] = _way(kind, three_ways)
        at += 5
        if head[PACKED] and kind & _HAS_HOLE:
            # The hole's length, which otherwise follows from the image's.
            at += 2
    same = flags & _SAME_FILE
    if at + (4 if same else 16) > end or (same and not count):
        return -1
    for part in range(3):
        # The same file as that of the reference before.
        head[_SPACE + part] = rows[place - 1, _SPACE + part] if same else _u32(text, at + 4 * part)
    if not same:
        at += 12
    head[PAGE] = _u32(text, at)
    return at + 4


@compiled(INT(INT, FLAG), part=True)
def _way(kind: int, three_ways: bool) -> int:
    """How an image is packed: one way before 15, three from then on."""
    if not three_ways:
        return 1 if kind & 2 else 0
    return 1 if kind & 4 else 2 if kind & 8 else 3 if kind & 16 else 0


@compiled(INT(INT, INT, INT, HALVES, INT_ROWS, NUMBERS), part=True)
def _index(
    space: int,
    database: int,
    number: int,
    numbers: npt.NDArray[np.uint32],
    table: Numbers,
    key: Key,
) -> int:
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) >> 1
        if numbers[middle] < number:
            low = middle + 1
        else:
            high = middle
    if low == len(numbers) or numbers[low] != number:
        return _UNWANTED
    return table[_place(space, database, number, table, key), 3]


@compiled(INT(INT, INT, INT, INT_ROWS, NUMBERS))
def _place(space: int, database: int, number: int, table: Numbers, key: Key) -> int:
    """The row of a file, or that where it would be: never more than half of them are taken.

    Its home are the upper bits of a sum of products (Dietzfelbinger, "Universal hashing and
    k-wise independent random variables via integer arithmetic without primes", 1996).
    """
    mixed = key[0] * np.uint64(space) + key[1] * np.uint64(database)
    mixed += key[2] * np.uint64(number) + key[3]
    at = np.int64(mixed >> np.uint64(32)) & (len(table) - 1)
    while table[at, 3] != _UNKNOWN and (
        table[at, 2] != number or table[at, 0] != space or table[at, 1] != database
    ):
        at = (at + 1) & (len(table) - 1)
    return at


@compiled(INT(BYTES, INT), part=True)
def _u16(text: Bytes, at: int) -> int:
    return np.int64(text[at]) | np.int64(text[at + 1]) << 8


@compiled(INT(BYTES, INT), part=True)
def _u32(text: Bytes, at: int) -> int:
    return _u16(text, at) | _u16(text, at + 2) << 16
