"""A log's bytes, unpacked, in blocks that hold whole messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.postgres.decoders import PackedError
from collectors.postgres.packing import packing_at, stream

BLOCK = 1 << 24
"""Bytes read at a time."""
MAX_HELD = 1 << 26
"""Bytes of one message; a longer one is read up to here."""
MAX_UNPACKED = 1 << 36
"""Bytes that a packed log may have: 64 GiB. A few kilobytes can be packed to say a terabyte."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of whole lines."""

    data: bytes
    """Up to and with the last line feed, unless the log ends without one."""
    offset: int
    """Of its first byte in the unpacked log."""
    line: int
    """Number of its first line, from 1."""


class Damage(Exception):  # noqa: N818  (it ends the reading of one log; it is no fault of ours)
    """The packed bytes end early, or are no such bytes."""


def pieces(path: Path, size: int = BLOCK) -> Iterator[bytes]:
    """The log's bytes, unpacked as they are read.

    Raises:
        Damage: what could be unpacked was given; the rest cannot be.
    """
    packed = packing_at(path)
    with path.open("rb") as file:
        if packed is None:
            yield from iter(lambda: file.read(size), b"")
            return
        try:
            yield from stream(file, packed)
        except PackedError as error:
            raise Damage(str(error)) from error


def blocks(
    path: Path, hold: Callable[[bytes], int], size: int = BLOCK, most: int = MAX_HELD
) -> Iterator[Block]:
    """The log in blocks. ``hold`` gives the offset of the last message in some whole lines.

    Raises:
        Damage: as :func:`pieces`, or the log is longer than :data:`MAX_UNPACKED`.
    """
    held = b""
    offset, line = 0, 1
    source = pieces(path, size)
    while True:
        data, problem = _read(source, size)
        held += data
        if not data or problem:
            if held:
                yield Block(held, offset, line)
            if problem is not None:
                raise problem
            return
        if offset + len(held) > MAX_UNPACKED:
            raise Damage(f"expected at most {MAX_UNPACKED} bytes; found more")
        end = held.rfind(b"\n") + 1
        cut = hold(held[:end]) if end else 0
        if cut == 0 and len(held) >= most:
            cut = end or len(held)
        if cut:
            block, held = held[:cut], held[cut:]
            yield Block(block, offset, line)
            offset += len(block)
            line += block.count(b"\n")


def _read(source: Iterator[bytes], size: int) -> tuple[bytes, Damage | None]:
    """Bytes, none at the end, and why there are no more of them."""
    found: list[bytes] = []
    left = size
    try:
        for piece in source:
            found.append(piece)
            left -= len(piece)
            if left <= 0:
                break
    except Damage as damage:
        return b"".join(found), damage
    return b"".join(found), None
