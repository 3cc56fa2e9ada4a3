"""WAL-G's storage: the sentinel that ends each backup, and its ``metadata.json``.

    wal_005/000000010000000000000003.lz4                     or .zst, .br (brotli, not read)
    basebackups_005/base_000000010000000000000005_backup_stop_sentinel.json
    basebackups_005/base_000000010000000000000005/metadata.json
    basebackups_005/base_000000010000000000000005/tar_partitions/part_001.tar.lz4

The sentinel is JSON; LSNs are numbers, a delta backup names the one before it::

    {"LSN":83886120,"Timeline":1,"FinishLSN":83886352,"PgVersion":150018,
     "SystemIdentifier":7712104578071552454,"DeltaFrom":"base_000000010000000000000003",
     "Version":2,"StartTime":"2026-02-10T03:00:00.118203Z","FinishTime":"2026-02-10T03:00:04.2Z"}

Source: WAL-G's ``docs/`` and ``internal/databases/postgres/backup_sentinel_dto.go`` (fields).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from collectors.postgres.packing import unread
from collectors.postgres.repositories.kinds import MAX_INFO, SENTINEL, Act, event, moment_of, show
from recon.collector import Item, Warn

TOOL = "wal-g"
_NAME = re.compile(r"base_(?P<timeline>[0-9A-F]{8})[0-9A-F]{16}(?:_D_[0-9A-F]{16,24})?")
_SENTINEL = {
    "start": ("LSN", "StartTime"),
    "stop": ("FinishLSN", "FinishTime"),
    "system": "SystemIdentifier",
    "timeline": "Timeline",
}
_METADATA = {
    "start": ("start_lsn", "start_time"),
    "stop": ("finish_lsn", "finish_time"),
    "system": "system_identifier",
    "timeline": "timeline",
}


def backup_events(item: Item, path: Path, source: str) -> Iterator[dict[str, Any] | Warn]:
    """Start and stop of the backup; a warning where it is a delta."""
    said = _read(path)
    if said is None:
        with path.open("rb") as file:
            found = unread(file.read(16)) or "other bytes"
        message = f"expected WAL-G's JSON; found {found}; not read"
        yield Warn(item.sha256, "", message, "error")
        return
    names = _SENTINEL if item.kind == SENTINEL else _METADATA
    path_parts = PurePosixPath(item.native)
    label = (
        path_parts.name.removesuffix("_backup_stop_sentinel.json")
        if item.kind == SENTINEL
        else path_parts.parent.name
    )
    delta = said.get("DeltaFrom") if item.kind == SENTINEL else None
    if delta:
        yield Warn(
            item.sha256,
            "/DeltaFrom",
            f"backup {label}: expected a full backup; found a delta, which holds what changed "
            f"since {delta!r} alone: it is dated, and nothing is restored from it",
        )
    for word in ("start", "stop"):
        yield from _act(item, source, word, said, names, label, delta)


def delta_from(sentinel: Path) -> str | None:
    """The backup that a delta builds on; None of a full one."""
    named = (_read(sentinel) or {}).get("DeltaFrom")
    return str(named) if named else None


def _read(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        data = file.read(MAX_INFO)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _act(  # noqa: PLR0913, PLR0917  (what the two files have in common)
    item: Item,
    source: str,
    word: str,
    said: Mapping[str, Any],
    names: Mapping[str, Any],
    label: str,
    delta: object,
) -> Iterator[dict[str, Any] | Warn]:
    place, time = names[word]
    text = said.get(time)
    earliest, latest = moment_of(text)
    if text is not None and earliest is None:
        yield Warn(item.sha256, f"/{time}", f"expected a time; found {text!r}; left undated")
    named = _NAME.fullmatch(label)
    timeline = _integer(said.get(names["timeline"]))
    if timeline is None and named:
        timeline = int(named["timeline"], 16)
    system = _integer(said.get(names["system"]))
    kind = "delta" if delta else "full" if item.kind == SENTINEL else "?"
    yield event(
        Act(
            word=word,
            tool=TOOL,
            label=show(label),
            type=kind,
            lsn=_lsn(said.get(place)),
            timeline=timeline,
            system_id=system,
            # An old sentinel gives no time, and metadata.json does.
            citation=f"/{time}" if text is not None else f"/{place}",
            earliest=earliest,
            latest=latest,
            more=f" prior={show(delta)}" if delta else "",
        ),
        item,
        source,
    )


def _lsn(value: object) -> str:
    number = _integer(value)
    if number is not None and 0 <= number < 2**64:
        return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"
    return show(value) if isinstance(value, str) else ""


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
