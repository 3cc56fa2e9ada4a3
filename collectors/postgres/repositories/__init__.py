"""Folders of backup tools, read without the tools: pgBackRest, Barman and WAL-G.

Their segments of WAL are ``pg.wal`` items as any other; what they say of their backups becomes
events by the tool's own clock, ``pg:SOURCE/pgbackrest``, ``…/barman``, ``…/wal-g``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from collectors.postgres.repositories.kinds import (
    ARCHIVE_INFO,
    BACKUP_INFO,
    BARMAN,
    MANIFEST,
    SENTINEL,
    WALG_METADATA,
)

if TYPE_CHECKING:
    from recon.collector import Item, Items, Warn

KINDS = (ARCHIVE_INFO, BACKUP_INFO, BARMAN, MANIFEST, SENTINEL, WALG_METADATA)
"""Kinds of the items in which the tools speak of themselves."""
TEXTS = (ARCHIVE_INFO, BACKUP_INFO, BARMAN, MANIFEST)
"""Those cited by line; the others by JSON pointer."""


def repository_events(items: Items, source: str) -> Iterator[dict[str, Any] | Warn]:
    """``backup.start`` and ``backup.stop`` of each backup, and what its tool's files lack."""
    from collectors.postgres.repositories import barman, pgbackrest, walg

    for item in items.of(*KINDS):
        yield from _events(item, items, source, pgbackrest, barman, walg)
    yield from pgbackrest.without_info(items)


def _events(
    item: Item,
    items: Items,
    source: str,
    *tools: Any,  # noqa: ANN401  (the three modules)
) -> Iterator[dict[str, Any] | Warn]:
    pgbackrest, barman, walg = tools
    path = items.path(item)
    if item.kind in {ARCHIVE_INFO, BACKUP_INFO}:
        yield from pgbackrest.info_events(item, path, source)
    elif item.kind == MANIFEST:
        yield from pgbackrest.manifest_events(item, path, source)
    elif item.kind == BARMAN:
        yield from barman.backup_events(item, path, source)
    else:
        yield from walg.backup_events(item, path, source)


def incremental(manifest: Item, items: Items) -> bool:
    """Whether a backup of pgBackRest holds what changed alone, by its manifest."""
    from collectors.postgres.repositories.pgbackrest import entries

    return any(
        not isinstance(entry, str)
        and (entry.section, entry.key) == ("backup", "backup-type")
        and entry.value != "full"
        for entry in entries(items.path(manifest))
    )


def is_delta(native: str, items: Items) -> bool:
    """Whether a sentinel of WAL-G says that the backup is one."""
    from collectors.postgres.repositories import walg

    named = f"{native}_backup_stop_sentinel.json"
    return any(
        walg.delta_from(items.path(item)) is not None
        for item in items.of(SENTINEL)
        if item.native == named
    )
