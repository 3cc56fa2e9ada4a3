"""LSNs to their text, whole columns at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.compiled import BYTES, FLAG, INT, NUMBER, NUMBERS, compiled

Bytes = npt.NDArray[np.uint8]


def lsns(values: npt.NDArray[np.uint64], *, whole: bool = False) -> pl.Series:
    """As PostgreSQL shows them; ``whole``: as one number in hexadecimal digits."""
    out = np.empty(18 * len(values), np.uint8)
    used = out[: _shown(np.require(values, requirements="CW"), whole, out)]
    return split(pl.Series([used.tobytes()], dtype=pl.Binary).cast(pl.String), len(values))


def split(text: pl.Series, count: int) -> pl.Series:
    """Texts of which each ends with a zero byte, by themselves."""
    return text.str.split("\0").explode(empty_as_null=False).head(count)


@compiled(INT(NUMBERS, FLAG, BYTES))
def _shown(values: npt.NDArray[np.uint64], whole: bool, out: Bytes) -> int:
    """LSNs as text into ``out``, each with a zero byte at its end; how many bytes that are."""
    top = 0
    for index in range(len(values)):
        value = values[index]
        if whole:
            top = upper(value, out, top)
        else:
            top = upper(value >> np.uint64(32), out, top)
            out[top] = 0x2F
            top = upper(value & np.uint64(0xFFFFFFFF), out, top + 1)
        out[top] = 0
        top += 1
    return top


@compiled(INT(NUMBER, BYTES, INT), part=True)
def upper(value: np.uint64, out: Bytes, top: int) -> int:
    """In hexadecimal digits, as PostgreSQL prints half an LSN."""
    count = 1
    while count < 16 and value >> np.uint64(4 * count):
        count += 1
    for index in range(count):
        half = np.int64(value >> np.uint64(4 * (count - 1 - index)) & np.uint64(15))
        out[top + index] = half + (0x30 if half < 10 else 0x37)
    return top + count
