"""The relation file of many records' first block references at once.

Source: ``xlogrecord.h`` (``XLogRecordBlockHeader``, ``XLogRecordBlockImageHeader``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
File = npt.NDArray[np.uint32]

_HAS_IMAGE, _SAME_FILE, _FORK = 0x10, 0x80, 0x0F
_HAS_HOLE = 0x01
_BARE, _IMAGE, _PACKED = 28, 33, 35
"""Bytes from a record's start to the file: alone, behind an image's header, and a packed one's."""
_PACKED_THREE_WAYS_SINCE = 15
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class FirstBlock:
    """Columns, one row a record."""

    known: npt.NDArray[np.bool_]
    """Whether the record begins with block reference 0, and that lies within it."""
    fork: npt.NDArray[np.uint8]
    """0: the relation itself; 2: its visibility map."""
    space: File
    database: File
    number: File

    def names(self) -> list[str]:
        """``TABLESPACE/DATABASE/RELFILENODE`` of each."""
        columns = (self.space.tolist(), self.database.tolist(), self.number.tolist())
        return [f"{one}/{two}/{three}" for one, two, three in zip(*columns, strict=True)]


def first_block(words: Words, starts: Numbers, lengths: Numbers, major: int) -> FirstBlock:
    """The first block references of records that start at ``starts``.

    Its place depends on whether a page image precedes it, and whether that is packed.
    """
    last = len(words) - 1
    begin, next_ = words[starts + 3], words[np.minimum(starts + 4, last)]
    # Nearly all stand alone, and then the parts of the name are halves of words.
    space, database, number = begin >> _HALF, next_ & _LOW, next_ >> _HALF
    flags = (begin >> np.uint64(8)).astype(np.uint8)
    place = np.full(len(starts), _BARE)
    at = np.flatnonzero(flags & _HAS_IMAGE)
    if len(at):
        kind = next_[at].astype(np.uint8)
        packing = 0x1C if major >= _PACKED_THREE_WAYS_SINCE else 0x02
        packed = ((kind & packing) > 0) & ((kind & _HAS_HOLE) > 0)
        place[at] = np.where(packed, _PACKED, _IMAGE)
        byte = starts[at] * 8 + place[at]
        both = _word(words, byte)
        space[at], database[at] = both & _LOW, both >> _HALF
        number[at] = _word(words, byte + 8) & _LOW
    return FirstBlock(
        known=((begin & np.uint64(0xFF)) == 0)
        & ((flags & _SAME_FILE) == 0)
        & (lengths >= place + 16),
        fork=(flags & _FORK).astype(np.uint8),
        space=space.astype(np.uint32),
        database=database.astype(np.uint32),
        number=number.astype(np.uint32),
    )


def _word(words: Words, byte: Numbers) -> Words:
    """The eight bytes that begin at a byte, little-endian; zeros beyond the end."""
    at = byte >> 3
    shift = ((byte & 7) << 3).astype(np.uint64)
    last = len(words) - 1
    low = words[np.minimum(at, last)] >> shift
    # A shift by 64 is not defined: by 63 and 1 where the byte begins a word.
    high = words[np.minimum(at + 1, last)] << (np.uint64(63) - shift) << np.uint64(1)
    both: Words = low | high
    return both
