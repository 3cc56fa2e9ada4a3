"""Pages in memory, side by side in arrays: the bytes each was known by, and what records did since.

A tuple is 16 bytes of what is needed of its header, and its bytes from the null bitmap on:
``xmin u32, attributes u16, infomask u16, hoff u8, 3 unused, length u32``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

SIZE = 8192
"""Bytes of a page."""
LINES = 2048
"""Line pointers that a page can have; fewer are tuples."""
TUPLES = 291
"""Tuples that a page can have: ``MaxHeapTuplesPerPage`` of ``htup_details.h``."""
ROOM, USUAL = 32_752, 12_288
"""Bytes for the tuples that records wrote to a page: at most, and before they are moved together.
"""
PACKED = 5 + 2 * LINES + SIZE + ROOM
"""Bytes of a page that is packed, at most."""
HEAD = 16
LONGEST = 32_000
"""Bytes of a tuple, at most: no page holds a longer one."""
UNTOUCHED, NONE = -1, 0
"""Of a line: as the page's bytes say; no tuple that is known."""


class Slots(NamedTuple):
    """Room for so many pages. What stands in a slot that is not in use means nothing."""

    image: Bytes
    """The page's bytes, ``SIZE`` each."""
    whole: npt.NDArray[np.bool_]
    """Whether they are known."""
    lines: npt.NDArray[np.int16]
    """``LINES`` each: UNTOUCHED, NONE, or place among the tuples, from 1."""
    tuples: Bytes
    """``ROOM`` each."""
    used: npt.NDArray[np.int64]
    """Bytes of them."""
    limit: npt.NDArray[np.int64]
    """At how many bytes those that no line has any more are dropped."""


def slots(count: int) -> Slots:
    """Empty ones. Memory is taken as they are used."""
    return Slots(
        np.empty(count * SIZE, np.uint8),
        np.zeros(count, np.bool_),
        np.empty(count * LINES, np.int16),
        np.empty(count * ROOM, np.uint8),
        np.zeros(count, np.int64),
        np.full(count, USUAL, np.int64),
    )


def reset(of: Slots, slot: int, image: bytes | None = None) -> None:
    """A page of which nothing else is known."""
    of.whole[slot] = image is not None
    if image is not None:
        of.image[slot * SIZE : (slot + 1) * SIZE] = np.frombuffer(image, np.uint8)
    of.lines[slot * LINES : (slot + 1) * LINES] = UNTOUCHED
    of.used[slot], of.limit[slot] = 0, USUAL


def packed(of: Slots, slot: int) -> bytes:
    """A page as bytes, for :func:`unpack`."""
    image = of.image[slot * SIZE : (slot + 1) * SIZE] if of.whole[slot] else of.image[:0]
    lines = of.lines[slot * LINES : (slot + 1) * LINES]
    last = int(np.flatnonzero(np.append(True, lines != UNTOUCHED))[-1])
    tuples = of.tuples[slot * ROOM : slot * ROOM + int(of.used[slot])]
    return b"".join(
        (
            last.to_bytes(4, "little"),
            lines[:last].tobytes(),
            bytes([len(image) > 0]),
            image.tobytes(),
            tuples.tobytes(),
        )
    )


def unpack(of: Slots, slot: int, data: bytes) -> None:
    """The inverse of :func:`packed`."""
    last = int.from_bytes(data[:4], "little")
    at = 4 + 2 * last
    whole = data[at] == 1
    end = at + 1 + (SIZE if whole else 0)
    reset(of, slot, data[at + 1 : end] if whole else None)
    of.lines[slot * LINES : slot * LINES + last] = np.frombuffer(data[4:at], np.int16)
    of.used[slot] = len(data) - end
    of.tuples[slot * ROOM : slot * ROOM + len(data) - end] = np.frombuffer(data[end:], np.uint8)
