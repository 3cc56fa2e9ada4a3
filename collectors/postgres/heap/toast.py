"""Values kept in TOAST tables, from the chunks that records and pages hold.

A TOAST table's tuple: ``chunk_id oid, chunk_seq int4, chunk_data bytea``, none of them null.
Source: ``toast_internals.c``, ``detoast.c``.
"""

from __future__ import annotations

import struct

from collectors.postgres.heap.chunkindex import ChunkIndex, Key, Place
from collectors.postgres.heap.model import HEADER, Tuple
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.spool import Spool
from collectors.postgres.heap.varlena import Pointer, Unreadable, take

_HEAD = struct.Struct("<Ii")
_MAX_CHUNKS = 1 << 20


class Chunks:
    """By value, and by the file in which they were seen. Close it when done.

    The chunks are in one temporary file; where each stands is in memory for those that came last,
    and in another file for the others: memory stays bounded whatever the archive holds.
    """

    def __init__(self) -> None:
        self._spool, self._index = Spool(), ChunkIndex()
        self._files: dict[File, int] = {}

    def add(self, file: File, one: Tuple, lsn: int) -> None:
        """A tuple of a TOAST table; what is none is left out."""
        data = one.body[one.hoff - HEADER :]
        if len(data) <= _HEAD.size:
            return
        value, number = _HEAD.unpack_from(data)
        try:
            piece, _ = take(data, _HEAD.size, 3)
        except Unreadable:
            return
        if not isinstance(piece, bytes) or not 0 <= number < _MAX_CHUNKS:
            return
        key = Key(value, self._files.setdefault(file, len(self._files)), number)
        known = self._index.get(key)
        if known and known.size == len(piece) and self._spool.get((known.at, known.size)) == piece:
            return
        self._index.put(key, Place(lsn, *self._spool.put(piece)))

    def fetch(self, pointer: Pointer) -> bytes | None:
        """All of a value's chunks joined; None where one is missing."""
        # A rewrite of the table moves them to another file under the same number.
        for kept in self._index.of(pointer.value):
            if sorted(kept) != list(range(len(kept))):
                continue
            if sum(place.size for place in kept.values()) == pointer.stored:
                places = (kept[number] for number in range(len(kept)))
                return b"".join(self._spool.get((one.at, one.size)) for one in places)
        return None

    def forget(self, since: int) -> None:
        """What was written from an LSN on: another timeline goes on from there."""
        self._index.forget(since)

    def close(self) -> None:
        """Let go of everything."""
        self._index.close()
        self._spool.close()
