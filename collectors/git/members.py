"""The files of a source archive, read one after another and never unpacked to disk.

Formats: tar (plain, gzip, bzip2, xz, zstd), zip, and what is one of these: sdist and wheel.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILES = 1_000_000
MAX_BYTES = 16 << 30
"""Bytes of all files of an archive together, unpacked."""
MAX_HEADER = 16 << 20
"""Bytes that are read at a time: a header that claims more is none."""
SMALL = 8 << 20
"""Bytes of a file that is kept in memory, to look for its other forms."""
_CHUNK = 1 << 20
_LOCAL = struct.Struct("<26xHH")
"""What stands before a file in a zip file, with the lengths of its name and extra field."""
_END = struct.Struct("<20xH")
"""The end of a zip file's directory, with the length of the comment behind it (APPNOTE, 4.3)."""
_MEMORY = 256 << 20
"""Bytes that unpacking may take, whatever a packed file asks for."""
ERRORS = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, zlib.error, struct.error,
)  # fmt: skip
"""What the readers raise over bytes that are no archive, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file, or a link as its target's text."""

    path: str
    """As the archive has it."""
    sha1: str
    """Name that git gives to such a file, by SHA-1."""
    sha256: str
    """The same by SHA-256, as a repository of that format names it."""
    digest: str
    """SHA-256 of its bytes."""
    content: bytes | None
    """Where it is small."""


@dataclass(frozen=True, slots=True)
class Odd:
    """What is no file, folder or link that can be read: it is told of, and left out."""

    what: str


def read(path: Path) -> Iterator[Member | Odd | str]:
    """Files in order; a text is the commit that the archive says it was made of.

    Raises:
        ERRORS: it is no archive, or is damaged from here on.
    """
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(b"PK"):
            yield from _zip(file)
            return
        packed = next((one for magic, one in _PACKED.items() if head.startswith(magic)), None)
        stream = packed(file) if packed else file
        yield from _tar(cast("IO[bytes]", _Bounded(stream)))


class _Xz(io.RawIOBase):
    """As :class:`lzma.LZMAFile`, which would give a file all the memory that it asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._own = lzma.LZMADecompressor(memlimit=_MEMORY)

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; none at the end of the first stream."""
        out = b""
        while not out and not self._own.eof:
            more = self._file.read(_CHUNK) if self._own.needs_input else b""
            if self._own.needs_input and not more:
                raise EOFError("packed data that end within a stream")
            out = self._own.decompress(more, size)
        return out


def _zstd(file: IO[bytes]) -> IO[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=_MEMORY).stream_reader(file)
    return cast("IO[bytes]", reader)


_PACKED: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast("IO[bytes]", bz2.BZ2File(file)),
    b"\xfd7zXZ\x00": lambda file: cast("IO[bytes]", _Xz(file)),
    b"\x28\xb5\x2f\xfd": _zstd,
}


