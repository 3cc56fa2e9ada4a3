"""What a workbook's own XML says beside the values: hidden, computed, in error, counted from 1904.

ECMA-376 part 1, 18.2 (workbook) and 18.3 (worksheets). Everything that is to be unpacked is
unpacked here first, in bounded pieces: a file that expands without end, or that claims a sheet of
billions of cells, is refused before any other reader meets it.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zlib import error as ZlibError  # noqa: N812  (its name says no more)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml.etree import _Element

MAX_UNPACKED = 1 << 29
"""Bytes of all parts of a workbook together, 512 MiB."""
MAX_CELLS = 5_000_000
"""Cells of a sheet from its first row and column to its last, empty ones counted."""
_MOST_BETWEEN = 1_000_000
"""Elements from one row to the next: none has more than 16,384 cells, and few things in each."""
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
Hidden = frozenset[int]
"""Columns, from 0."""


class NotAWorkbookError(ValueError):
    """The file, or a part of it, cannot be read as a workbook."""


@dataclass(slots=True)
class Sheet:
    """What one sheet says beside its values; rows from 1, columns from 0."""

    part: str
    """Its part of the zip file."""
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: Hidden = frozenset()
    formulas: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By row: cells that are computed."""
    uncomputed: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of these, those for which nothing computed is kept."""
    errors: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def said(self, row: int) -> str | None:
        """What a reader of that row must know."""
        parts = []
        if row in self.hidden_rows:
            parts.append("expected a row that is shown; found a hidden one; read all the same")
        if cells := self.errors.get(row):
            parts.append(f"expected values; found errors in {_few(cells)}; read as empty")
        if cells := self.formulas.get(row):
            parts.append(
                f"expected values; found formulas in {_few(cells)}; read is what was last computed"
            )
        if cells := self.uncomputed.get(row):
            parts.append(f"nothing computed is kept for {_few(cells)}; read as empty")
        return "; ".join(parts) or None


class Workbook:
    """The sheets of a file, by name.

    Raises:
        NotAWorkbookError: it cannot be read, or expands beyond all measure.
    """

    def __init__(self, path: Path) -> None:
        self.sheets: dict[str, Sheet] = {}
        self.since_1904 = False
        try:
            with zipfile.ZipFile(path) as archive:
                _unpackable(archive)
                self._read(archive)
        except (
            zipfile.BadZipFile,
            OSError,
            ZlibError,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
            raise NotAWorkbookError(
                f"expected a workbook (.xlsx); found a file that is none ({error})"
            ) from error

    def _read(self, archive: zipfile.ZipFile) -> None:
        names = set(archive.namelist())
        if "xl/workbook.xml" not in names:
            raise NotAWorkbookError("expected a workbook (.xlsx); found a zip file that is none")
        targets: dict[str | None, str] = {}
        if "xl/_rels/workbook.xml.rels" in names:
            with archive.open("xl/_rels/workbook.xml.rels") as part:
                for one in _elements(part, "Relationship"):
                    target = one.get("Target") or ""
                    targets[one.get("Id")] = posixpath.normpath(
                        target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                    )
        with archive.open("xl/workbook.xml") as part:
            for one in _elements(part, "workbookPr", "sheet"):
                if one.tag.endswith("workbookPr"):
                    self.since_1904 = one.get("date1904") in {"1", "true", "on"}
                    continue
                target = targets.get(one.get(_RELATION) or one.get(_STRICT), "")
                if target in names and "worksheet" in target:
                    self.sheets[one.get("name") or ""] = Sheet(target)
        shared: list[int] = []
        for name in sorted(names):
            if name.lower().rpartition("/")[2] == "sharedstrings.xml":
                with archive.open(name) as part:
                    sizes = [sum(map(len, one.itertext())) for one in _elements(part, "si")]
                # Of two such parts another reader may take either.
                shared = [max(two) for two in zip_longest(shared, sizes, fillvalue=0)]
        for sheet in self.sheets.values():
            with archive.open(sheet.part) as part:
                _scan(part, sheet, shared)


def _unpackable(archive: zipfile.ZipFile) -> None:
    """Unpack everything once: sizes and CRC-32 are as the file says, and within measure."""
    total = 0
    for member in archive.infolist():
        with archive.open(member) as part:
            while piece := part.read(1 << 20):
                total += len(piece)
                if total > MAX_UNPACKED:
                    raise NotAWorkbookError(
                        f"expected a workbook of at most {MAX_UNPACKED} bytes unpacked; found a"
                        " larger one; export the sheet as CSV"
                    )


def _elements(part: IO[bytes], *names: str) -> Iterator[_Element]:
    """Elements of those names at their end, each freed after use.

    Raises:
        NotAWorkbookError: it is no XML.
    """
    from lxml import etree

    events = etree.iterparse(
        part, events=("end",), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False,
    )  # fmt: skip
    try:
        between = 0
        for _, element in events:
            between += 1
            if etree.QName(element).localname in names:
                yield element
                between = 0
                element.clear()
                while element.getprevious() is not None and element.getparent() is not None:
                    del element.getparent()[0]
            elif between > _MOST_BETWEEN:
                raise NotAWorkbookError(
                    f"expected rows in a workbook; found {_MOST_BETWEEN} elements without one"
                )
    except etree.XMLSyntaxError as error:
        raise NotAWorkbookError(
            f"expected XML in a workbook; found text that is none ({error.msg})"
        ) from error


def _scan(part: IO[bytes], sheet: Sheet, shared: Sequence[int]) -> None:
    """What is beside the values; ``shared``: characters of each text that cells may share."""
    row, met, characters = 0, 0, 0
    widest = 0
    hidden: set[int] = set()
    for element in _elements(part, "row", "col"):
        if element.tag.endswith("}col"):
            if element.get("hidden") in {"1", "true"}:
                first, last = _number(element.get("min"), 1), _number(element.get("max"), 1)
                hidden |= set(range(first - 1, min(last, _LAST_COLUMN)))
            continue
        row = _number(element.get("r"), row + 1)
        if element.get("hidden") in {"1", "true"}:
            sheet.hidden_rows.add(row)
        column = -1
        for cell in element:
            name = cell.get("r")
            column = column + 1 if name is None else _column(name)
            widest = max(widest, column + 1)
            _cell(sheet, row, name or f"{column_name(column)}{row}", cell)
            met += 1
            if cell.get("t") == "s":
                at = _number(cell.findtext("{*}v"), len(shared))
                characters += shared[at] if at < len(shared) else 0
        if met > MAX_CELLS or characters > MAX_UNPACKED:
            raise NotAWorkbookError(
                f"expected a sheet of at most {MAX_CELLS} cells and {MAX_UNPACKED} characters;"
                " found more; export it as CSV"
            )
        if row * widest > MAX_CELLS or row > _LAST_ROW or widest > _LAST_COLUMN:
            raise NotAWorkbookError(
                f"expected a sheet of at most {MAX_CELLS} cells; found one of {row} rows and"
                f" {widest} columns; export it as CSV"
            )
    sheet.hidden_columns = frozenset(hidden)


def _cell(sheet: Sheet, row: int, name: str, cell: _Element) -> None:
    kept, computed = False, False
    for child in cell:
        local = str(child.tag).rpartition("}")[2]
        computed |= local == "f"
        kept |= local == "v" and bool(child.text)
    if computed:
        (sheet.formulas if kept else sheet.uncomputed)[row].append(name)
    if cell.get("t") == "e":
        sheet.errors[row].append(name)


def _number(text: str | None, otherwise: int) -> int:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else otherwise  # noqa: PLR2004  (more digits than any row has)


def _column(name: str) -> int:
    letters = name.rstrip("0123456789").upper()
    at = 0
    for letter in letters[:4]:
        if not "A" <= letter <= "Z":
            raise NotAWorkbookError(f"expected a cell such as B12; found {name[:20]!r}")
        at = at * 26 + ord(letter) - ord("A") + 1
    return at - 1


def column_name(at: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _few(cells: list[str]) -> str:
    return ", ".join(cells[:8]) + (f" and {len(cells) - 8} more" if len(cells) > 8 else "")  # noqa: PLR2004  (a line's worth)
