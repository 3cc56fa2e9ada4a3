"""JSON as programs export it: one document, a list of them, or one on each line.

A document that is a line is cited as ``line N``; places within it are not told apart. One that is
the whole file, or an element of its list, is cited by JSON pointer (RFC 6901): ``/components/3``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors import exactjson

if TYPE_CHECKING:
    from pathlib import Path

MAX_DOCUMENT = 32 << 20
"""Bytes of the largest file that is read as one document."""
MAX_LINE = 16 << 20
"""Bytes of the longest line; an event with its facets stays far below."""
TOP = "/"
"""How the whole of a document is cited; RFC 6901 has the empty text, which is the item itself."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON document, or why it is none."""

    citation: str
    value: dict[str, Any]
    """Numbers as written."""
    line: bool
    """Whether all in it is cited alike."""
    problem: str | None = None

    def place(self, pointer: str) -> str:
        """How a place within it is cited."""
        return self.citation if self.line else (self.citation.rstrip("/") + pointer) or TOP


def documents(path: Path) -> Iterator[Document]:
    """All documents of a file, in their order; blank lines are none."""
    size = path.stat().st_size
    if size <= MAX_DOCUMENT and (whole := _whole(path)) is not None:
        yield from whole
    else:
        yield from _lines(path)


def _whole(path: Path) -> list[Document] | None:
    """A file that is one value; None where it is not, and each line is to be tried."""
    try:
        data = path.read_bytes().decode("utf-8-sig")
        start = data.lstrip(" \t\r\n")[:1]
        if start != "[":
            value: Any = exactjson.decode(data)
            if isinstance(value, str):
                return None
            # A file of one line is a line, so that an event that is appended keeps its place.
            if "\n" not in data.strip():
                return None
            return [Document(TOP, value, line=False)]
        values = _list(data)
    except (ValueError, RecursionError):
        return None
    return [
        Document(f"/{number}", value, line=False)
        if isinstance(value, dict)
        else Document(
            f"/{number}", {}, line=False, problem="expected a JSON object; found another JSON value"
        )
        for number, value in enumerate(values)
    ]


def _list(data: str) -> list[Any]:
    # As the one key of an object: the decoder takes objects, and tells of keys that stand twice.
    value = exactjson.decode('{"list":' + data + "}")
    if isinstance(value, str) or not isinstance(value.get("list"), list) or len(value) != 1:
        raise ValueError("no list")
    found: list[Any] = value["list"]
    return found


def _lines(path: Path) -> Iterator[Document]:
    number, at_line, problem = 0, True, None
    with path.open("rb") as file:
        while piece := file.readline(MAX_LINE + 1):
            if not at_line:  # the rest of a line that is too long
                at_line = piece.endswith(b"\n")
                continue
            number += 1
            at_line = piece.endswith(b"\n") or len(piece) <= MAX_LINE
            here = f"line {number}"
            if not at_line:
                problem = f"expected a line of at most {MAX_LINE} bytes; found a longer one"
                yield Document(here, {}, line=True, problem=problem)
                continue
            if not piece.strip():
                continue
            try:
                decoded = exactjson.decode(piece.decode("utf-8-sig").strip())
            except UnicodeDecodeError as error:
                decoded = f"expected UTF-8; found other bytes at byte {error.start + 1} of the line"
            if isinstance(decoded, str):
                yield Document(here, {}, line=True, problem=decoded)
            else:
                yield Document(here, decoded, line=True)


def pointed(value: object, pointer: str) -> object:
    """The value at a pointer.

    Raises:
        KeyError: nothing is there.
    """
    for one in pointer.strip("/").split("/") if pointer != TOP else ():
        name = one.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 9:  # noqa: PLR2004
            if int(name) >= len(value):
                raise KeyError(pointer)
            value = value[int(name)]
        else:
            raise KeyError(pointer)
    return value


def laid_out(value: object) -> str:
    """A value as ``jq`` shows it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
