"""CRC-32C of many WAL records at once, in polars alone.

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

import polars as pl

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
_WORD = 8
_STEPS = 32
"""Words of a lane: 256 bytes. Also the base of the digits in which distances are counted."""

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


def intact(words: pl.Series, starts: pl.Series, lengths: pl.Series) -> pl.Series:
    """For each record whether its CRC-32C fits.

    ``words``: the text without page headers as UInt64, little-endian, with zeros between records.
    ``starts``: index of each record's first word; ``lengths``: bytes of each, 24 or more.
    """
    prefix = _Prefix.of(words)
    full = (lengths + (_WORD - 1)) // _WORD
    ends = starts + full
    body = starts + 3
    after_header = prefix.at(body)
    # The state after the body and its padding, begun with all ones; then the padding undone.
    state = prefix.at(ends) ^ _advance(after_header ^ _ALL, full - 3)
    state = _look(_padding(), state, full * _WORD - lengths)
    # The header's checksum field is processed like text; 4 bytes undone give the first 20.
    header = after_header ^ _look(_tables(_power(24)), prefix.at(starts))
    header = _look(_tables(_power(-4)), header)
    return (_look(_tables(_power(20)), state) ^ header) == _ALL


@dataclass(frozen=True, slots=True)
class _Prefix:
    """States (begun with 0) before every word: within its lane, and of the lane's start."""

    within: pl.Series
    """At ``step * lanes + lane``."""
    lane: pl.Series
    lanes: int

    @classmethod
    def of(cls, words: pl.Series) -> _Prefix:
        # One lane more than needed, so that the end of the text has a place of its own.
        lanes = len(words) // _STEPS + 1
        zeros = pl.repeat(0, lanes * _STEPS - len(words), dtype=pl.UInt64, eager=True)
        text = pl.concat([words.rename(""), zeros.rename("")])
        low, high = _word_tables()
        state = pl.repeat(0, lanes, dtype=pl.UInt32, eager=True).rename("")
        states = []
        for step in range(_STEPS):
            states.append(state)
            word = text.gather_every(_STEPS, step)
            mixed = (word & _ALL).cast(pl.UInt32) ^ state
            rest = (word // 2**32).cast(pl.UInt32)
            state = (
                low[0][mixed & 0xFFFF]
                ^ low[1][mixed // 2**16]
                ^ high[0][rest & 0xFFFF]
                ^ high[1][rest // 2**16]
            )
        return cls(pl.concat(states), _scan(state), lanes)

    def at(self, index: pl.Series) -> pl.Series:
        """The state before the words at ``index``."""
        lane = index // _STEPS
        step = index % _STEPS
        start = _look(_powers(_WORD), self.lane[lane], step)
        return start ^ self.within[step * self.lanes + lane]


def _scan(ends: pl.Series) -> pl.Series:
    """From the end state of each lane alone to the state at each lane's start in the whole."""
    distance = 1
    state = ends
    while distance < len(ends):
        moved = _look(_tables(_power(_STEPS * _WORD * distance)), state)
        state = state ^ moved.shift(distance, fill_value=0)
        distance *= 2
    return state.shift(1, fill_value=0)


def _advance(state: pl.Series, words: pl.Series) -> pl.Series:
    """The state after so many words of zeros: digit by digit of the distance, to the base 32."""
    unit = _WORD
    state = _look(_powers(unit), state, words % _STEPS)
    # Few records are longer than 32 words: the other digits are for these alone.
    rest = words // _STEPS
    at = (rest > 0).arg_true()
    while len(at):
        unit *= _STEPS
        moved = _look(_powers(unit), state[at], rest[at] % _STEPS)
        state = state.scatter(at, moved)
        rest = rest // _STEPS
        at = (rest > 0).arg_true()
    return state


def _look(table: pl.Series, state: pl.Series, choice: pl.Series | None = None) -> pl.Series:
    """A linear map by four look-ups; of several maps, the one that ``choice`` numbers."""
    base = 0 if choice is None else choice.cast(pl.UInt32) * 1024
    out = table[(state & 0xFF) + base]
    for byte in (1, 2, 3):
        out = out ^ table[(state // 256**byte & 0xFF) + base + byte * 256]
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
def _tables(matrix: Matrix) -> pl.Series:
    entries = [e for byte in range(4) for e in _spread(matrix[byte * 8 : byte * 8 + 8])]
    return pl.Series(entries, dtype=pl.UInt32)


@cache
def _powers(unit: int) -> pl.Series:
    """Maps 0 … 31: what so many units of ``unit`` bytes do."""
    return pl.concat([_tables(_power(unit * times)) for times in range(_STEPS)])


@cache
def _padding() -> pl.Series:
    """Maps 0 … 7: what undoes so many bytes."""
    return pl.concat([_tables(_power(-count)) for count in range(_WORD)])


@cache
def _word_tables() -> tuple[tuple[pl.Series, pl.Series], tuple[pl.Series, pl.Series]]:
    def halves(matrix: Matrix) -> tuple[pl.Series, pl.Series]:
        return (
            pl.Series(_spread(matrix[:16]), dtype=pl.UInt32),
            pl.Series(_spread(matrix[16:]), dtype=pl.UInt32),
        )

    return halves(_power(8)), halves(_power(4))
