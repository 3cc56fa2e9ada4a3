"""What is known of the pages of some relation files, as records are replayed.

A page is known whole from its image, from its making, or from a copy in a base backup; else only
those of its tuples are known that records wrote since. What is not known is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from collectors.postgres.heap.slots import Slots, packed, reset, slots, unpack
from collectors.postgres.heap.spool import Spool

File = tuple[int, int, int]
"""Tablespace, database, number of the relation file."""
Seed = Callable[[File, int, int, int, int], bytes | None]
"""A page as a copy holds it, where that is what it was before a record: file, block, the record's
LSN and timeline, and the LSN from which on the archive is whole."""
KEPT = 2048
"""Pages in memory; the others lie in a temporary file."""
Keys = npt.NDArray[np.uint64]
"""Index of a file times 2^32, and block."""


class Pages:
    """The pages of all files; close it, or its temporary file stays until the end."""

    def __init__(self) -> None:
        self.slots: Slots = slots(KEPT)
        self._spool = Spool()
        self._slot: dict[int, int] = {}
        self._stored: dict[int, tuple[int, int]] = {}
        self._key = np.zeros(KEPT, np.uint64)
        self._used = np.zeros(KEPT, np.int64)
        self._free = list(range(KEPT - 1, -1, -1))
        self._turn = 0

    def place(
        self, keys: Keys, seed: Callable[[int, int], bytes | None] | None
    ) -> npt.NDArray[np.int64]:
        """Slots of pages, :data:`KEPT` at most; all of them are in memory together.

        ``seed``: of a page of which nothing is known, by its key and the first place in ``keys``.
        """
        self._turn += 1
        every, first, back = np.unique(keys, return_index=True, return_inverse=True)
        missing = [key for key in every.tolist() if key not in self._slot]
        here = np.array([self._slot.get(key, -1) for key in every.tolist()], np.int64)
        self._used[here[here >= 0]] = self._turn
        self._make_room(len(missing))
        for key in missing:
            slot = self._free.pop()
            self._slot[key] = slot
            self._key[slot], self._used[slot] = key, self._turn
            stored = self._stored.pop(key, None)
            if stored is not None:
                unpack(self.slots, slot, self._spool.get(stored))
            elif seed is not None:
                at = int(first[np.searchsorted(every, np.uint64(key))])
                reset(self.slots, slot, seed(key, at))
            else:
                reset(self.slots, slot)
        found = np.array([self._slot[key] for key in every.tolist()], np.int64)
        return found[back]

    def _make_room(self, count: int) -> None:
        """Store the pages that were not used for the longest time."""
        short = count - len(self._free)
        if short <= 0:
            return
        # Some more than are needed: to look for them has its price.
        busy = np.flatnonzero(self._used < self._turn)
        for slot in busy[np.argsort(self._used[busy], kind="stable")][: max(short, 256)].tolist():
            key = int(self._key[slot])
            if self._slot.get(key) == slot:
                self._stored[key] = self._spool.put(packed(self.slots, slot))
                del self._slot[key]
                self._free.append(slot)

    def forget(self, index: int | None = None, since: int = 0) -> None:
        """Nothing is known any more: of all pages, or of a file's from a block on."""
        if index is None:
            self._slot.clear()
            self._stored.clear()
            self._free = list(range(KEPT - 1, -1, -1))
            return
        low, high = index << 32 | since, (index + 1) << 32
        for key in [key for key in self._slot if low <= key < high]:
            self._free.append(self._slot.pop(key))
        for key in [key for key in self._stored if low <= key < high]:
            del self._stored[key]

    def close(self) -> None:
        """Let go of everything."""
        self.forget()
        self._spool.close()
