"""How much a Parquet file unpacks to, by its pages' own headers, before anybody unpacks one.

A few kilobytes can unpack to gigabytes. Readers make room for what a page's header says, so the
headers are added up first: of a file, its footer (Thrift, compact protocol), and from there the
header of each page of each column chunk. What is claimed beyond all measure is refused, and so is
what cannot be read so.

Source: Apache Parquet, parquet.thrift (FileMetaData, ColumnMetaData, PageHeader); Apache Thrift,
compact protocol.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

_MAGIC = b"PAR1"
_SMALLEST = 12
_FOOTER = 64 << 20
"""Bytes of a footer that are looked at: 10 million rows in small groups have a few."""
MOST_UNPACKED = 2 << 30
"""Bytes of all pages that are read."""
MOST_VALUES = 20_000_000
"""Of a column."""
_LEAST = 1 << 10
"""Bytes that a page takes its reader at least, however little is in it."""
_DEEPEST = 32
_MOST_PARTS = 2_000_000
"""Fields and elements of a footer, and of all pages' headers together: each takes memory and time,
an empty one too. Ten million rows of thirteen columns, in groups of some thousand, have fewer.
"""
_MOST_NUMBERS = 10
"""Bytes of a number of 64 bits."""
_CUT = "expected a footer and pages of Parquet, found them cut off"
_FIXED = {3: 1, 7: 8}
_NUMBERS = frozenset({4, 5, 6})
_MORE = 0x80
"""The bit of a byte that another one of the same number follows."""
_STOP, _YES, _NO, _BYTES, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 8, 9, 10, 11, 12
_DATA_PAGES = {0: 5, 3: 8}
"""Types of pages that hold values, and the field of the header that counts them."""

Struct = dict[int, Any]
"""By the number of the field."""


class TooMuchError(ValueError):
    """It unpacks to more than is read, or does not say to how much."""


def check(
    path: Path,
    columns: Collection[str] | None = None,
    most: int = MOST_UNPACKED,
    most_values: int = MOST_VALUES,
) -> None:
    """Whether the columns of a file, or all, can be unpacked.

    Args:
        path: the file.
        columns: names at the top of the schema.
        most: bytes that all their pages together may unpack to.
        most_values: values that a column may have; of nested ones each counts.

    Raises:
        TooMuchError: they cannot.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.seek(0, 2) < _SMALLEST:
            raise TooMuchError("expected Parquet, found a file that is too short")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _add_up(data, columns, most, most_values)


def _add_up(data: mmap.mmap, columns: Collection[str] | None, most: int, most_values: int) -> None:
    left, budget = most, _Budget()
    values: dict[tuple[bytes, ...], int] = {}
    for chunk in _chunks(data):
        name = _name(chunk)
        if columns is not None and name[0].decode("utf-8", "replace") not in columns:
            continue
        for taken, count in _pages(data, chunk, budget):
            left -= max(taken, _LEAST)
            values[name] = values.get(name, 0) + count
            if left < 0:
                raise TooMuchError(f"expected at most {most} bytes unpacked, found more")
            if values[name] > most_values:
                raise TooMuchError(f"expected at most {most_values} values in a column, found more")


def _chunks(data: mmap.mmap) -> list[Struct]:
    """What the footer says of each column chunk."""
    length, size = int.from_bytes(data[-8:-4], "little"), len(data)
    if data[-4:] != _MAGIC or length + _SMALLEST > size:
        raise TooMuchError("expected Parquet that ends in its footer, found none")
    if length > _FOOTER:
        raise TooMuchError(f"expected a footer of at most {_FOOTER} bytes, found {length}")
    footer = _Reader(data, size - 8 - length, size - 8, _Budget()).struct()
    groups = _structs(footer.get(4))
    found = [column.get(3) for group in groups for column in _structs(group.get(1))]
    if len(_structs(found)) != len(found):
        raise TooMuchError("expected columns that the footer describes, found others")
    return _structs(found)


