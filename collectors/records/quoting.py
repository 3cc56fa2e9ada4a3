"""One row of a table, as it stands in the file or as near to it as text can be."""

from __future__ import annotations

import re
import shlex
from typing import IO, TYPE_CHECKING, AnyStr

from recon.collector import Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from collectors.records.options import RecordsOptions
    from recon.collector import Item, Items, Source

_LINES = re.compile(r"lines? ([1-9][0-9]{0,11})(?:-([1-9][0-9]{0,11}))?")
_ROW = re.compile(r"row ([1-9][0-9]{0,11})(?: of sheet (.+))?", re.DOTALL)
_SHOWN = 2000
"""Lines of one citation that are quoted; a record in quotes may span very many."""
_LONGEST = 1 << 20
"""Bytes or characters that are quoted."""


def find(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The words at a citation.

    Raises:
        BadInputError: they are not there.
    """
    options: RecordsOptions = source.options
    path = items.path(item)
    found = None
    if not citation:
        return Quote(f"{item.native}: {item.size} bytes", "wc -c ITEM", verbatim=False)
    if (match := _LINES.fullmatch(citation)) and options.format in {"csv", "jsonl"}:
        found = _lines(path, int(match[1]), int(match[2] or match[1]), options)
    elif (match := _ROW.fullmatch(citation)) and match[2] is not None:
        found = _sheet_row(path, int(match[1]), match[2]) if options.format == "excel" else None
    elif match and options.format == "parquet":
        found = _parquet_row(path, int(match[1]), options.used())
    if found is None:
        raise BadInputError(
            "a row of the table",
            repr(citation),
            f"item {item.sha256[:16]}",
            "cite as `line N`, `row N` or `row N of sheet X`",
        )
    return found


def _lines(path: Path, first: int, last: int, options: RecordsOptions) -> Quote | None:
    from collectors.records.delimited import encoding_of

    last = min(last, first + _SHOWN - 1)
    span = f"{first}p" if first == last else f"{first},{last}p"
    encoding = encoding_of(path, options.encoding) if options.format == "csv" else "utf-8"
    if encoding == "utf-16":
        with path.open(encoding=encoding, errors="replace", newline="\n") as file:
            wide = _cut(file, first, last, "")
        how = f"iconv -f UTF-16 -t UTF-8 ITEM | sed -n {span}"
        return (
            Quote(wide.removesuffix("\n").removesuffix("\r"), how, verbatim=False) if wide else None
        )
    with path.open("rb") as file:
        data = _cut(file, first, last, b"")
    if not data:
        return None
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    how = f"sed -n {span} ITEM"
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        pass
    try:
        # The command shows the bytes; what they mean is by the encoding that the case declares.
        return Quote(
            data.decode(encoding),
            f"{how} | iconv -f {shlex.quote(encoding)} -t UTF-8",
            verbatim=False,
        )
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)


def _cut(file: IO[AnyStr], first: int, last: int, empty: AnyStr) -> AnyStr:
    """Lines of a file, those before them in pieces: a line may be as long as the file."""
    number, found = 1, empty
    while number <= last and len(found) < _LONGEST and (piece := file.readline(_LONGEST)):
        if number >= first:
            found += piece
        number += piece[-1:] in {"\n", b"\n"}
    return found[:_LONGEST]


def _sheet_row(path: Path, number: int, name: str) -> Quote | None:
    from collectors.records.excel import cells_of
    from collectors.records.workbook import NotAWorkbookError, Workbook

    try:
        cells = cells_of(path, name, number)
        try:
            part = Workbook(path).sheets[name].part
        except NotAWorkbookError:  # the old format has no parts that a stock tool would show
            how = f"in a spreadsheet: sheet {shlex.quote(name)}, row {number}"
        else:
            how = (
                f"unzip -p ITEM {shlex.quote(part)}"
                f' | xmllint --xpath \'//*[local-name()="row"][@r="{number}"]\' -'
            )
    except (NotAWorkbookError, KeyError):
        return None
    return Quote("\t".join(cell or "" for cell in cells), how, verbatim=False)


def _parquet_row(path: Path, number: int, used: Sequence[str]) -> Quote | None:
    """All columns, or where that is too much those that are used."""
    import polars as pl

    from collectors import parquetpages
    from collectors.records.parquet import UNREADABLE

    columns, shown = pl.all(), "*"
    try:
        try:
            parquetpages.check(path)
        except parquetpages.TooMuchError:
            parquetpages.check(path, used)
            columns = pl.col(list(used))
            shown = ", ".join('\\"' + name.replace('"', '""') + '\\"' for name in used)
        row = pl.scan_parquet(path, glob=False).slice(number - 1, 1).select(columns).collect()
    except (parquetpages.TooMuchError, *UNREADABLE):
        return None
    if row.is_empty():
        return None
    text = ", ".join(f"{name}={value}" for name, value in row.row(0, named=True).items())
    query = f"SELECT {shown} FROM read_parquet('ITEM') LIMIT 1 OFFSET {number - 1}"  # noqa: S608  (not run by us)
    return Quote(text[:_LONGEST], f'duckdb -line -c "{query}"', verbatim=False)
