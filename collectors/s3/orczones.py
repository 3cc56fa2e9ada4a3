"""The time zones that an ORC file names: a reader opens a file of that name.

liborc reads times by the zone of whoever wrote a stripe, whose rules it takes from a file below
``/usr/share/zoneinfo``: ``../../../home/…`` as a zone would be any file of the examiner's. So
names are looked at before it sees them. A stripe's footer ends in its zone::

    streams {…} columns {…} writerTimezone: "GMT"

Source: Apache ORC specification, "File Tail", "Stripe Footer", "Compression"; Protocol Buffers,
"Encoding".
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.s3.listing import NotAListingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(rb"(?:[A-Za-z0-9_+-]+/){0,2}[A-Za-z0-9_+-]+")
"""Of the Time Zone Database: ``GMT``, ``America/Argentina/La_Rioja``; no name has a point."""
_NONE, _ZLIB, _SNAPPY, _LZ4, _ZSTD = 0, 1, 2, 4, 5
_BLOCK = 256 << 10
"""Bytes of a block of what is packed, where the file names no number."""
_MOST = 4 << 20
"""Bytes of the footers of all stripes together, and of any other, packed or not.

They are read byte by byte. A stripe of thirteen columns has some hundred bytes: thousands of
stripes, each of ten thousand rows and more, have fewer.
"""
_BYTES_A_STRIPE = 256
"""At least, however short its footer is."""
_SKIPPED = {1: 8, 5: 4}
"""Bytes of a number of fixed length, by wire type."""


def check(path: Path) -> None:
    """Whether every zone that a stripe names is one.

    Raises:
        NotAListingError: one is none, or the file cannot be read so.
    """
    try:
        for zone in _zones(path):
            if zone and _PLAIN.fullmatch(zone) is None:
                raise NotAListingError(
                    f"expected the name of a time zone in a stripe, found {zone[:80]!r}"
                )
    except (IndexError, TypeError, zlib.error) as error:
        raise NotAListingError(f"expected ORC, found another file ({error})") from error


def _zones(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:

        def read(at: int, length: int) -> bytes:
            if not 0 <= at <= at + length <= size or length > _MOST:
                raise NotAListingError("expected ORC, found parts that lie outside of it")
            file.seek(at)
            return file.read(length)

        last = read(size - 1, 1)[0]
        post = dict(_fields(read(size - 1 - last, last)))
        kind, block = _number(post.get(2, 0)), min(_number(post.get(3, _BLOCK)), _MOST)
        if kind != _NONE and not block:
            # To who unpacks, no length is any length.
            raise NotAListingError("expected ORC packed in blocks, found blocks of no length")
        length = _number(post.get(1, 0))
        footer = _unpacked(read(size - 1 - last - length, length), kind, block)
        left = _MOST
        for number, value in _fields(footer):
            if number != 3:  # noqa: PLR2004  (stripes)
                continue
            stripe = dict(_fields(_bytes(value)))
            at = sum(_number(stripe.get(field, 0)) for field in (1, 2, 3))
            packed = read(at, _number(stripe.get(4, 0)))
            unpacked = _unpacked(packed, kind, block)
            left -= max(len(packed), len(unpacked), _BYTES_A_STRIPE)
            if left < 0:
                raise NotAListingError(f"expected stripes' footers of {_MOST} bytes, found more")
            for field, said in _fields(unpacked):
                if field == 3:  # noqa: PLR2004  (writerTimezone)
                    yield _bytes(said)


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise TypeError("a text for a number")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a number for a text")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a message, in their order."""
    at = 0

    def number() -> int:
        nonlocal at
        value, place = 0, 0
        while place < 70:  # noqa: PLR2004  (10 bytes of 7 bits)
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << place
            if byte < 0x80:  # noqa: PLR2004
                return value
            place += 7
        raise TypeError("a number that does not end")

    while at < len(data):
        head = number()
        kind = head & 7
        if kind == 0:
            yield head >> 3, number()
            continue
        if kind == 2:  # noqa: PLR2004
            length = number()
        elif kind in _SKIPPED:
            length = _SKIPPED[kind]
        else:
            raise TypeError(f"a field of wire type {kind}")
        if at + length > len(data):
            raise IndexError("cut off")
        yield head >> 3, data[at : at + length]
        at += length


def _unpacked(data: bytes, kind: int, block: int) -> bytes:
    """Blocks, each behind three bytes: its length, and whether it stands as it is."""
    if kind == _NONE:
        return data
    made = bytearray()
    at = 0
    while at + 3 <= len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        at += 3
        piece = data[at : at + (head >> 1)]
        at += head >> 1
        made += piece if head & 1 else _block(piece, kind, block)
        if len(made) > _MOST:
            raise NotAListingError(f"expected a footer of at most {_MOST} bytes, found more")
    return bytes(made)


def _block(data: bytes, kind: int, most: int) -> bytes:
    if kind == _ZLIB:
        return zlib.decompressobj(-15).decompress(data, most)
    import lz4.block
    import pyarrow as pa
    import zstandard

    try:
        if kind == _ZSTD:
            # A frame that gives its own size is unpacked to it, whatever the most is.
            if zstandard.frame_content_size(data) > most:
                raise NotAListingError(f"expected blocks of at most {most} bytes, found more")
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=most)
        if kind == _LZ4:
            return bytes(lz4.block.decompress(data, uncompressed_size=most))
        if kind == _SNAPPY:
            size = sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(_prefix(data)))
            return bytes(pa.decompress(data, decompressed_size=min(size, most), codec="snappy"))
    except (
        OSError,
        ValueError,
        RuntimeError,
        StopIteration,
        zstandard.ZstdError,
        lz4.block.LZ4BlockError,
    ) as error:
        raise NotAListingError(
            f"expected ORC, found a footer that does not unpack ({error})"
        ) from error
    raise NotAListingError(f"expected ORC packed by zlib, snappy, LZ4 or zstd, found kind {kind}")


def _prefix(data: bytes) -> bytes:
    """The length that a block of snappy begins with."""
    return data[: next(i for i, byte in enumerate(data[:5]) if byte < 0x80) + 1]  # noqa: PLR2004
