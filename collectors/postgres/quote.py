"""From a citation back to the words of the source, and the stock command that shows the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from collectors.postgres import backups, control, dumps, restore
from collectors.postgres.lines import KINDS, MAX_LINE
from recon.collector import Item, Items, Quote, Source, Warn
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump
    from collectors.postgres.wal.model import Segment

_TEXTS = (*KINDS, "pg.history", "pg.backup-label", "pg.backup-history")
_LINE = re.compile(r"line ([1-9]\d{0,11})\Z", re.ASCII)
_LSN = re.compile(r"lsn ([0-9A-F]{1,8})/([0-9A-F]{1,8})\Z")
_ROW = re.compile(r"row (.+) ([1-9]\d{0,11})\Z", re.ASCII | re.DOTALL)
_TOC = re.compile(r"toc (-?\d{1,10})\Z", re.ASCII)
_SHOWN = 4000
"""Characters of a JSON value that a quote shows."""


def quote_postgres(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The source's words at a citation.

    Raises:
        BadInputError: the item has no such place.
    """
    found: Quote | None = None
    if item.kind in _TEXTS:
        found = _line(items, item, citation or "line 1")
    elif item.kind == "pg.wal":
        found = _record(items, item, citation)
    elif item.kind == "pg.dump":
        found = _dumped(source, items, item, citation)
    elif item.kind == "pg.control-file":
        found = _control(items, item) if citation in {"", "checkpoint"} else None
    elif item.kind == "pg.backup-manifest":
        found = _manifest(items, item, citation)
    if found is None:
        raise BadInputError(
            f"a place in an item of kind {item.kind}",
            repr(citation),
            f"item {item.sha256[:16]}",
            "rebuild the timeline: `recon timeline`",
        )
    return found


def _line(items: Items, item: Item, citation: str) -> Quote | None:
    match = _LINE.match(citation)
    if not match:
        return None
    number = int(match.group(1))
    with items.path(item).open("rb") as file:
        for at, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            if at == number:
                return _text(line.rstrip(b"\r\n"), f"sed -n {number}p ITEM")
    return None


def _text(data: bytes, how: str) -> Quote:
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)


def _record(items: Items, item: Item, citation: str) -> Quote | None:
    match = _LSN.match(citation)
    if not match:
        name = PurePosixPath(item.native).name
        text = f"{name}: a WAL segment of {item.size} bytes"
        return None if citation else Quote(text, f"pg_waldump {name}", verbatim=False)
    from collectors.postgres import wal
    from collectors.postgres.parse import segments

    lsn = int(match.group(1), 16) << 32 | int(match.group(2), 16)
    found = wal.describe(_and_next(segments(items), item), item.sha256, lsn)
    return Quote(found[0], found[1], verbatim=False) if found else None


def _and_next(every: list[Segment], item: Item) -> list[Segment]:
    """The segment of the item, and the one that follows it on its timeline."""
    ordered = sorted(every, key=lambda one: one.name)
    own = [at for at, one in enumerate(ordered) if one.sha256 == item.sha256]
    found = [ordered[at] for at in own]
    for at in own:
        following = [one for one in ordered if one.name > ordered[at].name][:1]
        found += [one for one in following if one.name[:8] == ordered[at].name[:8]]
    return found


def _dumped(source: Source, items: Items, item: Item, citation: str) -> Quote | None:
    dump = dumps.read_dump(item, items.path(item), source.options.dump_zone)
    if isinstance(dump, Warn):
        raise BadInputError("a dump", dump.message, f"item {item.sha256[:16]}", "copy it again")
    archive = dump.archive
    contents = "pg_restore -l ITEM"
    if not citation:
        text = (
            f"Archive created at {archive.created:%Y-%m-%d %H:%M:%S} (the client's local time)\n"
            f"dbname: {archive.database}\nTOC Entries: {len(archive.entries)}\n"
            f"Dump Version: {'.'.join(map(str, archive.version[:2]))}-{archive.version[2]}\n"
            f"Dumped from database version: {archive.server}\n"
            f"Dumped by pg_dump version: {archive.tool}"
        )
        return Quote(text, "\n".join([contents, *_all_rows(source, dump)]), verbatim=False)
    if match := _TOC.match(citation):
        for entry in archive.entries:
            if entry.number == int(match.group(1)):
                text = (
                    f"{entry.number}; {entry.table_oid} {entry.oid} {entry.description} "
                    f"{entry.namespace or '-'} {entry.tag} {entry.owner}"
                )
                return Quote(text, contents, verbatim=False)
    if match := _ROW.match(citation):
        return _dumped_row(dump, match.group(1), int(match.group(2)))
    return None


def _all_rows(source: Source, dump: Dump) -> Iterator[str]:
    """A command for each claimed table that prints every row: so what is not there is seen."""
    for claim in source.claims:
        schema, _, name = claim.table.partition(".")
        entry = dump.archive.find("TABLE DATA", schema, name)
        if entry is not None:
            command = shlex.join(restore.command("pg_restore", entry, "ITEM"))
            yield f"{command} | sed '1,/^COPY /d;/^\\\\\\.$/,$d'"


def _dumped_row(dump: Dump, table: str, number: int) -> Quote | None:
    schema, _, name = table.partition(".")
    entry = dump.archive.find("TABLE DATA", schema, name)
    if entry is None:
        return None
    command = restore.command("pg_restore", entry, "ITEM")
    how = f"{shlex.join(command)} | sed '1,/^COPY /d' | sed -n {number}p"
    for at, line in enumerate(_split(dumps.raw_rows(dump, entry)), 1):
        if line == b"\\.":
            return None
        if at == number:
            return _text(line, how)
    return None


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a stream of pieces, without their ends."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE:
            return


def _control(items: Items, item: Item) -> Quote:
    read = control.read_control(items.read(item), f"item {item.sha256[:16]}")
    how = "mkdir -p D/global && cp ITEM D/global/pg_control && pg_controldata -D D"
    return Quote(control.render(read), how, verbatim=False)


def _manifest(items: Items, item: Item, citation: str) -> Quote | None:
    place = citation or "/PostgreSQL-Backup-Manifest-Version"
    try:
        value = backups.pointer(json.loads(items.read(item)), place)
    except (ValueError, KeyError, RecursionError):
        return None
    steps = "".join(
        f"[{part}]" if part.isdigit() else f"[{json.dumps(part)}]" for part in place.split("/")[1:]
    )
    text = json.dumps(value, ensure_ascii=False)[:_SHOWN]
    return Quote(text, f"jq -c {shlex.quote('.' + steps)} ITEM", verbatim=False)
