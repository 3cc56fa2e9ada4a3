"""A page from its image in a record: unpacked, and its hole filled with zeros.

Source: ``xlogrecord.h`` (``XLogRecordBlockImageHeader``), ``xlogreader.c`` (``RestoreBlockImage``).
"""

from __future__ import annotations

import io

import lz4.block
import zstandard

from collectors.postgres.pglz import pglz
from collectors.postgres.wal.record import Block

SIZE = 8192
"""Bytes of a page (``BLCKSZ``); images of other pages are not read."""


def page_of(block: Block) -> bytes | None:
    """The page; None where the block has no image, or not one of a page of 8192 bytes."""
    return None if block.image is None else restored(block.image, block.packed, block.hole)


def restored(stored: bytes, packed: str, hole: int) -> bytes | None:
    """The page of an image; ``packed`` and ``hole`` as of :class:`.record.Block`."""
    image = _unpacked(stored, packed) if packed else stored
    if image is None or len(image) == SIZE:
        return image
    if not 0 <= hole <= len(image) < SIZE:
        return None
    return image[:hole] + bytes(SIZE - len(image)) + image[hole:]


def _unpacked(stored: bytes, way: str) -> bytes | None:
    """At most a page, whatever the bytes say of themselves."""
    try:
        if way == "pglz":
            return pglz(stored, SIZE)
        if way == "lz4":
            found: bytes = lz4.block.decompress(stored, uncompressed_size=SIZE)
            return found
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stored)) as reader:
            return reader.read(SIZE + 1)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError, ValueError):
        return None
