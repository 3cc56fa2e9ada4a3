"""Records of heaps, one after the other: what they did to the tuples of known pages.

Compiled: each record needs what the one before left. What belongs to pages is in :mod:`.held`.
Sources as of :mod:`.records`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import BYTES, FLAGS, INT, INT_ROWS, INTS, TWO, compiled
from collectors.postgres.heap.held import (
    BAD,
    HEADER,
    NATTS,
    NOTHING,
    SLOTS,
    forget,
    head,
    keep,
    line,
    move,
    on_page,
    put_u32,
    stored,
    u16,
    u32,
)
from collectors.postgres.heap.prune import BATCH, Batch, pruned
from collectors.postgres.heap.slots import HEAD, LONGEST, ROOM, SIZE, TUPLES, Slots
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
NO_IMAGE, UNREADABLE = -1, -2

_HEAP2, _HEAP = 9, 10
_MULTI_INSERT = 0x50
_OP_MASK, _INIT_PAGE = 0x70, 0x80
_DELETE_OLD_TUPLE, _DELETE_OLD_KEY, _DELETE_SUPER = 0x02, 0x04, 0x08
_UPDATE_OLD_TUPLE, _UPDATE_OLD_KEY, _PREFIX, _SUFFIX = 0x04, 0x08, 0x20, 0x40
_SPARE = 2 * (HEAD + LONGEST) + ROOM
"""Bytes that one change takes at most: an old tuple, a new one, and a page that is tidied."""


def replayed(batch: Batch, pages: Slots, fit: npt.NDArray[np.bool_]) -> tuple[Numbers, Bytes]:
    """Changes, and the bytes of their tuples; ``fit``: which records could be read."""
    changes = np.empty((len(batch.records) + 64, WIDTH), np.int64)
    tuples = np.empty(1 << 20, np.uint8)
    state = np.zeros(5, np.int64)
    done = count = top = rows = size = 0
    while done < len(batch.records):
        if count + rows > len(changes):
            more = np.empty((max(2 * len(changes), count + rows), WIDTH), np.int64)
            more[:count] = changes[:count]
            changes = more
        if top + size > len(tuples):
            bytes_ = np.empty(max(2 * len(tuples), top + size), np.uint8)
            bytes_[:top] = tuples[:top]
            tuples = bytes_
        _replay(batch, pages, fit, changes, tuples, state)
        done, count, top, rows, size = state.tolist()
    return changes[:count], tuples[:top]


@compiled(INT(BATCH, SLOTS, FLAGS, INT_ROWS, BYTES, INTS))
def _replay(
    batch: Batch,
    pages: Slots,
    fit: npt.NDArray[np.bool_],
    changes: Numbers,
    tuples: Bytes,
    state: Numbers,
) -> int:
    """``state``: records, changes and bytes of tuples so far; what the next record may take.

    Stops at a record for which there may not be room.
    """
    count, top = state[1], state[2]
    for index in range(state[0], len(batch.records)):
        state[0], state[1], state[2] = index, count, top
        record = batch.records[index]
        fit[index] = record[MAIN] != UNFIT
        first, blocks = record[FIRST], record[COUNT]
        if not fit[index] or not blocks:
            continue
        rmgr, info = np.int64(batch.kinds[index]) >> 8, np.int64(batch.kinds[index]) & 0xFF
        op = info & _OP_MASK
        before, begun = count, top
        made, most = 1, 0
        bad = False
        many = rmgr == _HEAP2 and op == _MULTI_INSERT
        if many:
            made = u16(batch.text, record[MAIN] + 2) if record[MAIN_SIZE] >= 4 else 0
            bad = record[MAIN_SIZE] < 4 or made > TUPLES
            if not info & _INIT_PAGE:
                bad = bad or record[MAIN_SIZE] < 4 + 2 * made
        if not bad:
            held = batch.rows[first, DATA_SIZE]
            state[3] = made
            # Tuples of one page, from its image, are no longer than the page.
            most = made * HEAD + (held or SIZE)
            state[4] = _SPARE + most
            if count + state[3] > len(changes) or top + state[4] > len(tuples):
                return index
        if many and not bad and info & _INIT_PAGE:
            forget(pages, batch.slots[first])
        data = batch.rows[first, DATA]
        for row in range(made):
            if bad:
                break
            change = changes[count]
            for column in range(WIDTH):
                change[column] = NOTHING
            change[RECORD], change[OF_FILE] = index, batch.rows[first, FILE]
            change[ROW] = 0
            change[KEY_ONLY] = 0
            end = top
            if many:
                end, data = _one_of_many(batch, pages, index, row, data, change, tuples, top)
                count += 1
            elif rmgr == _HEAP:
                if op == 0x70:
                    end = _inplace(batch, pages, index, tuples, top)
                else:
                    count += 1
                    if op == 0x00:
                        end = _insert(batch, pages, index, change, tuples, top)
                    elif op == 0x10:
                        end = _delete(batch, pages, index, change, tuples, top)
                    elif op == 0x20 or op == 0x40:
                        end = _update(batch, pages, index, change, tuples, top)
                    else:
                        count -= 1
            elif rmgr == _HEAP2 and batch.image_of[first] == NO_IMAGE:
                end = top if pruned(batch, pages, index, op) else BAD
            if end == BAD or (many and end - begun > most):
                bad = True
            else:
                top = end
        if bad:
            count, top = before, begun
            fit[index] = False
        for at in range(first, first + blocks):
            # What a record that cannot be read did to its pages is not known.
            if bad:
                forget(pages, batch.slots[at])
            if batch.image_of[at] != NO_IMAGE:
                _take_image(batch, pages, at)
    state[0], state[1], state[2] = len(batch.records), count, top
    return state[0]


@compiled(INT(BATCH, SLOTS, INT), part=True)
def _take_image(batch: Batch, pages: Slots, at: int) -> int:
    """Of an image that does not unpack, nothing is known of the page."""
    slot, image = batch.slots[at], batch.image_of[at]
    forget(pages, slot)
    if image != UNREADABLE:
        move(batch.images, image * SIZE, pages.image, slot * SIZE, SIZE)
        pages.whole[slot] = True
    return slot


@compiled(INT(BATCH, SLOTS, INT, INTS, BYTES, INT), part=True)
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
        return BAD
    at = record[FIRST]
    block = batch.rows[at]
    number = u16(batch.text, record[MAIN])
    change[OP], change[MADE_BLOCK], change[MADE_LINE] = INSERT, block[PAGE], number
    if block[DATA_SIZE]:
        end = stored(batch.text, block[DATA], block[DATA_SIZE], batch.xids[index], tuples, top)
    else:
        end = _on_image(batch, at, number, tuples, top)
    if end == BAD:
        return BAD
    if np.int64(batch.kinds[index]) & _INIT_PAGE:
        forget(pages, batch.slots[at])
    change[NEW] = top if end > top else NOTHING
    return end if keep(pages, batch.slots[at], number, tuples, change[NEW], end) else BAD


@compiled(TWO(BATCH, SLOTS, INT, INT, INT, INTS, BYTES, INT), part=True)
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
    number = row + 1 if init else u16(batch.text, record[MAIN] + 4 + 2 * row)
    change[OP], change[MADE_BLOCK], change[MADE_LINE] = INSERT, block[PAGE], number
    change[ROW] = row
    end = top
    if block[DATA_SIZE]:
        # Aligned to two bytes, from where the record's data begin.
        data += (data - block[DATA]) & 1
        limit = block[DATA] + block[DATA_SIZE]
        if data + 7 > limit:
            return BAD, data
        length = u16(batch.text, data)
        if data + 7 + length > limit or length > LONGEST:
            return BAD, data
        mask2, mask = u16(batch.text, data + 2), u16(batch.text, data + 4)
        hoff = np.int64(batch.text[data + 6])
        head(tuples, top, batch.xids[index], mask2 & NATTS, mask, hoff, length)
        move(batch.text, data + 7, tuples, top + HEAD, length)
        end = top + HEAD + length
        data += 7 + length
    else:
        end = _on_image(batch, at, number, tuples, top)
    change[NEW] = top if end > top else NOTHING
    kept = keep(pages, batch.slots[at], number, tuples, change[NEW], end)
    return (end if kept else BAD), data


@compiled(INT(BATCH, SLOTS, INT, INTS, BYTES, INT), part=True)
def _delete(
    batch: Batch, pages: Slots, index: int, change: Numbers, tuples: Bytes, top: int
) -> int:
    record = batch.records[index]
    main = record[MAIN]
    if record[MAIN_SIZE] < 8:
        return BAD
    at = record[FIRST]
    number, flags = u16(batch.text, main + 4), np.int64(batch.text[main + 7])
    change[OP] = UNMADE if flags & _DELETE_SUPER else DELETE
    change[ENDED_BLOCK], change[ENDED_LINE] = batch.rows[at, PAGE], number
    end = _known(batch, pages, at, number, tuples, top)
    if end == top and flags & (_DELETE_OLD_TUPLE | _DELETE_OLD_KEY):
        end = stored(batch.text, main + 8, record[MAIN_SIZE] - 8, 0, tuples, top)
        change[KEY_ONLY] = 0 if flags & _DELETE_OLD_TUPLE else 1
    if end > top:
        change[OLD] = top
    return end


@compiled(INT(BATCH, SLOTS, INT, INTS, BYTES, INT), part=True)
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
        return BAD
    was, flags = u16(batch.text, main + 4), np.int64(batch.text[main + 7])
    now = u16(batch.text, main + 12)
    at = before = record[FIRST]
    if record[COUNT] > 1 and batch.rows[at + 1, NUMBER] == 1:
        before = at + 1
    block = batch.rows[at]
    change[OP] = UPDATE
    change[MADE_BLOCK], change[MADE_LINE] = block[PAGE], now
    change[ENDED_BLOCK], change[ENDED_LINE] = batch.rows[before, PAGE], was
    end = _known(batch, pages, before, was, tuples, top)
    if end == top and flags & (_UPDATE_OLD_TUPLE | _UPDATE_OLD_KEY) and size > 14:
        end = stored(batch.text, main + 14, size - 14, 0, tuples, top)
        change[KEY_ONLY] = 0 if flags & _UPDATE_OLD_TUPLE else 1
    if end == BAD:
        return BAD
    if end > top:
        change[OLD] = top
    start = end
    if block[DATA_SIZE]:
        old = NOTHING if change[KEY_ONLY] else change[OLD]
        end = _updated(batch, block, flags, old, index, tuples, start)
    else:
        end = _on_image(batch, at, now, tuples, start)
    if end == BAD:
        return BAD
    change[NEW] = start if end > start else NOTHING
    if np.int64(batch.kinds[index]) & _INIT_PAGE:
        forget(pages, batch.slots[at])
    return end if keep(pages, batch.slots[at], now, tuples, change[NEW], end) else BAD


@compiled(INT(BATCH, INTS, INT, INT, INT, BYTES, INT), part=True)
def _updated(
    batch: Batch, block: Numbers, flags: int, old: int, index: int, tuples: Bytes, top: int
) -> int:
    """The new tuple, whose beginning and end may be those of the old one."""
    text, at, limit = batch.text, block[DATA], block[DATA] + block[DATA_SIZE]
    prefix = suffix = 0
    if at + 2 * ((flags & _PREFIX > 0) + (flags & _SUFFIX > 0)) + 5 > limit:
        return BAD
    if flags & _PREFIX:
        prefix = u16(text, at)
        at += 2
    if flags & _SUFFIX:
        suffix = u16(text, at)
        at += 2
    if not prefix and not suffix:
        return stored(text, at, limit - at, batch.xids[index], tuples, top)
    if old == NOTHING:
        return top
    mask2, mask, hoff = u16(text, at), u16(text, at + 2), np.int64(text[at + 4])
    at += 5
    # What is alike are bytes of values, behind the null bitmap.
    begin = old + HEAD + np.int64(tuples[old + 8]) - HEADER
    same = old + HEAD + u32(tuples, old + 12) - begin
    nulls = hoff - HEADER
    middle = limit - at - nulls
    length = limit - at + prefix + suffix
    if begin < old + HEAD or same < 0:
        return BAD
    if prefix > same or suffix > same or nulls < 0 or middle < 0 or length > LONGEST:
        return BAD
    head(tuples, top, batch.xids[index], mask2 & NATTS, mask, hoff, length)
    out = top + HEAD
    move(text, at, tuples, out, nulls)
    move(tuples, begin, tuples, out + nulls, prefix)
    move(text, at + nulls, tuples, out + nulls + prefix, middle)
    move(tuples, begin + same - suffix, tuples, out + nulls + prefix + middle, suffix)
    return out + length


@compiled(INT(BATCH, SLOTS, INT, BYTES, INT), part=True)
def _inplace(batch: Batch, pages: Slots, index: int, tuples: Bytes, top: int) -> int:
    record = batch.records[index]
    if record[MAIN_SIZE] < 2:
        return BAD
    at = record[FIRST]
    block = batch.rows[at]
    number = u16(batch.text, record[MAIN])
    end = on_page(pages, batch.slots[at], number, tuples, top)
    if end > top and block[DATA_SIZE]:
        start = top + HEAD + np.int64(tuples[top + 8]) - HEADER
        length = start - top - HEAD + block[DATA_SIZE]
        if start < top + HEAD or start > end or length > LONGEST:
            return BAD
        move(batch.text, block[DATA], tuples, start, block[DATA_SIZE])
        put_u32(tuples, top + 12, length)
        if not keep(pages, batch.slots[at], number, tuples, top, top + HEAD + length):
            return BAD
    return top if end != BAD else BAD


@compiled(INT(BATCH, SLOTS, INT, INT, BYTES, INT), part=True)
def _known(batch: Batch, pages: Slots, at: int, number: int, tuples: Bytes, top: int) -> int:
    """A tuple as it was before the record; as its image has it, where that is not known."""
    end = on_page(pages, batch.slots[at], number, tuples, top)
    return _on_image(batch, at, number, tuples, top) if end == top else end


@compiled(INT(BATCH, INT, INT, BYTES, INT), part=True)
def _on_image(batch: Batch, at: int, number: int, tuples: Bytes, top: int) -> int:
    image = batch.image_of[at]
    return line(batch.images, image * SIZE, number, tuples, top) if image >= 0 else top
