r"""The small files of backups and restores: label, backup history, manifest, timeline history.

``backup_label`` (the ``.backup`` file of the archive adds ``STOP …`` lines)::

    START WAL LOCATION: 0/3000028 (file 000000010000000000000003)
    CHECKPOINT LOCATION: 0/3000060
    BACKUP METHOD: streamed
    BACKUP FROM: primary
    START TIME: 2026-02-10 03:00:00 UTC
    LABEL: pg_basebackup base backup
    START TIMELINE: 1

``00000002.history`` (parent timeline, LSN of the switch, why recovery ended there)::

    1	0/4001F58	before 2026-03-08 10:00:00.123456+00

``backup_manifest`` is JSON with a checksum of itself in its last line::

    { "PostgreSQL-Backup-Manifest-Version": 1, "Files": [ … ],
    "WAL-Ranges": [
    { "Timeline": 1, "Start-LSN": "0/3000028", "End-LSN": "0/3000138" } ],
    "Manifest-Checksum": "f0c1…"}

Formats: PostgreSQL documentation, sections 26.3.3 and 78 (backup manifest), and
``src/backend/access/transam/timeline.c`` (history files).
None of the first three names its cluster (a manifest does from 17 on), so positions in WAL are
given a stream only where the ``pg_control`` of the same folder says which cluster it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.postgres.packing import unread
from collectors.postgres.wal.layout import read_lsn
from recon.collector import Item, Warn
from recon.errors import BadInputError
from recon.instants import interval

MAX_TEXT = 1 << 20
"""A label or history file has a few hundred bytes."""
MAX_MANIFEST = 1 << 28
"""A manifest has some 150 bytes a file."""
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\s*(?:[+-]\d\d(?::?\d\d){0,2}|[A-Z]+)?"
)
_ZONE = re.compile(r"\s*([A-Z]+)$")
_UTC = {"UTC", "GMT", "Z"}

Row = dict[str, Any]


def label_fields(data: bytes) -> dict[str, tuple[int, str]]:
    """Line number and value of each ``KEY: value``; of a key that comes twice, the first."""
    fields: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(data[:MAX_TEXT].decode("utf-8", "replace").splitlines(), 1):
        key, colon, value = line.partition(": ")
        if colon:
            fields.setdefault(key, (number, value))
    return fields


def label_events(
    item: Item, data: bytes, source: str, system_id: int | None
) -> Iterator[Row | Warn]:
    """``backup.start`` of a label; ``backup.stop`` too of a ``.backup`` file."""
    if told := unread(data):
        yield _bad(item, "a line `START TIME: …`", told)
        return
    fields = label_fields(data)
    number, since = fields.get("INCREMENTAL FROM LSN", (0, ""))
    if since:
        yield Warn(
            item.sha256,
            f"line {number}",
            f"expected a full backup; found an incremental one, which holds the blocks changed "
            f"since {since!r} alone: it is dated, and nothing is restored from it; "
            "`pg_combinebackup` makes a whole one of it and those before it",
        )
    found = False
    for word in ("START", "STOP"):
        if f"{word} TIME" not in fields:
            continue
        found = True
        number, text = fields[f"{word} TIME"]
        place = fields.get(f"{word} WAL LOCATION", (0, ""))[1]
        timeline = fields.get(f"{word} TIMELINE", (0, ""))[1]
        position = read_lsn(place.partition(" ")[0])
        row: Row = {
            "kind": f"backup.{word.lower()}",
            "subject": f"pg:{source}",
            "value": f"label={fields.get('LABEL', (0, ''))[1]} lsn={place.split(' ')[0]} "
            f"timeline={timeline}" + (f" incremental_from={since}" if since else ""),
            "item": item.sha256,
            "citation": f"line {number}",
            "part": 0,
        }
        if (
            system_id is not None
            and position is not None
            and timeline.isascii()
            and timeline.isdigit()
        ):
            row |= {"stream": f"pg:{system_id}/{timeline}", "position": position}
        yield from _dated(row, text, f"pg:{source}/server", item)
    if not found:
        lines = len(data[:MAX_TEXT].splitlines())
        yield _bad(item, "a line `START TIME: …`", f"{lines} lines without one")


def history_events(item: Item, data: bytes, source: str) -> Iterator[Row | Warn]:
    """``timeline.fork`` for each line, and the commit at which replay ended, as its own event."""
    name = re.search(r"([0-9A-F]{8})\.history(?:\.\w+)?$", item.native)
    lines = data[:MAX_TEXT].decode("utf-8", "replace").splitlines()
    forks = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split(None, 2)
        place = read_lsn(parts[1]) if len(parts) > 1 else None
        if not re.fullmatch(r"\d{1,10}", parts[0], re.ASCII) or place is None:
            yield _bad(item, "a timeline, an LSN and a reason", repr(line), f"line {number}")
            continue
        forks.append((number, int(parts[0]), place, parts[1], parts[2] if len(parts) > 2 else ""))  # noqa: PLR2004
    own: list[int | None] = [int(name.group(1), 16)] if name else []
    if forks and not own:
        yield _bad(item, "a name such as 00000002.history", item.native, consequence="read without")
    # Each line's child is the parent of the next line; the last one's is the file's own timeline.
    children: list[int | None] = [*(fork[1] for fork in forks[1:]), *(own or [None])]
    for (number, parent, _, shown, reason), child in zip(forks, children, strict=False):
        row: Row = {
            "kind": "timeline.fork",
            "subject": f"pg:{source}",
            "value": f"timeline={child if child is not None else '?'} parent={parent} "
            f"switch={shown} reason={reason}",
            "item": item.sha256,
            "citation": f"line {number}",
            "part": 0,
        }
        yield row
        moment = _TIME.search(reason)
        word = {"before": "timeline.first-not-replayed", "after": "timeline.last-replayed"}.get(
            reason.split(" ", 1)[0]
        )
        if moment and word:
            yield from _dated(
                {**row, "kind": word, "part": 1}, moment.group(), f"pg:{source}/commit", item
            )


def manifest_events(
    item: Item, data: bytes, source: str, system_id: int | None
) -> Iterator[Row | Warn]:
    """``backup.manifest`` for each WAL range that a restore of the backup needs."""
    body, _, last = data.rpartition(b'"Manifest-Checksum"')
    try:
        manifest = json.loads(data)
        stated = manifest["Manifest-Checksum"]
        ranges = manifest.get("WAL-Ranges", [])
        files = len(manifest["Files"])
        system_id = int(manifest.get("System-Identifier", system_id or 0)) or None
        shown = [(int(r["Timeline"]), str(r["Start-LSN"]), str(r["End-LSN"])) for r in ranges]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        yield _bad(item, "a backup manifest (JSON)", f"{type(error).__name__}: {error}")
        return
    # The checksum covers every byte before the line that holds it.
    found = hashlib.sha256(body).hexdigest()
    if not last or stated != found:
        yield _bad(
            item,
            f"SHA-256 {stated!r}, as the manifest says of itself",
            found,
            "/Manifest-Checksum",
            "the manifest was changed after it was made, or is cut off",
        )
    for number, (timeline, start, end) in enumerate(shown):
        row: Row = {
            "kind": "backup.manifest",
            "subject": f"pg:{source}",
            "value": f"files={files} timeline={timeline} start={start} end={end}",
            "item": item.sha256,
            "citation": f"/WAL-Ranges/{number}",
            "part": 0,
        }
        position = read_lsn(start)
        if system_id is not None and position is not None:
            row |= {"stream": f"pg:{system_id}/{timeline}", "position": position}
        yield row


def _dated(row: Row, text: str, clock: str, item: Item) -> Iterator[Row | Warn]:
    """The row with the time that the text gives; undated, with a warning, if it gives none."""
    text = text.strip()
    zone = _ZONE.search(text)
    if zone and zone.group(1) in _UTC:
        text = f"{text[: zone.start()]}Z"
    elif zone:
        # An abbreviation names no offset for certain (IST is India's, Israel's and Ireland's).
        yield Warn(
            item.sha256,
            row["citation"],
            f"expected UTC or an offset; found the zone {zone.group(1)!r}; read as of any zone",
        )
        text = text[: zone.start()]
    try:
        earliest, latest = interval(text)
    except BadInputError:
        yield Warn(item.sha256, row["citation"], f"expected a time; found {text!r}; left undated")
        yield row | {"clock": clock, "basis": "stamped"}
        return
    yield row | {"clock": clock, "basis": "stamped", "earliest": earliest, "latest": latest}


def _bad(
    item: Item, expected: str, found: str, citation: str = "", consequence: str = "not read"
) -> Warn:
    return Warn(
        item.sha256, citation, f"expected {expected}; found {found[:200]}; {consequence}", "error"
    )


def pointer(document: object, path: str) -> object:
    """The value at a JSON pointer (RFC 6901) of a parsed document.

    Raises:
        KeyError: there is none.
    """
    here = document
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, list) and key.isascii() and key.isdigit() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            raise KeyError(path)
    return here
