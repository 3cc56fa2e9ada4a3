"""Bytes by key in a temporary file, so that memory stays bounded whatever the archive's size."""

from __future__ import annotations

import tempfile
from typing import IO

from collectors.postgres.scratch import root


class Spool:
    """Appended to, and read at any place."""

    __slots__ = ("_end", "_file")

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0

    @property
    def size(self) -> int:
        """Bytes so far: where the next begin."""
        return self._end

    def put(self, data: bytes) -> tuple[int, int]:
        """Where it stands from now on: place and length."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="recon-heap-", dir=root())  # noqa: SIM115  (closed below)
        self._file.seek(self._end)
        self._file.write(data)
        place = self._end, len(data)
        self._end += len(data)
        return place

    def get(self, place: tuple[int, int]) -> bytes:
        """What was put there."""
        if self._file is None:
            return b""
        self._file.seek(place[0])
        return self._file.read(place[1])

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
