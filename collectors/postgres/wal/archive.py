"""A whole archive: every segment checked, every run read, every record once.

1. Headers are checked and segments ordered into runs without a gap.
2. Each run is read, by ``pg_waldump`` or by our own reader; after damage, from the next segment.
3. Each record gets the timeline that it was written on; what the first segment of a timeline
   repeats of the one before counts once.
4. Files are traced to relations, and rows written to the relations that were asked for counted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import polars as pl

from collectors.postgres.binaries import version
from collectors.postgres.wal import reader, waldump
from collectors.postgres.wal.acts import acts
from collectors.postgres.wal.catalogue import definitions
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import READABLE, RECORD_HEADER, read_lsn, show_lsn
from collectors.postgres.wal.model import DEFINED, RECORDS, Relation, Segment, Wal
from collectors.postgres.wal.rows import Piece, count_rows, numbers
from collectors.postgres.wal.segment import Checked, order
from collectors.postgres.wal.timeline import turns
from collectors.postgres.wal.transactions import placed
from recon.collector import Warn
from recon.schema import DRAFT_COVERAGE, frame

_TELLS_TABLES = 15


def read_archive(  # noqa: PLR0913  (as the package's own)
    segments: Sequence[Segment],
    source: str,
    relations: Sequence[Relation],
    system_id: int | None,
    *,
    counted: Collection[str] | None,
    prefer_tool: bool,
) -> Wal:
    """See :func:`collectors.postgres.wal.read`."""
    archive = order(segments, system_id)
    relations = placed(relations)
    warnings = list(archive.warnings)
    pieces: list[Piece] = []
    tables = [one for one in relations if counted is None or one.subject in counted]
    theirs = numbers(tables)
    for run in _joined(archive.runs):
        if run[0].major not in READABLE:
            warnings.append(
                Warn(
                    run[0].segment.sha256,
                    "",
                    f"{run[0].name}: expected WAL of PostgreSQL {READABLE[0]} to {READABLE[-1]}; "
                    f"found {run[0].major}; this run of {len(run)} segment(s) is not read",
                    "error",
                )
            )
            continue
        for piece, said in _pieces(run, theirs, prefer_tool=prefer_tool):
            pieces.append(piece)
            warnings += said
    pieces = _once(pieces)
    records = pl.concat([pl.DataFrame(schema=RECORDS), *(piece.records for piece in pieces)])
    if len(pieces) > 1:
        records = records.unique(["timeline", "lsn"], keep="first", maintain_order=True)
        records = records.sort("timeline", "lsn")
    defined = _defined(pieces)
    major = pieces[0].run[0].major if pieces else READABLE[-1]
    _, files = acts(records, defined, relations, major)
    rows = count_rows(pieces, files, tables)
    return Wal(
        records=records,
        writes=rows.writes,
        defined=defined,
        files=rows.files,
        coverage=_coverage(pieces, source),
        warnings=warnings,
        method=", ".join(dict.fromkeys([*(piece.method for piece in pieces), *rows.methods])),
        system_id=archive.system_id,
        major=major if pieces else None,
        stretches=[piece.stretch for piece in pieces],
    )


def _joined(runs: Sequence[Sequence[Checked]]) -> list[list[Checked]]:
    """Runs that go on on a new timeline joined to it, where the old one's last segment is missing.

    The record that crosses into the new timeline's first segment would be lost otherwise.
    """
    out: list[list[Checked]] = []
    held = {(one.timeline, one.number) for run in runs for one in run}
    for run in runs:
        first = run[0]
        before = [
            earlier
            for earlier in out
            if earlier[-1].timeline == first.begun_on != first.timeline
            and earlier[-1].number + 1 == first.number
            and (earlier[-1].major, earlier[-1].geometry) == (first.major, first.geometry)
        ]
        if before and (first.begun_on, first.number) not in held:
            before[0].extend(run)
        else:
            out.append(list(run))
    return out


def _pieces(
    run: Sequence[Checked], numbers: set[int], *, prefer_tool: bool
) -> Iterator[tuple[Piece, list[Warn]]]:
    while run:
        piece, index, warnings = _piece(run, numbers, prefer_tool=prefer_tool)
        yield piece, warnings
        run = run[index + 1 :] if index is not None else ()


def _piece(
    run: Sequence[Checked], numbers: set[int], *, prefer_tool: bool
) -> tuple[Piece, int | None, list[Warn]]:
    """One piece, which segment of the run it stopped in, and what to say of it."""
    tool = waldump.find(run[0].major) if prefer_tool else None
    warnings: list[Warn] = []
    if tool:
        with waldump.linked(run) as folder:
            dump = waldump.dump(tool, run, folder)
        if dump.problem is None or _written_out(dump.problem, run):
            there = turns(dump.records, run)
            records = reader.with_items(there.label(dump.records), run)
            piece = Piece(run, records, None, there, version(tool), dump.problem)
            return piece, None, [*dump.warnings, *there.warnings]
    # It stopped early, or is not there: our own reader says where, and goes on behind it.
    scan = reader.scan(run, numbers)
    warnings += scan.warnings
    there = turns(scan.records, run)
    records = there.label(scan.records)
    piece = Piece(run, records, scan.writes, there, reader.NAME)
    stop = scan.stop
    if stop is None:
        return piece, None, [*warnings, *there.warnings]
    last = stop.index == len(run) - 1
    one = run[stop.index]
    if not (stop.ordinary and last):
        # Behind the last record of a .partial stands what the file held before: no damage.
        partial = last and one.partial
        warnings.append(
            Warn(
                one.segment.sha256,
                f"lsn {show_lsn(stop.lsn)}",
                f"{one.name}: expected a record at {show_lsn(stop.lsn)}; found {stop.message}; "
                + (
                    "the end of what this .partial file proves"
                    if partial
                    else "what comes after it in this segment is not read"
                    if last
                    else f"reading goes on with {run[stop.index + 1].name}"
                ),
                "warning" if partial else "error",
            )
        )
    piece = replace(piece, run=run[: stop.index + 1])
    return piece, stop.index, [*warnings, *there.warnings]


def _written_out(problem: str, run: Sequence[Checked]) -> bool:
    """Whether a complaint means no more than that the last segment is not full yet."""
    found = re.search(r"invalid record length at ([0-9A-F]+/[0-9A-F]+): .*got 0$", problem)
    lsn = read_lsn(found[1]) if found and "\n" not in problem else None
    last = run[-1]
    if lsn is None or lsn // last.geometry.segment != last.number:
        return False
    with last.segment.path.open("rb") as file:
        file.seek(lsn - last.start)
        return not any(file.read(RECORD_HEADER.size))


def _once(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out what the first segment of a timeline repeats of the one before."""
    out: list[Piece] = []
    for piece in pieces:
        first = piece.run[0]
        if first.begun_on == first.timeline or not piece.turns.points:
            out.append(piece)
            continue
        turn = piece.turns.points[0][0]
        repeated = piece.records.filter(pl.col("lsn") < turn)
        reached = [
            one
            for one in out
            if any((s.timeline, s.number) == (first.begun_on, first.number) for s in one.run)
        ]
        if not reached:
            out.append(piece)
            continue
        # Where the old timeline's own segment is damaged before the turn, the copy helps out with
        # records; rows written are not counted from it, since some would count twice.
        whole = any(_last(one.records) >= _last(repeated) for one in reached)
        records = piece.records.filter(pl.col("lsn") >= turn) if whole else piece.records
        out.append(replace(piece, records=records, since=turn))
    return out


