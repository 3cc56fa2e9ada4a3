"""What a log's bytes say of the log itself: what was appended, rotated, or written over.

A log that is acquired twice should begin as it did. Whether it does is told by hash: an item's
name is the SHA-256 of its bytes, and the same number of bytes of a later item either has that hash
or has not. What an earlier item holds is then not read a second time, so that a line keeps the
place at which it was first met.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from recon.collector import Item, Items, Warn

if TYPE_CHECKING:
    from recon.collector import Sha256

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """The start of an item that an earlier one holds."""

    size: int = 0
    """Bytes, up to the end of a line."""
    lines: int = 0
    first: Sha256 | None = None
    """The item in which the log was first met: its lines make one stream with what was appended."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A log that no longer begins as it did."""

    before: Item
    after: Item
    line: int
    """The first line that differs, or is not there any more."""
    cut: bool
    """Whether what is there is as it was, and only ends earlier."""


def in_order(logs: Sequence[Item]) -> list[Item]:
    """As they were acquired: earlier acquisitions first, shorter parts first."""
    return sorted(logs, key=lambda item: (item.acquisition, item.size, item.native, item.sha256))


def known(logs: Sequence[Item], items: Items) -> dict[tuple[Sha256, str], Known]:
    """By hash and native locator: the start that the longest earlier item holds."""
    ordered = in_order(logs)
    firsts: dict[Sha256, Sha256] = {}
    out: dict[tuple[Sha256, str], Known] = {}
    for at, item in enumerate(ordered):
        earlier = [
            one
            for one in ordered[:at]
            if 0 < one.size <= item.size
            and (one.acquisition < item.acquisition or one.sha256 == item.sha256)
        ]
        same = _longest(items.path(item), earlier)
        if same is None:
            out[item.sha256, item.native] = Known()
            continue
        first = firsts.get(same.sha256, same.sha256)
        firsts.setdefault(item.sha256, first)
        size, lines = _whole_lines(items.path(same))
        out[item.sha256, item.native] = Known(size, lines, first)
    return out


def rewritten(logs: Sequence[Item], items: Items) -> Iterator[Rewritten]:
    """Logs that no longer begin as they did, and that no other file of then goes on with."""
    by_native: dict[str, list[Item]] = {}
    for item in in_order(logs):
        by_native.setdefault(item.native, []).append(item)
    for native in sorted(by_native):
        versions = by_native[native]
        for before, after in pairwise(versions):
            # A rotated log lives on under another name.
            others = [one for one in logs if one.acquisition >= after.acquisition]
            if before.size == 0 or any(_begins(items, one, before) for one in others):
                continue
            at, line = _differs(items.path(before), items.path(after))
            yield Rewritten(before, after, line, cut=at == after.size)


def said(one: Rewritten) -> Warn:
    """A rewritten log in words."""
    then = f"acquisition {one.before.acquisition} (item {one.before.sha256[:16]})"
    if one.cut:
        text = (
            f"expected the log to go on at least to where it went in {then}; found it to end before"
            f" line {one.line} of then: its end was taken away"
        )
    else:
        text = (
            f"expected the log to begin as in {then}; found other bytes from line {one.line} on:"
            " lines were written over, or the log was begun anew and its earlier part is in no file"
            " of the source"
        )
    return Warn(one.after.sha256, "" if one.cut else f"line {one.line}", text)


def _begins(items: Items, item: Item, start: Item) -> bool:
    if item.size < start.size:
        return False
    return item.sha256 == start.sha256 or _longest(items.path(item), [start]) is not None


def _longest(path: Path, earlier: Sequence[Item]) -> Item | None:
    """The longest of the items with which a file begins, in one pass over it."""
    best = None
    digest = hashlib.sha256()
    at = 0
    with path.open("rb") as file:
        for one in sorted(earlier, key=lambda item: item.size):
            while at < one.size:
                block = file.read(min(_BLOCK, one.size - at))
                if not block:
                    return best
                digest.update(block)
                at += len(block)
            if digest.copy().hexdigest() == one.sha256:
                best = one
    return best


def _whole_lines(path: Path) -> tuple[int, int]:
    """Bytes and number of the lines of a file that have an end."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        size = data.rfind(b"\n") + 1
        lines = sum(data[at : min(at + _BLOCK, size)].count(b"\n") for at in range(0, size, _BLOCK))
    return size, lines


def _differs(before: Path, after: Path) -> tuple[int, int]:
    """The first byte in which two files differ, from 0, and its line, from 1."""
    at, line = 0, 1
    with before.open("rb") as first, after.open("rb") as second:
        while True:
            one, two = first.read(_BLOCK), second.read(_BLOCK)
            if one == two and one:
                at, line = at + len(one), line + one.count(b"\n")
                continue
            shared = min(len(one), len(two))
            while one[:shared] != two[:shared]:  # halved until alike, then grown by single bytes
                shared //= 2
            while shared < min(len(one), len(two)) and one[shared] == two[shared]:
                shared += 1
            return at + shared, line + one.count(b"\n", 0, shared)
