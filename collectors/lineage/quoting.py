"""From a citation back to the words of the source."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from collectors.lineage import documents, keys
from collectors.lineage.formats import mlflowdb
from recon.collector import Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from recon.collector import Item, Items, Source

_LINES = re.compile(r"lines? ([1-9][0-9]{0,11})(?:-([1-9][0-9]{0,11}))?")
_SHOWN = 1 << 20
"""Bytes that are quoted."""
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def find(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """Lines as they stand, the value at a JSON pointer, a row of a table.

    Raises:
        BadInputError: nothing is there.
    """
    del source
    path = items.path(item)
    if not citation:
        what = "key" if item.kind == keys.KEY else "file"
        return Quote(f"{what} {item.native}: {item.size} bytes", "wc -c ITEM", verbatim=False)
    found = None
    if match := _LINES.fullmatch(citation):
        found = _lines(path, int(match[1]), int(match[2] or match[1]))
    elif citation.startswith("table "):
        found = _row(path, citation)
    elif citation.startswith("/"):
        found = _pointed(path, citation)
    if found is None:
        raise BadInputError(
            "a record of the file",
            repr(citation),
            f"item {item.sha256[:16]}",
            "cite as `line N`, `lines A-B`, a JSON pointer or `table T row N`",
        )
    return found


def _lines(path: Path, first: int, last: int) -> Quote | None:
    if last < first:
        return None
    at, parts, size = 1, [], 0
    with path.open("rb") as file:
        # In pieces, as a line may be as long as the file.
        while at <= last and size <= _SHOWN and (piece := file.readline(_SHOWN)):
            if at >= first:
                parts.append(piece)
                size += len(piece)
            at += piece.endswith(b"\n")
    # An empty file is cited as its first line, of which stock tools show nothing either.
    if not parts and (first, path.stat().st_size) != (1, 0):
        return None
    data = b"".join(parts)[:_SHOWN].removesuffix(b"\n").removesuffix(b"\r")
    span = f"{first}p" if first == last else f"{first},{last}p"
    cut = f" | head -c {_SHOWN}" if size > _SHOWN else ""
    how = f"sed -n {span} ITEM{cut}"
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)


def _pointed(path: Path, pointer: str) -> Quote | None:
    if path.stat().st_size > documents.MAX_DOCUMENT:
        return None
    try:
        value = documents.pointed(json.loads(path.read_bytes().decode("utf-8-sig")), pointer)
    except (ValueError, KeyError, RecursionError):
        return None
    names = [one.replace("~1", "/").replace("~0", "~") for one in pointer.strip("/").split("/")]
    steps = "".join(
        f"[{name}]"
        if name.isascii() and name.isdigit()
        else f".{name}"
        if _WORD.fullmatch(name)
        else f"[{json.dumps(name)}]"
        for name in (names if pointer != documents.TOP else ())
    )
    filter_ = steps if steps.startswith(".") else f".{steps}"
    return Quote(
        documents.laid_out(value)[:_SHOWN], f"jq {shlex.quote(filter_)} ITEM", verbatim=False
    )


def _row(path: Path, citation: str) -> Quote | None:
    row = mlflowdb.row(path, citation)
    match = mlflowdb.CITATION.fullmatch(citation)
    if row is None or match is None:
        return None
    asked = f"select * from {match[1]} where rowid = {int(match[2])}"  # noqa: S608  (to be pasted)
    return Quote(
        "\n".join(f"{name} = {value}" for name, value in row.items() if value is not None),
        f'sqlite3 -readonly -line "file:ITEM?immutable=1" {shlex.quote(asked)}',
        verbatim=False,
    )
