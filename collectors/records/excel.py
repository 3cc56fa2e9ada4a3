"""Workbooks: rows of sheets as Excel shows them, with what a reader of values alone would not see.

Values come from calamine, which knows the formats of dates and both of Excel's calendars. What is
hidden, merged or computed is read from the file's own XML (ECMA-376), and said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.records import oldexcel
from collectors.records.rows import HeadingError, Row, Said, frames, places_of
from collectors.records.workbook import (
    MAX_CELLS,
    MAX_UNPACKED,
    NotAWorkbookError,
    Sheet,
    Workbook,
    column_name,
)

if TYPE_CHECKING:
    import polars as pl

    from collectors.records.options import RecordsOptions

_OLE = b"\xd0\xcf\x11\xe0"
"""First bytes of .xls (MS-CFB, section 2.2)."""
_EXACT = 2**53
"""Beyond it a number of Excel, a double, skips whole numbers."""
_Grid = list[list[str | None]]


def read(  # noqa: C901  (one decision for each thing that a sheet can be)
    path: Path, options: RecordsOptions, said: Said
) -> Iterator[pl.DataFrame]:
    """Rows of every sheet that has the headings, a frame for each batch.

    Raises:
        HeadingError: no sheet has the headings that the case names.
        NotAWorkbookError: it cannot be read.
    """
    used = options.used()
    with path.open("rb") as file:
        old = file.read(4) == _OLE
    known = None if old else Workbook(path)
    if known is None:
        said.warn(
            "expected a workbook that says what is hidden or computed; found the old .xls"
            " format, of which that is not read"
        )
    elif known.since_1904:
        said.warn(
            "expected dates that count from 1900; found a workbook whose dates count from"
            " 1904; read as such"
        )
    book = _opened(path, old=old)
    if missing := [name for name in options.sheets if name not in book.sheet_names]:
        raise HeadingError(f"expected a sheet {missing[0]!r}; found {_list(book.sheet_names)}")
    place, fits = 0, 0
    unfit: list[str] = []
    for meta in book.sheets_metadata:
        sheet = None if known is None else known.sheets.get(meta.name)
        shown = f"{_hidden(meta)}sheet {meta.name!r}"
        if options.sheets and meta.name not in options.sheets:
            said.warn(f"expected a sheet that is read; found {shown}, which the case does not name")
            continue
        if _word(meta.typ) != "WorkSheet" or (known is not None and sheet is None):
            said.warn(f"expected a sheet of cells; found {shown}, which is none")
            continue
        grid = _grid(book, meta.name)
        merged = _spread(grid, book, meta.name)
        try:
            headings = grid[options.header - 1] if len(grid) >= options.header else []
            places = places_of(headings, used)
        except HeadingError as error:
            unfit.append(f"{shown}: {error}")
            continue
        fits += 1
        if _hidden(meta):
            said.warn(f"expected a sheet that is shown; found {shown}; its rows are read")
        said.warnings.extend(merged)
        rows = list(_rows(grid, options.header, place, meta.name, sheet))
        if not rows:
            said.warn(f"expected rows in {shown}; found none below the headings")
        if sheet:
            _say_columns(shown, sheet, dict(zip(used, places, strict=True)), said)
        place += len(rows)
        yield from frames(iter(rows), used, places)
    if not fits:
        raise HeadingError("; ".join(unfit) or "expected a sheet; found none")
    for one in unfit:
        said.warn(f"{one}; the sheet is not read")


def _word(value: object) -> str:
    """The name of a member of one of the library's enumerations."""
    return str(value).rsplit(".", 1)[-1]


def _hidden(meta: Any) -> str:  # noqa: ANN401  (the library's type)
    return "" if _word(meta.visible) == "Visible" else "hidden "


def cells_of(path: Path, name: str, number: int) -> list[str | None]:
    """The cells of one row as Excel numbers it, for a quote.

    Raises:
        NotAWorkbookError: it cannot be read.
        KeyError: there is no such sheet, or row.
    """
    with path.open("rb") as file:
        old = file.read(4) == _OLE
    if not old:
        Workbook(path)
    book = _opened(path, old=old)
    if name not in book.sheet_names:
        raise KeyError(name)
    grid = _grid(book, name)
    if not 0 < number <= len(grid):
        raise KeyError(number)
    return grid[number - 1]


