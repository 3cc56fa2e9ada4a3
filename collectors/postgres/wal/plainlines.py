"""The usual line of ``pg_waldump``, a COMMIT or ABORT without more, by the places of its letters.

::

    rmgr: Transaction len (rec/tot):     34/    34, tx:        735, lsn: 0/0152F0D8,
        prev 0/0152F0A0, desc: COMMIT 2026-11-23 06:30:37.579776 UTC

Lines of one width have their fields at the same places: as rows of one matrix they are compared
with the constant letters and their digits are summed, column by column. Nothing is searched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.wal.shelf import PLAIN

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

_HEAD = b"rmgr: Transaction len (rec/tot):     34/    34, tx: "
_WIDTH = 139
"""Characters of a COMMIT line, but for the upper halves of its two LSNs."""
_DAY = 86_400_000_000
_BAD = 1 << 62
"""More than any sum of digits: a letter that is none."""


def cut(text: bytes) -> tuple[Bytes, Numbers, Numbers]:
    """The text, and where its lines begin and end."""
    letters = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero(letters == ord("\n"))
    ends = np.append(breaks, len(letters)) if len(letters) else breaks
    return letters, np.append(0, breaks + 1)[: len(ends)], ends


def plain_rows(letters: Bytes, begins: Numbers, ends: Numbers) -> tuple[Numbers, pl.DataFrame]:
    """Numbers of the lines that are plain, and rows of PLAIN in the same order."""
    width = ends - begins
    found: list[tuple[Numbers, dict[str, npt.NDArray[np.generic]]]] = []
    for word in (b"COMMIT", b"ABORT"):
        for digits in range(1, 9):
            at = np.flatnonzero(width == _WIDTH + 2 * digits - (word == b"ABORT"))
            if len(at):
                lines = letters[begins[at, None] + np.arange(width[at[0]])]
                found.append(_read(at, lines, word, digits))
    at = np.concatenate([np.array([], np.int64), *(lines for lines, _ in found)])
    if not len(at):
        return at, pl.DataFrame(schema=PLAIN)
    order = np.argsort(at)
    rows = {name: np.concatenate([one[name] for _, one in found])[order] for name in PLAIN}
    return at[order], pl.DataFrame(rows).cast(PLAIN)  # type: ignore[arg-type]


def _read(
    at: Numbers, lines: Bytes, word: bytes, digits: int
) -> tuple[Numbers, dict[str, npt.NDArray[np.generic]]]:
    hole = b"\0"
    lsn = hole * digits + b"/" + hole * 8
    time = b"\0\0\0\0-\0\0-\0\0 \0\0:\0\0:\0\0.\0\0\0\0\0\0"
    shape = _HEAD + hole * 10 + b", lsn: " + lsn + b", prev " + lsn
    shape += b", desc: " + word + b" " + time + b" UTC"
    model = np.frombuffer(shape, np.uint8)
    fixed = np.flatnonzero(model)
    first, second = 69, 69 + digits + 9 + 7
    begin = lines.shape[1] - 30
    xid = _sum(_padded(lines[:, 52:62]), 10)
    here = _lsn(lines, first, digits)
    prev = _lsn(lines, second, digits)
    day = _sum(_decimal(lines[:, [begin + n for n in (0, 1, 2, 3, 5, 6, 8, 9)]]), 10)
    clock = [_sum(_decimal(lines[:, begin + n : begin + n + 2]), 10) for n in (11, 14, 17)]
    micros = _sum(_decimal(lines[:, begin + 20 : begin + 26]), 10)
    days, which = np.unique(day, return_inverse=True)
    since = np.array([_since_1970(one) for one in days.tolist()], np.int64)[which]
    parts = (*clock, micros, here, prev, since)
    good = np.all(lines[:, fixed] == model[fixed], axis=1) & (xid < 2**32)
    good &= np.all([part < _BAD for part in parts], axis=0)
    good &= (clock[0] < 24) & (clock[1] < 60) & (clock[2] < 60)  # noqa: PLR2004
    seconds = (clock[0] * 60 + clock[1]) * 60 + clock[2]
    rows: dict[str, npt.NDArray[np.generic]] = {
        "lsn": here[good],
        "prev": prev[good],
        "xid": xid[good],
        "commit": np.full(int(good.sum()), word == b"COMMIT"),
        "time": (since + seconds * 1_000_000 + micros)[good],
    }
    return at[good], rows


def _lsn(lines: Bytes, begin: int, digits: int) -> Numbers:
    high = _sum(_hexadecimal(lines[:, begin : begin + digits]), 16)
    low = _sum(_hexadecimal(lines[:, begin + digits + 1 : begin + digits + 9]), 16)
    # Beyond 2**63 no archive goes; such a line takes the other path.
    return np.where((high < 2**30) & (low < 2**32), (high << 32) + low, _BAD)


def _sum(digits: Numbers, base: int) -> Numbers:
    out = np.zeros(len(digits), np.int64)
    bad = np.zeros(len(digits), np.bool_)
    for column in digits.T:
        bad |= column < 0
        out = out * base + column
    return np.where(bad, _BAD, out)


def _decimal(letters: Bytes) -> Numbers:
    return _values("0123456789")[letters]


def _hexadecimal(letters: Bytes) -> Numbers:
    return _values("0123456789ABCDEF")[letters]


def _padded(letters: Bytes) -> Numbers:
    """Decimal digits behind spaces."""
    blank = np.logical_and.accumulate(letters == ord(" "), axis=1)
    return np.where(blank, 0, _decimal(letters))


@cache
def _values(digits: str) -> Numbers:
    values = np.full(256, -1, np.int64)
    values[[ord(one) for one in digits]] = np.arange(len(digits))
    return values


@cache
def _since_1970(day: int) -> int:
    """µs from 1970 to a day given as 20261123; :data:`_BAD` where there is none."""
    try:
        moment = datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=UTC)
    except (ValueError, OverflowError):
        return _BAD
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).days * _DAY
