"""Lines of JSON of one shape, taken apart by one regular expression.

A program writes the same keys in the same order over and over. From one line a pattern is made in
which all is literal but the values: braces, keys, commas and white space as they stand there, and
for each value what JSON allows in its place. A line that the pattern matches as a whole is one
object with just those keys, and its values stand in the groups as they were written; there is no
key twice, no escape, no second object on the line. All else is for a reader that decodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from collectors.exactjson import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(
    r'(?P<space>[ \t]*)(?:(?P<string>"[^"\\\x00-\x1f]*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>true|false|null)|(?P<mark>[{}\[\],:]))"
)
_TEXT = r'"([^"\\\x00-\x1f]*)"'
# Fewer digits than any digest has: no number can be taken for one.
_NUMBER = r"(-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,4})?)"
_WORD = r"(true|false)"
GROUPS = 14
"""Values of a shape that are taken out: as many as the fast engine of Rust's ``regex`` follows."""
_DIGITS = re.compile("[0-9a-fA-F]{40}")
_DEEP = 6
_SHAPES = 8
"""Shapes that are tried on a stretch of lines."""
_LONG = 4000
"""Characters of the longest line that a pattern is made of."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One pattern, and what its groups hold."""

    pattern: str
    groups: Mapping[str, int]
    """By column its group, from 1. A key that is asked for is a column under its name behind
    ``=``, another string under its path behind ``~``; `` `` is empty where the pattern matches, and
    there where no group need be."""
    texts: Sequence[str]
    """Columns that hold strings, in the order of the line."""
    whole: bool
    """Whether every string of the line is in a group."""
    steps: Sequence[tuple[str, str, int]]
    """The same piece by piece: ``literal``, ``string``, ``number`` or ``word``, the letters of
    what is literal, and the group, or 0."""


def shape(line: str, keys: Sequence[str]) -> Shape | None:
    """The shape of a line; None where the line has none that is safe."""
    if len(line) > _LONG or isinstance(decode(line), str):
        return None
    wanted = {tuple(key.split(".")): key for key in keys}
    slots = list(_slots(line.removesuffix("\r")))
    if not slots or slots[-1][0] == "bad":
        return None
    values = [one for one in slots if one[0] in {"string", "number", "word"}]
    inner = {path[:at] for _, _, path in values if path for at in range(1, len(path))}
    if inner & set(wanted) or any(one[0] == "open" and one[2] in wanted for one in slots):
        return None
    texts = [one for one in values if one[0] == "string"]
    used = [one for one in values if one[2] in wanted]
    whole = len(texts) + sum(one[0] != "string" for one in used) <= GROUPS
    if len(used) > GROUPS:
        return None
    if any(kind == "key" and _DIGITS.search(text) for kind, text, _ in slots):
        return None
    return _made(slots, wanted, whole=whole)


def _made(slots: Sequence[_Slot], wanted: Mapping[tuple[str, ...], str], *, whole: bool) -> Shape:
    """The pattern of a line in pieces."""
    parts, number = ["^"], 0
    steps: list[tuple[str, str, int]] = []
    groups: dict[str, int] = {}
    strings: list[str] = []
    for kind, text, path in slots:
        body = {"string": _TEXT, "number": _NUMBER, "word": _WORD}.get(kind)
        if body is None or text == "null":
            parts.append("" if kind == "open" else re.escape(text))
            steps.append(("literal", "" if kind == "open" else text, 0))
            continue
        key = None if path is None else wanted.get(path)
        taken = key is not None or (whole and kind == "string")
        number += taken
        quotes = ("literal", '"' if kind == "string" else "", 0)
        steps += [quotes, (kind, "", number if taken else 0), quotes]
        parts.append(body if taken else re.sub(r"^(\"?)\(", r"\1(?:", body))
        if not taken:
            continue
        # Keys hold no control characters; what stands in an array is told by its place.
        name = f"~{number}" if path is None else "~" + "".join(f"{one}\n" for one in path)
        name = name if key is None else f"={key}"
        groups[name] = number
        if kind == "string":
            strings.append(name)
    if not groups:
        parts.append("()")
        groups[" "] = 1
    return Shape("".join(parts) + r"[ \t\r]*$", groups, strings, whole, steps)


