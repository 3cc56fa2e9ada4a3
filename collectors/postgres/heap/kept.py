"""What is kept of pages: of those that were used last in memory, of the others in a file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from collectors.postgres.heap.frames import Frames

Keys = npt.NDArray[np.uint64]
"""Index of a file times 2^32, and block."""
Numbers = npt.NDArray[np.int64]
_TOGETHER = 256
"""Slots that are made free at a time, at least: to look for them has its price."""


class Slotted(Protocol):
    """What is kept, slot by slot."""

    def packed(self, slot: int) -> bytes:
        """A slot as bytes, one at least."""

    def unpack(self, slot: int, data: bytes) -> None:
        """The inverse."""

    def begin(self, slot: int, key: int, at: int) -> None:
        """Nothing was kept of a page; ``at``: the first place of its key in those asked for."""


class Kept:
    """Which page is in which slot; close it when done."""

    def __init__(self, count: int, of: Slotted, size: int) -> None:
        """``count``: of slots; ``size``: bytes of a packed one, at most."""
        self._count, self._of, self._frames = count, of, Frames(size)
        self._slot: dict[int, int] = {}
        self._key = np.zeros(count, np.uint64)
        self._used = np.zeros(count, np.int64)
        self._free = list(range(count - 1, -1, -1))
        self._turn = 0

    def place(self, keys: Keys) -> Numbers:
        """Slots of pages, as many as there are at most; all of them are in memory together."""
        self._turn += 1
        every, first, back = np.unique(keys, return_index=True, return_inverse=True)
        found = np.array([self._slot.get(key, -1) for key in every.tolist()], np.int64)
        self._used[found[found >= 0]] = self._turn
        missing = np.flatnonzero(found < 0)
        self._make_room(len(missing))
        for at, key in zip(missing.tolist(), every[missing].tolist(), strict=True):
            slot = found[at] = self._free.pop()
            self._slot[key] = slot
            self._key[slot], self._used[slot] = key, self._turn
            if data := self._frames.get(key):
                self._of.unpack(slot, data)
            else:
                self._of.begin(slot, key, int(first[at]))
        return found[back]

    def _make_room(self, count: int) -> None:
        """Store the pages that were not used for the longest time."""
        short = count - len(self._free)
        if short <= 0:
            return
        taken = np.array(list(self._slot.values()), np.int64)
        busy = taken[self._used[taken] < self._turn]
        oldest = busy[np.argsort(self._used[busy], kind="stable")]
        for slot in oldest[: max(short, _TOGETHER)].tolist():
            key = int(self._key[slot])
            self._frames.put(key, self._of.packed(slot))
            del self._slot[key]
            self._free.append(slot)

    def forget(self, index: int | None = None, since: int = 0) -> None:
        """Nothing is kept any more: of all pages, or of a file's from a block on."""
        if index is None:
            self._slot.clear()
            self._frames.clear()
            self._free = list(range(self._count - 1, -1, -1))
            return
        low, high = index << 32 | since, (index + 1) << 32
        for key in [key for key in self._slot if low <= key < high]:
            self._free.append(self._slot.pop(key))
        self._frames.drop(low, high)

    def close(self) -> None:
        """Let go of everything, and of whose slots these are: the two hold each other."""
        self._slot.clear()
        self._frames.close()
        del self._of
