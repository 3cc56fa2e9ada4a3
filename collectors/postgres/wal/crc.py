"""CRC-32C of many WAL records at once.

A CRC is linear: a state and 64 bits more give the next state by one look-up per 16 bits. So short
records, which are nearly all, go side by side through numpy, a word of each at a time. The body of
a long one goes through the processor's own instruction (``google-crc32c``), one call a record.

Definition of the record's checksum: ``xloginsert.c``, ``xlogreader.c`` (``ValidXLogRecord``):
CRC-32C of what follows the 24-byte header, then of the header's first 20 bytes.
Polynomial: Castagnoli, reflected, 0x82F63B78 (RFC 3720, appendix B.4).
"""

from __future__ import annotations

from functools import cache

import google_crc32c
import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
_HEADER, _SUMMED = 24, 20
_SIDE_BY_SIDE = 16
"""Words of a body up to which numpy is the faster way."""

States = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


def crc32c(data: bytes) -> int:
    """CRC-32C of some bytes."""
    return int(google_crc32c.value(data))


def record_crc(record: bytes) -> int:
    """The checksum that a record's header must hold."""
    return crc32c(record[_HEADER:] + record[:_SUMMED])


def intact(text: bytes, words: Words, starts: Numbers, lengths: Numbers) -> npt.NDArray[np.bool_]:
    """For each record whether its CRC-32C fits.

    ``words``: ``text`` as UInt64, little-endian. ``starts``: index of each record's first word;
    ``lengths``: bytes of each, 24 or more.
    """
    state = np.empty(len(starts), np.uint32)
    long = lengths > _HEADER + _SIDE_BY_SIDE * 8
    at = np.flatnonzero(long)
    begins, ends = starts[at] * 8 + _HEADER, starts[at] * 8 + lengths[at]
    # Maps within maps: no line of Python runs for a record.
    bodies = map(text.__getitem__, map(slice, begins.tolist(), ends.tolist()))
    state[at] = np.fromiter(map(google_crc32c.value, bodies), np.uint32, len(at))
    state[at] ^= np.uint32(_ALL)
    at = np.flatnonzero(~long)
    state[at] = _side_by_side(words, starts[at] + 3, lengths[at] - _HEADER)
    for word in (0, 1):
        state = _after_eight(state, words[starts + word])
    last = words[starts + 2]
    state = _after(4, state, last.astype(np.uint32)) ^ np.uint32(_ALL)
    fits: npt.NDArray[np.bool_] = state == (last >> np.uint64(32)).astype(np.uint32)
    return fits


def _side_by_side(words: Words, starts: Numbers, lengths: Numbers) -> States:
    """The states after so many bytes from the words at ``starts``, begun with all ones."""
    whole = lengths >> 3
    # Those with most words first: at each step the ones that go on are the first so many.
    order = np.argsort((_SIDE_BY_SIDE - whole).astype(np.uint8), kind="stable")
    going = len(order) - np.cumsum(np.bincount(whole, minlength=_SIDE_BY_SIDE + 1))
    at = starts[order]
    state = np.full(len(order), _ALL, np.uint32)
    for step, count in enumerate(going.tolist()):
        if not count:
            break
        state[:count] = _after_eight(state[:count], words[at[:count] + step])
    out = np.empty_like(state)
    out[order] = state
    # The last bytes of each, up to seven: four, two and one where they are there.
    left = lengths & 7
    rest = np.flatnonzero(left)
    word, left = words[starts[rest] + whole[rest]], left[rest]
    state = out[rest]
    for size in (4, 2, 1):
        some = np.flatnonzero(left & size)
        part = word[some].astype(np.uint32) & np.uint32(2 ** (8 * size) - 1)
        state[some] = _after(size, state[some], part)
        word[some] >>= np.uint64(8 * size)
    out[rest] = state
    return out


def _after_eight(state: States, word: Words) -> States:
    """The states after eight bytes more."""
    tables = _tables(8)
    mixed = (word ^ state).view(np.int64)
    out: States = tables[0].take(mixed & 0xFFFF, mode="wrap")
    for quarter in (1, 2, 3):
        # Within the bounds already: to wrap is what numpy does fastest.
        out ^= tables[quarter].take(mixed >> 16 * quarter & 0xFFFF, mode="wrap")
    return out


def _after(size: int, state: States, part: States) -> States:
    """The states after one, two or four bytes more."""
    mixed = state ^ part
    if size == 1:
        one: States = _byte_table()[mixed & 0xFF] ^ mixed >> np.uint32(8)
        return one
    tables = _tables(size)
    out: States = tables[0][mixed & 0xFFFF]
    out ^= tables[1][mixed >> 16] if size == 4 else state >> np.uint32(16)  # noqa: PLR2004
    return out


@cache
def _byte_table() -> States:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _tables(count: int) -> list[States]:
    """For each 16 bits of the next ``count`` bytes: what they add to the state behind these."""
    table = _byte_table()
    found = []
    for first in range(0, count, 2):
        state = np.arange(2**16, dtype=np.uint32)
        # Its own two bytes, and then zeros up to the end.
        for _ in range(count - first):
            state = state >> 8 ^ table[state & 0xFF]
        found.append(state)
    return found
