"""A heap page: its header, its line pointers, its tuples, and whether its checksum fits.

Source: ``bufpage.h``, ``itemid.h``, ``htup_details.h``, ``checksum_impl.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collectors.postgres.heap.model import HEADER, NATTS, Stored, Tuple

SIZE = 8192
"""Bytes of a page (``BLCKSZ``); servers built with another size are not read."""
_HEADER = struct.Struct("<IIHHHHHHI")
_TUPLE = struct.Struct("<III HHH HHB")
_NORMAL = 1
_POINTER = 4
_PRIME = np.uint32(16777619)
# checksum_impl.h: where each of the 32 sums begins.
_BASES = np.array(
    [
        *(0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2),
        *(0x83E13D2C, 0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C),
        *(0xF718902A, 0x0B1C9CDB, 0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979),
        *(0xCCA6C0B2, 0x304A0979, 0x85AA43D4, 0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E),
        *(0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756),
    ],
    dtype=np.uint32,
)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a page."""

    lsn: int
    """Of the last record that changed it."""
    checksum: int
    """0: the cluster keeps none."""
    lines: int
    """How many line pointers it has."""


def header(page: bytes) -> Header | None:
    """Of a heap page; None where the bytes are none (zeros of a new page, encrypted …)."""
    if len(page) != SIZE:
        return None
    high, low, checksum, _, lower, upper, special, version, _ = _HEADER.unpack_from(page)
    if version != SIZE | 4 or not _HEADER.size <= lower <= upper <= special <= SIZE:
        return None
    return Header(high << 32 | low, checksum, (lower - _HEADER.size) // _POINTER)


def line(page: bytes, number: int) -> bytes | None:
    """The tuple of a line pointer (from 1); None where it has none."""
    place = _HEADER.size + (number - 1) * _POINTER
    lower = int.from_bytes(page[12:14], "little")
    if number < 1 or place + _POINTER > min(lower, SIZE):
        return None
    pointer = int.from_bytes(page[place : place + _POINTER], "little")
    start, length = pointer & 0x7FFF, pointer >> 17
    if pointer >> 15 & 3 != _NORMAL or length < HEADER or start + length > SIZE:
        return None
    return page[start : start + length]


def tuple_of(raw: bytes) -> Tuple:
    """A tuple as it stands on a page, for reading its values."""
    xmin, _, _, _, _, _, mask2, mask, hoff = _TUPLE.unpack_from(raw)
    return Tuple(xmin, mask2 & NATTS, mask, hoff, raw[HEADER:])


def tuples(page: bytes, block: int) -> Iterator[Stored]:
    """Every tuple that a page holds, dead ones too, in the order of line pointers."""
    head = header(page)
    for number in range(1, head.lines + 1 if head else 0):
        raw = line(page, number)
        if raw is not None:
            xmin, xmax, _, high, low, at, mask2, mask, _ = _TUPLE.unpack_from(raw)
            place = (high << 16 | low, at)
            yield Stored(block, number, xmin, xmax, place, mask2, mask, tuple_of(raw))


def intact(page: bytes, block: int) -> bool:
    """Whether the checksum fits; also where the page keeps none."""
    stored = int.from_bytes(page[8:10], "little")
    return not stored or stored == checksum(page, block)


def checksum(page: bytes, block: int) -> int:
    """Of a page at its place in the relation (``pg_checksum_page``)."""
    words = np.frombuffer(page[:8] + b"\0\0" + page[10:], dtype="<u4").reshape(-1, 32)
    sums = _BASES.copy()
    for row in (*words, *np.zeros((2, 32), dtype=np.uint32)):
        mixed = sums ^ row
        sums = mixed * _PRIME ^ mixed >> np.uint32(17)
    return (int(np.bitwise_xor.reduce(sums)) ^ block) % 65535 + 1


def restore(image: bytes, hole: int) -> bytes | None:
    """A page from an unpacked image that leaves out a hole; None where the sizes do not fit."""
    if len(image) == SIZE:
        return image
    if not 0 <= hole <= len(image) < SIZE:
        return None
    return image[:hole] + bytes(SIZE - len(image)) + image[hole:]
