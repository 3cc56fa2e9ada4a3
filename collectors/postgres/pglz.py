"""PostgreSQL's own compression, of values and of page images.

Source: ``pg_lzcompress.c``.
"""

from __future__ import annotations

_LONGEST = 18
"""A repeat of this length has one more byte, which adds to it."""


def pglz(packed: bytes, size: int) -> bytes | None:
    """Undo it to ``size`` bytes at most; None where it is not that.

    A control byte tells of the eight items after it which are bytes and which repeat what stands
    up to 4095 bytes before.
    """
    out = bytearray()
    at, end = 0, len(packed)
    while at < end and len(out) < size:
        control = packed[at]
        at += 1
        if not control and at + 8 <= end and len(out) + 8 <= size:
            out += packed[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end or len(out) >= size:
                break
            if not control >> bit & 1:
                out.append(packed[at])
                at += 1
                continue
            if at + 1 >= end:
                return None
            first = packed[at]
            length, back = (first & 0x0F) + 3, (first & 0xF0) << 4 | packed[at + 1]
            at += 2
            if length == _LONGEST:
                if at >= end:
                    return None
                length += packed[at]
                at += 1
            if not 0 < back <= len(out):
                return None
            length = min(length, size - len(out))
            start = len(out) - back
            piece = bytes(out[start : start + length])
            # What is repeated may run into what it makes.
            out += piece if back >= length else (piece * (length // back + 1))[:length]
    return bytes(out) if at == end else None
