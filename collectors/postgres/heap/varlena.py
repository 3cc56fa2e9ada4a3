"""Values of varying length: short, long, packed in the row, or kept in the TOAST table.

Source: ``varatt.h`` (``varattrib_4b``, ``varatt_external``), ``toast_internals.h``.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import lz4.block

from collectors.postgres.pglz import pglz

PGLZ, LZ4 = 0, 1
_EXTERNAL = struct.Struct("<iIII")
_ON_DISK = 18
"""``va_tag`` of a pointer to the TOAST table; others exist only in memory."""


class Unreadable(ValueError):  # noqa: N818  (a private signal, not an error of the project)
    """Bytes that no server wrote so, or not of this type."""


class Pointer(NamedTuple):
    """Where the TOAST table has a value."""

    raw: int
    """Bytes once unpacked."""
    stored: int
    """Bytes of all its chunks."""
    method: int
    value: int
    """``chunk_id``."""
    table: int
    """OID of the TOAST table."""

    @property
    def packed(self) -> bool:
        """Whether the chunks hold it compressed."""
        return self.stored < self.raw


class Packed(NamedTuple):
    """A value compressed within the row: its size and method, and what follows."""

    body: bytes


def take(data: bytes, at: int, mask: int) -> tuple[bytes | Packed | Pointer, int]:
    """The value at a place, without its header, and where the next one may begin.

    Raises:
        Unreadable: its length does not fit.
    """
    # A zero byte is padding: a value's first byte is never zero, unless it is aligned.
    if at < len(data) and not data[at]:
        at = at + mask & ~mask
    if at >= len(data):
        raise Unreadable
    first = data[at]
    if first & 1:
        if first == 1:
            return _pointer(data, at)
        end = at + (first >> 1)
        if end > len(data):
            raise Unreadable
        return data[at + 1 : end], end
    head = int.from_bytes(data[at : at + 4], "little")
    end = at + (head >> 2)
    if end > len(data) or end < at + 4:
        raise Unreadable
    body = data[at + 4 : end]
    return (Packed(body) if head & 2 else body), end


def _pointer(data: bytes, at: int) -> tuple[Pointer, int]:
    end = at + 2 + _EXTERNAL.size
    if end > len(data) or data[at + 1] != _ON_DISK:
        raise Unreadable
    raw, info, value, table = _EXTERNAL.unpack_from(data, at + 2)
    # The raw size counts a header of four bytes, the stored size none.
    return Pointer(raw - 4, info & 0x3FFFFFFF, info >> 30, value, table), end


def unpack(body: bytes) -> bytes:
    """A packed value from its size and method on.

    Raises:
        Unreadable: it is not what it says.
    """
    if len(body) < 4:  # noqa: PLR2004  (size and method)
        raise Unreadable
    info = int.from_bytes(body[:4], "little")
    size, method = info & 0x3FFFFFFF, info >> 30
    if method == PGLZ:
        out = pglz(body[4:], size)
    elif method == LZ4:
        try:
            # Bounded before anything is allocated: LZ4 expands to 255 times its bytes at most.
            if size > len(body) * 255 + 64:
                raise Unreadable
            out = lz4.block.decompress(body[4:], uncompressed_size=size)
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise Unreadable from error
    else:
        raise Unreadable
    if out is None or len(out) != size:
        raise Unreadable
    return out
