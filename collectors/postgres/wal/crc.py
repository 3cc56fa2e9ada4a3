"""CRC-32C of many WAL records at once, in numpy alone.

A CRC is linear: the checksum of a stretch follows from the checksums of the two prefixes that end
where it starts and where it ends. So the whole text is checksummed once, in 64-bit words, many
lanes of it side by side (one table look-up per 16 bits and lane), and each record costs a few
look-ups more, however long it is. No loop goes over bytes or over records.

Definition of the record's checksum: ``xloginsert.c``, ``xlogreader.c`` (``ValidXLogRecord``):
CRC-32C of what follows the 24-byte header, then of the header's first 20 bytes.
Polynomial: Castagnoli, reflected, 0x82F63B78 (RFC 3720, appendix B.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
_WORD = 8
_STEPS = 32
"""Words of a lane: 256 bytes. Also the base of the digits in which distances are counted."""

States = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Matrix = tuple[int, ...]
"""A linear map of 32-bit words: the images of the 32 single bits."""


def crc32c(data: bytes) -> int:
    """CRC-32C of a few bytes, one after the other."""
    table = _byte_table()
    state = _ALL
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ state >> 8
    return state ^ _ALL


def record_crc(record: bytes) -> int:
    """The checksum that a record's header must hold."""
    return crc32c(record[24:] + record[:20])


def intact(words: Words, starts: Numbers, lengths: Numbers) -> npt.NDArray[np.bool_]:
    """For each record whether its CRC-32C fits.

    ``words``: the text without page headers as UInt64, little-endian, with zeros between records.
    ``starts``: index of each record's first word; ``lengths``: bytes of each, 24 or more.
    """
    prefix = _Prefix.of(words)
    full = lengths + (_WORD - 1) >> 3
    after_header = prefix.at(starts + 3)
    # The state after the body and its padding, begun with all ones; then the padding undone.
    state = prefix.at(starts + full) ^ _advance(after_header ^ np.uint32(_ALL), full - 3)
    state = _look(_padding(), state, full * _WORD - lengths)
    # The header's checksum field is processed like text; 4 bytes undone give the first 20.
    header = after_header ^ _look(_tables(_power(24)), prefix.at(starts))
    header = _look(_tables(_power(-4)), header)
    fits: npt.NDArray[np.bool_] = (_look(_tables(_power(20)), state) ^ header) == _ALL
    return fits


@dataclass(frozen=True, slots=True)
class _Prefix:
    """States (begun with 0) before every word: within its lane, and of the lane's start."""

    within: States
    """At ``[step, lane]``, one after the other."""
    lane: States
    lanes: int

    @classmethod
    def of(cls, words: Words) -> _Prefix:
        # One lane more than needed, so that the end of the text has a place of its own.
        lanes = len(words) // _STEPS + 1
        text = np.zeros((lanes, _STEPS), np.uint64)
        text.reshape(-1)[: len(words)] = words
        # Word after word of all lanes: each row is one step.
        quarters = np.ascontiguousarray(text.T).view(np.uint16).reshape(_STEPS, lanes, 4)
        tables = _word_tables()
        # What the upper half of a word adds does not depend on the state before it.
        states = np.empty((_STEPS, lanes), np.uint32)
        state = np.zeros(lanes, np.uint32)
        for step in range(_STEPS):
            states[step] = state
            row = quarters[step]
            mixed = row[:, :2].copy().view(np.uint32).reshape(-1) ^ state
            low = mixed.view(np.uint16)
            state = tables[0][low[0::2]]
            state ^= tables[1][low[1::2]]
            state ^= tables[2][row[:, 2]]
            state ^= tables[3][row[:, 3]]
        return cls(states.reshape(-1), _scan(state), lanes)

    def at(self, index: Numbers) -> States:
        """The state before the words at ``index``."""
        lane, step = index >> 5, index & _STEPS - 1
        start = _look(_powers(_WORD), self.lane[lane], step)
        start ^= self.within[step * self.lanes + lane]
        return start


