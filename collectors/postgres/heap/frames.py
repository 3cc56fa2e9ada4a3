"""Bytes of pages by key in a temporary file, each written over where it stands.

Those of :data:`_REGION` pages that follow each other stand side by side, so that memory grows by
one entry for so many. The file has holes: it takes room for what was written to it alone.
"""

from __future__ import annotations

import errno
import os
import tempfile
from typing import IO

from collectors.postgres.scratch import root

_REGION = 1024
_LENGTH = 4
"""Bytes in front of each page's own, which say how many these are; 0: there is nothing."""
_BLOCK = 4096
"""What file systems give room by."""
_USUAL = 16_384
"""Bytes that are read at once."""


class Frames:
    """Bytes by key: index of a file times 2^32, and block. Close it when done."""

    __slots__ = ("_file", "_regions", "_stride", "_used")

    def __init__(self, size: int) -> None:
        """``size``: bytes of one page, at most."""
        self._stride = -(-(size + _LENGTH) // _BLOCK) * _BLOCK
        self._regions: dict[int, int] = {}
        self._used = 0
        self._file: IO[bytes] | None = None

    def get(self, key: int) -> bytes:
        """What was put there; nothing if nothing was."""
        region = self._regions.get(key // _REGION)
        if region is None or self._file is None:
            return b""
        file, place = self._file.fileno(), self._place(region, key)
        data = os.pread(file, min(self._stride, _USUAL), place)
        size = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
        if size > len(data) > _LENGTH:
            data += os.pread(file, size - len(data), place + len(data))
        return data[_LENGTH:size]

    def put(self, key: int, data: bytes) -> None:
        """In place of what was put there before.

        Raises:
            OSError: the disk is full.
        """
        region = self._regions.get(key // _REGION)
        if region is None:
            region = self._regions[key // _REGION] = self._used
            self._used += 1
        self._write(self._place(region, key), len(data).to_bytes(_LENGTH, "little") + data)

    def drop(self, low: int, high: int) -> None:
        """What was put for keys from ``low`` up to ``high``."""
        for number in [one for one in self._regions if low < (one + 1) * _REGION <= high + _REGION]:
            first = number * _REGION
            if low <= first and first + _REGION <= high:
                # Its place in the file is not given to others: their holes must be empty.
                del self._regions[number]
                continue
            for key in range(max(low, first), min(high, first + _REGION)):
                if self.get(key):
                    self._write(self._place(self._regions[number], key), bytes(_LENGTH))

    def clear(self) -> None:
        """All of it."""
        self._regions.clear()
        self._used = 0
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Remove the file."""
        self._regions.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _place(self, region: int, key: int) -> int:
        return (region * _REGION + key % _REGION) * self._stride

    def _write(self, place: int, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="recon-heap-", dir=root())  # noqa: SIM115  (closed below)
        if os.pwrite(self._file.fileno(), data, place) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "temporary file of pages")
