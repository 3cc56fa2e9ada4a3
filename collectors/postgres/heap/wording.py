"""What events of row changes say, letter by letter; compiled.

The same as :mod:`.words` says of a few rows, whose values are none of the usual.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.compiled import (
    BYTES,
    FLAG_ROWS,
    FLAGS,
    INT,
    INT_ROWS,
    INTS,
    NUMBERS,
    compiled,
)
from collectors.postgres.heap.digits import decimal
from collectors.postgres.heap.held import move
from collectors.postgres.heap.render import ODD, Raw
from collectors.postgres.heap.replay import (
    ENDED_BLOCK,
    ENDED_LINE,
    MADE_BLOCK,
    MADE_LINE,
    NEW,
)
from collectors.postgres.heap.words import SHOWN, SHOWN_ALL
from collectors.postgres.wal.lsntext import split, upper

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Lsns = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_PLACE = 64
"""Letters of a place, at most."""
_VALUE = 6 * SHOWN + 16
"""Bytes of one value as it is shown, at most."""
_NO_NEW, _NO_OLD, _NO_ROW, _SAME = range(4)
_WORDS = (
    b"; new row not in the archive",
    b"; old row not in the archive",
    b"; the row is not in the archive",
    b"no value changed",
)
_FIXED = np.frombuffer(b"".join(_WORDS), np.uint8)
_STARTS = np.cumsum([0, *map(len, _WORDS)])
_SHORT = np.zeros(256, np.uint8)
"""Letters that JSON escapes by one letter, and that."""
for _one, _letter in zip(b'"\\\b\f\n\r\t', b'"\\bfnrt', strict=True):
    _SHORT[_one] = _letter


RAW = numba.types.NamedTuple([BYTES, INT_ROWS, INT_ROWS], Raw)


def joined(columns: list[Raw]) -> Raw:
    """Columns of one length each, of which at and size are one row, as rows of one."""
    shape = len(columns), len(columns[0].at) if columns else 0
    at, size = np.empty(shape, np.int64), np.empty(shape, np.int64)
    begin = 0
    for row, one in enumerate(columns):
        at[row], size[row] = one.at + begin, one.size
        begin += len(one.text)
    text = np.concatenate([np.empty(0, np.uint8), *(one.text for one in columns)])
    return Raw(text, at, size)


def in_words(
    table: Numbers, lost: Flags, place: Numbers, names: list[str], values: tuple[Raw, Raw, Flags]
) -> tuple[pl.Series, Numbers]:
    """What each change says, and which of them are left out.

    ``place``: of each change among the updates, of which old and new row are known, or -1.
    ``values``: of all rows, of the old rows of updates; of the columns, where updates changed them.
    """
    after, before, differs = values
    letters = [name.encode() for name in names]
    name_at = np.cumsum([0, *map(len, letters)])
    name = np.frombuffer(b"".join(letters), np.uint8)
    most = 2 * _PLACE + len(_FIXED) + len(name) + len(names) * (2 * _VALUE + 16)
    odd = np.zeros(len(table), np.bool_)
    out = np.empty(most + 128 * len(table), np.uint8)
    state = np.zeros(2, np.int64)
    given = _own(table), lost, place, differs, after, before
    name, fixed, short = map(_own, (name, _FIXED, _SHORT))
    constant = name, fixed, short, name_at, _STARTS
    while _say(*given, *constant, odd, most, out, state) < len(table):
        out = np.concatenate([out, np.empty(len(out), np.uint8)])
    return _series(out, state[1], len(table)), np.flatnonzero(odd)


def _own(letters: Bytes) -> Bytes:
    """Compiled loops take arrays that can be written to."""
    return np.require(letters, requirements="W")


def _series(out: Bytes, size: int, count: int) -> pl.Series:
    return split(pl.Series([out[:size].tobytes()], dtype=pl.Binary).cast(pl.String), count)


@compiled(
    INT(
        *(INT_ROWS, FLAGS, INTS, FLAG_ROWS, RAW, RAW),
        *(BYTES, BYTES, BYTES, INTS, INTS, FLAGS, INT, BYTES, INTS),
    )
)
def _say(
    table: Numbers,
    lost: Flags,
    place: Numbers,
    differs: Flags,
    after: Raw,
    before: Raw,
    names: Bytes,
    fixed: Bytes,
    short: Bytes,
    name_at: Numbers,
    fixed_at: Numbers,
    odd: Flags,
    most: int,
    out: Bytes,
    state: Numbers,
) -> int:
    """Each ends with a zero byte. ``state``: how many are done, and bytes of them.

    Stops where there may not be room for one.
    """
    top = state[1]
    for row in range(state[0], len(table)):
        state[0], state[1] = row, top
        if top + most > len(out):
            return row
        change = table[row]
        begin = top
        made, ended, new = change[MADE_BLOCK] >= 0, change[ENDED_BLOCK] >= 0, change[NEW] >= 0
        if ended:
            top = _place(change[ENDED_BLOCK], change[ENDED_LINE], out, top)
        if ended and made:
            out[top], out[top + 1], out[top + 2], out[top + 3] = 0x20, 0x74, 0x6F, 0x20
            top += 4
        if made:
            top = _place(change[MADE_BLOCK], change[MADE_LINE], out, top)
        if not ended:
            top = top if new else _fixed(_NO_ROW, fixed, fixed_at, out, top)
        elif not made:
            top = _fixed(_NO_OLD, fixed, fixed_at, out, top) if lost[row] else top
        elif lost[row] or not new:
            top = top if new else _fixed(_NO_NEW, fixed, fixed_at, out, top)
            top = _fixed(_NO_OLD, fixed, fixed_at, out, top) if lost[row] else top
        else:
            out[top], out[top + 1] = 0x3A, 0x20
            top += 2
            first = top
            at = place[row]
            for column in range(len(differs)):
                if not differs[column, at]:
                    continue
                one, two = before.size[column, at], after.size[column, row]
                if one == ODD or two == ODD:
                    odd[row] = True
                    break
                old, now = before.at[column, at], after.at[column, row]
                if one == two and _alike(before.text, old, after.text, now, one):
                    continue
                if top > first:
                    out[top], out[top + 1] = 0x2C, 0x20
                    top += 2
                size = name_at[column + 1] - name_at[column]
                top = move(names, name_at[column], out, top, size)
                out[top] = 0x20
                top = _shown(before.text, old, one, short, out, top + 1)
                out[top], out[top + 1], out[top + 2], out[top + 3] = 0x20, 0x74, 0x6F, 0x20
                top = _shown(after.text, now, two, short, out, top + 4)
            if top == first:
                top = _fixed(_SAME, fixed, fixed_at, out, top)
            top = _cut(out, begin, top)
        if odd[row]:
            top = begin
        out[top] = 0
        top += 1
    state[0], state[1] = len(table), top
    return len(table)


@compiled(INT(INT, INT, BYTES, INT), part=True)
def _place(block: int, line: int, out: Bytes, top: int) -> int:
    """As ``ctid`` shows it."""
    out[top] = 0x28
    top = decimal(np.uint64(block), out, top + 1)
    out[top] = 0x2C
    top = decimal(np.uint64(line), out, top + 1)
    out[top] = 0x29
    return top + 1


@compiled(INT(INT, BYTES, INTS, BYTES, INT), part=True)
def _fixed(which: int, fixed: Bytes, at: Numbers, out: Bytes, top: int) -> int:
    return move(fixed, at[which], out, top, at[which + 1] - at[which])


@compiled(INT(BYTES, INT, BYTES, INT, INT), part=True)
def _alike(one: Bytes, at: int, two: Bytes, to: int, size: int) -> int:
    for index in range(size):
        if one[at + index] != two[to + index]:
            return 0
    return 1


@compiled(INT(BYTES, INT, INT, BYTES, BYTES, INT), part=True)
def _shown(text: Bytes, at: int, size: int, short: Bytes, out: Bytes, top: int) -> int:
    """As a string in JSON, cut short where it is long."""
    if size < 0:
        out[top], out[top + 1], out[top + 2], out[top + 3] = 0x6E, 0x75, 0x6C, 0x6C
        return top + 4
    out[top] = 0x22
    top += 1
    count = 0
    for index in range(size):
        byte = np.int64(text[at + index])
        count += byte & 0xC0 != 0x80
        if count > SHOWN:
            # An ellipsis.
            out[top], out[top + 1], out[top + 2] = 0xE2, 0x80, 0xA6
            top += 3
            break
        if short[byte]:
            out[top], out[top + 1] = 0x5C, short[byte]
            top += 2
        elif byte < 0x20:
            out[top], out[top + 1], out[top + 2], out[top + 3] = 0x5C, 0x75, 0x30, 0x30
            low = byte & 15
            out[top + 4] = 0x30 + (byte >> 4)
            out[top + 5] = low + (0x30 if low < 10 else 0x57)
            top += 6
        else:
            out[top] = byte
            top += 1
    out[top] = 0x22
    return top + 1


@compiled(INT(BYTES, INT, INT), part=True)
def _cut(out: Bytes, begin: int, top: int) -> int:
    """Where a text ends, or where it is cut short."""
    if top - begin <= SHOWN_ALL:
        return top
    count = 0
    for at in range(begin, top):
        count += np.int64(out[at]) & 0xC0 != 0x80
        if count > SHOWN_ALL:
            return at
    return top


def named(
    begins: tuple[str, str], which: Numbers, lsns: tuple[Lsns, Lsns], row: Numbers
) -> pl.Series:
    """Names of row versions: by record and row (0), by the record alone (1), or none (below 0)."""
    first, second = (np.frombuffer(one.encode(), np.uint8) for one in begins)
    most = max(len(first), len(second)) + 40
    out = np.empty(most * len(which) + 1, np.uint8)
    one, two = (np.require(each, requirements="CW") for each in lsns)
    size = _name(_own(first), _own(second), which, one, two, _strided(row), out)
    return _series(out, size, len(which)).set(pl.Series(which < 0), None)


def _strided(column: Numbers) -> Numbers:
    return np.require(column, np.int64, requirements="CW")


@compiled(INT(BYTES, BYTES, INTS, NUMBERS, NUMBERS, INTS, BYTES))
def _name(
    first: Bytes,
    second: Bytes,
    which: Numbers,
    one: Lsns,
    two: Lsns,
    row: Numbers,
    out: Bytes,
) -> int:
    top = 0
    for index in range(len(which)):
        if which[index] == 0:
            top = move(first, 0, out, top, len(first))
            top = upper(one[index], out, top)
            out[top] = 0x2E
            top = decimal(np.uint64(row[index]), out, top + 1)
        elif which[index] == 1:
            top = move(second, 0, out, top, len(second))
            top = upper(two[index], out, top)
        out[top] = 0
        top += 1
    return top


def cited(lsn: Lsns, row: Numbers) -> pl.Series:
    """Citations of records, and of the second row of one and of those behind it."""
    out = np.empty(64 * len(lsn) + 1, np.uint8)
    size = _cite(np.require(lsn, requirements="CW"), _strided(row), out)
    return _series(out, size, len(lsn))


@compiled(INT(NUMBERS, INTS, BYTES))
def _cite(lsn: Lsns, row: Numbers, out: Bytes) -> int:
    top = 0
    for index in range(len(lsn)):
        out[top], out[top + 1], out[top + 2], out[top + 3] = 0x6C, 0x73, 0x6E, 0x20
        top = upper(lsn[index] >> np.uint64(32), out, top + 4)
        out[top] = 0x2F
        top = upper(lsn[index] & np.uint64(0xFFFFFFFF), out, top + 1)
        if row[index] > 0:
            out[top], out[top + 1], out[top + 2], out[top + 3] = 0x20, 0x72, 0x6F, 0x77
            out[top + 4] = 0x20
            top = decimal(np.uint64(row[index] + 1), out, top + 5)
        out[top] = 0
        top += 1
    return top