def _opened(path: Path, *, old: bool) -> Any:  # noqa: ANN401  (the library's type, imported where it is used)
    from python_calamine import CalamineWorkbook

    if old and (why := oldexcel.check(path, MAX_CELLS, MAX_UNPACKED)):
        raise NotAWorkbookError(why)
    return _guarded(lambda: CalamineWorkbook.from_path(path))


def _grid(book: Any, name: str) -> _Grid:  # noqa: ANN401  (as above)
    sheet = _guarded(lambda: book.get_sheet_by_name(name))
    if sheet.total_height * sheet.total_width > MAX_CELLS:
        raise NotAWorkbookError(
            f"expected a sheet of at most {MAX_CELLS} cells; found one of {sheet.total_height}"
            f" rows and {sheet.total_width} columns; export it as CSV"
        )
    values = _guarded(lambda: sheet.to_python(skip_empty_area=False))
    # Cell by cell, as the library gives objects of several types.
    return [[_text(value) for value in row] for row in values]


def _guarded(call: Any) -> Any:  # noqa: ANN401  (as above)
    """What a call gives.

    Raises:
        NotAWorkbookError: the reader gave up, or failed within.
    """
    try:
        return call()
    except Exception as error:
        raise NotAWorkbookError(
            f"expected a workbook; found a file that is none ({_why(error)})"
        ) from error
    except BaseException as error:
        # A panic of the reader's Rust code; its class is no Exception, and has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise NotAWorkbookError(
            f"expected a workbook; found one that cannot be read ({_why(error)})"
        ) from error


def _why(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _text(value: object) -> str | None:
    """A cell as text: a time as ISO 8601, a whole number without a point."""
    text = str(value)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, dt.datetime):
        text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    elif isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    elif isinstance(value, dt.timedelta):
        text = f"{value.total_seconds():g} s"
    elif isinstance(value, dt.date | dt.time):
        text = value.isoformat()
    return text or None


def _spread(grid: _Grid, book: Any, name: str) -> list[tuple[str, str, str]]:  # noqa: ANN401  (as above)
    """Give every cell of a merged range the value that is shown over all of it; a word on each."""
    ranges = _guarded(lambda: book.get_sheet_by_name(name).merged_cell_ranges) or ()
    said = []
    cells, characters = sum(map(len, grid)), MAX_UNPACKED
    for (top, left), (bottom, right) in ranges:
        if not (top < len(grid) and left < len(grid[top])):
            continue
        value = grid[top][left]
        area = (min(bottom + 1, len(grid)) - top) * (min(right + 1, len(grid[top])) - left)
        cells, characters = cells - area, characters - area * len(value or "")
        if min(cells, characters) < 0:
            raise NotAWorkbookError(
                f"expected merged cells that do not overlap, of at most {MAX_UNPACKED} characters"
                f" in all; found more in sheet {name[:80]!r}; export it as CSV"
            )
        for row in range(top, min(bottom + 1, len(grid))):
            for column in range(left, min(right + 1, len(grid[row]))):
                grid[row][column] = value
        shown = f"{column_name(left)}{top + 1}:{column_name(right)}{bottom + 1}"
        text = f"expected a value in each cell; found {shown} merged; its value is read in each"
        said.append((f"row {top + 1} of sheet {name}", text, "warning"))
    return said


def _rows(grid: _Grid, header: int, start: int, name: str, sheet: Sheet | None) -> Iterator[Row]:
    place = start
    for number, cells in enumerate(grid[header:], header + 1):
        if not any(cells):
            continue
        place += 1
        yield Row(
            f"row {number} of sheet {name}",
            place,
            cells,
            None,
            sheet.said(number) if sheet else None,
        )


def _say_columns(shown: str, sheet: Sheet, places: Mapping[str, int], said: Said) -> None:
    """Hidden columns that are read."""
    hidden = [column for column, at in places.items() if at in sheet.hidden_columns]
    if hidden:
        said.warn(
            f"expected columns that are shown in {shown}; found {_list(hidden)} hidden;"
            " read all the same"
        )


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(one[:80]) for one in names[:40]) or "none"
