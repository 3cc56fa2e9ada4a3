"""PostgreSQL: a live server, dumps, WAL, base backups, captures made with psql, server logs.

What a row of a claimed table looks like in a capture, as the server writes it (one line; see
:mod:`~collectors.postgres.queries` for the other files)::

    {"tableoid":16391,"ctid":"(0,7)","xmin":768,"cmin":3,
     "committed":"2026-03-08T19:12:04.118203+00:00",
     "row":{"model":"credit-risk","version":"2.3.1","artifact_sha256":"9c1f…",
            "git_commit":"5d0c…","registered_at":"2026-02-14T10:05:00.5+00:00"}}

Two clocks stand in it: ``registered_at``, which the writer supplied (asserted), and ``committed``,
which the server kept of the transaction ``xmin`` (stamped).

| item | events |
| --- | --- |
| ``pg.rows`` | ``snapshot``; ``row.version`` and ``claim`` for each row |
| ``pg.catalogue`` | ``snapshot``; ``table.catalogue``: OID, file, transaction that created it; |
| | ``table.trace``, ``table.counters``, ``table.subscribed``: what is unusual of it |
| ``pg.statistics`` | ``snapshot``; ``table.statistics`` |
| ``pg.control`` | ``snapshot``; ``control.checkpoint``; ``restore.trace`` |
| two captures or dumps | ``table.recreate``, ``.rename``, ``.create``, ``.drop``, ``.rewrite``, |
| | ``.truncate``, ``.replaced``; ``database.moved``, ``.upgraded`` |
| ``pg.rehydrated`` | as ``pg.rows``, of the instant that was asked for |
| ``pg.dump`` | ``snapshot``; ``dump.table``: OID; ``row.dumped`` and ``claim`` for each row |
| ``pg.wal`` | see :mod:`collectors.postgres.wal` |
| ``pg.serverlog`` | see :mod:`collectors.postgres.serverlog` |
| ``pg.wal``, claimed tables | ``row.insert`` … and ``claim``: :mod:`collectors.postgres.heap` |
| base backups with data files | ``row.ghost`` |
| ``pg.history`` | ``timeline.fork``, ``timeline.first-not-replayed`` or ``.last-replayed``; |
| | ``timeline.lost``, and ``table.lost-write`` at the COMMIT records that it left behind |
| ``pg.backup-label`` | ``backup.start`` |
| ``pg.backup-history`` | ``backup.start``, ``backup.stop`` |
| ``pg.backup-manifest`` | ``backup.manifest`` |
| ``pg.footprint`` | ``footprint``: what a live capture did to the server |
| ``pg.control-file`` | ``control.checkpoint`` |
| ``pg.pgbackrest-backup-info``, ``pg.pgbackrest-manifest`` | ``backup.start``, ``backup.stop`` |
| ``pg.barman-backup``, ``pg.wal-g-sentinel``, ``pg.wal-g-metadata`` | the same |
| ``pg.backup-tar``, ``pg.backup-file`` | none: see :mod:`collectors.postgres.base` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.postgres.options import EXAMPLE, PostgresClaim, PostgresOptions
from recon.collector import Collector
from recon.errors import ReconError

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source
    from recon.rehydrate import Rehydrated, Rehydration

__all__ = ["collector"]


def acquire(acquisition: Acquisition) -> None:
    """The live server first, as its state passes; then the exports. Each fails alone."""
    from collectors.postgres.files import acquire_files

    options: PostgresOptions = acquisition.source.options
    if options.dsn_env is not None:
        from collectors.postgres.live import acquire_live

        try:
            acquire_live(acquisition)
        except ReconError as error:
            acquisition.failed(f"dsn_env {options.dsn_env}", error)
    acquire_files(acquisition)


def parse(source: Source, items: Items) -> Parsed:
    """Items to events; see :mod:`collectors.postgres.parse`."""
    from collectors.postgres.parse import parse_postgres

    return parse_postgres(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The source's words at a citation; see :mod:`collectors.postgres.quote`."""
    from collectors.postgres.quote import quote_postgres

    return quote_postgres(source, items, item, citation)


def as_it_stood(acquisition: Acquisition, items: Items, asked: Rehydration) -> Rehydrated:
    """The database as it stood; see :mod:`collectors.postgres.rehydrate`."""
    from collectors.postgres.rehydrate import rehydrate

    return rehydrate(acquisition, items, asked)


collector = Collector(
    "postgres",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=PostgresOptions,
    claim=PostgresClaim,
    example=EXAMPLE,
    rehydrate=as_it_stood,
    kinds=("*", "!object.*", "!bucket.*", "!trail.*", "!git.*", "!deploy.*"),
)
