"""What is read of a PostgreSQL source, and what names its files: the state of a parse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from collectors.postgres import captures, control
from collectors.postgres.lines import Capture, integer
from collectors.postgres.options import PostgresClaim, PostgresOptions
from collectors.postgres.wal.model import Relation, Seen
from recon.collector import Item, Warn

if TYPE_CHECKING:
    import polars as pl

    from collectors.postgres.dumps import Dump
    from collectors.postgres.heap.copies import Copy

_RELKIND = {"TABLE": "r", "MATERIALIZED VIEW": "m", "INDEX": "i", "SEQUENCE": "S"}
_PG_CLASS = "1259"
_DUMP_CLOCK = timedelta(hours=1)
"""How far off the clock of the machine that made a dump is taken to be."""

Row = dict[str, Any]


@dataclass(slots=True)
class Found:
    """What has been read so far."""

    source: str
    options: PostgresOptions
    claims: dict[str, list[PostgresClaim]]
    """By table."""
    captures: list[tuple[Item, Capture]] = field(default_factory=list)
    dumps: list[Dump] = field(default_factory=list)
    controls: dict[str, control.ControlFile] = field(default_factory=dict)
    """By folder of the backup."""
    frames: list[pl.DataFrame] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    coverage: list[Row] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)

    def take(self, found: Iterator[Row | Warn]) -> None:
        """Sort events from warnings."""
        for one in found:
            if isinstance(one, Warn):
                self.warnings.append(one)
            else:
                self.events.append(one)


def relations_of(found: Found, copies: Sequence[Copy] = ()) -> Sequence[Relation]:
    """Every OID and file that captures, dumps and base backups give a name to."""
    relations: dict[Relation, list[tuple[datetime, datetime]]] = {}
    for dump in found.dumps:
        for entry in dump.archive.entries:
            kind = _RELKIND.get(entry.description)
            oid = integer(entry.oid) if entry.table_oid == _PG_CLASS else None
            if kind and oid is not None and oid <= captures.MAX_OID:
                subject = captures.table_subject(
                    found.source, dump.archive.database, entry.namespace, entry.tag
                )
                relation = Relation(oid, subject, kind=kind)
                times = (dump.earliest - _DUMP_CLOCK, dump.latest + _DUMP_CLOCK)
                relations.setdefault(relation, []).append(times)
    for _, capture in found.captures:
        header = capture.header
        shown = [(header.started, header.read)] if header.started and header.read else []
        for relation in captures.relations(capture, found.source):
            relations.setdefault(relation, []).extend(shown)
    for copy in copies:
        from collectors.postgres.heap.copies import relations as held

        for relation in held(copy, found.source):
            relations.setdefault(relation, [])
    return [replace(one, seen=_when(times)) for one, times in relations.items()]


def _when(times: Sequence[tuple[datetime, datetime]]) -> Seen | None:
    return Seen(min(times), max(times)) if times else None
