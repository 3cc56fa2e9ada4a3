"""Stored values of the most usual types to their text, whole columns at a time; compiled.

The same text as :mod:`.types`, :mod:`.times` and :mod:`.numeric` give value by value. What is not
usual is left to them: other types, infinite times and those outside the years 1 to 9999, text with
a zero byte or in another encoding than UTF-8, values of the wrong size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.compiled import compiled
from collectors.postgres.heap.model import Type

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

(_TEXT, _SIGNED, _UNSIGNED, _BOOL, _NUMERIC, _DATE, _TIME, _STAMP, _STAMP_TZ, _UUID, _BYTEA) = (
    range(11)
)
_KINDS = {
    **dict.fromkeys(("text", "varchar", "bpchar", "json", "refcursor", "pg_node_tree"), _TEXT),
    **dict.fromkeys(("int2", "int4", "int8"), _SIGNED),
    **dict.fromkeys(("oid", "xid", "cid", "xid8"), _UNSIGNED),
    "bool": _BOOL,
    "numeric": _NUMERIC,
    "date": _DATE,
    "time": _TIME,
    "timestamp": _STAMP,
    "timestamptz": _STAMP_TZ,
    "uuid": _UUID,
    "bytea": _BYTEA,
}
_DAY = 86_400_000_000
_FIRST_DAY, _LAST_DAY = -730_119, 2_921_939
"""Of the years 1 and 9999, from 2000-01-01."""
_MOST_DIGITS = 4096
"""Bytes of a number that are rendered here; longer ones are not usual."""


def kind_of(of: Type) -> int | None:
    """Which of these a type is; None: none."""
    return _KINDS.get(of.name) if of.labels is None and of.element is None else None


def texts(kind: int, source: Bytes, at: Numbers, size: Numbers) -> tuple[pl.Series, Numbers]:
    """The values at these places; and which of them are left out (null there)."""
    odd = np.zeros(len(at), np.bool_)
    out = _rendered(kind, source, at, size, odd, False)
    whole = pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String, strict=False)
    if whole[0] is None:
        # One value in another encoding: all that are not plain ASCII are looked at by themselves.
        out = _rendered(kind, source, at, size, odd, True)
        whole = pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String)
    return _split(whole, len(at)), np.flatnonzero(odd)


def lsns(values: npt.NDArray[np.uint64], *, whole: bool = False) -> pl.Series:
    """As PostgreSQL shows them; ``whole``: as one number in hexadecimal digits."""
    out = _lsns(values, whole)
    return _split(pl.Series([out.tobytes()], dtype=pl.Binary).cast(pl.String), len(values))


def _split(text: pl.Series, count: int) -> pl.Series:
    """Each value ends with a zero byte."""
    return text.str.split("\0").explode(empty_as_null=False).head(count)


@compiled
def _rendered(
    kind: int,
    source: Bytes,
    ats: Numbers,
    sizes: Numbers,
    odd: Flags,
    ascii_only: bool,
) -> Bytes:
    out = np.empty(40 * len(ats) + _MOST_DIGITS + 64, np.uint8)
    top = 0
    for index in range(len(ats)):
        at, size = ats[index], sizes[index]
        need = 40 + 2 * size if kind != _NUMERIC else 5 * _MOST_DIGITS
        if top + need > len(out):
            more = np.empty(2 * len(out) + need, np.uint8)
            more[:top] = out[:top]
            out = more
        end = _one(kind, source, at, size, out, top, ascii_only)
        odd[index] = end < 0
        if end >= 0:
            top = end
        out[top] = 0
        top += 1
    return out[:top]


@compiled
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
    if kind == _TEXT:
        for index in range(size):
            byte = source[at + index]
            if not byte or (ascii_only and byte & 0x80):
                return -1
            out[top + index] = byte
        return top + size
    if kind in (_SIGNED, _UNSIGNED):
        if size > 8 or not size:
            return -1
        return _integer(_number(source, at, size), size, kind == _SIGNED, out, top)
    if kind == _BOOL:
        if not size:
            return -1
        out[top] = 0x74 if source[at] else 0x66
        return top + 1
    if kind == _NUMERIC:
        return _numeric(source, at, size, out, top)
    if kind in (_UUID, _BYTEA):
        return _hexadecimal(source, at, size, out, top, kind == _UUID)
    if size != (4 if kind == _DATE else 8):
        return -1
    return _moment(kind, source, at, out, top)


@compiled
def _number(source: Bytes, at: int, size: int) -> np.uint64:
    value = np.uint64(0)
    for index in range(size):
        value |= np.uint64(source[at + index]) << np.uint64(8 * index)
    return value


@compiled
def _integer(value: np.uint64, size: int, signed: bool, out: Bytes, top: int) -> int:
    if signed and value >> np.uint64(8 * size - 1):
        out[top] = 0x2D
        top += 1
        # Two's complement of so many bytes.
        value = ~value + np.uint64(1)
        if size < 8:
            value &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
    return _decimal(value, out, top)


@compiled
def _decimal(value: np.uint64, out: Bytes, top: int) -> int:
    count = 1
    rest = value // np.uint64(10)
    while rest:
        count += 1
        rest //= np.uint64(10)
    for index in range(count - 1, -1, -1):
        out[top + index] = 0x30 + np.int64(value % np.uint64(10))
        value //= np.uint64(10)
    return top + count


@compiled
def _padded(value: int, width: int, out: Bytes, top: int) -> int:
    for index in range(width - 1, -1, -1):
        out[top + index] = 0x30 + value % 10
        value //= 10
    return top + width


@compiled
def _moment(kind: int, source: Bytes, at: int, out: Bytes, top: int) -> int:
    value = np.int64(_number(source, at, 4 if kind == _DATE else 8))
    if kind == _DATE:
        days, micros = np.int64(np.int32(value)), np.int64(0)
    else:
        days, micros = value // _DAY, value % _DAY
    if kind == _TIME:
        if days and value != _DAY:
            return -1
        return _clock(value, out, top)
    if not _FIRST_DAY <= days <= _LAST_DAY:
        return -1
    top = _day(days, out, top)
    if kind == _DATE:
        return top
    out[top] = 0x20
    top = _clock(micros, out, top + 1)
    if kind == _STAMP_TZ:
        out[top], out[top + 1], out[top + 2] = 0x2B, 0x30, 0x30
        top += 3
    return top


@compiled
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


@compiled
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


@compiled
def _hexadecimal(source: Bytes, at: int, size: int, out: Bytes, top: int, uuid: bool) -> int:
    if uuid and size != 16:
        return -1
    if not uuid:
        out[top], out[top + 1] = 0x5C, 0x78
        top += 2
    for index in range(size):
        if uuid and index in (4, 6, 8, 10):
            out[top] = 0x2D
            top += 1
        byte = np.int64(source[at + index])
        for half in (byte >> 4, byte & 15):
            out[top] = half + (0x30 if half < 10 else 0x57)
            top += 1
    return top


@compiled
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


@compiled
def _lsns(values: npt.NDArray[np.uint64], whole: bool) -> Bytes:
    out = np.empty(24 * len(values), np.uint8)
    top = 0
    for value in values:
        if whole:
            top = _upper(value, out, top)
        else:
            top = _upper(value >> np.uint64(32), out, top)
            out[top] = 0x2F
            top = _upper(value & np.uint64(0xFFFFFFFF), out, top + 1)
        out[top] = 0
        top += 1
    return out[:top]


@compiled
def _upper(value: np.uint64, out: Bytes, top: int) -> int:
    count = 1
    while count < 16 and value >> np.uint64(4 * count):
        count += 1
    for index in range(count):
        half = np.int64(value >> np.uint64(4 * (count - 1 - index)) & np.uint64(15))
        out[top + index] = half + (0x30 if half < 10 else 0x37)
    return top + count
