"""Tar archives from hostile hands, member by member, front to back, in little memory.

The standard library's reader holds a whole extended header in memory, whatever its size, and
follows what an archive says of sparse files; here both have a bound. Nothing is ever written.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual,
"Basic Tar Format" (long names, numbers in base 256).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from recon.errors import BadInputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 512
MAX_EXTENDED = 1 << 20
"""Bytes of an extended header or a long name; a path has some thousand at most."""
_FILES = {b"0", b"\0", b"7"}
_FOLDER = b"5"
_OTHER = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"S": "a sparse file",
}
_CHUNK = 1 << 20
_AGAIN = "copy it again, or give the backup unpacked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the archive has it; nothing of it is to be believed."""

    name: str
    """As it stands there; bytes that are no UTF-8 as surrogate escapes."""
    what: str
    """``file``, ``folder``, or what else it is: ``a symbolic link to '/etc'``."""
    size: int
    """Bytes of its contents."""
    mode: int
    mtime: float
    """Seconds since 1970."""
    data: BinaryIO
    """Its contents; only until the next member is asked for."""


def entries(file: BinaryIO, where: str) -> Iterator[Entry]:
    """Members in their order.

    Raises:
        BadInputError: no tar, damaged, or cut off; what came before was given.
    """
    everywhere: dict[str, str] = {}
    own: dict[str, str] = {}
    while True:
        header = _exactly(file, BLOCK, where, "a header, or the two empty blocks of the end")
        if not header.strip(b"\0"):
            return
        _check(header, where)
        kind = header[156:157]
        size = _number(header[124:136], where)
        if kind in {b"x", b"g", b"L", b"K"}:
            text = _extended(file, size, where)
            match kind:
                case b"x":
                    own |= _pax(text, where)
                case b"g":
                    everywhere |= _pax(text, where)
                case b"L":
                    own["path"] = _text(text)
                case _:
                    own["linkpath"] = _text(text)
            continue
        said = everywhere | own
        own = {}
        if "size" in said:
            size = _decimal(said["size"], where)
        # Links and devices have no contents, whatever their size says.
        stored = 0 if (kind in _OTHER and kind != b"S") or kind == _FOLDER else size
        contents = _Contents(file, stored, where)
        yield Entry(
            name=said.get("path") or _name(header),
            what=_what(header, kind, said),
            size=stored,
            mode=_number(header[100:108], where) & 0o7777,
            mtime=_seconds(said.get("mtime"), _number(header[136:148], where)),
            data=io.BufferedReader(contents),
        )
        contents.skip()


class _Contents(io.RawIOBase):
    """The bytes of one member within the stream."""

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file = file
        self._left = size
        self._padding = -size % BLOCK
        self._where = where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._file.read(min(len(view), self._left))
        if not data and self._left:
            raise BadInputError("the end of a member", "the end of the file", self._where, _AGAIN)
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        """Left open: the stream goes on behind it."""

    def skip(self) -> None:
        """To the next header, over what nobody read."""
        left = self._left + self._padding
        self._left = self._padding = 0
        while left:
            data = self._file.read(min(left, _CHUNK))
            if not data:
                raise BadInputError(
                    "the end of a member", "the end of the file", self._where, _AGAIN
                )
            left -= len(data)


def _exactly(file: BinaryIO, size: int, where: str, expected: str) -> bytes:
    parts = []
    left = size
    while left:
        data = file.read(left)
        if not data:
            raise BadInputError(expected, "the end of the file", where, _AGAIN)
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def _check(header: bytes, where: str) -> None:
    # The checksum counts its own field as spaces.
    found = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
    try:
        stated = int(header[148:156].strip(b"\0 ") or b"-", 8)
    except ValueError:
        stated = -1
    if stated != found:
        raise BadInputError("a header of a tar archive", "a wrong checksum", where, _AGAIN)


def _number(field: bytes, where: str) -> int:
    """Octal, or binary in base 256 where the first bit is set."""
    if field[0] == 0x80:  # noqa: PLR2004  (its own mark)
        value = int.from_bytes(field[1:], "big")
    else:
        text = field.strip(b"\0 ")
        try:
            value = int(text, 8) if text else 0
        except ValueError:
            value = -1
    if not 0 <= value < 1 << 63:
        raise BadInputError("a number in a header of tar", repr(field), where, _AGAIN)
    return value


def _decimal(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004  (2⁶³ has 19)
        raise BadInputError("a size in a header of tar", repr(text[:80]), where, _AGAIN)
    return int(text)


def _seconds(text: str | None, other: int) -> float:
    try:
        return float(text) if text is not None else float(other)
    except ValueError:
        return float(other)


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _what(header: bytes, kind: bytes, said: dict[str, str]) -> str:
    if any(name.startswith("GNU.sparse.") for name in said):
        return _OTHER[b"S"]
    if kind in {b"1", b"2"}:
        return f"{_OTHER[kind]} to {said.get('linkpath') or _text(header[157:257])!r}"
    if kind == _FOLDER or (kind == b"\0" and _name(header).endswith("/")):
        return "folder"
    if kind in _FILES:
        return "file"
    return _OTHER.get(kind, f"a member of type {kind!r}")


def _extended(file: BinaryIO, size: int, where: str) -> bytes:
    if size > MAX_EXTENDED:
        raise BadInputError(
            f"an extended header of at most {MAX_EXTENDED} bytes", str(size), where, _AGAIN
        )
    text = _exactly(file, size, where, "an extended header")
    _exactly(file, -size % BLOCK, where, "an extended header")
    return text


def _pax(data: bytes, where: str) -> dict[str, str]:
    """Records of ``LENGTH KEY=VALUE`` and a newline; the length counts all of it."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        length, space, _ = data[at : at + 20].partition(b" ")
        end = at + int(length) if space and length.isdigit() else 0
        record = data[at + len(length) + 1 : end - 1]
        key, equals, value = record.partition(b"=")
        if not at < end <= len(data) or not equals:
            raise BadInputError("records of an extended header", repr(data[:80]), where, _AGAIN)
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        at = end
    return found
