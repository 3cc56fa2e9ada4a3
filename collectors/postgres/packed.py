"""Packed files, opened by what they hold and not by what they are called.

Only the first bytes decide; a name such as ``base.tar.gz`` is a claim. What unpacks to more than
is wanted is the reader's affair: it is read in pieces, and never held whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from collectors.postgres.packing import opened, packing_of, unread
from recon.errors import BadInputError

_HEAD = 16


def packing(head: bytes) -> str | None:
    """``gzip``, ``zstd``, ``lz4`` … by a file's first bytes; None: none of them."""
    found = packing_of(head)
    return found.name if found else None


@contextmanager
def unpacked(path: Path, where: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked while they are read, front to back.

    Raises:
        BadInputError: damaged or cut off (when read), or packed in a way that is not read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        if told := unread(head):
            raise BadInputError("plain bytes, or packed by gzip, zstd or lz4", told, where)
        how = packing_of(head)
        if how is None:
            yield file
            return
        with opened(file, how, where) as stream:
            yield stream
