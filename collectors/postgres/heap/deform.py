"""Tuples of one table to places of their values, column by column.

The same as :class:`collectors.postgres.heap.tuples.Decoder` does with one tuple; compiled.
Source: ``htup_details.h``, ``heaptuple.c`` (``heap_deform_tuple``), ``varatt.h``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import (
    BYTE_ROWS,
    BYTES,
    FLAG,
    FLAG_ROWS,
    FOUR,
    INT,
    INT_ROWS,
    INTS,
    compiled,
)
from collectors.postgres.heap.model import Table
from collectors.postgres.heap.slots import HEAD
from collectors.postgres.heap.types import mask

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
States = npt.NDArray[np.uint8]

VALUE, NULL, PACKED, POINTER, MISSING, UNREADABLE, BEHIND, MORE, ABSENT = range(9)
"""What a cell is: a stored value; SQL's null; packed within the row; a pointer to the TOAST table;
what stands for a column that was added later; not to be read, or found; of another layout; of no
tuple."""
_HAS_NULL, _HEADER = 0x0001, 23
_POINTER_SIZE, _ON_DISK = 18, 18


@dataclass(frozen=True, slots=True)
class Cells:
    """Of each column (first index) and tuple: its state, and where its bytes are."""

    tuples: Bytes
    state: States
    at: Numbers
    size: Numbers

    def piece(self, column: int, row: int) -> bytes:
        """The bytes of a cell; of a POINTER with its header, else without."""
        at = int(self.at[column, row])
        return self.tuples[at : at + int(self.size[column, row])].tobytes()

    def unpacked(self, column: int, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Those of some rows that are packed or a pointer, and their bytes unpacked."""
        state = self.state[column, rows]
        large = (state == PACKED) | (state == POINTER)
        # A pointer's size stands behind two bytes of its header; a packed value begins with it.
        at = self.at[column, rows[large]] + 2 * (state[large] == POINTER)
        size = np.zeros(len(at), np.int64)
        for byte in range(4):
            size |= self.tuples.take(at + byte, mode="clip").astype(np.int64) << 8 * byte
        return rows[large], size & 0x3FFFFFFF

    def differ(self, other: Cells, rows: Numbers) -> npt.NDArray[np.bool_]:
        """For each column and some rows, whether the stored bytes differ."""
        out = np.empty((len(self.state), len(rows)), np.bool_)
        _differ(
            *(self.tuples, self.state, self.at, self.size, other.state, other.at, other.size),
            *(rows, out),
        )
        return out


def deform(table: Table, tuples: Bytes, places: Numbers) -> Cells:
    """``places``: of the tuples, as in :mod:`.slots`; below 0: there is none."""
    columns = table.columns
    shape = len(columns), len(places)
    cells = Cells(
        tuples, np.empty(shape, np.uint8), np.empty(shape, np.int64), np.zeros(shape, np.int64)
    )
    lengths = np.array([one.type.length for one in columns], np.int64)
    steps = np.array([mask(one.type.align) for one in columns], np.int64)
    _deform(
        tuples, places, lengths, steps, table.whole, table.exact, cells.state, cells.at, cells.size
    )
    return cells


