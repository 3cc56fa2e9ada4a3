"""CRC-32C of many WAL records at once.

By the processor's own instruction where it has one (``crc32`` of SSE 4.2: eight bytes in three
cycles); else eight bytes a step, by a table for each ("slicing-by-8": Kounavis & Berry, "Novel
table lookup-based algorithms for high-performance CRC generation", 2008).

Definition of the record's checksum: ``xloginsert.c``, ``xlogreader.c`` (``ValidXLogRecord``):
CRC-32C of what follows the 24-byte header, then of the header's first 20 bytes.
Polynomial: Castagnoli, reflected, 0x82F63B78 (RFC 3720, appendix B.4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import google_crc32c
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from collectors.postgres.compiled import (
    FLAGS,
    HALF_ROWS,
    INT,
    INTS,
    NUMBER,
    NUMBERS,
    compiled,
    has_feature,
)

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF
_HEADER, _SUMMED = 24, 20
AT_ONCE = has_feature("crc32") or has_feature("sse4.2")
"""Whether the processor has the instruction. LLVM names it by itself since version 14."""

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Tables = npt.NDArray[np.uint32]
_Values = tuple[ir.Value, ir.Value]


def crc32c(data: bytes) -> int:
    """CRC-32C of some bytes."""
    return int(google_crc32c.value(data))


def record_crc(record: bytes) -> int:
    """The checksum that a record's header must hold."""
    return crc32c(record[_HEADER:] + record[:_SUMMED])


def intact(words: Words, starts: Numbers, lengths: Numbers, *, at_once: bool = AT_ONCE) -> Flags:
    """For each record whether its CRC-32C fits.

    ``words``: the text, little-endian. ``starts``: index of each record's first word; ``lengths``:
    bytes of each, 24 or more. ``at_once``: by the processor's instruction.
    """
    fits = np.empty(len(starts), np.bool_)
    # Compiled loops take arrays that can be written to.
    words = np.require(words, requirements="W")
    if at_once:
        _check_at_once(words, starts, lengths, fits)
    else:
        _check(words, starts, lengths, _tables(), fits)
    return fits


if AT_ONCE:

    def _instruction(bits: int) -> Callable[[np.uint64, np.uint64], np.uint64]:
        """The instruction for so many bits: of a state and a number, the next state."""
        width = max(32, bits)
        name = f"llvm.x86.sse42.crc32.{width}.{bits}"

        def made(_context: object, builder: ir.IRBuilder, _of: object, args: _Values) -> ir.Value:
            inner, outer = ir.IntType(width), ir.IntType(64)
            called = ir.FunctionType(inner, [inner, ir.IntType(bits)])
            function = cgutils.get_or_insert_function(builder.module, called, name)
            state, number = args
            if width < outer.width:
                state = builder.trunc(state, inner)
            if bits < outer.width:
                number = builder.trunc(number, ir.IntType(bits))
            found = builder.call(function, [state, number])
            return builder.zext(found, outer) if width < outer.width else found

        def step(_typing: object, _state: object, _number: object) -> tuple[object, object]:
            return types.uint64(types.uint64, types.uint64), made

        return cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(step))

    _of_eight, _of_four, _of_one = _instruction(64), _instruction(32), _instruction(8)

    @compiled(INT(NUMBERS, INTS, INTS, FLAGS))
    def _check_at_once(words: Words, starts: Numbers, lengths: Numbers, fits: Flags) -> int:
        for index in range(len(starts)):
            start = starts[index]
            body = start + _HEADER // 8
            end = body + ((lengths[index] - _HEADER) >> 3)
            state = np.uint64(_ALL)
            for at in range(body, end):
                state = _of_eight(state, words[at])
            # The last bytes, up to seven.
            left = lengths[index] & 7
            if left:
                word = words[end]
                for _ in range(left):
                    state = _of_one(state, word)
                    word >>= np.uint64(8)
            state = _of_eight(state, words[start])
            state = _of_eight(state, words[start + 1])
            last = words[start + 2]
            state = _of_four(state, last)
            fits[index] = state ^ np.uint64(_ALL) == last >> np.uint64(32)
        return len(starts)


@compiled(INT(NUMBERS, INTS, INTS, HALF_ROWS, FLAGS))
def _check(words: Words, starts: Numbers, lengths: Numbers, tables: Tables, fits: Flags) -> int:
    for index in range(len(starts)):
        start = starts[index]
        body = start + _HEADER // 8
        end = body + ((lengths[index] - _HEADER) >> 3)
        state = np.uint64(_ALL)
        for at in range(body, end):
            state = _after_eight(state, words[at], tables)
        # The last bytes, up to seven.
        left = lengths[index] & 7
        if left:
            state = _after(state, words[end], left, tables)
        state = _after_eight(state, words[start], tables)
        state = _after_eight(state, words[start + 1], tables)
        last = words[start + 2]
        state = _after(state, last, 4, tables)
        fits[index] = state ^ np.uint64(_ALL) == last >> np.uint64(32)
    return len(starts)


@compiled(NUMBER(NUMBER, NUMBER, HALF_ROWS), part=True)
def _after_eight(state: np.uint64, word: np.uint64, tables: Tables) -> np.uint64:
    mixed = word ^ state
    return np.uint64(
        tables[7, mixed & 0xFF]
        ^ tables[6, mixed >> 8 & 0xFF]
        ^ tables[5, mixed >> 16 & 0xFF]
        ^ tables[4, mixed >> 24 & 0xFF]
        ^ tables[3, mixed >> 32 & 0xFF]
        ^ tables[2, mixed >> 40 & 0xFF]
        ^ tables[1, mixed >> 48 & 0xFF]
        ^ tables[0, mixed >> 56]
    )


@compiled(NUMBER(NUMBER, NUMBER, INT, HALF_ROWS), part=True)
def _after(state: np.uint64, word: np.uint64, count: int, tables: Tables) -> np.uint64:
    for _ in range(count):
        state = np.uint64(tables[0, (state ^ word) & 0xFF]) ^ state >> np.uint64(8)
        word >>= np.uint64(8)
    return state


@cache
def _tables() -> Tables:
    """What a byte adds to the state that many bytes on."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    found = [table]
    for _ in range(7):
        found.append(found[-1] >> 8 ^ table[found[-1] & 0xFF])
    return np.stack(found)
