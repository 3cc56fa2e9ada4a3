"""One record of a log, as it stands in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.collector import Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from recon.collector import Item, Items, Source

_LINE = re.compile(r"line ([1-9][0-9]{0,11})")
_BYTES = re.compile(r"bytes ([1-9][0-9]{0,14})-([1-9][0-9]{0,14})")
_SHOWN = 1 << 20
"""Bytes of one record that are quoted."""


def find(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """One line without its line end, or the bytes of a record that is none.

    Raises:
        BadInputError: the file has no such line, or not so many bytes.
    """
    del source
    path = items.path(item)
    if not citation:
        with path.open("rb") as file:
            feeds = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        text = f"{item.native}: {item.size} bytes, {feeds} line feeds"
        return Quote(text, "wc -lc ITEM", verbatim=False)
    found = None
    if match := _LINE.fullmatch(citation):
        found = _line(path, int(match[1]))
    elif match := _BYTES.fullmatch(citation):
        found = _bytes(path, int(match[1]), int(match[2]), item.size)
    if found is None:
        raise BadInputError(
            "a record of the log",
            repr(citation),
            f"item {item.sha256[:16]}",
            "cite as `line N` or `bytes A-B`",
        )
    return found


def _line(path: Path, number: int) -> Quote | None:
    at = 1
    with path.open("rb") as file:
        # In pieces, as a line may be as long as the file.
        while piece := file.readline(_SHOWN):
            if at == number:
                text = piece.removesuffix(b"\n").removesuffix(b"\r")
                whole = piece.endswith(b"\n") or not file.read(1)
                cut = "" if whole else f" | head -c {_SHOWN}"
                return _quoted(text, f"sed -n {number}p ITEM{cut}")
            at += piece.endswith(b"\n")
    return None


def _bytes(path: Path, first: int, last: int, size: int) -> Quote | None:
    if not first <= last <= size:
        return None
    with path.open("rb") as file:
        file.seek(first - 1)
        data = file.read(min(last - first + 1, _SHOWN))
    return _quoted(data, f"head -c {last} ITEM | tail -c +{first}")


def _quoted(data: bytes, how: str) -> Quote:
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)
