"""Records that are replayed together; and line pointers that lose their tuples by pruning.

Compiled: a part of :mod:`.replay`. Sources as of :mod:`.records`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import (
    BYTES,
    FLAG,
    HALVES,
    INT,
    INT_ROWS,
    INTS,
    SHORTS,
    compiled,
)
from collectors.postgres.heap.held import SLOTS, gone, u16
from collectors.postgres.heap.slots import Slots
from collectors.postgres.wal.blocks import DATA, DATA_SIZE, FIRST, MAIN, MAIN_SIZE

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

_ONE_PRUNE_SINCE = 17
_HAS_PLANS, _HAS_REDIRECTED = 0x10, 0x20


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


BATCH = numba.types.NamedTuple(
    [BYTES, SHORTS, HALVES, INT_ROWS, INT_ROWS, INTS, INTS, BYTES, INT], Batch
)


@compiled(FLAG(BATCH, SLOTS, INT, INT), part=True)
def pruned(batch: Batch, pages: Slots, index: int, op: int) -> bool:
    """Line pointers that have no tuple of their own any more; False: its lengths do not fit."""
    if op != 0x10 and op != 0x20 and op != 0x30:
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
            redirected = u16(text, main + 4)
            redirected = min(redirected, words // 2 + 1)
        at = 0
        while at < words:
            if not gone(pages, slot, u16(text, data + 2 * at)):
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
        at = 2 + u16(text, data) * 6
    for kind in range(3):
        # In this order: redirected, dead, unused.
        if flags & _HAS_REDIRECTED << kind:
            if at >= words:
                return False
            width = 1 if kind else 2
            many = u16(text, data + 2 * at) * width
            if at + 1 + many > words:
                return False
            for word in range(at + 1, at + 1 + many, width):
                if not gone(pages, slot, u16(text, data + 2 * word)):
                    return False
            at += 1 + many
    return True
