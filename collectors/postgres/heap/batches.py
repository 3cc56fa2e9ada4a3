"""Row changes become events: gathered by table, and made whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from collectors.postgres.claims import COLUMN, Rows, row_events
from collectors.postgres.heap.claimed import Claimed, WalRows
from collectors.postgres.heap.commits import Commit
from collectors.postgres.heap.model import Gap, Value
from recon.collector import Sha256, Warn
from recon.schema import DRAFT, INSTANT

_FLUSH = 50_000


class Told(NamedTuple):
    """Where a change stands, and whose it is."""

    claimed: Claimed
    commit: Commit
    timeline: int
    lsn: int
    item: Sha256
    citation: str


@dataclass(slots=True)
class _Batch:
    """Rows of one table that are not yet events."""

    claimed: Claimed
    rows: list[tuple[object, ...]] = field(default_factory=list)
    columns: dict[str, list[str | None]] = field(default_factory=dict)


_COLUMNS: dict[str, pl.DataType] = {
    "citation": pl.String(),
    "text": pl.String(),
    "value": pl.String(),
    "stamp": INSTANT,
    "xid": pl.UInt32(),
    "item": pl.String(),
    "kind": pl.String(),
    "stream": pl.String(),
    "position": pl.UInt64(),
    "ended": pl.String(),
    "made": pl.String(),
}


class Batches:
    """Rows on their way to be events of :class:`WalRows`."""

    def __init__(self, system_id: int | None, source: str, out: WalRows) -> None:
        self._system_id, self._source, self._out = system_id, source, out
        self._batches: dict[str, _Batch] = {}
        self._gaps: dict[tuple[str, str, str], tuple[Sha256, str, int]] = {}

    def add(
        self,
        told: Told,
        own: tuple[str, str, int],
        values: Mapping[str, Value] | None,
        names: Sequence[str | None],
    ) -> None:
        """``own``: kind, words and xid of its own event; ``names``: versions ended and made."""
        kind, words, xid = own
        claimed = told.claimed
        batch = self._batches.get(claimed.subject)
        if batch is None:
            wanted = [column for claim in claimed.claims for column in claim.columns()]
            batch = _Batch(claimed, columns={name: [] for name in dict.fromkeys(wanted)})
            self._batches[claimed.subject] = batch
        before = kind == "row.before"
        values = values or {}
        texts = [value for value in values.values() if isinstance(value, str)]
        if len(texts) < len(values):
            for name, value in values.items():
                if isinstance(value, Gap):
                    self._gap(told, name, value)
        stream = f"pg:{self._system_id}/{told.timeline}"
        batch.rows.append(
            (
                told.citation + (" before" if before else ""),
                "\t".join(texts),
                words,
                None if before else told.commit.time,
                xid,
                told.item,
                kind,
                None if before else stream,
                None if before else told.commit.lsn,
                *names,
            )
        )
        for name, cells in batch.columns.items():
            value = values.get(name)
            cells.append(value if isinstance(value, str) else None)
        if len(batch.rows) >= _FLUSH:
            self._flush(batch)

    def _gap(self, told: Told, column: str, gap: Gap) -> None:
        key = told.claimed.table, column, gap.reason
        item, citation, count = self._gaps.get(key, (told.item, told.citation, 0))
        self._gaps[key] = item, citation, count + 1

    def _flush(self, batch: _Batch) -> None:
        if not batch.rows:
            return
        claimed = batch.claimed
        # Column by column: polars looks at each value of a row by itself.
        own = zip(_COLUMNS.items(), zip(*batch.rows, strict=True), strict=True)
        frame = pl.DataFrame(
            [pl.Series(name, cells, dtype=kind) for (name, kind), cells in own]
            + [
                pl.Series(COLUMN + name, cells, dtype=pl.String)
                for name, cells in batch.columns.items()
            ]
        ).with_columns(
            xid=pl.format("xid:{}/{}", pl.lit(str(self._system_id)), "xid"),
            versions=pl.concat_list("ended", "made").list.drop_nulls(),
        )
        rows = Rows(Sha256(""), self._source, claimed.table, claimed.subject, "row.insert", frame)
        events, warnings = row_events(rows, claimed.claims)
        self._out.events.append(events.select(list(DRAFT)))
        self._out.warnings += warnings
        batch.rows.clear()
        for cells in batch.columns.values():
            cells.clear()

    def finish(self) -> None:
        """What is left, and what could not be read."""
        for batch in self._batches.values():
            self._flush(batch)
        self._out.warnings += self._warnings()

    def _warnings(self) -> Iterator[Warn]:
        for (table, column, reason), (item, citation, count) in sorted(self._gaps.items()):
            yield Warn(
                item,
                citation,
                f"expected the value of {column} of {table}; found it {reason}, in {count} row(s) "
                "from here on; nothing is claimed from it",
            )
