"""One WAL record taken apart: its block references and its main data.

Source: ``xlogrecord.h``, ``xlogreader.c`` (``DecodeXLogRecord``).
Every read is bounds-checked: a record's checksum says that it is as written, not that it is well
meant.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from collectors.postgres.wal.layout import OP_MASK, OPS, RECORD_HEADER

_HEAD = struct.Struct("<BBH")
"""Number, flags, length of the data: what each block reference begins with."""
_IMAGE = struct.Struct("<HHB")
_PLACE, _PAGE = struct.Struct("<IIII"), struct.Struct("<I")
"""File and page; and the page of the same file as in the reference before."""
_U32 = struct.Struct("<I")
_SHORT, _LONG = 0xFF, 0xFE
_ORIGIN, _TOP = 0xFD, 0xFC
_MAX_BLOCK = 32
_HAS_IMAGE, _HAS_DATA, _SAME_FILE = 0x10, 0x20, 0x80
_HAS_HOLE = 0x01
# How a page image is packed: one way before 15, three from then on.
_PACKED_THREE_WAYS_SINCE = 15
_PACKED = {0x04: "pglz", 0x08: "lz4", 0x10: "zstd"}
_PACKED_BEFORE = {0x02: "pglz"}


class Malformed(ValueError):  # noqa: N818  (a private signal, not an error of the project)
    """A record's own lengths do not fit together."""


class Block(NamedTuple):
    """A reference to a page that the record changes."""

    number: int
    file: tuple[int, int, int]
    """Tablespace, database, relation file."""
    fork: int
    page: int
    image: bytes | None
    """As stored: packed where ``packed``."""
    hole: int
    """Where in the page the zeros begin that the image leaves out."""
    packed: str
    """``pglz``, PostgreSQL's own way; ``lz4``; ``zstd``; empty: not packed."""
    data: bytes


class Record(NamedTuple):
    """A record in its parts."""

    length: int
    xid: int
    prev: int
    info: int
    rmgr: int
    blocks: tuple[Block, ...]
    main: bytes
    origin: int | None = None
    """Number of the replication origin that wrote it, where one did."""

    @property
    def op(self) -> str | None:
        """PostgreSQL's word for it from 15 on; None for the kinds that are not kept."""
        return OPS.get(self.rmgr, {}).get(self.info & OP_MASK.get(self.rmgr, 0xF0))


@dataclass(slots=True)
class Cursor:
    """Bounds-checked reading."""

    text: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count < 0 or self.at + count > len(self.text):
            raise Malformed
        self.at += count
        return self.text[self.at - count : self.at]

    def read(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next structure."""
        return layout.unpack(self.take(layout.size))

    def u32(self) -> int:
        """The next 32-bit number."""
        return int.from_bytes(self.take(4), "little")


def split(text: bytes, major: int) -> Record | None:
    """A whole record in its parts; None if its lengths do not fit together."""
    try:
        return _split(text, major)
    except (Malformed, struct.error, IndexError):
        return None


def _split(text: bytes, major: int) -> Record:
    length, xid, prev, info, rmgr, _ = RECORD_HEADER.unpack_from(text)
    heads, main, origin, at = _heads(text, major)
    blocks = []
    for number, flags, size, packed_size, hole, packed, file, page in heads:
        image = None
        if flags & _HAS_IMAGE:
            image = text[at : at + packed_size]
            at += packed_size
        data = b""
        if flags & _HAS_DATA:
            data = text[at : at + size]
            at += size
        blocks.append(Block(number, file, flags & 0x0F, page, image, hole, packed, data))
    if at + main > len(text):
        raise Malformed
    return Record(length, xid, prev, info, rmgr, tuple(blocks), text[at : at + main], origin)


_Head = tuple[int, int, int, int, int, str, tuple[int, int, int], int]
"""Number, flags, lengths of data and image, hole, how it is packed, file, page."""


def _heads(text: bytes, major: int) -> tuple[list[_Head], int, int | None, int]:
    """The block references, the length of the main data, the origin, and where the data begins.

    What is read beyond the end raises ``struct.error`` or ``IndexError``.
    """
    heads: list[_Head] = []
    payload = 0
    origin = None
    at, size = RECORD_HEADER.size, len(text)
    while payload < size - at:
        what = text[at]
        if what <= _MAX_BLOCK:
            head, at = _head(text, at, heads[-1][6] if heads else None, major)
            heads.append(head)
            payload += head[2] + head[3]
        elif what == _SHORT:
            return heads, text[at + 1], origin, at + 2
        elif what == _LONG:
            return heads, _U32.unpack_from(text, at + 1)[0], origin, at + 5
        elif what == _ORIGIN:
            origin = text[at + 1] | text[at + 2] << 8
            at += 3
        elif what == _TOP:
            at += 5
        else:
            raise Malformed
    return heads, 0, origin, at


def _head(
    text: bytes, at: int, before: tuple[int, int, int] | None, major: int
) -> tuple[_Head, int]:
    number, flags, size = _HEAD.unpack_from(text, at)
    at += _HEAD.size
    image, hole, packed = 0, 0, ""
    if flags & _HAS_IMAGE:
        image, hole, kind = _IMAGE.unpack_from(text, at)
        at += _IMAGE.size
        ways = _PACKED if major >= _PACKED_THREE_WAYS_SINCE else _PACKED_BEFORE
        packed = next((way for bit, way in ways.items() if kind & bit), "")
        if packed and kind & _HAS_HOLE:
            # The hole's length, which otherwise follows from the image's.
            at += 2
    if not flags & _SAME_FILE:
        space, database, relation, page = _PLACE.unpack_from(text, at)
        file = (space, database, relation)
        at += _PLACE.size
    elif before is None:
        raise Malformed
    else:
        file = before
        (page,) = _U32.unpack_from(text, at)
        at += _U32.size
    return (number, flags, size, image, hole, packed, file, page), at
