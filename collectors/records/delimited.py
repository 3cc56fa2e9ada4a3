"""CSV by RFC 4180, with any delimiter and encoding: rows, with the lines of text that they span.

A quote that is never closed would swallow the rest of a file: such a line is a bad row by itself,
and reading goes on with the line after it.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import deque
from typing import TYPE_CHECKING

from collectors.records.rows import HeadingError, Row, Said, frames, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from collectors.records.options import RecordsOptions

MAX_LINE = 1 << 20
"""Bytes of the longest line that is read."""
_Line = tuple[int, str, str | None]
"""Number, text with its line feed, and why it cannot be read."""
_BLANK = " \t\r\n\v\f"
"""Nothing else is no text: control characters are some, and tell of what was there."""


def read(path: Path, options: RecordsOptions, said: Said) -> Iterator[pl.DataFrame]:
    """Rows below the headings, a frame for each batch.

    Raises:
        HeadingError: the headings are not there, or not those that the case names.
    """
    used = options.used()
    lines = _Lines(_lines(path, options.encoding))
    for _ in range(options.header - 1):
        next(lines, None)
    heading = next(_records(lines, options.delimiter, said), None)
    if heading is None:
        raise HeadingError("expected a line of headings; found none")
    cells, first, _, problem = heading
    if problem:
        raise HeadingError(f"expected a line of headings at line {first}; {problem}")
    places = places_of(cells, used)
    if options.header > 1:
        said.warn(
            f"expected headings in line 1; the case says line {options.header}; those before"
            " it are not read"
        )
    yield from frames(_rows(lines, options.delimiter, len(cells), said), used, places)


def encoding_of(path: Path, declared: str) -> str:
    """As its byte order mark says, else as declared."""
    with path.open("rb") as file:
        head = file.read(3)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8" if head == BOM_UTF8 else declared


def _rows(lines: _Lines, delimiter: str, width: int, said: Said) -> Iterator[Row]:
    records = enumerate(_records(lines, delimiter, said), 1)
    for place, (cells, first, last, unread) in records:
        citation = f"line {first}" if first == last else f"lines {first}-{last}"
        problem = unread
        if unread is None and len(cells) != width:
            problem = f"expected {width} cells, as the headings have; found {len(cells)}"
        yield Row(citation, place, () if problem else cells, problem)


class _Lines:
    """Lines that can be put back."""

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._lines = lines
        self._back: deque[_Line] = deque()
        self.taken: list[_Line] = []
        """Since it was last emptied."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        return line[1]

    def put_back(self) -> None:
        """All that was taken but the first."""
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _records(
    lines: _Lines, delimiter: str, said: Said
) -> Iterator[tuple[list[str], int, int, str | None]]:
    """Cells, first and last line, and what is wrong; blank lines are counted and left out.

    Record by record, as only the reader of the syntax says which lines one spans.
    """
    blank, first_blank = 0, 0
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        problem = None
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            lines.put_back()
            problem = f"expected a row of CSV; found text that is none ({error})"
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        first, last = lines.taken[0][0], lines.taken[-1][0]
        if not problem and all(not text.strip(_BLANK) for _, text, _ in lines.taken):
            blank, first_blank = blank + 1, first_blank or first
            continue
        unread = next((why for _, _, why in lines.taken if why), None)
        yield cells, first, last, unread or problem
    if blank:
        said.warn(f"expected rows; found {blank} blank lines", f"line {first_blank}")


def _lines(path: Path, declared: str) -> Iterator[_Line]:
    encoding = encoding_of(path, declared)
    if encoding == "utf-16":
        yield from _wide_lines(path)
        return
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(BOM_UTF8)
            if len(line) > MAX_LINE:
                while len(line) > MAX_LINE and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE + 1)
                yield (
                    number,
                    "-",
                    f"expected a line of at most {MAX_LINE} bytes; found a longer one",
                )
                continue
            try:
                yield number, line.decode(encoding), None
            except UnicodeDecodeError as error:
                at = f"byte {error.start + 1} of line {number}"
                why = f"expected {encoding}; found other bytes at {at}"
                yield number, line.decode("ascii", "replace"), why


def _wide_lines(path: Path) -> Iterator[_Line]:
    number = 0
    with path.open(encoding="utf-16", errors="replace", newline="\n") as file:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            why = None
            if len(line) > MAX_LINE:
                while len(line) > MAX_LINE and not line.endswith("\n"):
                    line = file.readline(MAX_LINE + 1)
                line = "-"
                why = f"expected a line of at most {MAX_LINE} characters; found a longer one"
            elif "\ufffd" in line:
                why = f"expected UTF-16; found other bytes, or U+FFFD, in line {number}"
            yield number, line, why
