"""JSON as programs export it: one object a line, one after another over many lines, or an array.

A record that is a line is cited as ``line N``; one that is an element of an array, or that spans
lines, as ``bytes A-B`` (from 1, both within), which ``head`` and ``tail`` cut out. Records that one
document holds deeper down (the runs of a list, the entries of a history) share its citation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from collectors import exactjson, jsonlines
from collectors.deploylog.formats.base import Reading, batches, cited, frame_of

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Expand = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""The records that one document holds, itself in most cases."""
MAX_DOCUMENT = 64 << 20
"""Bytes of the largest file that is read as documents over several lines; lines have no limit."""
MAX_EXPANDED = 4 * MAX_DOCUMENT
"""Characters of the records of one document together: each repeats what it shares with others."""
_SPACE = re.compile(r"[ \t\r\n]*")


def documents(
    expand: Expand | None = None, *, flat: bool = False
) -> Callable[[Reading], Iterator[pl.DataFrame]]:
    """A reader of JSON lines or JSON documents, whichever the file holds.

    ``flat``: ``expand`` gives objects whose keys have dots of their own.
    """

    def records(reading: Reading) -> Iterator[pl.DataFrame]:
        if not is_lines(reading.path):
            yield from _documents(reading, expand, flat=flat)
        elif expand is None:
            for frame in jsonlines.read(reading.path, reading.keys, after=reading.after):
                yield cited(frame)
        else:
            for frame in jsonlines.text_lines(reading.path, after=reading.after):
                rows = _lines(cited(frame), reading, expand, flat=flat)
                yield from batches(rows, reading.keys)

    return records


def is_lines(path: Path) -> bool:
    """Whether the first line that is not blank is a JSON object by itself."""
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(jsonlines.MAX_LINE + 1), b""):
            if line.strip():
                text = line.decode("utf-8-sig", "replace").strip()
                return text.startswith("{") and not isinstance(exactjson.decode(text), str)
    return True


def _lines(
    frame: pl.DataFrame, reading: Reading, expand: Expand, *, flat: bool
) -> Iterator[dict[str, Any]]:
    # Record by record: what a document holds deeper down has no columns to work on.
    for row in frame.drop("odd", "sub").iter_rows(named=True):
        if row["text"] is None or row["blank"]:
            yield {**row, "sub": 0}
        else:
            yield from _expanded(row, row["text"], reading, expand, flat=flat)


def _expanded(
    row: dict[str, Any], text: str, reading: Reading, expand: Expand | None, *, flat: bool
) -> list[dict[str, Any]]:
    record = exactjson.decode(text)
    if isinstance(record, str):
        return [{**row, "sub": 0, "problem": record}]
    inner = [record] if expand is None else expand(record)
    if not inner:
        return [{**row, "sub": 0, "problem": "expected records; found a document that holds none"}]
    out = []
    size = 0
    for sub, one in enumerate(inner):
        here = {**row, "sub": sub, **exactjson.values(one, reading.keys, flat=flat)}
        if len(inner) > 1:  # so that no record names the digests of another
            here["text"] = json.dumps(one, default=str)
            size += len(here["text"])
        if size > MAX_EXPANDED:
            problem = (
                f"expected a document whose records have at most {MAX_EXPANDED} characters, what"
                " they share written out in each; found one that has more"
            )
            return [{**row, "sub": 0, "text": None, "problem": problem}]
        out.append(here)
    return out


def _documents(reading: Reading, expand: Expand | None, *, flat: bool) -> Iterator[pl.DataFrame]:
    size = reading.path.stat().st_size
    if size > MAX_DOCUMENT:
        text, why = (
            "",
            f"expected JSON lines, or at most {MAX_DOCUMENT} bytes of other JSON; found {size}",
        )
    else:
        data = reading.path.read_bytes()
        try:
            text, why = data.decode("utf-8"), ""
        except UnicodeDecodeError as error:
            text, why = "", f"expected UTF-8; found other bytes at byte {error.start + 1}"
    if why:
        yield frame_of([_row(0, size, 1, why)], reading.keys)
        return
    yield from batches(_rows(text, reading, expand, flat=flat), reading.keys)


def _rows(
    text: str, reading: Reading, expand: Expand | None, *, flat: bool
) -> Iterator[dict[str, Any]]:
    ascii_ = text.isascii()
    at, line, place = 0, 1, 0
    for start, end, problem in _spans(text):
        # Bytes are counted from the last record on: an ASCII text has one for each character.
        place += start - at if ascii_ else len(text[at:start].encode())
        line += text.count("\n", at, start)
        length = end - start if ascii_ else len(text[start:end].encode())
        row = _row(place, place + length, line, problem)
        if problem:
            yield row
        else:
            body = text[start:end]
            yield from _expanded({**row, "text": body}, body, reading, expand, flat=flat)
        at, line, place = end, line + text.count("\n", start, end), place + length


def _row(start: int, end: int, line: int, problem: str | None) -> dict[str, Any]:
    return {
        "line": line,
        "offset": start,
        "text": None,
        "ended": True,  # a document ends by its own brackets
        "problem": problem,
        "blank": False,
        "continued": False,
        "citation": f"bytes {start + 1}-{max(end, start + 1)}",
        "sub": 0,
    }


def _spans(text: str) -> Iterator[tuple[int, int, str | None]]:
    """First and last place of each document, or element of an array of them, and what is wrong."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    at = 1 if text.startswith("\ufeff") else 0
    within = False
    while True:
        at = _space(text, at)
        if at >= len(text):
            return
        letter = text[at]
        if (letter == "[" and not within) or (letter in ",]" and within):
            within, at = letter != "]", at + 1
            continue
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield at, len(text), "expected a JSON object; found text that is none, up to the end"
            return
        yield (
            at,
            end,
            None if isinstance(value, dict) else "expected a JSON object; found another JSON value",
        )
        at = end


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
