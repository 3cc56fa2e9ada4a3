"""Which record made the row version that stands at a place, while records are gone through."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import HALF_ROWS, INT, INTS, NUMBER_ROWS, NUMBERS, compiled
from collectors.postgres.heap.kept import Kept, Keys, Numbers
from collectors.postgres.heap.slots import TUPLES

NO_PLACE = 2**64 - 1
KEPT = 8192
"""Pages of which the versions are in memory; those of the others lie in a temporary file."""
_FREE = np.uint64(NO_PLACE)
_LINES = TUPLES + 1
"""From 0; a page has no line of a higher number."""


def keys(places: Numbers) -> Keys:
    """Places as numbers: of file, block and line; :data:`NO_PLACE` where the block is below 0."""
    file, block, line = (places[:, part].astype(np.uint64) for part in range(3))
    key = file << np.uint64(48) | block << np.uint64(16) | line
    return np.where(places[:, 1] < 0, _FREE, key)


class Versions:
    """By place: LSN of the record, and which of its rows. Close it when done."""

    def __init__(self) -> None:
        self._lsn = np.zeros((KEPT, _LINES), np.uint64)
        self._row = np.zeros((KEPT, _LINES), np.uint32)
        """From 1; 0: there is none."""
        self._kept = Kept(KEPT, self, _LINES * 12)

    def clear(self) -> None:
        """Nothing was made yet."""
        self._kept.forget()

    def close(self) -> None:
        """Let go of everything."""
        self._kept.close()

    def follow(self, ended: Keys, made: Keys, lsn: Keys, row: Numbers) -> tuple[Keys, Numbers]:
        """Of changes in their order: LSN and row of the version that each ended, row -1 for none.

        What a change made stands at its place from then on.
        """
        places = np.concatenate([ended, made])
        pages, there = places >> np.uint64(16), np.flatnonzero(places != _FREE)
        if len(there) > KEPT and len(np.unique(pages[there])) > KEPT:
            half = len(ended) // 2
            both = (slice(half), slice(half, None))
            parted = [self.follow(ended[of], made[of], lsn[of], row[of]) for of in both]
            first, second = zip(*parted, strict=True)
            return np.concatenate(first), np.concatenate(second)
        slot = np.full(len(pages), -1, np.int64)
        slot[there] = self._kept.place(pages[there])
        found, rows = np.zeros(len(ended), np.uint64), np.empty(len(ended), np.int64)
        line = (places & np.uint64(0xFFFF)).astype(np.int64)
        _follow(self._lsn, self._row, slot, line, lsn, np.ascontiguousarray(row), found, rows)
        return found, rows

    def begin(self, slot: int, key: int, at: int) -> None:
        """No version is known of a page."""
        del key, at
        self._row[slot] = 0

    def packed(self, slot: int) -> bytes:
        """A page's versions as bytes."""
        last = int(np.flatnonzero(np.append(True, self._row[slot]))[-1]) + 1
        return self._row[slot, :last].tobytes() + self._lsn[slot, :last].tobytes()

    def unpack(self, slot: int, data: bytes) -> None:
        """The inverse."""
        last = len(data) // 12
        self._row[slot, last:] = 0
        self._row[slot, :last] = np.frombuffer(data[: 4 * last], np.uint32)
        self._lsn[slot, :last] = np.frombuffer(data[4 * last :], np.uint64)


@compiled(INT(NUMBER_ROWS, HALF_ROWS, INTS, INTS, NUMBERS, INTS, NUMBERS, INTS))
def _follow(
    lsns: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.uint32],
    slot: Numbers,
    line: Numbers,
    lsn: Keys,
    row: Numbers,
    found: Keys,
    which: Numbers,
) -> int:
    """``slot`` and ``line``: of what was ended, and behind these of what was made; slot -1: none.

    Fills the last two columns.
    """
    count = len(lsn)
    for index in range(count):
        which[index] = -1
        at, number = slot[index], line[index]
        if at >= 0 and number < _LINES and rows[at, number]:
            found[index], which[index] = lsns[at, number], np.int64(rows[at, number]) - 1
            rows[at, number] = 0
        at, number = slot[count + index], line[count + index]
        if at >= 0 and number < _LINES:
            lsns[at, number], rows[at, number] = lsn[index], row[index] + 1
    return count
