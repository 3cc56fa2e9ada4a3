"""CSV that neither a spreadsheet nor a terminal can be talked into running.

Controls, bidi marks and the like stand as ``‹U+001B›``. A cell that begins with ``= + - @``, a
tab or a carriage return gets an apostrophe before it
(OWASP, "CSV Injection"); how many were changed is counted, and the production says so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from recon.text import clean

_ACTIVE = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The cell cleaned, with an apostrophe before it where a spreadsheet would compute it."""
    shown = clean(cell)
    return f"'{shown}" if cell.startswith(_ACTIVE) else shown


def write(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[bytes, int]:
    """UTF-8 CSV as in RFC 4180 (CRLF), and the number of cells made harmless."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    changed = 0
    for row in rows:
        cells = ["" if value is None else str(value) for value in row]
        safe = [harmless(cell) for cell in cells]
        changed += sum(a != b for a, b in zip(cells, safe, strict=True))
        writer.writerow(safe)
    # A lone surrogate has no UTF-8; evidence text can hold one only through a bad decoder.
    return out.getvalue().encode("utf-8", "backslashreplace"), changed


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of events with every column as text: times RFC 3339 in UTC, lists joined by ``|``."""
    columns = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if isinstance(dtype, pl.Datetime):
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        elif isinstance(dtype, pl.List):
            column = column.list.join("|")
        columns.append(column.cast(pl.String).alias(name))
    return frame.select(columns)


def from_dicts(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> tuple[bytes, int]:
    """As :func:`write`, from dictionaries; keys that are no column are left out."""
    return write(columns, ([row.get(name) for name in columns] for row in rows))
