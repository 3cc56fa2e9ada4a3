"""Files of a capture, made live or with psql, line by line.

What the lines look like stands in :mod:`collectors.postgres.queries`.
They are decoded by Python's own JSON reader, one at a time: it keeps every number as it was
written, and one line that is no JSON does not end the reading of the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from recon.collector import Item, Warn
from recon.errors import BadInputError
from recon.instants import interval

KINDS = ("pg.rows", "pg.catalogue", "pg.statistics", "pg.control", "pg.rehydrated")
MAX_LINE = 1 << 26
"""Bytes of one line: a row with values larger than this is not read."""
_MAX_BAD_LINES = 20
_QUOTED = re.compile(r'[{},"\\ \t\n\r\v\f]')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a file."""

    capture: str
    system_id: int | None
    database: str
    started: datetime | None
    read: datetime | None
    """The state that the file shows lies between the two, by the server's clock."""
    in_recovery: bool
    snapshot: str
    """``XMIN:XMAX:``, the oldest running and the next transaction, in full; empty if not told."""
    schema: str
    table: str
    types: Mapping[str, str]
    """Of the columns, in a file of rows; empty where it does not say."""


@dataclass(slots=True)
class Capture:
    """A file, read."""

    header: Header
    complete: bool = False
    """The last line is there, and agrees with the number of rows."""
    lines: list[tuple[int, Row]] = field(default_factory=list)
    """Number and object of each line between the first and the last."""
    texts: list[str] = field(default_factory=list)
    """The same lines as they stand in a file of rows; empty for other files."""
    warnings: list[Warn] = field(default_factory=list)


def read_capture(item: Item, path: Path) -> Capture | Warn:
    """Read a file; a warning where it does not begin as one."""
    read: list[tuple[int, Row, str]] = []
    bad: list[Warn] = []
    for number, text in _lines(path):
        line = _object(text)
        if isinstance(line, dict):
            read.append((number, line, text))
            continue
        bad.append(warn(item, f"line {number}", "a JSON object", line))
        if not read or len(bad) > _MAX_BAD_LINES:
            break
    header = _header(read[0][1]) if read else None
    if header is None:
        return warn(item, "line 1", "the first line of a capture", "something else")
    end = read.pop()[1] if len(read) > 1 and "end" in read[-1][1] else None
    capture = Capture(header, warnings=bad)
    capture.lines = [(number, line) for number, line, _ in read[1:]]
    if is_rows(header):
        capture.texts = [text for _, _, text in read[1:]]
    count = end.get("rows") if end else None
    # Only a file of rows has a count; of the others the last line says that they were not cut off.
    counted = count == str(len(capture.lines)) if is_rows(header) else count is None
    capture.complete = not bad and end is not None and counted
    if not capture.complete:
        expected = f"{count} rows" if count else "a last line that ends the capture"
        found = f"{len(capture.lines)} lines that can be read" if end else "none"
        consequence = "cut off, or refused to the role: it proves nothing of what is not in it"
        capture.warnings.append(warn(item, "", expected, found, consequence))
    return capture


class Verbatim(str):
    """A number, as it stands in the text."""

    __slots__ = ()


_SNAPSHOT = re.compile(r"[0-9]{1,19}:[0-9]{1,19}:")
"""Of ``pg_current_snapshot()``, without the list of those that run."""
_DECODER = json.JSONDecoder(parse_int=Verbatim, parse_float=Verbatim, parse_constant=Verbatim)


def is_rows(header: Header) -> bool:
    """Whether the file holds rows of a table."""
    return header.capture == "rows"


def text_of(value: object, of_type: str = "") -> str | None:
    """A JSON value as COPY writes the same one; an object, or an array in jsonb, as jsonb does.

    Not undone: the white space of type json, and what casts to json in a way of its own (hstore).
    """
    if isinstance(value, list) and of_type.endswith("[]"):
        return _array(value)
    if value is None or isinstance(value, str):
        return value if value is None else str(value)
    if isinstance(value, bool):
        return "t" if value else "f"
    return _nested(value)


def _header(line: Row) -> Header | None:
    if line.get("capture") not in {"rows", "catalogue", "statistics", "control"}:
        return None
    started, read = (_moment(line.get(name)) for name in ("started", "read"))
    if started and read and read < started:
        started = read = None  # the clock was set back in between: it dates nothing
    types = line.get("types")
    return Header(
        capture=str(line["capture"]),
        system_id=integer(line.get("system_identifier")),
        database=str(line.get("database")),
        started=started if read else None,
        read=read if started else None,
        in_recovery=line.get("in_recovery") is True,
        snapshot=found[0] if (found := _SNAPSHOT.match(str(line.get("snapshot")))) else "",
        schema=str(line.get("schema")),
        table=str(line.get("table")),
        types={str(n): str(t) for n, t in types.items()} if isinstance(types, Mapping) else {},
    )


def _moment(text: object) -> datetime | None:
    try:
        return interval(str(text))[0]
    except BadInputError:
        return None


def integer(value: object) -> int | None:
    """A number of at most 64 bits, written as a number or as text; None where it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None  # noqa: PLR2004  (2⁶⁴ has 20 digits)


def _array(values: list[Any]) -> str:
    """PostgreSQL documentation, 8.15.6 "Array Input and Output Syntax"."""
    parts = []
    for value in values:
        if isinstance(value, list):
            parts.append(_array(value))
            continue
        text = text_of(value)
        if text is None:
            parts.append("NULL")
        elif text == "" or text.upper() == "NULL" or _QUOTED.search(text):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{escaped}"')
        else:
            parts.append(text)
    return f"{{{','.join(parts)}}}"


def _nested(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{json.dumps(k, ensure_ascii=False)}: {_nested(v)}" for k, v in value.items()
        )
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    return str(value) if isinstance(value, Verbatim) else json.dumps(value, ensure_ascii=False)


def _object(text: str) -> Row | str:
    """The object of a line, or what it is instead."""
    try:
        line = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    if _SURROGATE.search(text):
        line = _mended(line)
    return line if isinstance(line, dict) else type(line).__name__


def _mended(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Half of a surrogate pair, which JSON can write and no text can hold, as its escape."""
    if isinstance(value, dict):
        return {_mended(name): _mended(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [_mended(inside) for inside in value]
    if isinstance(value, str) and not isinstance(value, Verbatim):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            yield number, line.rstrip(b"\n").decode("utf-8", "replace")


def warn(
    item: Item, citation: str, expected: str, found: str, consequence: str = "not read"
) -> Warn:
    """What could not be read of a file."""
    message = f"expected {expected}; found {found[:200]}; {consequence}"
    return Warn(item.sha256, citation, message, "error")
