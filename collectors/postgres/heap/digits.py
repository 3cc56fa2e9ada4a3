"""Stored values to their text, digit by digit; compiled. For :mod:`.render`, which says which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import (
    BYTES,
    FLAG,
    FLAGS,
    INT,
    INTS,
    NUMBER,
    compiled,
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

(TEXT, SIGNED, UNSIGNED, BOOL, NUMERIC, DATE, TIME, STAMP, STAMP_TZ, UUID, BYTEA) = range(11)
_DAY = 86_400_000_000
_FIRST_DAY, _LAST_DAY = -730_119, 2_921_939
"""Of the years 1 and 9999, from 2000-01-01."""
_MOST_DIGITS = 4096
"""Bytes of a number that are rendered here; longer ones are not usual."""


@compiled(INT(INT, BYTES, INTS, INTS, FLAGS, FLAG, INTS, BYTES, INTS))
def rendered(
    kind: int,
    source: Bytes,
    ats: Numbers,
    sizes: Numbers,
    odd: Flags,
    ascii_only: bool,
    ends: Numbers,
    out: Bytes,
    state: Numbers,
) -> int:
    """Each ends with a zero byte: at ``ends``. ``state``: how many are done, and bytes of them.

    Stops where ``out`` is full.
    """
    top = state[1]
    for index in range(state[0], len(ats)):
        state[0], state[1] = index, top
        at, size = ats[index], sizes[index]
        need = 40 + 2 * size if kind != NUMERIC else 5 * _MOST_DIGITS
        if top + need > len(out):
            return index
        end = _one(kind, source, at, size, out, top, ascii_only)
        odd[index] = end < 0
        if end >= 0:
            top = end
        ends[index] = top
        out[top] = 0
        top += 1
    state[0], state[1] = len(ats), top
    return len(ats)


@compiled(INT(INT, BYTES, INT, INT, BYTES, INT, FLAG), part=True)
def _one(
    kind: int,
    source: Bytes,
    at: int,
    size: int,
    out: Bytes,
    top: int,
    ascii_only: bool,
) -> int:
    """Where its text ends; -1: it is not usual."""
    if kind == TEXT:
        for index in range(size):
            byte = source[at + index]
            if not byte or (ascii_only and byte & 0x80):
                return -1
            out[top + index] = byte
        return top + size
    if kind == SIGNED or kind == UNSIGNED:
        if size > 8 or not size:
            return -1
        return _integer(_number(source, at, size), size, kind == SIGNED, out, top)
    if kind == BOOL:
        if not size:
            return -1
        out[top] = 0x74 if source[at] else 0x66
        return top + 1
    if kind == NUMERIC:
        return _numeric(source, at, size, out, top)
    if kind == UUID or kind == BYTEA:
        return _hexadecimal(source, at, size, out, top, kind == UUID)
    if size != (4 if kind == DATE else 8):
        return -1
    return _moment(kind, source, at, out, top)


@compiled(NUMBER(BYTES, INT, INT), part=True)
def _number(source: Bytes, at: int, size: int) -> np.uint64:
    value = np.uint64(0)
    for index in range(size):
        value |= np.uint64(source[at + index]) << np.uint64(8 * index)
    return value


@compiled(INT(NUMBER, INT, FLAG, BYTES, INT), part=True)
def _integer(value: np.uint64, size: int, signed: bool, out: Bytes, top: int) -> int:
    if signed and value >> np.uint64(8 * size - 1):
        out[top] = 0x2D
        top += 1
        # Two's complement of so many bytes.
        value = ~value + np.uint64(1)
        if size < 8:
            value &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
    return decimal(value, out, top)


@compiled(INT(NUMBER, BYTES, INT), part=True)
def decimal(value: np.uint64, out: Bytes, top: int) -> int:
    """A number in its digits."""
    count = 1
    rest = value // np.uint64(10)
    while rest:
        count += 1
        rest //= np.uint64(10)
    for index in range(count - 1, -1, -1):
        out[top + index] = 0x30 + np.int64(value % np.uint64(10))
        value //= np.uint64(10)
    return top + count


@compiled(INT(INT, INT, BYTES, INT), part=True)
def _padded(value: int, width: int, out: Bytes, top: int) -> int:
    for index in range(width - 1, -1, -1):
        out[top + index] = 0x30 + value % 10
        value //= 10
    return top + width


@compiled(INT(INT, BYTES, INT, BYTES, INT), part=True)
def _moment(kind: int, source: Bytes, at: int, out: Bytes, top: int) -> int:
    value = np.int64(_number(source, at, 4 if kind == DATE else 8))
    if kind == DATE:
        days, micros = np.int64(np.int32(value)), np.int64(0)
    else:
        days, micros = value // _DAY, value % _DAY
    if kind == TIME:
        if days and value != _DAY:
            return -1
        return _clock(value, out, top)
    if not _FIRST_DAY <= days <= _LAST_DAY:
        return -1
    top = _day(days, out, top)
    if kind == DATE:
        return top
    out[top] = 0x20
    top = _clock(micros, out, top + 1)
    if kind == STAMP_TZ:
        out[top], out[top + 1], out[top + 2] = 0x2B, 0x30, 0x30
        top += 3
    return top


@compiled(INT(INT, BYTES, INT), part=True)
def _day(days: int, out: Bytes, top: int) -> int:
    """In the Gregorian calendar; as :func:`.times._day`."""
    shifted = days + 2451545 - 1721120
    era, of_era = shifted // 146097, shifted % 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    top = _padded(year, 4, out, top)
    out[top] = 0x2D
    top = _padded(month, 2, out, top + 1)
    out[top] = 0x2D
    return _padded(day, 2, out, top + 1)


@compiled(INT(INT, BYTES, INT), part=True)
def _clock(micros: int, out: Bytes, top: int) -> int:
    seconds, fraction = micros // 1_000_000, micros % 1_000_000
    top = _padded(seconds // 3600, 2, out, top)
    out[top] = 0x3A
    top = _padded(seconds // 60 % 60, 2, out, top + 1)
    out[top] = 0x3A
    top = _padded(seconds % 60, 2, out, top + 1)
    if fraction:
        out[top] = 0x2E
        top = _padded(fraction, 6, out, top + 1)
        while out[top - 1] == 0x30:
            top -= 1
    return top


@compiled(INT(BYTES, INT, INT, BYTES, INT, FLAG), part=True)
def _hexadecimal(source: Bytes, at: int, size: int, out: Bytes, top: int, uuid: bool) -> int:
    if uuid and size != 16:
        return -1
    if not uuid:
        out[top], out[top + 1] = 0x5C, 0x78
        top += 2
    for index in range(size):
        if uuid and 4 <= index <= 10 and not index & 1:
            out[top] = 0x2D
            top += 1
        byte = np.int64(source[at + index])
        for shift in range(4, -1, -4):
            half = byte >> shift & 15
            out[top] = half + (0x30 if half < 10 else 0x57)
            top += 1
    return top


@compiled(INT(BYTES, INT, INT, BYTES, INT), part=True)
def _numeric(source: Bytes, at: int, size: int, out: Bytes, top: int) -> int:
    """Digits in base 10000; as :func:`.numeric.numeric`."""
    if size < 2 or size > _MOST_DIGITS:
        return -1
    head = np.int64(_number(source, at, 2))
    kind = head & 0xC000
    if kind == 0xC000:
        return -1
    if kind == 0x8000:
        negative, scale = head & 0x2000 > 0, (head & 0x1F80) >> 7
        weight = (head & 0x3F) - (0x40 if head & 0x40 else 0)
        start = at + 2
    else:
        if size < 4:
            return -1
        negative, scale = kind == 0x4000, head & 0x3FFF
        weight = np.int64(np.int16(_number(source, at + 2, 2)))
        start = at + 4
    if weight > 256 or weight < -512 or scale > _MOST_DIGITS:
        return -1
    count = (at + size - start) // 2
    if negative:
        out[top] = 0x2D
        top += 1
    begin = top
    for index in range(weight + 1):
        digit = np.int64(_number(source, start + 2 * index, 2)) if index < count else 0
        if digit > 9999:
            return -1
        top = _padded(digit, 4, out, top)
    skip = begin
    while skip < top and out[skip] == 0x30:
        skip += 1
    for index in range(skip, top):
        out[begin + index - skip] = out[index]
    top -= skip - begin
    if top == begin:
        out[top] = 0x30
        top += 1
    if not scale:
        return top
    out[top] = 0x2E
    first = top + 1
    for index in range((scale + 3) // 4):
        place = weight + 1 + index
        digit = np.int64(_number(source, start + 2 * place, 2)) if 0 <= place < count else 0
        if digit > 9999:
            return -1
        _padded(digit, 4, out, first + 4 * index)
    return first + scale


@compiled(FLAG(BYTES, INT))
def has_run(text: Bytes, least: int) -> bool:
    """Whether so many hexadecimal digits follow each other in it."""
    count = 0
    for index in range(len(text)):
        byte = np.int64(text[index])
        low = byte | 0x20
        if 0x30 <= byte <= 0x39 or 0x61 <= low <= 0x66:
            count += 1
            if count >= least:
                return True
        else:
            count = 0
    return False
