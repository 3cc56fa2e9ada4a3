"""Tuples of pages in memory, and of page images: found, kept and dropped.

Compiled: parts of :mod:`.replay`. Sources as of :mod:`.records`.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import BYTES, FLAG, FLAGS, INT, INTS, compiled
from collectors.postgres.heap.slots import (
    HEAD,
    LINES,
    LONGEST,
    NONE,
    ROOM,
    SIZE,
    UNTOUCHED,
    USUAL,
    Slots,
)

Bytes = npt.NDArray[np.uint8]

NOTHING = -1
HEADER, NATTS = 23, 0x07FF
"""Bytes of a tuple's header on a page; the bits of its number of attributes."""
BAD = -9
"""In place of where a tuple ends: lengths do not fit together."""
SLOTS = numba.types.NamedTuple([BYTES, FLAGS, numba.int16[::1], BYTES, INTS, INTS], Slots)


@compiled(INT(SLOTS, INT), part=True)
def forget(pages: Slots, slot: int) -> int:
    """Nothing is known of the page any more."""
    pages.whole[slot] = False
    for line in range(slot * LINES, (slot + 1) * LINES):
        pages.lines[line] = UNTOUCHED
    pages.used[slot] = 0
    pages.limit[slot] = USUAL
    return slot


@compiled(INT(SLOTS, INT, INT, BYTES, INT), part=True)
def on_page(pages: Slots, slot: int, number: int, tuples: Bytes, top: int) -> int:
    """The tuple that stands at a line; ``top`` where it has none that is known."""
    if number >= LINES:
        return BAD
    place = np.int64(pages.lines[slot * LINES + number])
    if place == UNTOUCHED:
        return line(pages.image, slot * SIZE, number, tuples, top) if pages.whole[slot] else top
    if place == NONE:
        return top
    start = slot * ROOM + place - 1
    size = HEAD + u32(pages.tuples, start + 12)
    move(pages.tuples, start, tuples, top, size)
    return top + size


@compiled(INT(BYTES, INT, INT, BYTES, INT), part=True)
def line(page: Bytes, start: int, number: int, tuples: Bytes, top: int) -> int:
    """The tuple of a line pointer of a page; ``top`` where it has none."""
    place = 24 + (number - 1) * 4
    lower = u16(page, start + 12)
    lower = min(lower, SIZE)
    if number < 1 or place + 4 > lower:
        return top
    pointer = u32(page, start + place)
    at, length = pointer & 0x7FFF, pointer >> 17
    if pointer >> 15 & 3 != 1 or length < HEADER or at + length > SIZE:
        return top
    raw = start + at
    natts = u16(page, raw + 18) & NATTS
    xmin, mask, hoff = u32(page, raw), u16(page, raw + 20), np.int64(page[raw + 22])
    head(tuples, top, xmin, natts, mask, hoff, length - HEADER)
    move(page, raw + HEADER, tuples, top + HEAD, length - HEADER)
    return top + HEAD + length - HEADER


@compiled(INT(BYTES, INT, INT, INT, BYTES, INT), part=True)
def stored(text: Bytes, at: int, size: int, xid: int, tuples: Bytes, top: int) -> int:
    """A tuple as records hold it: three fields of its header, and what stands behind that."""
    if size < 5 or size - 5 > LONGEST:
        return BAD
    natts, hoff = u16(text, at) & NATTS, np.int64(text[at + 4])
    head(tuples, top, xid, natts, u16(text, at + 2), hoff, size - 5)
    move(text, at + 5, tuples, top + HEAD, size - 5)
    return top + HEAD + size - 5


@compiled(FLAG(SLOTS, INT, INT, BYTES, INT, INT), part=True)
def keep(pages: Slots, slot: int, number: int, tuples: Bytes, place: int, free: int) -> bool:
    """Make a tuple that of a line; False: no page has such a line. From ``free`` on is room."""
    if number >= LINES:
        return False
    pages.lines[slot * LINES + number] = NONE
    if place == NOTHING:
        return True
    size = HEAD + u32(tuples, place + 12)
    if pages.used[slot] + size > pages.limit[slot]:
        _tidy(pages, slot, tuples, free)
    if pages.used[slot] + size <= ROOM:
        at = pages.used[slot]
        move(tuples, place, pages.tuples, slot * ROOM + at, size)
        pages.lines[slot * LINES + number] = at + 1
        pages.used[slot] += size
    # Else the page holds more than a page can: what it held there is not known.
    return True


@compiled(INT(SLOTS, INT, BYTES, INT), part=True)
def _tidy(pages: Slots, slot: int, scratch: Bytes, free: int) -> int:
    """Drop the tuples that no line has any more."""
    move(pages.tuples, slot * ROOM, scratch, free, pages.used[slot])
    top = 0
    for line in range(slot * LINES, (slot + 1) * LINES):
        place = np.int64(pages.lines[line])
        if place > 0:
            size = HEAD + u32(scratch, free + place + 11)
            move(scratch, free + place - 1, pages.tuples, slot * ROOM + top, size)
            pages.lines[line] = top + 1
            top += size
    pages.used[slot] = top
    limit = max(USUAL, 2 * top)
    pages.limit[slot] = min(ROOM, limit)
    return top


@compiled(FLAG(SLOTS, INT, INT), part=True)
def gone(pages: Slots, slot: int, number: int) -> bool:
    """A line has no tuple any more; False: no page has such a line."""
    if number >= LINES:
        return False
    pages.lines[slot * LINES + number] = NONE
    return True


@compiled(INT(BYTES, INT, INT, INT, INT, INT, INT), part=True)
def head(tuples: Bytes, at: int, xmin: int, natts: int, mask: int, hoff: int, length: int) -> int:
    """Write what stands before a tuple: see :mod:`.slots`."""
    put_u32(tuples, at, np.int64(xmin))
    put_u32(tuples, at + 4, natts | mask << 16)
    put_u32(tuples, at + 8, hoff)
    put_u32(tuples, at + 12, length)
    return at + HEAD


@compiled(INT(BYTES, INT, BYTES, INT, INT), part=True)
def move(source: Bytes, at: int, target: Bytes, to: int, size: int) -> int:
    """Copy bytes, from the first to the last."""
    for index in range(size):
        target[to + index] = source[at + index]
    return to + size


@compiled(INT(BYTES, INT), part=True)
def u16(text: Bytes, at: int) -> int:
    """A number of two bytes."""
    return np.int64(text[at]) | np.int64(text[at + 1]) << 8


@compiled(INT(BYTES, INT), part=True)
def u32(text: Bytes, at: int) -> int:
    """A number of four bytes."""
    return u16(text, at) | u16(text, at + 2) << 16


@compiled(INT(BYTES, INT, INT), part=True)
def put_u32(text: Bytes, at: int, value: int) -> int:
    """Write a number of four bytes."""
    for index in range(4):
        text[at + index] = value >> 8 * index & 0xFF
    return at + 4
