"""A tuple to the values of its columns, by a decoder made once for a table.

Source: ``htup_details.h``, ``heaptuple.c`` (``heap_deform_tuple``, ``getmissingattr``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection

from collectors.postgres.heap.model import HAS_NULL, HEADER, Column, Gap, Table, Tuple, Value
from collectors.postgres.heap.types import Reader, mask, reader
from collectors.postgres.heap.varlena import Packed, Pointer, Unreadable, take, unpack

Fetch = Callable[[Pointer], bytes | None]
"""The joined chunks of a value in the TOAST table; None where not all are at hand."""

NOT_HERE = Gap("not in the archive")
UNREADABLE = Gap("not decoded: its bytes are not those of its type")
DROPPED = Gap("not decoded: of a dropped column")
BEHIND = Gap("not decoded: behind a column whose layout is not known")
MORE = Gap("not decoded: the tuple has other columns than the table is known to have")

_Piece = bytes | Packed | Pointer | None
_ERRORS = (Unreadable, struct.error, IndexError, OverflowError, ValueError)
"""What reading bytes that are not of the type ends in."""
_KNOWN, _SHORT = 8192, 256
"""Values of a column that are kept, and of how many bytes at most."""


class Decoder:
    """Reads tuples of one table; of the columns in ``wanted``, or of all."""

    __slots__ = ("_all", "_layout", "_plan", "_stop", "live", "names", "table")

    def __init__(self, table: Table, wanted: Collection[str] | None = None) -> None:
        self.table = table
        self._plan = [_plan(column, wanted) for column in table.columns]
        self._layout = [(column.type.length, mask(column.type.align)) for column in table.columns]
        self.live = [
            (at, column.name)
            for at, column in enumerate(table.columns)
            if not column.dropped and (wanted is None or column.name in wanted)
        ]
        """Place and name of each column that is given."""
        self.names = [name for _, name in self.live]
        """Columns that :meth:`row` gives, in order."""
        self._all = len(self.names) == len(table.columns)
        unknown = [at for at, column in enumerate(table.columns) if not column.type.length]
        # Behind what has no known length, nothing can be found.
        self._stop = unknown[0] if unknown else len(table.columns)

    def row(self, one: Tuple, fetch: Fetch | None = None) -> dict[str, Value]:
        """Its values by name of the column, dropped ones left out."""
        more = one.natts > len(self._plan) and self.table.whole
        if more or (not self.table.exact and one.natts < len(self._plan)):
            return dict.fromkeys(self.names, MORE)
        values = self.values(one, fetch)
        if self._all:
            return dict(zip(self.names, values, strict=True))
        return {name: values[at] for at, name in self.live}

    def values(self, one: Tuple, fetch: Fetch | None = None) -> list[Value]:
        """By place of the column; a gap where it is dropped, or not wanted."""
        pieces, whole = self._pieces(one)
        out = [self.said(at, piece, fetch) for at, piece in enumerate(pieces)]
        held = min(one.natts, len(self._plan))
        if held > len(out):
            out += [UNREADABLE if not whole else BEHIND] * (held - len(out))
        if held < len(self._plan):
            out += [column.missing for column in self.table.columns[held:]]
        return out

    def said(self, column: int, piece: _Piece, fetch: Fetch | None = None) -> Value:
        """What a stored value of a column says."""
        of = self._plan[column]
        return of.known[piece] if piece in of.known else of.value(piece, fetch)

    def fits(self, one: Tuple) -> bool:
        """Whether its columns are no more than the table's, and end where the tuple ends."""
        return one.natts <= len(self._plan) and self._pieces(one)[1]

    def _pieces(self, one: Tuple) -> tuple[list[_Piece], bool]:
        """The stored values up to the first that cannot be found; whether all have their place."""
        start = one.hoff - HEADER
        if start < 0:
            return [], False
        body = one.body
        nulls = body if one.infomask & HAS_NULL else None
        data = body[start:]
        size = len(data)
        out: list[_Piece] = []
        at = index = 0
        try:
            for length, step in self._layout[: min(one.natts, self._stop)]:
                if nulls is not None and not nulls[index >> 3] >> (index & 7) & 1:
                    out.append(None)
                elif length > 0:
                    at = at + step & ~step
                    out.append(data[at : at + length])
                    at += length
                    if at > size:
                        return out[:-1], False
                elif length == -1:
                    first = data[at]
                    end = at + (first >> 1)
                    if first & 1 and first > 1 and end <= size:
                        # Nearly all values are short: here without the price of a call.
                        out.append(data[at + 1 : end])
                        at = end
                    else:
                        piece, at = take(data, at, step)
                        out.append(piece)
                else:
                    end = data.index(b"\0", at)
                    out.append(data[at:end])
                    at = end + 1
                index += 1
        except (Unreadable, ValueError, IndexError):
            # Where one value does not end, no later one begins.
            return out, False
        return out, True


class _Column:
    """How values of one column are said, and what the last ones said.

    An update says most of a row again, and what it says of the old row was said of the new one
    before.
    """

    __slots__ = ("_gap", "_read", "known")

    def __init__(self, read: Reader | None, gap: Gap) -> None:
        self._read, self._gap = read, gap
        self.known: dict[_Piece, Value] = {None: None}

    def value(self, piece: _Piece, fetch: Fetch | None) -> Value:
        """What a stored value says."""
        if self._read is None or piece is None:
            return None if piece is None else self._gap
        # Of a value outside the row, chunks may come later.
        if not isinstance(piece, bytes) or len(piece) > _SHORT:
            return _said(self._read, piece, fetch)
        try:
            found = self._read(piece)
        except _ERRORS:
            found = UNREADABLE
        if len(self.known) >= _KNOWN:
            self.known.clear()
            self.known[None] = None
        self.known[piece] = found
        return found


def _plan(column: Column, wanted: Collection[str] | None) -> _Column:
    if column.dropped:
        return _Column(None, DROPPED)
    kind = column.type
    read = reader(kind) if wanted is None or column.name in wanted else None
    return _Column(read, Gap(f"not decoded: type {kind.name}"))


def _said(read: Reader, piece: bytes | Packed | Pointer, fetch: Fetch | None) -> Value:
    try:
        if isinstance(piece, Pointer):
            whole = fetch(piece) if fetch else None
            if whole is None:
                return NOT_HERE
            piece = Packed(whole) if piece.packed else whole
        return read(unpack(piece.body) if isinstance(piece, Packed) else piece)
    except _ERRORS:
        return UNREADABLE
