"""Row changes on their way to be events: gathered by table, and made whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from collectors.postgres.claims import Rows, row_events
from collectors.postgres.heap.claimed import Claimed, WalRows
from collectors.postgres.heap.model import Gap
from collectors.postgres.wal.shelf import Folder
from recon.collector import Sha256, Warn
from recon.schema import DRAFT

_FLUSH, _LARGE = 15_000, 16 * 1024 * 1024
"""Rows, and bytes of them, that become events together: a row may hold a value of many MB."""


@dataclass(slots=True)
class _Batch:
    """Rows of one table that are not yet events."""

    claimed: Claimed
    frames: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    """Bytes."""


@dataclass(slots=True)
class Batches:
    """Rows on their way to be events of :class:`WalRows`."""

    source: str
    out: WalRows
    _batches: dict[str, _Batch] = field(default_factory=dict)
    _folder: Folder | None = None
    _gaps: dict[tuple[str, str, str], tuple[Sha256, str, int]] = field(default_factory=dict)

    def add(self, claimed: Claimed, frame: pl.DataFrame) -> None:
        """Rows of :attr:`collectors.postgres.claims.Rows.frame`, in the order of the log."""
        batch = self._batches.setdefault(claimed.subject, _Batch(claimed))
        batch.frames.append(frame)
        batch.rows += frame.height
        batch.size += int(frame.estimated_size())
        while batch.rows >= _FLUSH or batch.size > _LARGE:
            self._flush(batch, min(batch.rows, _FLUSH), last=False)

    def gap(self, claimed: Claimed, column: str, gap: Gap, place: tuple[Sha256, str]) -> None:
        """A value that cannot be said, in the row of a record: its item and citation."""
        key = claimed.table, column, gap.reason
        item, citation, count = self._gaps.get(key, (*place, 0))
        self._gaps[key] = item, citation, count + 1

    def _flush(self, batch: _Batch, count: int, *, last: bool) -> None:
        every = pl.concat(batch.frames)
        frame, rest = every[:count], every[count:]
        batch.frames, batch.rows, batch.size = [rest], rest.height, int(rest.estimated_size())
        claimed = batch.claimed
        rows = Rows(Sha256(""), self.source, claimed.table, claimed.subject, "row.insert", frame)
        events, warnings = row_events(rows, claimed.claims)
        events = events.select(list(DRAFT))
        self.out.events.append(events.lazy() if last else self._stored(events))
        self.out.warnings += warnings

    def _stored(self, events: pl.DataFrame) -> pl.LazyFrame:
        """Events in a temporary file, which goes with the last reference to them."""
        from polars.io.plugins import register_io_source

        folder = self._folder = self._folder or Folder()
        path = folder.path / f"{len(self.out.events):08}"
        events.write_ipc(path, compression="lz4")

        def rows(
            columns: list[str] | None, where: pl.Expr | None, count: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            found = pl.read_ipc(folder.path / path.name)
            found = found if where is None else found.filter(where)
            found = found if columns is None else found.select(columns)
            yield found if count is None else found.head(count)

        return register_io_source(rows, schema=DRAFT, is_pure=True)

    def finish(self) -> None:
        """What is left, and what could not be read."""
        for batch in self._batches.values():
            if batch.rows:
                self._flush(batch, batch.rows, last=True)
        self.out.warnings += self._warnings()

    def _warnings(self) -> Iterator[Warn]:
        for (table, column, reason), (item, citation, count) in sorted(self._gaps.items()):
            yield Warn(
                item,
                citation,
                f"expected the value of {column} of {table}; found it {reason}, in {count} row(s) "
                "from here on; nothing is claimed from it",
            )
