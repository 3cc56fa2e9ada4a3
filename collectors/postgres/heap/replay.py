"""Records of heaps, one after the other: what they did to the tuples of known pages.

Compiled: each record needs what the one before left. Sources as of :mod:`.records`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import compiled
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
from collectors.postgres.wal.blocks import (
    COUNT,
    DATA,
    DATA_SIZE,
    FILE,
    FIRST,
    MAIN,
    MAIN_SIZE,
    NUMBER,
    PAGE,
    UNFIT,
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

INSERT, UPDATE, DELETE, UNMADE = range(4)
RECORD, OP, OF_FILE, MADE_BLOCK, MADE_LINE, ENDED_BLOCK, ENDED_LINE, NEW, OLD, KEY_ONLY, ROW = (
    range(11)
)
"""Columns of a change: see :class:`collectors.postgres.heap.records.Changes`."""
WIDTH = 11
NOTHING = -1
NO_IMAGE, UNREADABLE = -1, -2

_HEAP2, _HEAP = 9, 10
_MULTI_INSERT = 0x50
_OP_MASK, _INIT_PAGE = 0x70, 0x80
_DELETE_OLD_TUPLE, _DELETE_OLD_KEY, _DELETE_SUPER = 0x02, 0x04, 0x08
_UPDATE_OLD_TUPLE, _UPDATE_OLD_KEY, _PREFIX, _SUFFIX = 0x04, 0x08, 0x20, 0x40
_ONE_PRUNE_SINCE = 17
_HAS_PLANS, _HAS_REDIRECTED, _HAS_DEAD, _HAS_UNUSED = 0x10, 0x20, 0x40, 0x80
_HEADER, _NATTS = 23, 0x07FF
_BAD = -9
_SPARE = 3 * (HEAD + LONGEST)
"""Bytes that one change takes at most."""


class Batch(NamedTuple):
    """Records that are replayed together."""

    text: Bytes
    kinds: npt.NDArray[np.uint16]
    """Resource manager times 256, and info."""
    xids: npt.NDArray[np.uint32]
    records: Numbers
    rows: Numbers
    """Their block references, as in :class:`collectors.postgres.wal.blocks.Blocks`."""
    slots: Numbers
    """Of each reference, where its page is in memory."""
    image_of: Numbers
    """Of each reference: number of its image, NO_IMAGE, or UNREADABLE."""
    images: Bytes
    """Pages, one after the other."""
    major: int


@compiled
def replay(batch: Batch, pages: Slots, fit: npt.NDArray[np.bool_]) -> tuple[Numbers, Bytes]:
    """Changes, and the bytes of their tuples; ``fit``: which records could be read."""
    changes = np.empty((len(batch.records) + 64, WIDTH), np.int64)
    tuples = np.empty(1 << 20, np.uint8)
    count = top = 0
    for index in range(len(batch.records)):
        record = batch.records[index]
        fit[index] = record[MAIN] != UNFIT
        first, blocks = record[FIRST], record[COUNT]
        if not fit[index] or not blocks:
            continue
        rmgr, info = batch.kinds[index] >> 8, np.int64(batch.kinds[index] & 0xFF)
        op = info & _OP_MASK
        before = count
        made = 1
        bad = False
        many = rmgr == _HEAP2 and op == _MULTI_INSERT
        if many:
            made = _u16(batch.text, record[MAIN] + 2) if record[MAIN_SIZE] >= 4 else 0
            bad = record[MAIN_SIZE] < 4 or made > LINES
            if not info & _INIT_PAGE:
                bad = bad or record[MAIN_SIZE] < 4 + 2 * made
            elif not bad:
                _forget(pages, batch.slots[first])
        data = batch.rows[first, DATA]
        for row in range(made):
            if bad:
                break
            if len(tuples) - top < _SPARE:
                more_bytes = np.empty(2 * len(tuples) + _SPARE, np.uint8)
                more_bytes[:top] = tuples[:top]
                tuples = more_bytes
            if count == len(changes):
                more = np.empty((2 * count, WIDTH), np.int64)
                more[:count] = changes
                changes = more
            change = changes[count]
            change[:] = NOTHING
            change[RECORD], change[OF_FILE] = index, batch.rows[first, FILE]
            change[ROW] = change[KEY_ONLY] = 0
            end = top
            if many:
                end, data = _one_of_many(batch, pages, index, row, data, change, tuples, top)
                count += 1
            elif rmgr == _HEAP and op == 0x00:
                end = _insert(batch, pages, index, change, tuples, top)
                count += 1
            elif rmgr == _HEAP and op == 0x10:
                end = _delete(batch, pages, index, change, tuples, top)
                count += 1
            elif rmgr == _HEAP and op in (0x20, 0x40):
                end = _update(batch, pages, index, change, tuples, top)
                count += 1
            elif rmgr == _HEAP and op == 0x70:
                end = _inplace(batch, pages, index, tuples, top)
            elif rmgr == _HEAP2 and batch.image_of[first] == NO_IMAGE:
                end = top if _pruned(batch, pages, index, op) else _BAD
            if end == _BAD:
                bad = True
            else:
                top = end
        if bad:
            count = before
            fit[index] = False
        for at in range(first, first + blocks):
            # What a record that cannot be read did to its pages is not known.
            if bad:
                _forget(pages, batch.slots[at])
            if batch.image_of[at] != NO_IMAGE:
                _take_image(batch, pages, at)
    return changes[:count], tuples[:top]


@compiled
def _take_image(batch: Batch, pages: Slots, at: int) -> None:
    """Of an image that does not unpack, nothing is known of the page."""
    slot, image = batch.slots[at], batch.image_of[at]
    _forget(pages, slot)
    if image != UNREADABLE:
        _move(batch.images, image * SIZE, pages.image, slot * SIZE, SIZE)
        pages.whole[slot] = True


@compiled
def _forget(pages: Slots, slot: int) -> None:
    pages.whole[slot] = False
    pages.lines[slot * LINES : (slot + 1) * LINES] = UNTOUCHED
    pages.used[slot] = 0
    pages.limit[slot] = USUAL


@compiled
def _insert(
    batch: Batch,
    pages: Slots,
    index: int,
    change: Numbers,
    tuples: Bytes,
    top: int,
) -> int:
    record = batch.records[index]
    if record[MAIN_SIZE] < 2:
        return _BAD
    at = record[FIRST]
    block = batch.rows[at]
    number = _u16(batch.text, record[MAIN])
    change[OP], change[MADE_BLOCK], change[MADE_LINE] = INSERT, block[PAGE], number
    if block[DATA_SIZE]:
        end = _stored(batch.text, block[DATA], block[DATA_SIZE], batch.xids[index], tuples, top)
    else:
        end = _on_image(batch, at, number, tuples, top)
    if end == _BAD:
        return _BAD
    if np.int64(batch.kinds[index]) & _INIT_PAGE:
        _forget(pages, batch.slots[at])
    change[NEW] = top if end > top else NOTHING
    return end if _keep(pages, batch.slots[at], number, tuples, change[NEW], end) else _BAD


@compiled
def _one_of_many(
    batch: Batch,
    pages: Slots,
    index: int,
    row: int,
    data: int,
    change: Numbers,
    tuples: Bytes,
    top: int,
) -> tuple[int, int]:
    """Where its tuple ends, and where the data of the next begins."""
    record = batch.records[index]
    at = record[FIRST]
    block = batch.rows[at]
    init = np.int64(batch.kinds[index]) & _INIT_PAGE
    number = row + 1 if init else _u16(batch.text, record[MAIN] + 4 + 2 * row)
    change[OP], change[MADE_BLOCK], change[MADE_LINE] = INSERT, block[PAGE], number
    change[ROW] = row
    end = top
    if block[DATA_SIZE]:
        # Aligned to two bytes, from where the record's data begin.
        data += (data - block[DATA]) & 1
        limit = block[DATA] + block[DATA_SIZE]
        if data + 7 > limit:
            return _BAD, data
        length = _u16(batch.text, data)
        if data + 7 + length > limit or length > LONGEST:
            return _BAD, data
        mask2, mask = _u16(batch.text, data + 2), _u16(batch.text, data + 4)
        hoff = np.int64(batch.text[data + 6])
        _head(tuples, top, batch.xids[index], mask2 & _NATTS, mask, hoff, length)
        _move(batch.text, data + 7, tuples, top + HEAD, length)
        end = top + HEAD + length
        data += 7 + length
    else:
        end = _on_image(batch, at, number, tuples, top)
    change[NEW] = top if end > top else NOTHING
    kept = _keep(pages, batch.slots[at], number, tuples, change[NEW], end)
    return (end if kept else _BAD), data


@compiled
def _delete(
    batch: Batch, pages: Slots, index: int, change: Numbers, tuples: Bytes, top: int
) -> int:
    record = batch.records[index]
    main = record[MAIN]
    if record[MAIN_SIZE] < 8:
        return _BAD
    at = record[FIRST]
    number, flags = _u16(batch.text, main + 4), np.int64(batch.text[main + 7])
    change[OP] = UNMADE if flags & _DELETE_SUPER else DELETE
    change[ENDED_BLOCK], change[ENDED_LINE] = batch.rows[at, PAGE], number
    end = _known(batch, pages, at, number, tuples, top)
    if end == top and flags & (_DELETE_OLD_TUPLE | _DELETE_OLD_KEY):
        end = _stored(batch.text, main + 8, record[MAIN_SIZE] - 8, np.uint32(0), tuples, top)
        change[KEY_ONLY] = 0 if flags & _DELETE_OLD_TUPLE else 1
    if end > top:
        change[OLD] = top
    return end


@compiled
def _update(
    batch: Batch,
    pages: Slots,
    index: int,
    change: Numbers,
    tuples: Bytes,
    top: int,
) -> int:
    record = batch.records[index]
    main, size = record[MAIN], record[MAIN_SIZE]
    if size < 14:
        return _BAD
    was, flags = _u16(batch.text, main + 4), np.int64(batch.text[main + 7])
    now = _u16(batch.text, main + 12)
    at = before = record[FIRST]
    if record[COUNT] > 1 and batch.rows[at + 1, NUMBER] == 1:
        before = at + 1
    block = batch.rows[at]
    change[OP] = UPDATE
    change[MADE_BLOCK], change[MADE_LINE] = block[PAGE], now
    change[ENDED_BLOCK], change[ENDED_LINE] = batch.rows[before, PAGE], was
    end = _known(batch, pages, before, was, tuples, top)
    if end == top and flags & (_UPDATE_OLD_TUPLE | _UPDATE_OLD_KEY) and size > 14:
        end = _stored(batch.text, main + 14, size - 14, np.uint32(0), tuples, top)
        change[KEY_ONLY] = 0 if flags & _UPDATE_OLD_TUPLE else 1
    if end == _BAD:
        return _BAD
    if end > top:
        change[OLD] = top
    start = end
    if block[DATA_SIZE]:
        old = NOTHING if change[KEY_ONLY] else change[OLD]
        end = _updated(batch, block, flags, old, index, tuples, start)
    else:
        end = _on_image(batch, at, now, tuples, start)
    if end == _BAD:
        return _BAD
    change[NEW] = start if end > start else NOTHING
    if np.int64(batch.kinds[index]) & _INIT_PAGE:
        _forget(pages, batch.slots[at])
    return end if _keep(pages, batch.slots[at], now, tuples, change[NEW], end) else _BAD


@compiled
def _updated(
    batch: Batch, block: Numbers, flags: int, old: int, index: int, tuples: Bytes, top: int
) -> int:
    """The new tuple, whose beginning and end may be those of the old one."""
    text, at, limit = batch.text, block[DATA], block[DATA] + block[DATA_SIZE]
    prefix = suffix = 0
    if at + 2 * ((flags & _PREFIX > 0) + (flags & _SUFFIX > 0)) + 5 > limit:
        return _BAD
    if flags & _PREFIX:
        prefix = _u16(text, at)
        at += 2
    if flags & _SUFFIX:
        suffix = _u16(text, at)
        at += 2
    if not prefix and not suffix:
        return _stored(text, at, limit - at, batch.xids[index], tuples, top)
    if old == NOTHING:
        return top
    mask2, mask, hoff = _u16(text, at), _u16(text, at + 2), np.int64(text[at + 4])
    at += 5
    # What is alike are bytes of values, behind the null bitmap.
    begin = old + HEAD + np.int64(tuples[old + 8]) - _HEADER
    same = old + HEAD + _u32(tuples, old + 12) - begin
    nulls = hoff - _HEADER
    middle = limit - at - nulls
    length = limit - at + prefix + suffix
    if begin < old + HEAD or same < 0:
        return _BAD
    if prefix > same or suffix > same or nulls < 0 or middle < 0 or length > LONGEST:
        return _BAD
    _head(tuples, top, batch.xids[index], mask2 & _NATTS, mask, hoff, length)
    out = top + HEAD
    _move(text, at, tuples, out, nulls)
    _move(tuples, begin, tuples, out + nulls, prefix)
    _move(text, at + nulls, tuples, out + nulls + prefix, middle)
    _move(tuples, begin + same - suffix, tuples, out + nulls + prefix + middle, suffix)
    return out + length


@compiled
def _inplace(batch: Batch, pages: Slots, index: int, tuples: Bytes, top: int) -> int:
    record = batch.records[index]
    if record[MAIN_SIZE] < 2:
        return _BAD
    at = record[FIRST]
    block = batch.rows[at]
    number = _u16(batch.text, record[MAIN])
    end = _on_page(pages, batch.slots[at], number, tuples, top)
    if end > top and block[DATA_SIZE]:
        start = top + HEAD + np.int64(tuples[top + 8]) - _HEADER
        length = start - top - HEAD + block[DATA_SIZE]
        if start < top + HEAD or start > end or length > LONGEST:
            return _BAD
        _move(batch.text, block[DATA], tuples, start, block[DATA_SIZE])
        _put_u32(tuples, top + 12, length)
        if not _keep(pages, batch.slots[at], number, tuples, top, top + HEAD + length):
            return _BAD
    return top if end != _BAD else _BAD


@compiled
def _pruned(batch: Batch, pages: Slots, index: int, op: int) -> bool:
    """Line pointers that have no tuple of their own any more; False: its lengths do not fit."""
    if op not in (0x10, 0x20, 0x30):
        return True
    record = batch.records[index]
    block = batch.rows[record[FIRST]]
    slot, data, words = batch.slots[record[FIRST]], block[DATA], block[DATA_SIZE] // 2
    text, main = batch.text, record[MAIN]
    if batch.major < _ONE_PRUNE_SINCE:
        if op == 0x30:
            return True
        redirected = 0
        if op == 0x10:
            if record[MAIN_SIZE] < 6:
                return False
            redirected = min(_u16(text, main + 4), words // 2 + 1)
        at = 0
        while at < words:
            if not _gone(pages, slot, _u16(text, data + 2 * at)):
                return False
            at += 2 if at < 2 * redirected else 1
        return True
    if record[MAIN_SIZE] < 2:
        return False
    flags = np.int64(text[main + 1])
    at = 0
    if flags & _HAS_PLANS:
        if not words:
            return False
        at = 2 + _u16(text, data) * 6
    for bit in (_HAS_REDIRECTED, _HAS_DEAD, _HAS_UNUSED):
        if flags & bit:
            if at >= words:
                return False
            width = 2 if bit == _HAS_REDIRECTED else 1
            many = _u16(text, data + 2 * at) * width
            if at + 1 + many > words:
                return False
            for word in range(at + 1, at + 1 + many, width):
                if not _gone(pages, slot, _u16(text, data + 2 * word)):
                    return False
            at += 1 + many
    return True


@compiled
def _gone(pages: Slots, slot: int, number: int) -> bool:
    if number >= LINES:
        return False
    pages.lines[slot * LINES + number] = NONE
    return True


@compiled
def _known(batch: Batch, pages: Slots, at: int, number: int, tuples: Bytes, top: int) -> int:
    """A tuple as it was before the record; as its image has it, where that is not known."""
    end = _on_page(pages, batch.slots[at], number, tuples, top)
    return _on_image(batch, at, number, tuples, top) if end == top else end


@compiled
def _on_page(pages: Slots, slot: int, number: int, tuples: Bytes, top: int) -> int:
    if number >= LINES:
        return _BAD
    place = np.int64(pages.lines[slot * LINES + number])
    if place == UNTOUCHED:
        return _line(pages.image, slot * SIZE, number, tuples, top) if pages.whole[slot] else top
    if place == NONE:
        return top
    start = slot * ROOM + place - 1
    size = HEAD + _u32(pages.tuples, start + 12)
    _move(pages.tuples, start, tuples, top, size)
    return top + size


@compiled
def _on_image(batch: Batch, at: int, number: int, tuples: Bytes, top: int) -> int:
    image = batch.image_of[at]
    return _line(batch.images, image * SIZE, number, tuples, top) if image >= 0 else top


@compiled
def _line(page: Bytes, start: int, number: int, tuples: Bytes, top: int) -> int:
    """The tuple of a line pointer of a page; ``top`` where it has none."""
    place = 24 + (number - 1) * 4
    lower = min(_u16(page, start + 12), SIZE)
    if number < 1 or place + 4 > lower:
        return top
    pointer = _u32(page, start + place)
    at, length = pointer & 0x7FFF, pointer >> 17
    if pointer >> 15 & 3 != 1 or length < _HEADER or at + length > SIZE:
        return top
    raw = start + at
    natts = _u16(page, raw + 18) & _NATTS
    xmin, mask, hoff = _u32(page, raw), _u16(page, raw + 20), np.int64(page[raw + 22])
    _head(tuples, top, xmin, natts, mask, hoff, length - _HEADER)
    _move(page, raw + _HEADER, tuples, top + HEAD, length - _HEADER)
    return top + HEAD + length - _HEADER


@compiled
def _stored(text: Bytes, at: int, size: int, xid: int, tuples: Bytes, top: int) -> int:
    """A tuple as records hold it: three fields of its header, and what stands behind that."""
    if size < 5 or size - 5 > LONGEST:
        return _BAD
    natts, hoff = _u16(text, at) & _NATTS, np.int64(text[at + 4])
    _head(tuples, top, xid, natts, _u16(text, at + 2), hoff, size - 5)
    _move(text, at + 5, tuples, top + HEAD, size - 5)
    return top + HEAD + size - 5


@compiled
def _keep(pages: Slots, slot: int, number: int, tuples: Bytes, place: int, free: int) -> bool:
    """Make a tuple that of a line; False: no page has such a line. From ``free`` on is room."""
    if number >= LINES:
        return False
    pages.lines[slot * LINES + number] = NONE
    if place == NOTHING:
        return True
    size = HEAD + _u32(tuples, place + 12)
    if pages.used[slot] + size > pages.limit[slot]:
        _tidy(pages, slot, tuples[free:])
    if pages.used[slot] + size <= ROOM:
        at = pages.used[slot]
        _move(tuples, place, pages.tuples, slot * ROOM + at, size)
        pages.lines[slot * LINES + number] = at + 1
        pages.used[slot] += size
    # Else the page holds more than a page can: what it held there is not known.
    return True


@compiled
def _tidy(pages: Slots, slot: int, scratch: Bytes) -> None:
    """Drop the tuples that no line has any more."""
    _move(pages.tuples, slot * ROOM, scratch, 0, pages.used[slot])
    top = 0
    for line in range(slot * LINES, (slot + 1) * LINES):
        place = np.int64(pages.lines[line])
        if place > 0:
            size = HEAD + _u32(scratch, place + 11)
            _move(scratch, place - 1, pages.tuples, slot * ROOM + top, size)
            pages.lines[line] = top + 1
            top += size
    pages.used[slot] = top
    pages.limit[slot] = min(ROOM, max(USUAL, 2 * top))


@compiled
def _head(tuples: Bytes, at: int, xmin: int, natts: int, mask: int, hoff: int, length: int) -> None:
    _put_u32(tuples, at, np.int64(xmin))
    _put_u32(tuples, at + 4, natts | mask << 16)
    _put_u32(tuples, at + 8, hoff)
    _put_u32(tuples, at + 12, length)


@compiled
def _move(source: Bytes, at: int, target: Bytes, to: int, size: int) -> None:
    for index in range(size):
        target[to + index] = source[at + index]


@compiled
def _u16(text: Bytes, at: int) -> int:
    return np.int64(text[at]) | np.int64(text[at + 1]) << 8


@compiled
def _u32(text: Bytes, at: int) -> int:
    return _u16(text, at) | _u16(text, at + 2) << 16


@compiled
def _put_u32(text: Bytes, at: int, value: int) -> None:
    for index in range(4):
        text[at + index] = value >> 8 * index & 0xFF
