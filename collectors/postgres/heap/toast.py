"""Values kept in TOAST tables, from the chunks that records and pages hold.

A TOAST table's tuple: ``chunk_id oid, chunk_seq int4, chunk_data bytea``, none of them null.
Source: ``toast_internals.c``, ``detoast.c``.
"""

from __future__ import annotations

import struct

from collectors.postgres.heap.model import HEADER, Tuple
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.spool import Spool
from collectors.postgres.heap.varlena import Pointer, Unreadable, take

_HEAD = struct.Struct("<Ii")
_MAX_CHUNKS = 1 << 20


class Chunks:
    """By value, and by the file in which they were seen. Close it when done."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._found: dict[int, dict[File, dict[int, tuple[int, tuple[int, int]]]]] = {}

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
        kept = self._found.setdefault(value, {}).setdefault(file, {})
        known = kept.get(number)
        if known is None or known[1][1] != len(piece) or self._spool.get(known[1]) != piece:
            kept[number] = (lsn, self._spool.put(piece))

    def fetch(self, pointer: Pointer) -> bytes | None:
        """All of a value's chunks joined; None where one is missing."""
        # A rewrite of the table moves them to another file under the same number.
        for kept in reversed(list(self._found.get(pointer.value, {}).values())):
            if sorted(kept) != list(range(len(kept))):
                continue
            if sum(place[1] for _, place in kept.values()) == pointer.stored:
                return b"".join(self._spool.get(kept[number][1]) for number in range(len(kept)))
        return None

    def forget(self, since: int) -> None:
        """What was written from an LSN on: another timeline goes on from there."""
        for files in self._found.values():
            for kept in files.values():
                for number in [number for number, (lsn, _) in kept.items() if lsn >= since]:
                    del kept[number]

    def close(self) -> None:
        """Let go of everything."""
        self._found.clear()
        self._spool.close()
