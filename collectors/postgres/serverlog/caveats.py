"""What a server log could not be read for, or was read with a caveat; and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from collectors.postgres.serverlog.lines import Counts
from collectors.postgres.serverlog.stderr import LEVELS
from recon.collector import Item, Warn

_NAMED = 5
_BACK = timedelta(seconds=1)
"""Lines of several processes may be out of order by less: the time is read before the writing."""
_ZONES = {
    "unknown": "expected a zone whose offset is known; found {zone!r}; each time is read as the "
    "26 hours that it covers somewhere on Earth; give `log_timezone`",
    "several": "expected a zone with one offset; found {zone!r}, which has stood for several; each "
    "time covers them all; give `log_timezone`",
    "other": "expected times of `log_timezone`; found {zone!r}, which that zone does not use then; "
    "read by the abbreviation alone",
    "fold": "expected a time that comes once; found the hour that comes twice in autumn ({zone}); "
    "each time covers both",
    "gap": "expected a time of `log_timezone`; found one that its clock leaps over in spring "
    "({zone}); read by the abbreviation alone",
}


@dataclass(slots=True)
class Seen:
    """What the messages of one log showed, block by block."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Events of each kind."""
    counted: Counter[str] = field(default_factory=Counter)
    """Messages that give no event, by level; statements that only read, as ``read``."""
    zones: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Number of messages and first line, by (note, zone)."""
    undated: list[int] = field(default_factory=lambda: [0, 0])
    ambiguous: list[int] = field(default_factory=lambda: [0, 0])
    foreign: dict[str, list[int]] = field(default_factory=dict)
    """Levels in other words than English ones: number and first line."""
    earliest: datetime | None = None
    latest: datetime | None = None
    furthest: datetime | None = None
    """The latest begin of a reading so far."""
    back: list[Any] = field(default_factory=lambda: [0, 0, timedelta()])
    """Messages earlier than one before, the line of the first, and the longest step."""

    def take(self, found: pl.DataFrame) -> None:
        """Add the messages of a block, with their readings, kinds and texts of SQL."""
        if found.is_empty():
            return
        self.kinds.update(dict(found["kind"].drop_nulls().value_counts().iter_rows()))
        silent = found.filter(pl.col("kind").is_null()).select(
            what=pl.when(pl.col("sql").is_not_null()).then(pl.lit("read")).otherwise("severity")
        )
        self.counted.update(dict(silent["what"].value_counts().iter_rows()))
        for key, first, number in _grouped(found, "zone_note", "zone"):
            _add(self.zones.setdefault(key, [0, 0]), number, first)
        for (level,), first, number in _grouped(found, "severity"):
            if level not in LEVELS:
                _add(self.foreign.setdefault(level, [0, 0]), number, first)
        _add_rows(self.undated, found.filter(pl.col("earliest").is_null()))
        _add_rows(self.ambiguous, found.filter("ambiguous"))
        self._times(found)

    def _times(self, found: pl.DataFrame) -> None:
        dated = found.filter(pl.col("earliest").is_not_null())
        if dated.is_empty():
            return
        before = pl.col("earliest").cum_max().shift(1)
        if self.furthest is not None:
            known = pl.lit(self.furthest).cast(pl.Datetime("us", "UTC"))
            before = pl.max_horizontal(before, known)
        back = dated.with_columns(step=before - pl.col("latest")).filter(pl.col("step") > _BACK)
        if back.height:
            _add_rows(self.back, back)
            self.back[2] = max(self.back[2], back.select(pl.col("step").max()).item())
        first, last, furthest = dated.select(
            pl.col("earliest").min(), pl.col("latest").max(), furthest=pl.col("earliest").max()
        ).row(0)
        self.earliest = min(filter(None, (self.earliest, first)))
        self.latest = max(filter(None, (self.latest, last)))
        self.furthest = max(filter(None, (self.furthest, furthest)))


def _grouped(found: pl.DataFrame, *names: str) -> Iterator[tuple[Any, int, int]]:
    rows = found.filter(pl.col(names[0]).is_not_null()).group_by(names, maintain_order=True)
    for *key, first, number in rows.agg(pl.col("line").first(), n=pl.len()).iter_rows():
        yield tuple(key), first, number


def _add_rows(place: list[Any], rows: pl.DataFrame) -> None:
    if rows.height:
        _add(place, rows.height, int(rows["line"][0]))


def _add(place: list[Any], number: int, line: int) -> None:
    place[1] = place[1] or line
    place[0] += number


def summary(item: Item, kind: str, counts: Counts, seen: Seen, source: str) -> dict[str, Any]:
    """``log.file``: what became of every line of the log."""
    total, silent = sum(seen.kinds.values()), dict(sorted(seen.counted.items()))
    only = ", ".join(f"{number} {what}" for what, number in silent.items())
    return {
        "kind": "log.file",
        "subject": f"pg:{source}",
        "value": f"{kind}: {counts.lines} lines: {counts.first} first lines of messages, "
        f"{counts.joined} further ones, {counts.blank} blank, {counts.skipped} not read; "
        f"{total} messages give events" + (f"; counted alone: {only}" if only else ""),
        "clock": f"pg:{source}/log",
        "basis": "stamped",
        "earliest": seen.earliest,
        "latest": seen.latest,
        "item": item.sha256,
        "citation": "",
        "part": 0,
    }


def caveats(item: Item, kind: str, counts: Counts, seen: Seen) -> Iterator[Warn]:
    """Warnings of one log, each sort once, at the first line that it is about."""
    for line, message, severity in (*_unread(kind, counts), *_doubtful(seen)):
        yield Warn(item.sha256, f"line {line}" if line else "", message, severity)


def _unread(kind: str, counts: Counts) -> Iterator[tuple[int, str, str]]:
    if not counts.lines:
        yield 0, "expected a server log; found an empty file", "warning"
    elif not counts.first:
        todo = "give its `log_line_prefix`" if kind == "stderr" else "is it a server log?"
        message = f"expected messages of a {kind} log; found none in {counts.lines} lines; {todo}"
        yield 0, message, "error"
    for why, places in counts.places.items():
        number = sum(count for _, count in places)
        shown = ", ".join(str(line) for line, _ in places[:_NAMED])
        first = ", the first of them" if len(places) > _NAMED else ""
        message = f"expected messages; found {number} {why} (at {shown}{first}); not read"
        yield places[0][0], message, "warning"
    if counts.decoded:
        number = len(counts.decoded)
        message = f"expected UTF-8; found other bytes on {number} lines; they are shown as \\x…"
        yield counts.decoded[0], message, "warning"


def _doubtful(seen: Seen) -> Iterator[tuple[int, str, str]]:
    for (note, zone), (number, line) in seen.zones.items():
        yield line, f"{_ZONES[note].format(zone=zone)} ({number} messages)", "warning"
    number, line = seen.undated
    if number:
        message = f"expected a time in each message; found none in {number}; undated"
        yield line, message, "warning"
    number, line = seen.ambiguous
    if number:
        message = (
            f"expected a prefix that reads in one way; found {number} messages where a name or the "
            "text may hold what looks like the end of the prefix; read the first way, their user "
            "and database left out"
        )
        yield line, message, "warning"
    for level, (number, line) in seen.foreign.items():
        message = f"expected a level such as LOG or ERROR; found {level!r} ({number} messages)"
        yield line, f"{message}; counted alone: only English is understood", "warning"
    number, line, step = seen.back
    if number:
        message = (
            f"expected times that do not go back; found {number} messages earlier than one "
            f"before, by up to {step.total_seconds():.3f} s; kept as they stand"
        )
        yield line, message, "warning"
