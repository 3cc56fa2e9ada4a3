"""The libraries that unpack, behind one shape, and bounded in memory and in what comes at once."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

PIECE = 1 << 20
"""Bytes of plain text at most that come at once."""
_MEMORY = 1 << 27
"""Window of zstd, and memory of xz: 128 MiB, what ``zstd -d`` allows by itself."""


class PackedError(Exception):
    """The bytes are not what their packing promises; what came out before stands.

    ``whole``: everything that was packed came out and matched its checksum; what is wrong follows.
    """

    def __init__(self, message: str, *, whole: bool = False) -> None:
        super().__init__(message)
        self.whole = whole


class Decoder(Protocol):
    """One member or frame being unpacked."""

    eof: bool
    """Whether its end was reached."""

    @property
    def unused_data(self) -> bytes:
        """What was fed and lies behind the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Feed it; plain bytes."""


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, _: int) -> bytes:
        return bytes(self._inner.decompress(data)) if data else b""


def _lz4() -> Any:  # noqa: ANN401  (the library has no types)
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


_MAKERS: dict[str, Callable[[], Any]] = {
    "gzip": _Gzip,
    "zstd": _Zstd,
    "lz4": _lz4,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY),
}


def decoder(name: str) -> Decoder:
    """A new one for the packing of that name."""
    made: Decoder = _MAKERS[name]()
    return made


def decompress(into: Decoder, data: bytes, name: str, taken: int) -> bytes:
    """At most :data:`PIECE` plain bytes. ``name``: of the packing; ``taken``: bytes it was fed.

    Raises:
        PackedError: the bytes are not what they should be.
    """
    import zstandard

    errors = (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError, MemoryError)
    try:
        return into.decompress(data, PIECE)
    except (*errors, zstandard.ZstdError) as error:
        where = f"within its first {taken} bytes"
        raise PackedError(f"{name} that cannot be unpacked {where}: {error}") from error
