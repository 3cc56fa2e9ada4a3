"""The relation file of many records' first block references at once.

Source: ``xlogrecord.h`` (``XLogRecordBlockHeader``, ``XLogRecordBlockImageHeader``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import (
    BYTES,
    FLAGS,
    HALF_ROWS,
    HALVES,
    INT,
    INTS,
    SHORTS,
    compiled,
)
from collectors.postgres.wal.layout import STORAGE

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
File = npt.NDArray[np.uint32]

_HEADER = 24
_HAS_IMAGE, _SAME_FILE, _FORK = 0x10, 0x80, 0x0F
_HAS_HOLE = 0x01
_BARE, _IMAGE, _PACKED = 28, 33, 35
"""Bytes from a record's start to the file: alone, behind an image's header, and a packed one's."""
_PACKED_THREE_WAYS_SINCE = 15


MARKS = 4096


def marks(
    words: Words, starts: Numbers, lengths: Numbers, kinds: npt.NDArray[np.uint16], major: int
) -> bytes:
    """Which files records may speak of, by the last bits of their numbers: a bit for each."""
    packing = 0x1C if major >= _PACKED_THREE_WAYS_SINCE else 0x02
    found = np.zeros(MARKS, np.bool_)
    _mark(words.view(np.uint8), starts, lengths, kinds, packing, found)
    return np.packbits(found).tobytes()


def marked(one: bytes, numbers: File) -> bool:
    """Whether one of these files may be among those of :func:`marks`."""
    bits = np.unpackbits(np.frombuffer(one, np.uint8))
    return bool(bits[numbers & np.uint32(MARKS - 1)].any())


@dataclass(frozen=True, slots=True)
class FirstBlocks:
    """Columns, one row for each record whose first block reference is of a wanted file."""

    at: Numbers
    """Which record it is."""
    fork: npt.NDArray[np.uint8]
    """0: the relation itself; 2: its visibility map."""
    space: File
    database: File
    number: File


def first_blocks(
    words: Words, starts: Numbers, lengths: Numbers, major: int, numbers: File
) -> FirstBlocks:
    """The first block references of records that start at ``starts``.

    ``numbers``: last parts of the files that are wanted, sorted. A record that does not begin with
    block reference 0, or in which that does not lie, has none.
    """
    packing = 0x1C if major >= _PACKED_THREE_WAYS_SINCE else 0x02
    at = np.empty(len(starts), np.int64)
    found = np.empty((4, len(starts)), np.uint32)
    count = _find(words.view(np.uint8), starts, lengths, packing, numbers, at, found)
    fork, space, database, number = found[:, :count]
    return FirstBlocks(at[:count], fork.astype(np.uint8), space, database, number)


@compiled(INT(BYTES, INTS, INTS, INT, HALVES, INTS, HALF_ROWS))
def _find(
    text: npt.NDArray[np.uint8],
    starts: Numbers,
    lengths: Numbers,
    packing: int,
    numbers: File,
    at: Numbers,
    found: npt.NDArray[np.uint32],
) -> int:
    count = 0
    for index in range(len(starts)):
        start = starts[index] * 8
        place = _place(text, start, lengths[index], packing)
        if not place:
            continue
        flags = text[start + _HEADER + 1]
        number = _u32(text, start + place + 8)
        low, high = 0, len(numbers)
        while low < high:
            middle = (low + high) >> 1
            if numbers[middle] < number:
                low = middle + 1
            else:
                high = middle
        if low == len(numbers) or numbers[low] != number:
            continue
        at[count] = index
        found[0, count] = flags & _FORK
        found[1, count] = _u32(text, start + place)
        found[2, count] = _u32(text, start + place + 4)
        found[3, count] = number
        count += 1
    return count


@compiled(INT(BYTES, INT, INT, INT), part=True)
def _place(text: npt.NDArray[np.uint8], start: int, length: int, packing: int) -> int:
    """Bytes from a record's start to the file of block reference 0; 0: there is none."""
    if length < _BARE + 16 or text[start + _HEADER] != 0:
        return 0
    flags = text[start + _HEADER + 1]
    place = _BARE
    if flags & _HAS_IMAGE:
        # Where the file stands depends on whether a page image precedes it, and a packed one.
        kind = text[start + _BARE + 4]
        place = _PACKED if kind & packing and kind & _HAS_HOLE else _IMAGE
    return 0 if flags & _SAME_FILE or length < place + 16 else place


@compiled(INT(BYTES, INTS, INTS, SHORTS, INT, FLAGS))
def _mark(
    text: npt.NDArray[np.uint8],
    starts: Numbers,
    lengths: Numbers,
    kinds: npt.NDArray[np.uint16],
    packing: int,
    marks: npt.NDArray[np.bool_],
) -> int:
    for index in range(len(starts)):
        start = starts[index] * 8
        if kinds[index] >> 8 == STORAGE:
            # These name a file elsewhere, and are few.
            for mark in range(len(marks)):
                marks[mark] = True
            return index
        place = _place(text, start, lengths[index], packing)
        if place:
            marks[_u32(text, start + place + 8) & (MARKS - 1)] = True
    return len(starts)


@compiled(INT(BYTES, INT), part=True)
def _u32(text: npt.NDArray[np.uint8], at: int) -> int:
    low = np.int64(text[at]) | np.int64(text[at + 1]) << 8
    return low | np.int64(text[at + 2]) << 16 | np.int64(text[at + 3]) << 24