def _scan(ends: States) -> States:
    """From the end state of each lane alone to the state at each lane's start in the whole."""
    distance = 1
    state = ends.copy()
    while distance < len(ends):
        moved = _look(_tables(_power(_STEPS * _WORD * distance)), state[:-distance])
        state[distance:] ^= moved
        distance *= 2
    return np.concatenate([np.zeros(1, np.uint32), state[:-1]])


def _advance(state: States, words: Numbers) -> States:
    """The state after so many words of zeros: digit by digit of the distance, to the base 32."""
    unit = _WORD
    state = _look(_powers(unit), state, words & _STEPS - 1)
    # Few records are longer than 32 words: the other digits are for these alone.
    rest = words >> 5
    at = np.flatnonzero(rest)
    while len(at):
        unit *= _STEPS
        state[at] = _look(_powers(unit), state[at], rest[at] & _STEPS - 1)
        rest >>= 5
        at = np.flatnonzero(rest)
    return state


def _look(table: States, state: States, choice: Numbers | None = None) -> States:
    """A linear map by four look-ups; of several maps, the one that ``choice`` numbers."""
    # Byte by byte: the lowest first.
    parts = state.view(np.uint8).reshape(-1, 4)
    base = np.int64(0) if choice is None else choice << 10
    out: States = table[base + parts[:, 0]]
    for byte in (1, 2, 3):
        out ^= table[base + (parts[:, byte] + np.int64(byte * 256))]
    return out


@cache
def _byte_table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


def _times(matrix: Matrix, vector: int) -> int:
    out = 0
    for bit in range(32):
        if vector >> bit & 1:
            out ^= matrix[bit]
    return out


@cache
def _power(count: int) -> Matrix:
    """What so many bytes of zeros do to a state; below zero: what undoes them."""
    table = _byte_table()
    if count == 0:
        return tuple(1 << bit for bit in range(32))
    if count == 1:
        return tuple(table[(1 << bit) & 0xFF] ^ (1 << bit) >> 8 for bit in range(32))
    if count == -1:
        by_top = {entry >> 24: index for index, entry in enumerate(table)}
        found = []
        for bit in range(32):
            index = by_top[1 << bit >> 24]
            found.append((1 << bit ^ table[index]) << 8 & _ALL | index)
        return tuple(found)
    half = count // 2 if count > 0 else -(-count // 2)
    matrix = tuple(_times(_power(half), column) for column in _power(half))
    rest = count - 2 * half
    return tuple(_times(_power(rest), column) for column in matrix) if rest else matrix


def _spread(columns: Matrix) -> list[int]:
    """The images of all sums of the given columns: entry ``i`` for the bits of ``i``."""
    out = [0]
    for column in columns:
        out += [entry ^ column for entry in out]
    return out


@cache
def _tables(matrix: Matrix) -> States:
    entries = [e for byte in range(4) for e in _spread(matrix[byte * 8 : byte * 8 + 8])]
    return np.array(entries, dtype=np.uint32)


@cache
def _powers(unit: int) -> States:
    """Maps 0 … 31: what so many units of ``unit`` bytes do."""
    return np.concatenate([_tables(_power(unit * times)) for times in range(_STEPS)])


@cache
def _padding() -> States:
    """Maps 0 … 7: what undoes so many bytes."""
    return np.concatenate([_tables(_power(-count)) for count in range(_WORD)])


@cache
def _word_tables() -> tuple[States, States, States, States]:
    """For each quarter of a word of 64 bits: what it adds to the state after the word."""

    def half(matrix: Matrix, bits: slice) -> States:
        return np.array(_spread(matrix[bits]), dtype=np.uint32)

    low, high = slice(0, 16), slice(16, 32)
    eight, four = _power(8), _power(4)
    return half(eight, low), half(eight, high), half(four, low), half(four, high)
