"""Which line of a TOML file a key stands in, so that an error can name it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=")


def lines(text: str) -> dict[Path, int]:
    """1-based line of each table and key, by path: ``("source", 1, "claim", 0, "table")``.

    Knows headers, arrays of tables and keys at the start of a line; keys inside inline tables are
    found as the line of the key that holds them. Only for messages: the values come from tomllib.
    """
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    here: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            here = _resolve(_split(header.group(2)), counts, is_array=header.group(1) == "[[")
            # `[a.b]` makes `a` too, where nothing made it before.
            for depth in range(1, len(here) + 1):
                found.setdefault(here[:depth], number)
            continue
        key = _KEY.match(line)
        if key:
            found.setdefault((*here, *_split(key.group(1))), number)
    return found


def line_of(path: Sequence[str | int], found: Mapping[Path, int]) -> int:
    """Line of the path, or of the nearest thing around it."""
    at = tuple(path)
    while at not in found:
        at = at[:-1]
    return found[at]


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted)]


def _resolve(names: Sequence[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    """The path of a header, with the index of each array of tables that it stands in."""
    at: Path = ()
    for depth, name in enumerate(names):
        at = (*at, name)
        last = depth == len(names) - 1
        if last and is_array:
            counts[at] = counts.get(at, -1) + 1
        if at in counts:
            at = (*at, counts[at])
    return at
