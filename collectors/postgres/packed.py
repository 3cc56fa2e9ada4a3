"""Packed files, opened by what they hold and not by what they are called: gzip, zstd, lz4.

Only the first bytes decide; a name such as ``base.tar.gz`` is a claim. What unpacks to more than
is wanted is the reader's affair: it is read in pieces, and never held whole.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from recon.errors import BadInputError

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_UNREAD = {b"BZh": ("bzip2", "bunzip2 -c"), b"\xfd7zXZ": ("xz", "unxz -c")}
_HEAD = 8


def packing(head: bytes) -> str | None:
    """``gzip``, ``zstd`` or ``lz4`` by a file's first bytes; None: none of them."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


@contextmanager
def unpacked(path: Path, where: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked while they are read, front to back.

    Raises:
        BadInputError: damaged or cut off (when read), or packed in another way.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        for magic, (name, command) in _UNREAD.items():
            if head.startswith(magic):
                todo = f"unpack a copy with `{command}` and give that"
                raise BadInputError("plain bytes, gzip, zstd or lz4", name, where, todo)
        try:
            with _opened(file, packing(head)) as stream:
                yield stream
        except _errors() as error:
            raise BadInputError(
                "a packed file that is whole", str(error) or "its end", where, "copy it again"
            ) from error


@contextmanager
def _opened(file: BinaryIO, how: str | None) -> Iterator[BinaryIO]:
    match how:
        case "gzip":
            with gzip.open(file, "rb") as stream:
                yield cast("BinaryIO", stream)
        case "zstd":
            import zstandard

            # pg_basebackup may write several frames (workers=…).
            unpacker = zstandard.ZstdDecompressor()
            with unpacker.stream_reader(file, read_across_frames=True, closefd=False) as stream:
                yield cast("BinaryIO", stream)
        case "lz4":
            import lz4.frame

            with lz4.frame.open(file, "rb") as stream:
                yield cast("BinaryIO", stream)
        case _:
            yield file


def _errors() -> tuple[type[Exception], ...]:
    import zstandard

    # lz4 raises RuntimeError for a damaged frame.
    return (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError, RuntimeError)
