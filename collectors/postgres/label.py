"""``backup_label``: where a backup begins, and when it was begun."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.postgres.backups import label_fields
from collectors.postgres.wal.layout import read_lsn


@dataclass(frozen=True, slots=True)
class Label:
    """``backup_label``, read."""

    start: int
    """LSN from which replay begins."""
    checkpoint: int | None
    timeline: int | None
    """Timeline at the start; None before PostgreSQL 11."""
    time: str
    """START TIME as it stands there, without its zone resolved."""
    label: str
    incremental_from: int | None = None
    """LSN of the backup that an incremental one builds on."""


def read_label(data: bytes) -> Label | None:
    """``backup_label``; None where it names no LSN to start from."""
    fields = {key: value.strip() for key, (_, value) in label_fields(data).items()}
    start = read_lsn(fields.get("START WAL LOCATION", "").partition(" ")[0])
    timeline = fields.get("START TIMELINE", "")
    if start is None:
        return None
    return Label(
        start=start,
        checkpoint=read_lsn(fields.get("CHECKPOINT LOCATION", "")),
        timeline=int(timeline) if re.fullmatch(r"[0-9]{1,10}", timeline) else None,
        time=fields.get("START TIME", ""),
        label=fields.get("LABEL", ""),
        incremental_from=read_lsn(fields.get("INCREMENTAL FROM LSN", "")),
    )
