"""The usual line of ``pg_waldump``, a COMMIT or ABORT without more, by the places of its letters.

::

    rmgr: Transaction len (rec/tot):     34/    34, tx:        735, lsn: 0/0152F0D8,
        prev 0/0152F0A0, desc: COMMIT 2026-11-23 06:30:37.579776 UTC

Lines of one width have their fields at the same places: a compiled loop compares the constant
letters and reads the digits. Nothing is searched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from collectors.postgres.compiled import (
    BYTES,
    FLAGS,
    HALVES,
    INT,
    INTS,
    NUMBER_ROWS,
    NUMBERS,
    compiled,
)
from collectors.postgres.wal.shelf import PLAIN

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_HEAD = b"rmgr: Transaction len (rec/tot):     34/    34, tx: "
_WIDTH = 139
"""Characters of a COMMIT line, but for the upper halves of its two LSNs; of an ABORT one less."""
_MOST, _XID = 8, 10
"""Digits of the upper half of an LSN, and of a transaction."""
_LSN = len(_HEAD) + _XID + len(", lsn: ")
_BETWEEN = len(", prev ")
_DAY = 86_400_000_000
_EIGHT = 8
_BAD = -1
"""Of a number: a letter that is no digit."""
_NEVER = -(1 << 62)
"""Of a time: it is none."""


_Values = tuple[ir.Value, ir.Value]


def _eight() -> Callable[[Bytes, int], np.uint64]:
    """Eight letters from a place on, wherever it lies, as one number."""

    def made(
        context: Any,  # noqa: ANN401  (numba's own, which has no types)
        builder: ir.IRBuilder,
        _of: object,
        args: _Values,
    ) -> ir.Value:
        text, place = args
        array = context.make_array(BYTES)(context, builder, text)
        found = builder.gep(array.data, [place])
        # Places are not aligned.
        return builder.load(builder.bitcast(found, ir.IntType(64).as_pointer()), align=1)

    def step(_typing: object, _text: object, _place: object) -> tuple[object, object]:
        return types.uint64(BYTES, types.int64), made

    return cast("Callable[[Bytes, int], np.uint64]", intrinsic(step))


eight = _eight()


def cut(text: bytes) -> tuple[Bytes, Numbers, Numbers]:
    """The text, and where its lines begin and end."""
    letters = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero(letters == ord("\n"))
    ends = np.append(breaks, len(letters)) if len(letters) else breaks
    return letters, np.append(0, breaks + 1)[: len(ends)], ends


def plain_rows(letters: Bytes, begins: Numbers, ends: Numbers) -> tuple[Numbers, pl.DataFrame]:
    """Numbers of the lines that are plain, and rows of PLAIN in the same order."""
    most = len(begins)
    at = np.empty(most, np.int64)
    lsn, prev, xid = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint32)
    commit, time = np.empty(most, np.bool_), np.empty(most, np.int64)
    # Compiled loops take arrays that can be written to.
    letters = np.require(letters, requirements="W")
    count = _read(letters, begins, ends, *_words(), at, lsn, prev, xid, commit, time)
    rows: dict[str, npt.NDArray[Any]] = {
        "lsn": lsn,
        "prev": prev,
        "xid": xid,
        "commit": commit,
        "time": time,
    }
    frame = pl.DataFrame({name: column[:count] for name, column in rows.items()})
    return at[:count], frame.cast(PLAIN)


@cache
def _words() -> tuple[Words, Words]:
    """The letters of :func:`_shapes`, eight at a time, the last eight at the end of the line.

    And which of them are letters: the bits of all others are zero.
    """
    shapes, most = _shapes(), _WIDTH + 2 * _MOST
    letters, holes = (np.zeros((2 * _MOST, most // _EIGHT + 1), np.uint64) for _ in range(2))
    for number, row in enumerate(shapes):
        width = _WIDTH - (number < _MOST) + 2 * (number % _MOST + 1)
        places = [*range(0, width - _EIGHT, _EIGHT), width - _EIGHT]
        for at, place in enumerate(places):
            eight = row[place : place + _EIGHT]
            letters[number, at] = eight.copy().view(np.uint64)[0]
            holes[number, at] = np.where(eight > 0, 0xFF, 0).astype(np.uint8).view(np.uint64)[0]
    return letters, holes


@cache
def _shapes() -> Bytes:
    """Letters of lines: first of ABORT, then of COMMIT, each by the digits of its LSNs, from 1."""
    hole = b"\0"
    time = b"\0\0\0\0-\0\0-\0\0 \0\0:\0\0:\0\0.\0\0\0\0\0\0"
    shapes = np.zeros((2 * _MOST, _WIDTH + 2 * _MOST), np.uint8)
    for number, word in enumerate((b"ABORT", b"COMMIT")):
        for digits in range(1, _MOST + 1):
            lsn = hole * digits + b"/" + hole * 8
            shape = _HEAD + hole * _XID + b", lsn: " + lsn + b", prev " + lsn
            shape += b", desc: " + word + b" " + time + b" UTC"
            row = shapes[number * _MOST + digits - 1]
            row[: len(shape)] = np.frombuffer(shape, np.uint8)
    return shapes


@compiled(
    INT(BYTES, INTS, INTS, NUMBER_ROWS, NUMBER_ROWS, INTS, NUMBERS, NUMBERS, HALVES, FLAGS, INTS),
)
def _read(
    letters: Bytes,
    begins: Numbers,
    ends: Numbers,
    shapes: Words,
    letters_of: Words,
    at: Numbers,
    lsn: npt.NDArray[np.uint64],
    prev: npt.NDArray[np.uint64],
    xid: npt.NDArray[np.uint32],
    commit: npt.NDArray[np.bool_],
    time: Numbers,
) -> int:
    """How many lines are plain: they fill the last columns."""
    count = 0
    for index in range(len(begins)):
        begin, width = begins[index], ends[index] - begins[index]
        # Widths of COMMIT are odd, and of ABORT even.
        is_commit = width & 1
        digits = (width - _WIDTH + 1 - is_commit) >> 1
        if digits < 1 or digits > _MOST:
            continue
        shape = is_commit * _MOST + digits - 1
        last = (width - 1) >> 3
        odd = np.uint64(0)
        for word in range(last + 1):
            place = begin + word * 8 if word < last else begin + width - 8
            odd |= (eight(letters, place) ^ shapes[shape, word]) & letters_of[shape, word]
        if odd:
            continue
        who = _decimal(letters, begin + len(_HEAD), _XID, 1)
        here = _place(letters, begin + _LSN, digits)
        before = _place(letters, begin + _LSN + digits + 9 + _BETWEEN, digits)
        when = _time(letters, begin + width - 30)
        if who < 0 or who >= 1 << 32 or here < 0 or before < 0 or when == _NEVER:
            continue
        at[count], lsn[count], prev[count], xid[count] = index, here, before, who
        commit[count], time[count] = is_commit > 0, when
        count += 1
    return count


@compiled(INT(BYTES, INT, INT, INT), part=True)
def _decimal(letters: Bytes, at: int, count: int, padded: int) -> int:
    """A number of so many digits; ``padded``: behind spaces."""
    value = 0
    for place in range(at, at + count):
        digit = np.int64(letters[place]) - 0x30
        if padded and letters[place] == 0x20:
            continue
        padded = 0
        if digit < 0 or digit > 9:
            return _BAD
        value = value * 10 + digit
    return value


@compiled(INT(BYTES, INT, INT), part=True)
def _hexadecimal(letters: Bytes, at: int, count: int) -> int:
    value = 0
    for place in range(at, at + count):
        digit = np.int64(letters[place]) - 0x30
        if digit > 9:
            digit -= 7
            if digit < 10:
                return _BAD
        if digit < 0 or digit > 15:
            return _BAD
        value = value * 16 + digit
    return value


@compiled(INT(BYTES, INT, INT), part=True)
def _place(letters: Bytes, at: int, digits: int) -> int:
    """An LSN. Beyond 2**62 no archive goes; such a line takes the other path."""
    high = _hexadecimal(letters, at, digits)
    low = _hexadecimal(letters, at + digits + 1, 8)
    return _BAD if high < 0 or low < 0 or high >= 1 << 30 else high << 32 | low


@compiled(INT(BYTES, INT), part=True)
def _time(letters: Bytes, at: int) -> int:
    """Microseconds from 1970 to ``2026-11-23 06:30:37.579776``."""
    year, month = _decimal(letters, at, 4, 0), _decimal(letters, at + 5, 2, 0)
    day = _decimal(letters, at + 8, 2, 0)
    if year < 1 or month < 1 or month > 12 or day < 1 or day > _days(year, month):
        return _NEVER
    hour, minute = _decimal(letters, at + 11, 2, 0), _decimal(letters, at + 14, 2, 0)
    second, micros = _decimal(letters, at + 17, 2, 0), _decimal(letters, at + 20, 6, 0)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return _NEVER
    if second < 0 or second > 59 or micros < 0:
        return _NEVER
    # The year begins in March: its last day is then the one that a leap year adds.
    years = year - 1 if month <= 2 else year
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = 365 * years + years // 4 - years // 100 + years // 400 + of_year - 719_468
    return days * _DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros


@compiled(INT(INT, INT), part=True)
def _days(year: int, month: int) -> int:
    """Of a month in the Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