class _Bounded:
    """A stream that is read once from its start on, and never for more at a time than fits.

    tarfile looks back one byte, before each header, and never farther.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._at = 0
        self._last = b""
        self._again = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise ValueError(f"a header that is {size} bytes long")
        data, self._again = self._again[:size], self._again[size:]
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        self._at += len(data)
        self._last = data[-1:] or self._last
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> int:
        if offset == self._at - 1 and not self._again:
            self._again, self._at = self._last, offset
        elif offset < self._at:
            raise ValueError("an archive that has to be read backwards")
        while self._at < offset and self.read(min(offset - self._at, _CHUNK)):
            pass
        return self._at


def _tar(file: IO[bytes]) -> Iterator[Member | Odd | str]:
    counter = _Counter()
    known: dict[str, Member] = {}
    with tarfile.open(fileobj=file, mode="r:") as archive:
        # git writes the commit's name as a comment in front of all (git-archive(1)).
        if comment := archive.pax_headers.get("comment"):
            yield str(comment)
        for info in archive:
            one = _of_tar(archive, info, known, counter)
            if one is not None:
                known[info.name] = replace(one, content=None)
                yield one
            elif info.islnk():
                yield Odd(f"{_name(info)[:200]!r}, a link to a file that does not stand before it")
            elif not info.isdir():
                yield Odd(f"{_name(info)[:200]!r}, a device, a pipe or another special file")
            archive.members = []  # type: ignore[attr-defined]  # it keeps every header otherwise
    # tarfile ends at the first empty block; some programs go on to the next file.
    while more := file.read(_CHUNK):
        counter.add(len(more))
        if more.strip(b"\0"):
            yield Odd("bytes behind the archive's end, which some programs read as more files")
            return


def _name(info: tarfile.TarInfo) -> str:
    """A path as text: bytes that are no UTF-8 as a tree's are shown."""
    return info.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _of_tar(
    archive: tarfile.TarFile, info: tarfile.TarInfo, known: dict[str, Member], counter: _Counter
) -> Member | None:
    if info.issym():
        target = info.linkname.encode("utf-8", "surrogateescape")
        return _member(_name(info), io.BytesIO(target), counter, len(target))
    if info.islnk() and info.linkname in known:
        return replace(known[info.linkname], path=_name(info))
    data = archive.extractfile(info) if info.isreg() else None
    return None if data is None else _member(_name(info), data, counter, info.size)


def _zip(file: IO[bytes]) -> Iterator[Member | Odd | str]:
    counter = _Counter()
    with zipfile.ZipFile(file) as archive:
        if archive.comment:
            yield archive.comment.decode("ascii", "backslashreplace")
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as data:
                    yield _member(info.filename, data, counter, info.file_size)
        if _hides(file, archive):
            yield Odd("bytes between or behind the files of its directory, which some programs read"
                      " as more files")  # fmt: skip


def _hides(file: IO[bytes], archive: zipfile.ZipFile) -> bool:
    """Whether a zip file has room for files that its directory does not list.

    Programs that read a zip file from its start go by what stands before each file, and others by
    the directory at its end (PyPI, "Preventing ZIP parser confusion attacks on Python package
    installers", 2025).
    """
    at = 0
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.header_offset - at >= _LOCAL.size:
            return True
        file.seek(info.header_offset)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size:
            return True
        name, extra = _LOCAL.unpack(head)
        at = max(at, info.header_offset + _LOCAL.size + name + extra + info.compress_size)
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - 0xFFFF))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    (comment,) = _END.unpack_from(tail, end)
    return archive.start_dir - at >= _LOCAL.size or len(tail) != end + _END.size + comment


class _Counter:
    """Files and bytes so far."""

    def __init__(self) -> None:
        self.files = self.bytes = 0

    def add(self, size: int, files: int = 0) -> None:
        self.files += files
        self.bytes += size
        if self.files > MAX_FILES or self.bytes > MAX_BYTES:
            raise ValueError(f"more than {MAX_FILES} files or {MAX_BYTES} bytes")


def _member(path: str, data: IO[bytes], counter: _Counter, size: int) -> Member:
    """Hash a file as git does, whose header gives its size before its bytes."""
    head = f"blob {size}\0".encode()
    # SHA-1 is git's naming of objects here, not our protection.
    own = [hashlib.sha1(head), hashlib.sha256(head), hashlib.sha256()]  # noqa: S324
    counter.add(0, 1)
    count, kept = 0, bytearray()
    while chunk := data.read(_CHUNK):
        counter.add(len(chunk))
        count += len(chunk)
        for one in own:
            one.update(chunk)
        if count <= SMALL:
            kept += chunk
    if count != size:
        raise ValueError(f"{count} bytes of {path!r}, which is to have {size}")
    content = bytes(kept) if count <= SMALL else None
    by_sha1, by_sha256, digest = (one.hexdigest() for one in own)
    return Member(path, by_sha1, by_sha256, digest, content)
