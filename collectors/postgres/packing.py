"""Packed bytes as a stream of plain ones: gzip, zstd, lz4, bzip2 and xz, told by their first bytes.

Only those decide: a name such as ``base.tar.gz`` is a claim.

Memory is bounded whatever the bytes say of themselves: pieces are at most 1 MiB long (of zstd,
what 512 packed bytes can hold), and windows as large as the ``zstd`` program's own limit.
How much may come out is for the caller to bound, who stops asking.

Signatures: RFC 1952 (gzip), RFC 8878 (zstd), lz4_Frame_format.md (lz4, its legacy format too),
bzip2's and xz's file formats. A member of gzip, bzip2 or xz, or a frame of zstd or lz4, may be
followed by others; what follows and is none is said with its place.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from collectors.postgres.decoders import PackedError, decoder, decompress
from recon.errors import BadInputError

_CHUNK = 1 << 16
_ZSTD_CHUNK = 512
"""A block of 4 bytes can hold 128 KiB, and the library gives all of what it was fed for."""
HEAD = 8
"""Bytes that tell a packing, or what is told and not read."""
_SKIPPABLE = tuple(bytes([number]) + b"\x2a\x4d\x18" for number in range(0x50, 0x60))


@dataclass(frozen=True, slots=True)
class Packing:
    """One way to pack a file."""

    name: str
    command: str
    """The stock command that unpacks to standard output; the file's name follows it."""
    suffix: str
    signatures: tuple[bytes, ...]
    more: tuple[bytes, ...]
    """What else may begin a frame after the first."""
    chunk: int = _CHUNK


GZIP = Packing("gzip", "gzip -dc", ".gz", (b"\x1f\x8b",), ())
ZSTD = Packing("zstd", "zstd -dc", ".zst", (b"\x28\xb5\x2f\xfd",), _SKIPPABLE, _ZSTD_CHUNK)
LZ4 = Packing("lz4", "lz4 -dc", ".lz4", (b"\x04\x22\x4d\x18",), _SKIPPABLE)
BZIP2 = Packing("bzip2", "bzip2 -dc", ".bz2", (b"BZh",), ())
XZ = Packing("xz", "xz -dc", ".xz", (b"\xfd7zXZ\0",), ())
PACKINGS = (GZIP, ZSTD, LZ4, BZIP2, XZ)
BY_SUFFIX = {one.suffix: one for one in PACKINGS}

UNREAD = {
    b"\x02\x21\x4c\x18": "lz4's legacy format, which is not read: unpack a copy with `lz4 -dc`",
    b"Salted__": "bytes encrypted as `openssl enc` and pgBackRest's repo-cipher do; not read: "
    "decrypt a copy with their key",
    b"\x89LZO": "lzop-packed bytes, which are not read: unpack a copy with `lzop -dc`",
}
"""First bytes of what is told and not read, and what to do."""
UNREAD_SUFFIXES = {
    ".br": "bytes that its name says brotli packed, which is not read: unpack a copy with "
    "`brotli -dc`",
    ".lzo": "bytes that its name says lzop packed, which is not read: unpack a copy with "
    "`lzop -dc`",
    ".lzma": "bytes that its name says lzma packed, which is not read: unpack a copy with "
    "`xz -dc --format=lzma`",
}


def packing_of(head: bytes) -> Packing | None:
    """Which packing a file's first :data:`HEAD` bytes are of; None: none that is read."""
    return next((one for one in PACKINGS if head.startswith(one.signatures)), None)


def unread(head: bytes) -> str | None:
    """What the first bytes are of, where it is known and not read."""
    return next((what for start, what in UNREAD.items() if head.startswith(start)), None)


def packing_at(path: Path) -> Packing | None:
    """Which packing a file is of, by its first bytes."""
    with path.open("rb") as file:
        return packing_of(file.read(HEAD))


@contextmanager
def unpacked(path: Path, where: str) -> Iterator[BinaryIO]:
    """A file's plain bytes, whether it is packed or not, front to back.

    Raises:
        BadInputError: damaged or cut off (when read), or packed in a way that is not read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        if told := unread(head):
            raise BadInputError("plain bytes, or packed by gzip, zstd or lz4", told, where)
        how = packing_of(head)
        if how is None:
            yield file
        else:
            with opened(file, how, where) as plain:
                yield plain


def beginning(path: Path, size: int) -> bytes:
    """The first ``size`` plain bytes; none where they cannot be unpacked.

    What is told and not read stays as it is: whoever reads it can name it (:func:`unread`).
    """
    with path.open("rb") as file:
        how = packing_of(file.read(HEAD))
        file.seek(0)
        try:
            return (opened(file, how) if how else file).read(size)
        except BadInputError:
            return b""


def stream(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """The plain bytes, in pieces.

    Raises:
        PackedError: after the pieces that came before it.
    """
    rest = file.read(packing.chunk)
    starts = packing.signatures
    taken = 0
    while True:
        while 0 < len(rest) < HEAD and (more := file.read(HEAD)):
            rest += more
        if not rest:
            return
        if not rest.startswith(starts):
            size = file.seek(0, 2) - taken
            raise PackedError(
                f"{size} other byte(s) behind the end of what is packed, from byte {taken}",
                whole=True,
            )
        inner = decoder(packing.name)
        fed = rest
        taken += len(fed)
        while not inner.eof:
            piece = decompress(inner, fed, packing.name, taken)
            if piece:
                yield piece
                fed = b""
                if packing is not ZSTD and not inner.eof:
                    continue  # it may hold more than one piece of what it was fed
            if inner.eof:
                break
            fed = file.read(packing.chunk)
            if not fed:
                raise PackedError(f"its end, after {taken} bytes, within what is packed")
            taken += len(fed)
        rest = bytes(inner.unused_data or b"")
        taken -= len(rest)
        rest += file.read(packing.chunk)
        starts = packing.signatures + packing.more


def opened(file: BinaryIO, packing: Packing, where: str = "", *, own: bool = False) -> BinaryIO:
    """The plain bytes as a file that is read front to back; ``file`` is closed with it if ``own``.

    Reading it raises BadInputError where the bytes are not what their packing promises.
    """
    return io.BufferedReader(_Unpacked(stream(file, packing), where, file if own else None))


class _Unpacked(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes], where: str, own: BinaryIO | None) -> None:
        self._pieces = pieces
        self._where = where
        self._own = own
        self._rest = memoryview(b"")

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (any writable buffer)
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
                if not self._rest:
                    return 0
        except PackedError as error:
            raise BadInputError(
                "a packed file that is whole", str(error), self._where, "copy it again"
            ) from error
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