@compiled(INT(BYTES, INTS, INTS, INTS, FLAG, FLAG, BYTE_ROWS, INT_ROWS, INT_ROWS))
def _deform(
    tuples: Bytes,
    places: Numbers,
    lengths: Numbers,
    steps: Numbers,
    whole: bool,
    exact: bool,
    state: States,
    ats: Numbers,
    sizes: Numbers,
) -> int:
    count = len(lengths)
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            for column in range(count):
                state[column, row] = ABSENT
            continue
        natts = np.int64(tuples[place + 4]) | np.int64(tuples[place + 5]) << 8
        if (natts > count and whole) or (not exact and natts < count):
            for column in range(count):
                state[column, row] = MORE
            continue
        nulls = place + HEAD
        end = nulls + _u32(tuples, place + 12)
        has_nulls = tuples[place + 6] & _HAS_NULL
        start = nulls + np.int64(tuples[place + 8]) - _HEADER
        held = min(count, natts)
        at = min(end, start)
        # Where one value does not end, no later one begins.
        after = VALUE if start >= nulls else UNREADABLE
        for column in range(count):
            if column >= held:
                state[column, row] = MISSING
                continue
            if after == VALUE and not lengths[column]:
                after = BEHIND
            if after != VALUE:
                state[column, row] = after
                continue
            if has_nulls:
                if nulls + (column >> 3) >= end:
                    after = UNREADABLE
                    state[column, row] = UNREADABLE
                    continue
                if not tuples[nulls + (column >> 3)] >> (column & 7) & 1:
                    state[column, row] = NULL
                    continue
            # Places are aligned from where the values begin.
            at, first, size, what = _value(tuples, at, start, end, lengths[column], steps[column])
            state[column, row] = what
            if what == UNREADABLE:
                after = UNREADABLE
            else:
                ats[column, row], sizes[column, row] = first, size
    return len(places)


@compiled(FOUR(BYTES, INT, INT, INT, INT, INT), part=True)
def _value(
    tuples: Bytes, at: int, start: int, end: int, length: int, step: int
) -> tuple[int, int, int, int]:
    """Where the next may begin, where this one is, its size, and what it is."""
    if length > 0:
        at = start + ((at - start + step) & ~step)
        return at + length, at, length, VALUE if at + length <= end else UNREADABLE
    if length == -2:
        for last in range(at, end):
            if not tuples[last]:
                return last + 1, at, last - at, VALUE
        return at, at, 0, UNREADABLE
    # A zero byte is padding: a value's first byte is never zero, unless it is aligned.
    if at < end and not tuples[at]:
        at = start + ((at - start + step) & ~step)
    if at >= end:
        return at, at, 0, UNREADABLE
    first = np.int64(tuples[at])
    if first == 1:
        fits = at + _POINTER_SIZE <= end and tuples[at + 1] == _ON_DISK
        return at + _POINTER_SIZE, at, _POINTER_SIZE, POINTER if fits else UNREADABLE
    if first & 1:
        last = at + (first >> 1)
        return last, at + 1, last - at - 1, VALUE if last <= end else UNREADABLE
    if at + 4 > end:
        return at, at, 0, UNREADABLE
    head = _u32(tuples, at)
    last = at + (head >> 2)
    if last > end or last < at + 4:
        return at, at, 0, UNREADABLE
    return last, at + 4, last - at - 4, PACKED if head & 2 else VALUE


@compiled(INT(BYTES, BYTE_ROWS, INT_ROWS, INT_ROWS, BYTE_ROWS, INT_ROWS, INT_ROWS, INTS, FLAG_ROWS))
def _differ(
    tuples: Bytes,
    state: States,
    ats: Numbers,
    sizes: Numbers,
    other_state: States,
    other_ats: Numbers,
    other_sizes: Numbers,
    rows: Numbers,
    out: npt.NDArray[np.bool_],
) -> int:
    for column in range(len(state)):
        for index in range(len(rows)):
            row = rows[index]
            what = state[column, row]
            differs = what != other_state[column, row]
            if not differs and (what == VALUE or what == PACKED or what == POINTER):
                size = sizes[column, row]
                differs = size != other_sizes[column, row]
                if not differs:
                    one, two = ats[column, row], other_ats[column, row]
                    for at in range(size):
                        if tuples[one + at] != tuples[two + at]:
                            differs = True
                            break
            out[column, index] = differs
    return len(rows)


@compiled(INT(BYTES, INT), part=True)
def _u32(text: Bytes, at: int) -> int:
    low = np.int64(text[at]) | np.int64(text[at + 1]) << 8
    return low | np.int64(text[at + 2]) << 16 | np.int64(text[at + 3]) << 24
