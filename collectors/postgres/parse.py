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

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import polars as pl

from collectors.postgres import backups, captures, control, dumps, footprint, serverlog, stores
from collectors.postgres.found import Found, Row, relations_of
from collectors.postgres.history import history_events
from collectors.postgres.lines import KINDS, integer, read_capture
from collectors.postgres.options import PostgresClaim
from collectors.postgres.packing import beginning
from collectors.postgres.repositories import repository_events
from collectors.postgres.snapshots import capture_events, dump_events
from collectors.postgres.wal.model import Relation, Segment
from recon.collector import Item, Items, Parsed, Sha256, Source, Warn
from recon.errors import BadInputError
from recon.schema import DRAFT, DRAFT_COVERAGE, frame

if TYPE_CHECKING:
    from collectors.postgres.heap.claimed import WalRows
    from collectors.postgres.heap.copies import Copy
    from collectors.postgres.wal.model import Wal


def parse_postgres(source: Source, items: Items) -> Parsed:
    """All events of the source; never raises for what an item holds."""
    claims: dict[str, list[PostgresClaim]] = {}
    for claim in source.claims:
        claims.setdefault(claim.table, []).append(claim)
    found = Found(source.id, source.options, claims)
    _read(found, items)
    for item, capture in found.captures:
        capture_events(found, item, capture)
    for dump in found.dumps:
        dump_events(found, dump)
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

        relations = relations_of(found, copies)
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
                lazy += rows.events
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


def _copies(found: Found, items: Items) -> list[Copy]:
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


def _ghosts(found: Found, copies: Sequence[Copy], archives: Sequence[Wal]) -> list[pl.DataFrame]:
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
    found: Found, archive: Wal, relations: Sequence[Relation], copies: Sequence[Copy]
) -> WalRows:
    """Row changes of the claimed tables, with what else says how they are laid out."""
    from collectors.postgres.heap.describe import claimed_tables, from_catalogue, from_dump
    from collectors.postgres.heap.rows import read_rows
    from collectors.postgres.wal.transactions import placed

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
    known = placed(relations, archive.told)
    claimed = claimed_tables(known, captured, dumped, found.claims)
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


def _read(found: Found, items: Items) -> None:
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
    for claim in list(stores.claims(found)):
        found.claims.setdefault(claim.table, []).append(claim)


def _backups(found: Found, items: Items) -> None:
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


def _clusters(found: Found) -> list[int]:
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


def _system(found: Found, item: Item) -> int | None:
    read = found.controls.get(_folder(item))
    return read.system_id if read else None


def _folder(item: Item) -> str:
    """The backup that a file was copied from; empty for a file of the archive."""
    return str(item.meta.get("backup") or "")


def _head(items: Items, item: Item) -> bytes:
    """A small file; WAL-G packs those of the archive too."""
    return beginning(items.path(item), backups.MAX_TEXT)
