"""In which stretches of time every change of a claimed table's rows would be an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from collectors.postgres.heap.claimed import WalRows
from collectors.postgres.heap.unlogged import Hole, without
from collectors.postgres.wal.model import Wal
from recon.names import within
from recon.schema import DRAFT_COVERAGE, frame


def followed(wal: Wal, rows: WalRows) -> pl.DataFrame:
    """Rows of :data:`recon.schema.DRAFT_COVERAGE`, of kind ``row.*``, one for each table.

    Only where the log itself is covered for what befalls tables, and the table's rows were read.
    A table whose file nothing names until a rewrite in the archive made a new one is covered from
    that rewrite on. Not while it was unlogged.
    """
    stretches = wal.coverage.filter(pl.col("kind") == "table.*")
    found = []
    for subject, counts in sorted(rows.counts.items()):
        if subject not in rows.described or not counts.events:
            continue
        since = rows.since.get(subject)
        found += [
            {
                **one,
                "kind": "row.*",
                "subject": subject,
                "earliest": max(one["earliest"], since) if since else one["earliest"],
                "because": f"{one['because']}; {counts.events} row change(s) read, columns by "
                f"{rows.described[subject]}; {counts.undone} of transactions without a commit; "
                f"{counts.unknown} without the row before",
            }
            for one in _logged(
                _cut(
                    stretches.filter(within(pl.lit(subject), pl.col("subject"))),
                    rows.until.get(subject, {}),
                ),
                rows.unlogged.get(subject, []),
            )
            if since is None or one["latest"] >= since
        ]
    return frame(found, DRAFT_COVERAGE)


def _logged(stretches: Iterable[dict[str, Any]], holes: Sequence[Hole]) -> Iterator[dict[str, Any]]:
    """What holes leave of stretches."""
    for one in stretches:
        whole = one["earliest"], one["latest"]
        for earliest, latest in without(whole, _timeline(one), holes):
            yield {**one, "earliest": earliest, "latest": latest}


def _timeline(stretch: Mapping[str, Any]) -> int:
    return int(stretch["stream"].rsplit("/", 1)[1])


def _cut(stretches: pl.DataFrame, ends: Mapping[int, datetime | None]) -> Iterator[dict[str, Any]]:
    """Stretches up to where a timeline's rows cease to be known in full."""
    for one in stretches.iter_rows(named=True):
        timeline = _timeline(one)
        if timeline not in ends:
            yield one
        elif (end := ends[timeline]) is not None and end >= one["earliest"]:
            yield {**one, "latest": min(one["latest"], end)}
