"""pgBackRest's repository: what its info files and manifests say. Format 5, pgBackRest 2.x.

    archive/main/archive.info
    archive/main/15-1/0000000100000000/000000010000000000000006-af1a9e92….gz
    backup/main/backup.info
    backup/main/20260210-030000F/backup.manifest
    backup/main/20260210-030000F/pg_data/base/1/1259.gz
    backup/main/20260210-030000F/bundle/1                     (repo-bundle=y)

Lines of ``backup.info`` and ``backup.manifest``; each value is JSON::

    [backup:current]
    20260210-030000F={"backup-lsn-start":"0/700028","backup-timestamp-start":1770692400,…}

    [backup]
    backup-timestamp-start=1770692400
    [backup:db]
    db-system-id=7712104578071552454
    [target:file]
    pg_data/PG_VERSION={"checksum":"587b596f…","repo-size":23,"size":3,"timestamp":1770692400}

Times are of whole seconds.
Source: pgBackRest's user guide and its ``src/info/`` (infoBackup.c, manifest.c), held against
real repositories in the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from collectors.postgres.packing import unread
from collectors.postgres.repositories.kinds import (
    ARCHIVE_INFO,
    MAX_INFO,
    Act,
    event,
    show,
)
from collectors.postgres.wal.layout import ARCHIVED
from recon.collector import Item, Items, Warn

TOOL = "pgbackrest"
_ARCHIVE = re.compile(r"(?P<archive>.*/)?\d+(?:\.\d+)?-\d+/[0-9A-F]{16}/[^/]+")
_LINE = re.compile(r"(?P<key>.+?)=(?P<value>[\[{\"\d\-tfn].*)")
_SECOND = timedelta(microseconds=999_999)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file: its section, key and JSON value."""

    number: int
    section: str
    key: str
    value: Any


def entries(path: Path) -> Iterator[Entry | str]:
    """Its lines; a text where one cannot be read."""
    section = ""
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(MAX_INFO), b""), 1):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not line.strip():
                continue
            if line.startswith("[") and line.endswith("]") and "=" not in line:
                section = line[1:-1]
                continue
            match = _LINE.fullmatch(line)
            try:
                value = json.loads(match["value"]) if match else None
            except (ValueError, RecursionError):
                match = None
            if match is None:
                yield f"line {number}"
            else:
                yield Entry(number, section, match["key"], value)


def info_events(item: Item, path: Path, source: str) -> Iterator[dict[str, Any] | Warn]:
    """Of ``backup.info``: start and stop of each backup; of ``archive.info``: what is wrong."""
    if encrypted := _encrypted(item, path):
        yield encrypted
        return
    systems: dict[int, int] = {}
    backups: list[Entry] = []
    for entry in entries(path):
        if isinstance(entry, str):
            yield _bad(item, entry, "a key and a JSON value", "another line")
        elif entry.section == "db:history" and isinstance(entry.value, dict):
            known = entry.value.get("db-id" if item.kind == ARCHIVE_INFO else "db-system-id")
            if entry.key.isascii() and entry.key.isdigit() and isinstance(known, int):
                systems[int(entry.key)] = known
        elif entry.section == "backup:current":
            backups.append(entry)
    if not systems:
        yield _bad(item, "", "[db:history], the clusters of the repository", "none")
    for entry in backups:
        if isinstance(entry.value, dict):
            system = systems.get(_integer(entry.value.get("db-id")) or 0)
            yield from _acts(item, source, entry.key, entry.value, system, {}, entry.number)
        else:
            yield _bad(item, f"line {entry.number}", "a JSON object", "another value")


def manifest_events(item: Item, path: Path, source: str) -> Iterator[dict[str, Any] | Warn]:
    """Start and stop of the backup; a warning where it is not a whole one."""
    if encrypted := _encrypted(item, path):
        yield encrypted
        return
    backup: dict[str, Any] = {}
    lines: dict[str, int] = {}
    system = None
    for entry in entries(path):
        if isinstance(entry, str):
            yield _bad(item, entry, "a key and a JSON value", "another line")
        elif entry.section == "backup":
            backup[entry.key] = entry.value
            lines[entry.key] = entry.number
        elif entry.section == "backup:db" and entry.key == "db-system-id":
            system = _integer(entry.value)
    label = backup.get("backup-label")
    if not isinstance(label, str):
        yield _bad(item, "", "a [backup] with its backup-label", "none")
        return
    yield from _acts(item, source, label, backup, system, lines, 0)
    kind = backup.get("backup-type")
    if kind != "full":
        prior = backup.get("backup-prior")
        yield Warn(
            item.sha256,
            f"line {lines.get('backup-type', 1)}",
            f"backup {label}: expected a full backup; found {kind!r}, which holds what changed "
            f"since {prior!r} alone: it is dated, and nothing is restored from it",
        )


def _acts(  # noqa: PLR0913, PLR0917  (what the two files have in common)
    item: Item,
    source: str,
    label: str,
    fields: Mapping[str, Any],
    system: int | None,
    lines: Mapping[str, int],
    line: int,
) -> Iterator[dict[str, Any] | Warn]:
    version = f" system={system}" if system is not None else ""
    prior = f" prior={show(fields['backup-prior'])}" if fields.get("backup-prior") else ""
    for word in ("start", "stop"):
        place = f"line {lines.get(f'backup-timestamp-{word}', line) or 1}"
        earliest, latest = _moment(fields.get(f"backup-timestamp-{word}"))
        if earliest is None:
            yield _bad(item, place, f"seconds since 1970 as backup-timestamp-{word}", "none")
        segment = str(fields.get(f"backup-archive-{word}") or "")
        yield event(
            Act(
                word=word,
                tool=TOOL,
                label=show(label),
                type=show(fields.get("backup-type")),
                lsn=show(fields.get(f"backup-lsn-{word}") or ""),
                timeline=int(segment[:8], 16) if ARCHIVED.fullmatch(segment) else None,
                system_id=system,
                citation=place,
                earliest=earliest,
                latest=latest,
                more=prior + version,
            ),
            item,
            source,
        )


def without_info(items: Items) -> Iterator[Warn]:
    """Archives of pgBackRest that lack ``archive.info``; each is named once."""
    known = {item.native.rpartition("/")[0] + "/" for item in items.of(ARCHIVE_INFO)}
    said: set[str] = set()
    for item in items.of("pg.wal"):
        match = _ARCHIVE.fullmatch(item.native)
        named = ARCHIVED.fullmatch(PurePosixPath(item.native).name)
        if not match or not named or not named["sha1"]:
            continue
        folder = match["archive"] or ""
        if folder not in known and folder not in said:
            said.add(folder)
            yield Warn(
                item.sha256,
                "",
                f"expected {folder}archive.info, where pgBackRest says which cluster this archive "
                "is of; found none; the segments say it by themselves",
            )


def _encrypted(item: Item, path: Path) -> Warn | None:
    with path.open("rb") as file:
        told = unread(file.read(16))
    return _bad(item, "", "pgBackRest's text", told) if told else None


def _moment(value: object) -> tuple[datetime | None, datetime | None]:
    seconds = _integer(value)
    try:
        earliest = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (ValueError, OverflowError, OSError):
        earliest = None
    return earliest, earliest + _SECOND if earliest else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bad(item: Item, citation: str, expected: str, found: str) -> Warn:
    name = PurePosixPath(item.native).name
    message = f"{name}: expected {expected}; found {found}; not read"
    return Warn(item.sha256, citation, message, "error")
