"""Objects as ``git cat-file --batch`` prints them: ``NAME TYPE SIZE``, a line feed, bytes, another.

The sizes alone say where a record ends: a commit message can hold what looks like a header.
git-cat-file(1), BATCH OUTPUT. The name of an object is the hash of
``TYPE SIZE``, a zero byte and its bytes (git user manual, "Object storage format").
"""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HEADER = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (commit|tag|tree|blob) (0|[1-9][0-9]{0,15})\n")
GONE = "missing"
"""Type of a record that is none: git's word for a name that it has nothing for."""
SHA1 = 40
"""Digits of a name in a repository of the usual format."""
MISSING = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) missing\n")
MAX_OBJECT = 9_999_999
"""Bytes of the largest commit or tag that is read. The largest honest ones hold a few thousand
parents or a long message: under a megabyte."""
_WHOLE = 256 << 20
_FEED = ord("\n")
_DIGITS = 15
_HEADER_BYTES = 64 + 1 + 6 + 1 + 16 + 1

Buffer = bytes | mmap.mmap


class Record(NamedTuple):
    """Where an object stands in an item."""

    name: str
    type: str
    """``commit``, ``tag`` … or :data:`GONE`."""
    start: int
    """Offset of its first byte."""
    end: int


class BrokenError(ValueError):
    """The bytes are no sequence of records. ``args``: what was expected, at which offset."""


@contextmanager
def opened(path: Path) -> Iterator[Buffer]:
    """An item's bytes: read where they are few, mapped where they are many."""
    if path.stat().st_size <= _WHOLE:
        yield path.read_bytes()
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def walk(data: Buffer, at: int = 0) -> Iterator[Record]:
    """The records from an offset on, in order.

    Raises:
        BrokenError: from the offset where they end too early or are none.
    """
    size = len(data)
    match = HEADER.match
    # A loop over objects: each says only where the next begins.
    while at < size:
        header = match(data, at, at + _HEADER_BYTES)
        if header is None:
            missing = MISSING.match(data, at, at + _HEADER_BYTES)
            if missing is None:
                raise BrokenError("a header NAME TYPE SIZE", at)
            yield Record(missing[1].decode(), GONE, missing.end(), missing.end())
            at = missing.end()
            continue
        start = header.end()
        end = start + int(header[3])
        if end >= size or data[end] != _FEED:
            raise BrokenError("an object of the size that its header gives", at)
        yield Record(header[1].decode(), header[2].decode(), start, end)
        at = end + 1


def regular(data: Buffer, at: int, names: list[str], types: list[str], texts: list[str]) -> int:
    """Append names, types and texts of objects for as long as nothing is odd about them.

    Returns the offset of the first that does not hash to its name, is no UTF-8, or has another
    hash than SHA-1: :func:`walk` says what it is. This loop is what reading a repository costs,
    and so has no function calls of ours in it.
    """
    size = len(data)
    find, sha1, behind = data.find, hashlib.sha1, SHA1 + 1
    # By what stands behind a name: most objects are as long as others before them.
    heads: dict[bytes, tuple[str, int, bytes]] = {}
    while at < size:
        feed = find(b"\n", at, at + _HEADER_BYTES)
        rest = data[at + behind : feed]
        head = heads.get(rest)
        if head is None:
            word, _, number = rest.partition(b" ")
            if feed < 0 or len(number) > _DIGITS or not number.isdigit() or not word.isascii():
                break
            head = heads[rest] = (word.decode(), int(number), rest + b"\0")
        kind, length, first = head
        start = feed + 1
        end = start + length
        content = data[start:end]
        said = sha1(first + content).hexdigest()
        if data[at : at + behind] != b"%b " % said.encode() or data[end : end + 1] != b"\n":
            break
        try:
            text = content.decode()
        except UnicodeDecodeError:
            break
        names.append(said)
        types.append(kind)
        texts.append(text)
        at = end + 1
    return at


def name_of(kind: str, content: bytes, length: int) -> str:
    """The name that git gives to an object: of 40 digits by SHA-1, of 64 by SHA-256."""
    # SHA-1 here is git's naming of objects, not our protection.
    algorithm = hashlib.sha1 if length == SHA1 else hashlib.sha256
    return algorithm(f"{kind} {len(content)}\0".encode() + content).hexdigest()


_TEXTS = {
    name.lower(): codec
    for codec, names in {
        "iso8859-1": ("ISO-8859-1", "ISO8859-1", "latin1", "latin-1"),
        "iso8859-2": ("ISO-8859-2",),
        "iso8859-15": ("ISO-8859-15",),
        "cp1250": ("cp1250", "windows-1250"),
        "cp1251": ("cp1251", "windows-1251"),
        "cp1252": ("cp1252", "windows-1252"),
        "koi8-r": ("KOI8-R",),
        "euc_jp": ("EUC-JP", "eucJP"),
        "shift_jis": ("Shift_JIS", "SJIS"),
        "euc_kr": ("EUC-KR",),
        "gbk": ("GBK", "GB2312", "CP936"),
        "gb18030": ("GB18030",),
        "big5": ("Big5",),
    }.items()
    for name in names
}
"""Encodings that commits declare and Python reads. A name of the evidence chooses among these."""
_ENCODING = re.compile(rb"^encoding ([!-~]{1,40})$", re.MULTILINE)


def text_of(data: bytes) -> str:
    """The object's text: UTF-8, or as it declares; other bytes as backslash, x and two digits."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _ENCODING.search(data[: data.find(b"\n\n") + 1])
    codec = _TEXTS.get(declared[1].decode().lower()) if declared else None
    if codec is not None:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            pass
    return data.decode("utf-8", "backslashreplace")