def _name(chunk: Struct) -> tuple[bytes, ...]:
    """Path in the schema."""
    name = chunk.get(3)
    if not isinstance(name, list) or not name or not all(isinstance(one, bytes) for one in name):
        raise TooMuchError("expected columns that have names, found others")
    return tuple(name)


def _structs(value: object) -> list[Struct]:
    """Those of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _pages(data: mmap.mmap, chunk: Struct, budget: _Budget) -> Iterator[tuple[int, int]]:
    """Bytes of each page with its header, unpacked, and values, up to the number of the chunk."""
    numbers = [chunk.get(field, 0) for field in (9, 11, 5, 7)]
    if not all(isinstance(number, int) for number in numbers):
        raise TooMuchError("expected columns that the footer describes, found others")
    at, dictionary, left, length = numbers
    if 11 in chunk:  # noqa: PLR2004  (dictionary_page_offset)
        # Some readers begin there wherever it is, others where the first page of data is.
        if not 0 < dictionary <= at:
            raise TooMuchError("expected a dictionary in front of what it is of, found another")
        at = dictionary
    end = min(len(data), at + length)
    while left > 0 and 0 <= at < end:
        reader = _Reader(data, at, end, budget)
        header = reader.struct()
        kind = header.get(1)
        counted = header.get(_DATA_PAGES.get(kind, -1)) if isinstance(kind, int) else None
        count = _size(counted.get(1)) if isinstance(counted, dict) else 0
        # The header too: many chunks may name one page.
        yield reader.at - at + _size(header.get(2)), count
        left -= count
        at = reader.at + _size(header.get(3))


def _size(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise TooMuchError("expected pages that say how long they are, found others")
    return value


class _Budget:
    """How many parts may be read still, by one reader after another."""

    def __init__(self) -> None:
        self.left = _MOST_PARTS


class _Reader:
    """Thrift's compact protocol, of what a file's footer and pages need."""

    def __init__(self, data: mmap.mmap, start: int, end: int, budget: _Budget) -> None:
        self._data = data
        self.at = start
        self._end = end
        self._budget = budget

    def struct(self, depth: int = 0) -> Struct:
        """Its fields.

        Raises:
            TooMuchError: it is cut off, too deep, or of another form.
        """
        found: Struct = {}
        number = 0
        while (head := self._byte()) != _STOP:
            kind, delta = head & 0x0F, head >> 4
            number = number + delta if delta else self._signed()
            if number in found:
                # Which of them holds is for each reader to say.
                raise TooMuchError("expected each field of Parquet's own once, found one twice")
            found[number] = kind == _YES if kind <= _NO else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401  (of many types)
        self._budget.left -= 1
        if self._budget.left < 0:
            raise TooMuchError(f"expected a footer of at most {_MOST_PARTS} parts, found more")
        # The most frequent first: numbers, structures, texts.
        if kind in _NUMBERS:
            return self._signed()
        if depth > _DEEPEST:
            raise TooMuchError("expected a footer of Parquet, found one that is too deep")
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BYTES:
            return self._take(self._number())
        if kind in {_LIST, _SET}:
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._number()  # noqa: PLR2004
            # Each has a byte at least, so a count beyond the data ends in an error soon.
            return [self._value(head & 0x0F, depth + 1) for _ in range(count)]
        if kind in _FIXED:
            return self._take(_FIXED[kind])
        if kind in {_YES, _NO}:
            return self._byte()
        raise TooMuchError(f"expected a footer of Parquet, found a field of type {kind}")

    def _byte(self) -> int:
        at = self.at
        if at >= self._end:
            raise TooMuchError(_CUT)
        self.at = at + 1
        return self._data[at]

    def _take(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > self._end:
            raise TooMuchError(_CUT)
        return self._data[start : self.at]

    def _number(self) -> int:
        byte = self._byte()
        if byte < _MORE:
            return byte
        value = byte & 0x7F
        for place in range(1, _MOST_NUMBERS):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < _MORE:
                return value
        raise TooMuchError("expected a footer of Parquet, found a number that does not end")

    def _signed(self) -> int:
        value = self._number()
        return (value >> 1) ^ -(value & 1)