def _last(records: pl.DataFrame) -> int:
    return int(records["lsn"][-1]) if len(records) else 0


def _defined(pieces: Sequence[Piece]) -> pl.DataFrame:
    found = [pl.DataFrame(schema=DEFINED)]
    for piece in pieces:
        with Fetch.of(piece.run) as fetch:
            found.append(definitions(piece.records, fetch, piece.run[0].major))
    return pl.concat(found)


def _coverage(pieces: Sequence[Piece], source: str) -> pl.DataFrame:
    """Each piece and timeline, from its first to its last COMMIT, ABORT or PREPARE."""
    rows = []
    for piece in pieces:
        timed = piece.records.filter(
            (pl.col("rmgr") == "Transaction") & pl.col("time").is_not_null()
        )
        stretches = timed.group_by("timeline").agg(
            first=pl.col("lsn").min(),
            last=pl.col("lsn").max(),
            earliest=pl.col("time").min(),
            latest=pl.col("time").max(),
            item=pl.col("item").first(),
        )
        kinds = ("wal.*", "table.*") if piece.run[0].major >= _TELLS_TABLES else ("wal.*",)
        rows += [
            {
                "kind": kind,
                "subject": f"pg:{source}/*",
                "earliest": one["earliest"],
                "latest": one["latest"],
                "stream": f"pg:{piece.run[0].system_id}/{one['timeline']}",
                "item": one["item"],
                "because": "WAL without a gap, "
                f"{show_lsn(one['first'])} to {show_lsn(one['last'])}",
            }
            for one in stretches.sort("timeline").iter_rows(named=True)
            for kind in kinds
        ]
    return frame(rows, DRAFT_COVERAGE)
