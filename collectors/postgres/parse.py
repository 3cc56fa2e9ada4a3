"""Items of a PostgreSQL source to events.

1. Read the captures and the contents of the dumps: which OID and file is which table, and which
   cluster it is.
2. Rows of the claimed tables, of captures and of dumps.
3. What else captures and dumps show: snapshots, catalogue, statistics, control data, coverage.
4. The small files of backups and restores.
5. The WAL archive, with the names found in 1.
6. Server logs.
7. What befell tables and the history itself, from all of these together.

Nothing here needs a server, a PostgreSQL program or psycopg.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.postgres import backups, captures, control, dumps, footprint, readings, serverlog
from collectors.postgres.claims import Rows, row_events
from collectors.postgres.history import history_events
from collectors.postgres.lines import KINDS, Capture, integer, is_rows, read_capture
from collectors.postgres.options import PostgresClaim, PostgresOptions
from collectors.postgres.packing import beginning
from collectors.postgres.repositories import repository_events
from collectors.postgres.wal.model import Relation, Seen, Segment
from recon.collector import Item, Items, Parsed, Sha256, Source, Warn
from recon.errors import BadInputError
from recon.schema import DRAFT, DRAFT_COVERAGE, frame

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump
    from collectors.postgres.heap.claimed import WalRows
    from collectors.postgres.heap.copies import Copy
    from collectors.postgres.wal.model import Wal

_RELKIND = {"TABLE": "r", "MATERIALIZED VIEW": "m", "INDEX": "i", "SEQUENCE": "S"}
_PG_CLASS = "1259"
_DUMP_CLOCK = timedelta(hours=1)
"""How far off the clock of the machine that made a dump is taken to be."""

Row = dict[str, Any]


@dataclass(slots=True)
class _Found:
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


def parse_postgres(source: Source, items: Items) -> Parsed:
    """All events of the source; never raises for what an item holds."""
    claims: dict[str, list[PostgresClaim]] = {}
    for claim in source.claims:
        claims.setdefault(claim.table, []).append(claim)
    found = _Found(source.id, source.options, claims)
    _read(found, items)
    for item, capture in found.captures:
        _capture(found, item, capture)
    for dump in found.dumps:
        _dump(found, dump)
    _backups(found, items)
    for item in items.of(footprint.KIND):
        found.take(footprint.footprint_events(item, _head(items, item), source.id))
    events = [frame(found.events, DRAFT), *found.frames]
    coverage = [frame(found.coverage, DRAFT_COVERAGE)]
    methods: dict[str, str] = {}
    clusters = _clusters(found)
    lazy = [one.lazy() for one in events]
    logged: list[pl.LazyFrame] = []
    covered: list[pl.DataFrame] = []
    copies = _copies(found, items)
    archives: list[Wal] = []
    if items.of("pg.wal"):
        from collectors.postgres import wal
        from collectors.postgres.heap.coverage import followed

        relations = _relations(found, copies)
        # Counting rows takes a pass over the log for each table: those that the case claims.
        claimed = {
            one.subject
            for one in relations
            if any(one.subject.endswith(f"/{table}") for table in claims)
        }
        with wal.unpacked(segments(items)) as (plain, said):
            for system_id, theirs in _by_cluster(clusters, plain):
                archive = wal.read(
                    theirs,
                    source=source.id,
                    relations=relations,
                    counted=claimed,
                    system_id=system_id,
                )
                archives.append(archive)
                rows = _wal_rows(found, archive, relations, copies)
                coverage.append(followed(archive, rows))
                found.warnings += rows.warnings
                lazy += [one.lazy() for one in rows.events]
        found.warnings += said
        for archive in archives:
            logged.append(wal.wal_events(archive, relations, source.id))
            covered.append(archive.coverage)
            found.warnings += archive.warnings
        lazy += logged
        coverage += covered
        clusters = [one.system_id for one in archives if one.system_id is not None] or clusters
        methods["wal"] = ", ".join(dict.fromkeys(one.method for one in archives))
    if items.of(serverlog.KIND):
        cluster = clusters[0] if len(clusters) == 1 else None
        logs = serverlog.read_logs(items, source.id, found.options, cluster)
        lazy += [one.lazy() for one in logs.frames]
        found.warnings += logs.warnings
        methods["serverlog"] = f"recon's own reader ({', '.join(sorted(logs.formats))})"
    lazy += [one.lazy() for one in _ghosts(found, copies, archives)]
    lazy.append(
        history_events(
            captures=found.captures,
            dumps=found.dumps,
            labels=items.of("pg.backup-label"),
            events=found.events,
            logged=pl.concat(logged) if logged else None,
            coverage=pl.concat(covered) if covered else None,
            tables=claims,
            clusters=clusters,
            source=source.id,
        ).lazy()
    )
    if found.dumps:
        methods["dump"] = "recon's own reader"
    return Parsed(
        events=pl.concat(lazy),
        coverage=pl.concat(coverage),
        warnings=tuple(found.warnings),
        methods=methods,
    )


def _copies(found: _Found, items: Items) -> list[Copy]:
    """Base backups that hold data files, read for the claimed tables."""
    from collectors.postgres.base import base_backups
    from collectors.postgres.heap.copied import read_copy

    out = []
    for backup in base_backups(items):
        if not found.claims or not backup.whole or backup.incremental:
            continue
        try:
            out.append(read_copy(backup, list(found.claims)))
        except BadInputError as error:
            found.warnings.append(Warn(backup.items[0].sha256, "", str(error), "error"))
    return out


def _ghosts(found: _Found, copies: Sequence[Copy], archives: Sequence[Wal]) -> list[pl.DataFrame]:
    """Tuples in base backups that no commit made rows; the copies are let go of."""
    if not copies:
        return []
    from collectors.postgres.heap.commits import Commits
    from collectors.postgres.heap.ghosts import ghost_events

    frames = []
    for copy in copies:
        read = found.controls.get(copy.backup.native)
        control_ = (read.system_id, read.next_xid & captures.MAX_OID) if read else None
        own = [one for one in archives if read is None or one.system_id == read.system_id]
        commits = Commits(own[0]) if len(own) == 1 else None
        events, said = ghost_events(copy, found.source, found.claims, control_, commits)
        frames += events
        found.warnings += said
        copy.close()
    return frames


def _wal_rows(
    found: _Found, archive: Wal, relations: Sequence[Relation], copies: Sequence[Copy]
) -> WalRows:
    """Row changes of the claimed tables, with what else says how they are laid out."""
    from collectors.postgres.heap.describe import claimed_tables, from_catalogue, from_dump
    from collectors.postgres.heap.rows import read_rows

    captured, dumped = {}, {}
    for copy in copies:
        for held in copy.tables:
            captured[f"pg:{found.source}/{held.database}", held.oid] = held.described
    for _, capture in found.captures:
        database = f"pg:{found.source}/{capture.header.database}"
        for oid, table in from_catalogue(line for _, line in capture.lines).items():
            captured[database, oid] = table
    for dump in found.dumps:
        database = f"pg:{found.source}/{dump.archive.database}"
        for name in found.claims:
            schema, _, bare = name.partition(".")
            entry = dump.archive.find("TABLE", schema, bare)
            oid_ = integer(entry.oid) if entry else None
            described = from_dump(dump.archive, entry) if entry else None
            if oid_ is not None and described is not None:
                dumped[database, oid_] = described
    claimed = claimed_tables(relations, captured, dumped, found.claims)
    theirs = [
        copy
        for copy in copies
        if (read := found.controls.get(copy.backup.native)) is None
        or read.system_id == archive.system_id
    ]
    return read_rows(archive, claimed, relations, found.source, theirs)


def segments(items: Items) -> list[Segment]:
    """WAL items under their names in the archive, equal bytes of one name once."""
    unique: dict[tuple[str, str], Segment] = {}
    for item in items.of("pg.wal"):
        name = PurePosixPath(item.native).name
        unique.setdefault((name, item.sha256), Segment(name, items.path(item), item.sha256))
    return list(unique.values())


def _read(found: _Found, items: Items) -> None:
    for item in items.of(*KINDS):
        capture = read_capture(item, items.path(item))
        if isinstance(capture, Warn):
            found.warnings.append(capture)
        else:
            found.captures.append((item, capture))
            found.warnings += capture.warnings
    for item in items.of("pg.dump"):
        dump = dumps.read_dump(item, items.path(item), found.options.dump_zone)
        if isinstance(dump, Warn):
            found.warnings.append(dump)
        else:
            found.dumps.append(dump)
    for item in items.of("pg.control-file"):
        try:
            read = control.read_control(_head(items, item), item.native)
        except BadInputError as error:
            found.warnings.append(Warn(item.sha256, "", str(error), "error"))
            continue
        found.controls[_folder(item)] = read
        found.events.append(_checkpoint(read, item, found.source))


def _capture(found: _Found, item: Item, capture: Capture) -> None:
    header = capture.header
    found.events.append(captures.snapshot_event(capture, item, found.source))
    found.take(readings.reading_events(item, found.source))
    if is_rows(header):
        table = f"{header.schema}.{header.table}"
        claims = found.claims.get(table, [])
        subject = captures.table_subject(found.source, header.database, header.schema, header.table)
        columns = [column for claim in claims for column in claim.columns()]
        rows = captures.rows_frame(capture, list(dict.fromkeys(columns)))
        _rows(found, Rows(item.sha256, found.source, table, subject, "row.version", rows))
        if capture.complete and claims:
            because = f"the capture holds all {len(capture.lines)} rows, by its own count"
            seen = (header.started, header.read)
            _cover(found, subject, item, seen, because)
    elif header.capture == "catalogue":
        found.take(captures.catalogue_events(capture, item, found.source))
    elif header.capture == "statistics":
        found.take(captures.statistics_events(capture, item, found.source))
    elif header.capture == "control":
        found.take(captures.control_events(capture, item, found.source))


def _dump(found: _Found, dump: Dump) -> None:
    archive, item = dump.archive, dump.item
    zone = found.options.dump_zone
    stamped: Row = {
        "clock": f"pg:{found.source}/dump",
        "basis": "stamped",
        "earliest": dump.earliest,
        "latest": dump.latest,
        "item": item.sha256,
        "part": 0,
    }
    found.events.append(
        stamped
        | {
            "kind": "snapshot",
            "subject": f"pg:{found.source}/{archive.database}",
            "value": f"dump by pg_dump {archive.tool} of server {archive.server}"
            + (f"; its local time is of {zone}, says the case" if zone else ""),
            "citation": "",
        }
    )
    for table, claims in found.claims.items():
        schema, _, name = table.partition(".")
        subject = captures.table_subject(found.source, archive.database, schema, name)
        entry = archive.find("TABLE", schema, name)
        if entry is not None:
            found.events.append(
                stamped
                | {
                    "kind": "dump.table",
                    "subject": subject,
                    "value": f"oid={entry.oid} owner={entry.owner}",
                    "names": [subject],
                    "citation": f"toc {entry.number}",
                }
            )
        columns = [column for claim in claims for column in claim.columns()]
        rows, warnings = dumps.table_rows(dump, schema, name, list(dict.fromkeys(columns)))
        found.warnings += warnings
        if rows is not None:
            _rows(found, Rows(item.sha256, found.source, table, subject, "row.dumped", rows))
            if not warnings:
                because = f"the dump holds all {rows.height} rows of the table at one moment"
                _cover(found, subject, item, (dump.earliest, dump.latest), because)


def _rows(found: _Found, rows: Rows) -> None:
    events, warnings = row_events(rows, found.claims.get(rows.table, []))
    found.frames.append(events)
    found.warnings += warnings


def _cover(
    found: _Found,
    subject: str,
    item: Item,
    seen: tuple[datetime | None, datetime | None],
    because: str,
) -> None:
    found.coverage.append(
        {
            "kind": "claim",
            "subject": subject,
            "earliest": seen[0],
            "latest": seen[1],
            "item": item.sha256,
            "because": because,
        }
    )


def _backups(found: _Found, items: Items) -> None:
    for item in items.of("pg.backup-label", "pg.backup-history"):
        found.take(
            backups.label_events(
                item,
                _head(items, item),
                found.source,
                _system(found, item),
            )
        )
    for item in items.of("pg.history"):
        found.take(backups.history_events(item, _head(items, item), found.source))
    for item in items.of("pg.backup-manifest"):
        if item.size > backups.MAX_MANIFEST:
            message = f"expected a manifest; found {item.size} bytes; not read"
            found.warnings.append(Warn(item.sha256, "", message, "error"))
            continue
        data = items.read(item)
        found.take(backups.manifest_events(item, data, found.source, _system(found, item)))
    found.take(repository_events(items, found.source))


def _checkpoint(read: control.ControlFile, item: Item, source: str) -> Row:
    return {
        "kind": "control.checkpoint",
        "subject": f"pg:{source}",
        "value": f"next_xid={read.next_xid_shown} next_oid={read.next_oid} "
        f"timeline={read.timeline} redo={control.lsn(read.redo)} "
        f"oldest_running_xid={read.oldest_running_xid}",
        "clock": f"pg:{source}/server",
        "basis": "stamped",
        "earliest": read.checkpoint_time,
        "latest": read.checkpoint_time.replace(microsecond=999_999),
        "stream": f"pg:{read.system_id}/{read.timeline}",
        "position": read.checkpoint,
        "item": item.sha256,
        "citation": "checkpoint",
        "part": 0,
    }


def _relations(found: _Found, copies: Sequence[Copy] = ()) -> Sequence[Relation]:
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
    return [replace(one, seen=_seen(times)) for one, times in relations.items()]


def _seen(times: Sequence[tuple[datetime, datetime]]) -> Seen | None:
    return Seen(min(times), max(times)) if times else None


def _clusters(found: _Found) -> list[int]:
    """The clusters that captures and control files name: one, or one upgraded from another."""
    named = {capture.header.system_id for _, capture in found.captures} | {
        one.system_id for one in found.controls.values()
    }
    clusters = sorted(one for one in named if one is not None)
    if len(clusters) > 1:
        shown = ", ".join(map(str, clusters))
        found.warnings.append(
            Warn(
                found.captures[0][0].sha256 if found.captures else Sha256(""),
                "",
                f"expected one cluster in a source; found system identifiers {shown}; their "
                "transactions are kept apart; make a source of each, unless pg_upgrade made one "
                "from the other",
            )
        )
    return clusters


def _by_cluster(
    clusters: Sequence[int], archived: Sequence[Segment]
) -> list[tuple[int | None, list[Segment]]]:
    """Each cluster's segments; those of clusters that nothing names go to the first."""
    if len(clusters) < 2:  # noqa: PLR2004  (one is the common case: all that is archived is its)
        return [(clusters[0] if clusters else None, list(archived))]
    from collectors.postgres import wal

    theirs: dict[int, list[Segment]] = {cluster: [] for cluster in clusters}
    for segment in archived:
        theirs.get(wal.cluster_of(segment) or 0, theirs[clusters[0]]).append(segment)
    return [(cluster, some) for cluster, some in theirs.items() if some]


def _system(found: _Found, item: Item) -> int | None:
    read = found.controls.get(_folder(item))
    return read.system_id if read else None


def _folder(item: Item) -> str:
    """The backup that a file was copied from; empty for a file of the archive."""
    return str(item.meta.get("backup") or "")


def _head(items: Items, item: Item) -> bytes:
    """A small file; WAL-G packs those of the archive too."""
    return beginning(items.path(item), backups.MAX_TEXT)
