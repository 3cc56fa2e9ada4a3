"""Which record made the row version that stands at a place, while records are gone through."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

from collectors.postgres.compiled import INT, INTS, NUMBER, NUMBER_ROWS, NUMBERS, compiled

Keys = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

NO_PLACE = 2**64 - 1
_FREE = np.uint64(NO_PLACE)
_FIRST = 12
"""Of the size of a table, as a power of 2."""


def keys(places: Numbers) -> Keys:
    """Places as numbers: of file, block and line; :data:`NO_PLACE` where the block is below 0."""
    file, block, line = (places[:, part].astype(np.uint64) for part in range(3))
    key = file << np.uint64(48) | block << np.uint64(16) | line
    return np.where(places[:, 1] < 0, _FREE, key)


class Versions:
    """By place: LSN of the record, and which of its rows. 40 bytes for each at most."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing was made yet."""
        self._bits, self._count = _FIRST, 0
        self._keys, self._values = _table(_FIRST)
        # Of this table alone, and odd: nobody can make places that share a home.
        self._mix = np.uint64(secrets.randbits(64) | 1)

    def follow(self, ended: Keys, made: Keys, lsn: Keys, row: Numbers) -> tuple[Keys, Numbers]:
        """Of changes in their order: LSN and row of the version that each ended, row -1 for none.

        What a change made stands at its place from then on.
        """
        while (self._count + len(made)) * 2 > len(self._keys):
            self._bits += 1
            keys_, values = _table(self._bits)
            _moved(self._keys, self._values, keys_, values, self._mix, self._bits)
            self._keys, self._values = keys_, values
        found = np.empty((len(ended), 2), np.uint64)
        self._count += _follow(
            *(self._keys, self._values, self._mix, self._bits),
            *(ended, made, lsn, np.ascontiguousarray(row), found),
        )
        return found[:, 0], found[:, 1].astype(np.int64)


def _table(bits: int) -> tuple[Keys, Keys]:
    return np.full(1 << bits, _FREE), np.empty((1 << bits, 2), np.uint64)


@compiled(INT(NUMBER, NUMBER, INT), part=True)
def _home(key: np.uint64, mix: np.uint64, bits: int) -> int:
    """The upper bits of a product.

    Source: Dietzfelbinger and others, "A reliable randomized algorithm for the closest-pair
    problem", 1997.
    """
    return np.int64((key * mix) >> np.uint64(64 - bits))


@compiled(INT(NUMBERS, NUMBER, NUMBER, INT), part=True)
def _seek(table: Keys, key: np.uint64, mix: np.uint64, bits: int) -> int:
    """Where it is, or would be."""
    at = _home(key, mix, bits)
    while table[at] != _FREE and table[at] != key:
        at = (at + 1) & (len(table) - 1)
    return at


@compiled(INT(NUMBERS, NUMBER_ROWS, NUMBERS, NUMBER_ROWS, NUMBER, INT))
def _moved(
    table: Keys, values: Keys, new: Keys, new_values: Keys, mix: np.uint64, bits: int
) -> int:
    for index in range(len(table)):
        if table[index] != _FREE:
            at = _seek(new, table[index], mix, bits)
            new[at] = table[index]
            new_values[at, 0], new_values[at, 1] = values[index, 0], values[index, 1]
    return len(table)


@compiled(
    INT(NUMBERS, NUMBER_ROWS, NUMBER, INT, NUMBERS, NUMBERS, NUMBERS, INTS, NUMBER_ROWS),
)
def _follow(
    table: Keys,
    values: Keys,
    mix: np.uint64,
    bits: int,
    ended: Keys,
    made: Keys,
    lsn: Keys,
    row: Numbers,
    found: Keys,
) -> int:
    """How many more places there are."""
    more = 0
    for index in range(len(ended)):
        found[index, 0], found[index, 1] = 0, ~np.uint64(0)
        if ended[index] != _FREE:
            at = _seek(table, ended[index], mix, bits)
            if table[at] != _FREE:
                found[index, 0], found[index, 1] = values[at, 0], values[at, 1]
                _remove(table, values, at, mix, bits)
                more -= 1
        if made[index] != _FREE:
            at = _seek(table, made[index], mix, bits)
            if table[at] == _FREE:
                table[at] = made[index]
                more += 1
            values[at, 0], values[at, 1] = lsn[index], row[index]
    return more


@compiled(INT(NUMBERS, NUMBER_ROWS, INT, NUMBER, INT), part=True)
def _remove(table: Keys, values: Keys, at: int, mix: np.uint64, bits: int) -> int:
    """What follows moves up, so that each is still found from its home on."""
    last = len(table) - 1
    hole, at = at, (at + 1) & last
    while table[at] != _FREE:
        home = _home(table[at], mix, bits)
        if (at - home) & last >= (at - hole) & last:
            table[hole] = table[at]
            values[hole, 0], values[hole, 1] = values[at, 0], values[at, 1]
            hole = at
        at = (at + 1) & last
    table[hole] = _FREE
    return hole
