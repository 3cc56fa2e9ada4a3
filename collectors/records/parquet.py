"""Parquet: rows by number, each type as the text that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors import parquetpages
from collectors.records.rows import BATCH, Said, places_of, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from collectors.records.options import RecordsOptions

_ROOM = 64 << 20
"""Bytes of text of a frame, as far as whole rows allow it."""


UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What reading ends in. A panic, of parts that contradict each other, is no ``Exception``."""


class NotParquetError(ValueError):
    """The file, or a part of it, cannot be read."""


def read(path: Path, options: RecordsOptions, said: Said) -> Iterator[pl.DataFrame]:
    """All rows, a frame for each batch.

    Raises:
        HeadingError: the columns are not those that the case names.
        NotParquetError: it cannot be read.
    """
    used = options.used()
    try:
        scan = pl.scan_parquet(path, glob=False)
        schema = scan.collect_schema()
    except UNREADABLE as error:
        raise NotParquetError(
            f"expected Parquet; found a file that is none ({_why(error)})"
        ) from error
    places_of(list(schema), used)
    for name in used:
        if isinstance(schema[name], pl.List | pl.Struct | pl.Array | pl.Binary | pl.Object):
            said.warn(
                f"expected text, numbers or times in {name!r}; found {schema[name]}; left out"
            )
    _bounded(path, scan, used)
    start, left = 0, parquetpages.MOST_UNPACKED
    columns = [_text(name, schema[name]).alias(f"={name}") for name in used]
    while True:
        try:
            found = scan.slice(start, BATCH).select(columns).collect()
        except UNREADABLE as error:
            raise NotParquetError(
                f"expected rows from row {start + 1} on; found a part that cannot be read"
                f" ({_why(error)})"
            ) from error
        if found.is_empty():
            return
        # A text that stands in a dictionary once may stand in every row: it takes room only below.
        size = found.select(pl.sum_horizontal(pl.all().str.len_bytes().sum())).item() or 0
        left -= size
        if left < 0:
            raise NotParquetError(
                f"expected at most {parquetpages.MOST_UNPACKED} bytes of text in all rows; found"
                f" more from row {start + 1} on"
            )
        for part in found.iter_slices(max(1, found.height * _ROOM // max(size, _ROOM))):
            yield _frame(part, used, start)
            start += part.height


def _bounded(path: Path, scan: pl.LazyFrame, used: Sequence[str]) -> None:
    """A few kilobytes can unpack to more than any machine has.

    Raises:
        NotParquetError: it does.
    """
    try:
        parquetpages.check(path, used)
        rows = scan.select(pl.len()).collect().item()
    except (parquetpages.TooMuchError, *UNREADABLE) as error:
        raise NotParquetError(f"expected Parquet that can be read; {_why(error)}") from error
    if rows > parquetpages.MOST_VALUES:
        raise NotParquetError(
            f"expected at most {parquetpages.MOST_VALUES} rows; found {rows}; export less at a time"
        )


def _frame(found: pl.DataFrame, used: Sequence[str], start: int) -> pl.DataFrame:
    cells = [pl.col(f"={name}").fill_null("") for name in used]
    return found.select(
        citation=pl.format("row {}", pl.int_range(start + 1, start + found.height + 1)),
        place=pl.int_range(start + 1, start + found.height + 1, dtype=pl.UInt64),
        text=pl.concat_str(cells, separator="\x1f"),
        problem=pl.lit(None, dtype=pl.String),
        said=pl.lit(None, dtype=pl.String),
        **{f"={name}": trimmed(pl.col(f"={name}")) for name in used},
    )


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; a time as precise as its type."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        digits = {"ms": 3, "us": 6, "ns": 9}[dtype.time_unit]
        if dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        zone = "Z" if dtype.time_zone is not None else ""
        return column.dt.strftime(f"%Y-%m-%dT%H:%M:%S.%{digits}f{zone}")
    if isinstance(dtype, pl.List | pl.Struct | pl.Array | pl.Binary | pl.Object):
        return pl.lit(None, dtype=pl.String)
    if isinstance(dtype, pl.Float32 | pl.Float64):
        whole = column.is_finite() & (column == column.round()) & (column.abs() < 2**53)
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )  # fmt: skip
    return column.cast(pl.String, strict=False)


def _why(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
