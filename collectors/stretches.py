"""A file of lines in stretches that memory has room for, each up to the end of a line."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FEED = ord("\n")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines of a file."""

    raw: bytes | None
    """Without the last line feed, and what was asked for behind it; None where one line is too long
    to be read."""
    start: int
    size: int
    ended: bool

    @property
    def last(self) -> int:
        """Where the last line ends."""
        return self.size - self.ended


def stretches(path: Path, chunk: int, start: int, more: int = 0) -> Iterator[Stretch]:
    """Lines from a byte on, and with each stretch some bytes ``more``, whatever they are."""
    if path.stat().st_size <= start:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bytes_:
        while start < len(bytes_):
            cut = bytes_.rfind(b"\n", start, start + chunk) + 1
            if cut == 0:  # one line is longer than a chunk
                cut = bytes_.find(b"\n", start + chunk) + 1 or len(bytes_)
            elif start + chunk >= len(bytes_):
                cut = len(bytes_)
            ended = bytes_[cut - 1] == _FEED
            raw = None
            if cut - start <= chunk:
                end = cut - ended + more
                raw = bytes_[start:end]
                raw += bytes(end - start - len(raw))
            yield Stretch(raw, start, cut - start, ended)
            start = cut
            # What was read is let go: a large file would count as memory of ours.
            bytes_.madvise(mmap.MADV_DONTNEED)
