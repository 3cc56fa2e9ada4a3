"""From a citation back to the words of the source, and the stock command that shows the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from collectors.postgres import backups, control, dumps, footprint, repositories, restore, stores
from collectors.postgres.lines import KINDS, MAX_LINE
from collectors.postgres.packing import opened, packing_at
from collectors.postgres.repositories.kinds import SENTINEL, WALG_METADATA
from collectors.postgres.wal.layout import plain_name
from recon.collector import Item, Items, Quote, Source, Warn
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump
    from collectors.postgres.wal.model import Segment

_TEXTS = (
    *(*KINDS, footprint.KIND, "pg.history", "pg.backup-label", "pg.backup-history"),
    *repositories.TEXTS,
)
_JSON = ("pg.backup-manifest", SENTINEL, WALG_METADATA)
_LINE = re.compile(r"line ([1-9]\d{0,11})\Z", re.ASCII)
_LSN = re.compile(r"lsn ([0-9A-F]{1,8})/([0-9A-F]{1,8})(?: row [1-9]\d{0,4}| before)?\Z", re.ASCII)
_ROW = re.compile(r"row (.+) ([1-9]\d{0,11})\Z", re.ASCII | re.DOTALL)
_TOC = re.compile(r"toc (-?\d{1,10})\Z", re.ASCII)
_GHOST = re.compile(r"(?:(\S+) )?block (\d{1,10}) line (\d{1,4})\Z", re.ASCII)
_HEAP = ("rmgr: Heap ", "rmgr: Heap2 ")
_BLOCKS = 131_072
"""Pages in one file of a relation: 1 GiB."""
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
    elif item.kind == "pg.serverlog":
        from collectors.postgres.serverlog.quoting import quote_log

        found = quote_log(items.path(item), item, citation, source.options.log_line_prefix)
    elif item.kind == "pg.wal":
        found = _record(source, items, item, citation)
    elif item.kind == "pg.dump":
        found = _dumped(source, items, item, citation)
    elif item.kind == "pg.control-file":
        found = _control(items, item) if citation in {"", "checkpoint"} else None
    elif item.kind in _JSON:
        found = _manifest(items, item, citation)
    elif match := _GHOST.match(citation):
        found = _ghost(source, items, item, match)
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
    packing = packing_at(items.path(item))
    with items.path(item).open("rb") as file:
        command = f"{packing.command} ITEM | sed -n {number}p" if packing else ""
        source = opened(file, packing) if packing else file
        for at, line in enumerate(iter(lambda: source.readline(MAX_LINE), b""), 1):
            if at == number:
                return _text(line.rstrip(b"\r\n"), command or f"sed -n {number}p ITEM")
    return None


def _text(data: bytes, how: str) -> Quote:
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)


def _record(source: Source, items: Items, item: Item, citation: str) -> Quote | None:
    from collectors.postgres import wal
    from collectors.postgres.parse import segments

    match = _LSN.match(citation)
    if not match:
        return None if citation else _segment(items, item)
    lsn = int(match.group(1), 16) << 32 | int(match.group(2), 16)
    with wal.unpacked(_and_next(segments(items), item)) as (plain, _):
        found = wal.describe(plain, item.sha256, lsn)
    if found is None:
        return None
    text, how = found
    if text.startswith(_HEAP):
        from collectors.postgres.heap.quoted import row_words

        text = "\n".join([text, *row_words(source, items, item, citation)])
    return Quote(text, how, verbatim=False)


def _ghost(source: Source, items: Items, item: Item, place: re.Match[str]) -> Quote | None:
    from collectors.postgres.heap.quoted import row_words

    lines = list(row_words(source, items, item, place[0]))
    within, block = place[1], int(place[2]) % _BLOCKS
    page = f"dd bs=8192 skip={block} count=1"
    inside = f"tar -xOf ITEM {shlex.quote(within)} | " if within else ""
    how = f"{inside}{page} {'' if within else 'if=ITEM '}status=none | od -A d -c"
    return Quote("\n".join(lines), how, verbatim=False) if lines else None


def _segment(items: Items, item: Item) -> Quote:
    name = PurePosixPath(item.native).name
    packing = packing_at(items.path(item))
    # Under its own name, which pg_waldump wants, and as a shell takes whatever an export holds.
    plain = shlex.quote(plain_name(name).removesuffix(".partial"))
    copy = f"{packing.command} ITEM > {plain}" if packing else f"cp ITEM {plain}"
    packed = f", packed by {packing.name}" if packing else ""
    text = f"{name}: a WAL segment of {item.size} bytes{packed}"
    return Quote(text, f"{copy} && TZ=UTC pg_waldump {plain}", verbatim=False)


def _and_next(every: list[Segment], item: Item) -> list[Segment]:
    """The segment of the item, and the one that follows it on its timeline: each file of it."""
    own = [one for one in every if one.sha256 == item.sha256]
    found = list(own)
    for one in own:
        later = sorted(
            plain_name(other.name)[:24]
            for other in every
            if other.name[:24] > one.name[:24] and other.name[:8] == one.name[:8]
        )
        found += [other for other in every if later and other.name[:24] == later[0]]
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
    claimed = [claim.table for claim in source.claims]
    for table in [*claimed, *stores.in_dump(dump.archive, claimed)]:
        schema, _, name = table.partition(".")
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
    named = item.kind == "pg.backup-manifest"
    place = citation or ("/PostgreSQL-Backup-Manifest-Version" if named else "")
    try:
        value = backups.pointer(json.loads(items.read(item)), place)
    except (ValueError, KeyError, RecursionError):
        return None
    steps = "".join(
        f"[{part}]" if part.isdigit() else f"[{json.dumps(part)}]" for part in place.split("/")[1:]
    )
    text = json.dumps(value, ensure_ascii=False)[:_SHOWN]
    return Quote(text, f"jq -c {shlex.quote('.' + steps)} ITEM", verbatim=False)
