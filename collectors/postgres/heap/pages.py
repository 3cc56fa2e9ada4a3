"""What is known of the pages of some relation files, as records are replayed.

A page is known whole from its image, from its making, or from a copy in a base backup; else only
those of its tuples are known that records wrote since. What is not known is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable

from collectors.postgres.heap import slots
from collectors.postgres.heap.kept import Kept, Keys, Numbers
from collectors.postgres.heap.slots import Slots

File = tuple[int, int, int]
"""Tablespace, database, number of the relation file."""
Seed = Callable[[File, int, int, int, int], bytes | None]
"""A page as a copy holds it, where that is what it was before a record: file, block, the record's
LSN and timeline, and the LSN from which on the archive is whole."""
KEPT = 2048
"""Pages in memory; the others lie in a temporary file."""
Seeded = Callable[[int, int], bytes | None]
"""A page of which nothing else is known, by its key and the first place in the keys asked for."""


class Pages:
    """The pages of all files; close it, or its temporary file stays until the end."""

    def __init__(self) -> None:
        self.slots: Slots = slots.slots(KEPT)
        self._kept = Kept(KEPT, self, slots.PACKED)
        self._seed: Seeded | None = None

    def place(self, keys: Keys, seed: Seeded | None) -> Numbers:
        """Slots of pages, :data:`KEPT` at most; all of them are in memory together."""
        self._seed = seed
        return self._kept.place(keys)

    def begin(self, slot: int, key: int, at: int) -> None:
        """Nothing is known of a page but what the seed says."""
        slots.reset(self.slots, slot, self._seed(key, at) if self._seed else None)

    def packed(self, slot: int) -> bytes:
        """A page as bytes."""
        return slots.packed(self.slots, slot)

    def unpack(self, slot: int, data: bytes) -> None:
        """The inverse."""
        slots.unpack(self.slots, slot, data)

    def forget(self, index: int | None = None, since: int = 0) -> None:
        """Nothing is known any more: of all pages, or of a file's from a block on."""
        self._kept.forget(index, since)

    def close(self) -> None:
        """Let go of everything."""
        self._kept.close()
