"""Kinds of the items in which backup tools speak of their backups, and an event of each act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.postgres.wal.layout import read_lsn
from recon.collector import Item
from recon.errors import BadInputError
from recon.instants import interval

ARCHIVE_INFO = "pg.pgbackrest-archive-info"
BACKUP_INFO = "pg.pgbackrest-backup-info"
MANIFEST = "pg.pgbackrest-manifest"
BARMAN = "pg.barman-backup"
SENTINEL = "pg.wal-g-sentinel"
WALG_METADATA = "pg.wal-g-metadata"
MAX_INFO = 1 << 26
"""Bytes of a file that lists backups: some 700 a backup."""


@dataclass(frozen=True, slots=True)
class Act:
    """The start or the stop of a backup, as its tool records it."""

    word: str
    """``start`` or ``stop``."""
    tool: str
    """``pgbackrest``, ``barman``, ``wal-g``."""
    label: str
    type: str
    """``full``, or the tool's own word for another."""
    lsn: str
    """As PostgreSQL prints it; empty: not recorded."""
    timeline: int | None
    system_id: int | None
    citation: str
    earliest: datetime | None
    latest: datetime | None
    more: str = ""
    """What else it says, ``key=value`` and a space before each."""


def event(act: Act, item: Item, source: str) -> dict[str, Any]:
    """The act as an event of the timeline."""
    row: dict[str, Any] = {
        "kind": f"backup.{act.word}",
        "subject": f"pg:{source}",
        "value": f"label={act.label} type={act.type} lsn={act.lsn or '?'} "
        f"timeline={act.timeline if act.timeline is not None else '?'}{act.more}",
        "clock": f"pg:{source}/{act.tool}",
        "basis": "stamped",
        "earliest": act.earliest,
        "latest": act.latest,
        "item": item.sha256,
        "citation": act.citation,
        "part": 0 if act.word == "start" else 1,
    }
    position = read_lsn(act.lsn)
    if act.system_id is not None and act.timeline is not None and position is not None:
        row |= {"stream": f"pg:{act.system_id}/{act.timeline}", "position": position}
    return row


def show(value: object) -> str:
    """One value of a tool's file within an event's value: no space, so that fields stay apart."""
    return "_".join(str(value).split()) or "?"


def moment_of(text: object) -> tuple[datetime | None, datetime | None]:
    """The interval in which a time lies that a tool wrote; None twice where it is none."""
    try:
        return interval(str(text)) if text is not None else (None, None)
    except BadInputError:
        return None, None
