"""The WAL archive of a PostgreSQL cluster: transactions, tables made and unmade, checkpoints.

Two readers give the same records: :mod:`~collectors.postgres.wal.waldump` (the server's own
``pg_waldump``, where the matching version is installed) and
:mod:`~collectors.postgres.wal.reader` (numpy, polars, and loops that numba compiles).

    with unpacked(segments) as (plain, warnings):
        wal = read(plain, source="lineage-db", relations=relations)
    events = wal_events(wal, relations, "lineage-db")
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from collectors.postgres.wal.model import Relation, Segment, Wal
from collectors.postgres.wal.packed import unpacked

if TYPE_CHECKING:
    import polars as pl

    from collectors.postgres.wal.heaprecords import Chunk, Lost
    from collectors.postgres.wal.timeline import Stretch

__all__ = [
    "Relation",
    "Segment",
    "Wal",
    "describe",
    "read",
    "records_of",
    "unpacked",
    "wal_events",
]


def read(  # noqa: PLR0913  (each is named by the caller)
    segments: Sequence[Segment],
    *,
    source: str,
    relations: Sequence[Relation] = (),
    system_id: int | None = None,
    counted: Collection[str] | None = None,
    prefer_tool: bool = True,
) -> Wal:
    """Read an archive; what cannot be read becomes a warning and the rest goes on.

    ``source`` names the source in coverage. ``relations``: what names relation files.
    ``counted``: subjects of the tables whose written rows are counted; by default all of them,
    which takes the slower reader where they are many.
    ``system_id``: the cluster that is meant; other clusters' segments are left out with a warning.
    ``prefer_tool``: by ``pg_waldump`` where the matching version is installed.
    Never raises for what the segments hold.
    """
    from collectors.postgres.wal.archive import read_archive

    return read_archive(
        segments, source, relations, system_id, counted=counted, prefer_tool=prefer_tool
    )


def cluster_of(segment: Segment) -> int | None:
    """The system identifier in a segment's header; None where that cannot be read."""
    from collectors.postgres.wal.segment import Checked, check

    found = check(segment)
    return found.system_id if isinstance(found, Checked) else None


def wal_events(wal: Wal, relations: Sequence[Relation], source: str) -> pl.LazyFrame:
    """Rows of :data:`recon.schema.DRAFT`: commits, aborts, checkpoints, and what befell tables."""
    from collectors.postgres.wal.events import events

    return events(wal, relations, source)


def records_of(stretch: Stretch, files: Collection[str]) -> Iterator[Chunk | Lost]:
    """Raw records of relation files in one of :attr:`Wal.stretches`: a second look.

    See :func:`collectors.postgres.wal.heaprecords.records_of`.
    """
    from collectors.postgres.wal import heaprecords

    return heaprecords.records_of(stretch, files)


def describe(segments: Sequence[Segment], item: str, lsn: int) -> tuple[str, str] | None:
    """The record at an LSN that starts in ``item``, in words, and the command that shows it.

    ``segments``: the item's, and the one after it if the record runs on. None: no record there.
    """
    from collectors.postgres.wal.words import words

    return words(segments, item, lsn)