_Slot = tuple[str, str, tuple[str, ...] | None]
"""What it is, its text, and the path of a value; None within an array."""


def _slots(line: str) -> Iterator[_Slot]:  # noqa: C901, PLR0912  (a branch for each mark of JSON)
    """The line in pieces; the last is ``bad`` where it is not one object that can have a shape."""
    bad: _Slot = ("bad", "", None)
    at = 0
    path: list[str] = []
    seen = [set[str]()]
    arrays = 0
    expect_key, key = False, ""
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None or len(seen) > _DEEP:
            break
        at = match.end()
        if match["space"]:
            yield "space", match["space"], None
        text = match[0][len(match["space"]) :]
        mark = match["mark"]
        here = (*path, key) if not arrays else None
        if mark in {"{", "["}:
            if key or not path:
                yield "open", "", here[1:] if here else None
            path.append(key)
            seen.append(set())
            arrays += mark == "["
            expect_key, key = mark == "{" and not arrays, ""
        elif mark in {"}", "]"} and path:
            key = path.pop()
            seen.pop()
            arrays -= mark == "]"
            expect_key = False
        elif mark == ",":
            expect_key = not arrays
        if mark:
            yield "mark", text, None
        elif match["string"] and expect_key:
            key, expect_key = text[1:-1], False
            if key in seen[-1] or not key:
                break
            seen[-1].add(key)
            yield "key", text, None
        elif arrays and match["string"] and line[at:].lstrip(" \t").startswith(":"):
            yield "key", text, None  # within an array no key is asked for
        else:
            kind = "string" if match["string"] else "number" if match["number"] else "word"
            yield kind, text, here[1:] if here else None
        if not path:
            break
    if path or line[at:].strip(" \t"):
        yield bad


def read_shapes(
    text: pl.Series, keys: Sequence[str], known: list[Shape]
) -> tuple[list[tuple[Shape, pl.DataFrame]], pl.Series]:
    """Lines that have a shape, by shape, and the places of those that have none.

    Columns ``at`` (the line's place), one for each key behind ``=``, and those of the shape's
    strings.
    ``known``: shapes met before, tried first; new ones are added.
    """
    left = pl.DataFrame({"text": text}).with_row_index("at")
    found: list[tuple[Shape, pl.DataFrame]] = []
    for one in list(known):
        if left.is_empty():
            break
        left = _match(one, left, keys, found)
    for _ in tried(known):
        if left.is_empty():
            break
        first = left["text"][0]
        new = None if first is None else shape(first, keys)
        before = left.height
        if new is not None:
            left = _match(new, left, keys, found)
        if new is None or left.height == before:
            break
        known.append(new)
    return found, left["at"]


def tried(known: Sequence[Shape]) -> Iterator[int]:
    """How often a new shape may be tried on a stretch of lines."""
    for number in range(_SHAPES):
        if len(known) == _SHAPES:
            return
        yield number


def _match(
    one: Shape,
    left: pl.DataFrame,
    keys: Sequence[str],
    found: list[tuple[Shape, pl.DataFrame]],
) -> pl.DataFrame:
    try:
        groups = left["text"].str.extract_groups(one.pattern).struct.unnest()
    except pl.exceptions.ComputeError:  # too large to be compiled
        return left
    hit = groups["1"].is_not_null()  # a group that takes part always
    if not hit.any():
        return left
    columns = [groups[str(number)].alias(name) for name, number in one.groups.items()]
    columns += [pl.repeat(None, len(hit), dtype=pl.String, eager=True).alias(f"={key}")
                for key in keys if f"={key}" not in one.groups]  # fmt: skip
    frame = pl.DataFrame([left["at"], *columns])
    if hit.all():
        found.append((one, frame))
        return left.clear()
    found.append((one, frame.filter(hit)))
    return left.filter(~hit)
