"""Frames kept until they are asked for: in memory while they are few, else in files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW = 100_000
"""Rows that are kept in memory."""
FOLDER = "RECON_SCRATCH"
"""Environment variable: where scratch folders are made."""


class Spool:
    """Frames in the order in which they came; the files go when nobody holds the spool any more."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []
        self._rows = 0
        self._files: list[Path] = []
        self._folder: Path | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """One more."""
        self._rows += frame.height
        if self._rows <= FEW:
            self._frames.append(frame)
            return
        if self._folder is None:
            where = os.environ.get(FOLDER) or None
            self._folder = Path(tempfile.mkdtemp(prefix="recon-log-", dir=where))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._files):06}.parquet"
        frame.write_parquet(path, compression="lz4", statistics=False)
        self._files.append(path)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        yield from self._frames
        for path in self._files:
            yield pl.read_parquet(path)


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
