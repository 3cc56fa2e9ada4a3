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


class Decoder:
    """Reads tuples of one table; of the columns in ``wanted``, or of all."""

    __slots__ = ("_live", "_plan", "_stop", "_table", "names")

    def __init__(self, table: Table, wanted: Collection[str] | None = None) -> None:
        self._table = table
        self._plan = [_plan(column, wanted) for column in table.columns]
        self._live = [
            (at, column.name)
            for at, column in enumerate(table.columns)
            if not column.dropped and (wanted is None or column.name in wanted)
        ]
        self.names = [name for _, name in self._live]
        """Columns that :meth:`row` gives, in order."""
        unknown = [at for at, column in enumerate(table.columns) if not column.type.length]
        # Behind what has no known length, nothing can be found.
        self._stop = unknown[0] if unknown else len(table.columns)

    def row(self, one: Tuple, fetch: Fetch | None = None) -> dict[str, Value]:
        """Its values by name of the column, dropped ones left out."""
        more = one.natts > len(self._plan) and self._table.whole
        if more or (not self._table.exact and one.natts < len(self._plan)):
            return dict.fromkeys(self.names, MORE)
        values = self.values(one, fetch)
        return {name: values[at] for at, name in self._live}

    def values(self, one: Tuple, fetch: Fetch | None = None) -> list[Value]:
        """By place of the column; a gap where it is dropped, or not wanted."""
        pieces, whole = self._pieces(one)
        out: list[Value] = []
        for piece, (read, _, _, gap) in zip(pieces, self._plan, strict=False):
            if piece is None:
                out.append(None)
            else:
                out.append(gap if read is None else _said(read, piece, fetch))
        held = min(one.natts, len(self._plan))
        out += [UNREADABLE if not whole else BEHIND] * (held - len(out))
        return out + [column.missing for column in self._table.columns[held:]]

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
            for _, length, step, _ in self._plan[: min(one.natts, self._stop)]:
                if nulls is not None and not nulls[index >> 3] >> (index & 7) & 1:
                    out.append(None)
                elif length > 0:
                    at = at + step & ~step
                    out.append(data[at : at + length])
                    at += length
                    if at > size:
                        return out[:-1], False
                elif length == -1:
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


def _plan(column: Column, wanted: Collection[str] | None) -> tuple[Reader | None, int, int, Gap]:
    kind = column.type
    layout = (kind.length, mask(kind.align))
    if column.dropped:
        return (None, *layout, DROPPED)
    read = reader(kind) if wanted is None or column.name in wanted else None
    return (read, *layout, Gap(f"not decoded: type {kind.name}"))


def _said(read: Reader, piece: bytes | Packed | Pointer, fetch: Fetch | None) -> Value:
    try:
        if isinstance(piece, Pointer):
            whole = fetch(piece) if fetch else None
            if whole is None:
                return NOT_HERE
            piece = Packed(whole) if piece.packed else whole
        return read(unpack(piece.body) if isinstance(piece, Packed) else piece)
    except (Unreadable, struct.error, IndexError, OverflowError, ValueError):
        return UNREADABLE
