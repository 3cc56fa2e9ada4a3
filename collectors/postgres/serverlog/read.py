"""One server log after another: its format, its messages, their events, and what was not read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import polars as pl

from collectors.postgres.options import PostgresOptions
from collectors.postgres.serverlog import KIND, csvlog, jsonlog, stderr
from collectors.postgres.serverlog.caveats import Seen, caveats, summary
from collectors.postgres.serverlog.events import events
from collectors.postgres.serverlog.lines import Counts
from collectors.postgres.serverlog.prefix import Prefix, compile_prefix
from collectors.postgres.serverlog.unpack import Block, Damage, blocks, pieces
from recon.collector import Item, Items, Warn
from recon.schema import DRAFT, frame

_HEAD = 1 << 16


@dataclass(slots=True)
class Logs:
    """All server logs of a source."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    """Events, of :data:`recon.schema.DRAFT`."""
    warnings: list[Warn] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    """By item."""
    formats: set[str] = field(default_factory=set)


def read_all(items: Items, source: str, options: PostgresOptions, system_id: int | None) -> Logs:
    """Read each log; never raises for what one holds."""
    logs = Logs()
    prefixes = [compile_prefix(text) for text in options.log_line_prefix]
    for item in items.of(KIND):
        _read(logs, item, items.path(item), prefixes, (source, options.log_timezone, system_id))
    return logs


def format_of(path: Path, native: str) -> str:
    """``csvlog``, ``jsonlog`` or ``stderr``, by the first lines; else by the name."""
    head = b""
    with contextlib.suppress(Damage):  # it is met again, and said, where the log is read
        for piece in pieces(path, _HEAD):
            head += piece
            if len(head) >= _HEAD:
                break
    for line in head.decode("utf-8", "replace").split("\n")[:50]:
        if re.match(csvlog.START, line):
            return "csvlog"
        if line.startswith('{"timestamp":'):
            return "jsonlog"
    name = re.sub(r"\.(gz|zst|lz4|bz2|xz)$", "", PurePosixPath(native).name)
    return {".csv": "csvlog", ".json": "jsonlog"}.get(PurePosixPath(name).suffix, "stderr")


def _read(
    logs: Logs,
    item: Item,
    path: Path,
    prefixes: list[Prefix],
    of: tuple[str, str | None, int | None],
) -> None:
    source, zone, system_id = of
    counts = logs.counts.setdefault(item.sha256, Counts())
    seen = Seen()
    kind = "stderr"
    try:
        kind = format_of(path, item.native)
        for records in _records(path, kind, prefixes, counts):
            found = events(records, source, zone, system_id, seen)
            # Many processes write it, so its lines are in no order that a clock could not change.
            place = {"item": pl.lit(item.sha256), "stream": pl.lit(f"lines:{item.sha256}")}
            logs.frames.append(found.with_columns(**place).select(list(DRAFT)))
    except Damage as damage:
        message = f"expected a whole packed file; found: {damage}; read up to there"
        logs.warnings.append(Warn(item.sha256, "", message, "error"))
    logs.formats.add(kind)
    logs.frames.append(frame([summary(item, kind, counts, seen, source)], DRAFT))
    logs.warnings += caveats(item, kind, counts, seen)


def _records(
    path: Path, kind: str, prefixes: list[Prefix], counts: Counts
) -> Iterator[pl.DataFrame]:
    if kind == "csvlog":
        return csvlog.records(blocks(path, csvlog.hold), counts)
    if kind == "jsonlog":
        return jsonlog.records(blocks(path, jsonlog.hold), counts)
    found: Iterator[Block] = blocks(path, stderr.holder(prefixes))
    return stderr.records(found, prefixes, counts)
