"""One WAL record taken apart: its block references and its main data.

Source: ``xlogrecord.h``, ``xlogreader.c`` (``DecodeXLogRecord``).
Every read is bounds-checked: a record's checksum says that it is as written, not that it is well
meant.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from collectors.postgres.wal.layout import OP_MASK, OPS, RECORD_HEADER

_FILE = struct.Struct("<III")
_IMAGE = struct.Struct("<HHB")
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


@dataclass(frozen=True, slots=True)
class Block:
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


@dataclass(frozen=True, slots=True)
class Record:
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
        """PostgreSQL's word for it; None for the kinds that are not kept."""
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
    except (Malformed, struct.error):
        return None


def _split(text: bytes, major: int) -> Record:
    cursor = Cursor(text)
    length, xid, prev, info, rmgr, _ = cursor.read(RECORD_HEADER)
    heads: list[_Head] = []
    main = payload = 0
    origin = None
    while payload < len(text) - cursor.at:
        what = cursor.take(1)[0]
        if what in {_SHORT, _LONG}:
            main = cursor.take(1)[0] if what == _SHORT else cursor.u32()
            break
        if what == _ORIGIN:
            origin = int.from_bytes(cursor.take(2), "little")
            continue
        if what == _TOP:
            cursor.take(4)
            continue
        if what > _MAX_BLOCK:
            raise Malformed
        heads.append(_head(cursor, what, heads[-1].file if heads else None, major))
        payload += heads[-1].size + heads[-1].image
    blocks = []
    for head in heads:
        stored = cursor.take(head.image) if head.flags & _HAS_IMAGE else None
        blocks.append(
            Block(
                number=head.number,
                file=head.file,
                fork=head.flags & 0x0F,
                page=head.page,
                image=stored,
                hole=head.hole,
                packed=head.packed,
                data=cursor.take(head.size) if head.flags & _HAS_DATA else b"",
            )
        )
    return Record(length, xid, prev, info, rmgr, tuple(blocks), cursor.take(main), origin)


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    flags: int
    size: int
    image: int
    hole: int
    packed: str
    file: tuple[int, int, int]
    page: int


def _head(cursor: Cursor, number: int, before: tuple[int, int, int] | None, major: int) -> _Head:
    flags = cursor.take(1)[0]
    size, image, hole, packed = int.from_bytes(cursor.take(2), "little"), 0, 0, ""
    if flags & _HAS_IMAGE:
        image, hole, kind = cursor.read(_IMAGE)
        ways = _PACKED if major >= _PACKED_THREE_WAYS_SINCE else _PACKED_BEFORE
        packed = next((way for bit, way in ways.items() if kind & bit), "")
        if packed and kind & _HAS_HOLE:
            # The hole's length, which otherwise follows from the image's.
            cursor.take(2)
    if flags & _SAME_FILE and before:
        file = before
    elif flags & _SAME_FILE:
        raise Malformed
    else:
        space, database, relation = cursor.read(_FILE)
        file = (space, database, relation)
    return _Head(number, flags, size, image, hole, packed, file, cursor.u32())
