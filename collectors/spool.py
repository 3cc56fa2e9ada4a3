"""Frames kept until they are asked for: in memory while they are few, else in a file.

The file has no name, so that nothing of it is left when a run is killed.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW = 100_000
"""Rows that are kept in memory."""
FOLDER = "RECON_SCRATCH"
"""Environment variable: where scratch files are made."""


class Spool:
    """Frames in the order in which they came; the file goes with whoever held the spool last.

    ``packed``: as Parquet; else as they are in memory, which takes a third of the time and three
    times the room.
    """

    def __init__(self, *, packed: bool = True) -> None:
        self._packed = packed
        self._same: list[_Same] = []
        self._frames: list[pl.DataFrame] = []
        self._rows = 0
        self._places: list[tuple[int, int]] = []
        """Start and length of each frame in the file."""
        self._file: IO[bytes] | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """One more."""
        self._rows += frame.height
        if self._rows <= FEW:
            self._frames.append(frame)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115  (it lives as long as the spool)
                prefix="recon-log-", dir=os.environ.get(FOLDER) or None, buffering=0
            )
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, os.SEEK_END)
        if self._packed:
            frame.write_parquet(self._file, compression="lz4", statistics=False)
        else:
            same = _Same.of(frame)
            self._same.append(same)
            # Arrow's older form of texts, one behind the other, is written and read sooner.
            frame.drop(*same.values).write_ipc(
                self._file, compression="uncompressed", compat_level=pl.CompatLevel.oldest()
            )
        self._places.append((start, self._file.seek(0, os.SEEK_END) - start))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        yield from self._frames
        for number, (start, size) in enumerate(self._places):
            if self._file is None:
                continue
            # By place, as several readers may be at it at once.
            data = _read(self._file.fileno(), start, size)
            if self._packed:
                yield pl.read_parquet(data)
            else:
                yield self._same[number].put_back(pl.read_ipc(data))


@dataclass(frozen=True, slots=True)
class _Same:
    """Columns of a frame that hold one value all through, and so need not be written."""

    columns: Sequence[str]
    """All of the frame, in order."""
    values: Mapping[str, pl.Series]
    """By column its value, as a column of one row."""

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Same:
        # Made anew: the first row of a column would hold all that the column's texts lie in.
        found = {one.name: pl.Series([one[0]], dtype=one.dtype) for one in frame if _is_same(one)}
        # What has no columns has no rows either.
        return cls(frame.columns, found if len(found) < frame.width else {})

    def put_back(self, frame: pl.DataFrame) -> pl.DataFrame:
        values = [pl.lit(value.item(), value.dtype).alias(n) for n, value in self.values.items()]
        return frame.with_columns(values).select(self.columns)


def _is_same(column: pl.Series) -> bool:
    if column.null_count():
        return column.null_count() == len(column)
    plain = column.dtype in {pl.String, pl.Boolean} or column.dtype.is_integer()
    return plain and len(column) > 0 and bool((column == column[0]).all())


def _read(file: int, start: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.pread(file, size, start)):
        parts.append(part)
        start, size = start + len(part), size - len(part)
    return b"".join(parts)


def streamed(
    frames: Callable[[], Iterable[pl.DataFrame]], schema: Mapping[str, pl.DataType]
) -> pl.LazyFrame:
    """Frames as one that is made as it is read, so that memory holds one of them at a time."""
    from polars.io.plugins import register_io_source

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, count: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        for frame in frames():
            kept = frame if predicate is None else frame.filter(predicate)
            kept = kept if columns is None else kept.select(columns)
            yield kept if count is None else kept.head(count)
            count = None if count is None else count - kept.height
            if count is not None and count <= 0:
                return

    return register_io_source(rows, schema=dict(schema), is_pure=True)
