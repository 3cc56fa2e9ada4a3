"""What the heap readers speak of: types, columns, tables, tuples, and values that cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Type:
    """A data type, as far as reading its stored values needs it."""

    name: str
    """``pg_type.typname``; of a domain the base type's."""
    oid: int = 0
    """0: not known."""
    length: int = -1
    """Bytes; -1: varlena, -2: a C string."""
    align: str = "i"
    """``c``, ``s``, ``i`` or ``d``: 1, 2, 4 or 8 bytes."""
    element: Type | None = None
    """Of an array."""
    labels: Mapping[int, str] | None = None
    """Of an enum: OID to label."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A value that is there and cannot be said."""

    reason: str
    """``not decoded: type money``, ``not in the archive`` …"""


Value = str | Gap | None
"""The server's own text (as COPY writes it, unescaped), what cannot be said, or SQL's null."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, dropped ones included: they keep their place in every tuple."""

    name: str
    type: Type
    dropped: bool = False
    missing: Value = None
    """What tuples from before the column was added stand for (``attmissingval``)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its tuples are laid out, from whichever source described it."""

    columns: Sequence[Column]
    """By ``attnum``, from 1."""
    basis: str
    """What says so, in a few words: ``the catalogue in a capture``."""
    exact: bool = True
    """False: columns dropped before it was described are not known, as in a dump."""
    whole: bool = True
    """False: tuples have further columns, which are not described."""
    at: int | None = None
    """LSN at which it was so; None: after all of the archive."""


class Tuple(NamedTuple):
    """A heap tuple without what MVCC alone needs."""

    xmin: int
    natts: int
    infomask: int
    hoff: int
    body: bytes
    """From the null bitmap on: byte 23 of the tuple."""


class Stored(NamedTuple):
    """A tuple as it stands on a page, with its header."""

    block: int
    line: int
    """Line pointer, from 1."""
    xmin: int
    xmax: int
    ctid: tuple[int, int]
    infomask2: int
    infomask: int
    tuple: Tuple


NATTS = 0x07FF
"""Bits of ``t_infomask2`` that count attributes (``htup_details.h``)."""
HAS_NULL = 0x0001
XMIN_COMMITTED, XMIN_INVALID = 0x0100, 0x0200
XMAX_COMMITTED, XMAX_INVALID, XMAX_IS_MULTI, XMAX_LOCK_ONLY = 0x0400, 0x0800, 0x1000, 0x0080
FROZEN = XMIN_COMMITTED | XMIN_INVALID
HEADER = 23
"""Bytes of a tuple's header before the null bitmap."""


def number_of(value: object) -> int | None:
    """A number of at most 32 bits, as a catalogue has it in text; None: it is none."""
    text = str(value)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None  # noqa: PLR2004  (32 bits)
