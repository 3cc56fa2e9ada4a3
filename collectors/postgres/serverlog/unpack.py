"""A log's bytes, unpacked, in blocks that hold whole messages."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

BLOCK = 1 << 24
"""Bytes read at a time."""
MAX_HELD = 1 << 26
"""Bytes of one message; a longer one is read up to here."""
MAX_UNPACKED = 1 << 36
"""Bytes that a packed log may have: 64 GiB. A few kilobytes can be packed to say a terabyte."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


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


def packing(path: Path) -> str:
    """``gzip``, ``zstd``, or nothing, by the first bytes."""
    with path.open("rb") as file:
        head = file.read(4)
    return "gzip" if head.startswith(_GZIP) else "zstd" if head == _ZSTD else ""


def open_log(path: Path) -> BinaryIO:
    """The log's bytes, unpacked as they are read."""
    packed = packing(path)
    if packed == "gzip":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if packed == "zstd":
        import zstandard

        # A window of 128 MiB is the most that zstd's own program takes without being told.
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        return cast(
            "BinaryIO",
            decompressor.stream_reader(path.open("rb"), read_across_frames=True, closefd=True),
        )
    return path.open("rb")


def blocks(
    path: Path, hold: Callable[[bytes], int], size: int = BLOCK, most: int = MAX_HELD
) -> Iterator[Block]:
    """The log in blocks. ``hold`` gives the offset of the last message in some whole lines.

    Raises:
        Damage: what could be unpacked was given; the rest cannot be.
    """
    held = b""
    offset, line = 0, 1
    with open_log(path) as file:
        while True:
            data, problem = _read(file, size)
            if not data or problem:
                held += data
                if held:
                    yield Block(held, offset, line)
                problem = problem or _cut_short(path)
                if problem:
                    raise Damage(problem)
                return
            held += data
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


def _read(file: BinaryIO, size: int) -> tuple[bytes, str]:
    """Bytes, and why there are no more of them."""
    try:
        return file.read(size), ""
    except (EOFError, OSError, zlib.error) as error:
        return b"", str(error) or type(error).__name__
    except Exception as error:
        if type(error).__module__.startswith("zstandard"):
            return b"", str(error)
        raise


def _cut_short(path: Path) -> str:
    """Why a zstd file is no whole number of frames, which its library does not say; or nothing.

    RFC 8878, section 3.1.1: a frame is a header, blocks of which each says its size and whether it
    is the last, and a checksum where the header says so.
    """
    if packing(path) != "zstd":
        return ""
    import zstandard

    size = path.stat().st_size
    with path.open("rb") as file:
        while head := file.read(18):
            at = file.tell() - len(head)
            if len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:  # noqa: PLR2004  (a skippable frame, section 3.1.2)
                at += 8 + int.from_bytes(head[4:8], "little")
            else:
                try:
                    parameters = zstandard.get_frame_parameters(head)
                    at += zstandard.frame_header_size(head)
                except zstandard.ZstdError as error:
                    return str(error)
                last = False
                while not last:
                    file.seek(at)
                    block = int.from_bytes(file.read(3), "little")
                    last = bool(block & 1)
                    at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
                    if at > size:
                        return "the packed bytes end early"
                at += 4 if parameters.has_checksum else 0
            if at > size:
                return "the packed bytes end early"
            file.seek(at)
    return ""
