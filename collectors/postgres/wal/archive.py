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
from collectors.postgres.wal.covered import Read, coverage
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import READABLE, RECORD_HEADER, read_lsn, show_lsn
from collectors.postgres.wal.model import DEFINED, RECORDS, Relation, Segment, Wal
from collectors.postgres.wal.naming import named
from collectors.postgres.wal.piece import Piece, once
from collectors.postgres.wal.rows import count_rows, numbers
from collectors.postgres.wal.segment import Checked, order
from collectors.postgres.wal.shelf import Shelf
from collectors.postgres.wal.stream import cut_off
from collectors.postgres.wal.timeline import turns
from collectors.postgres.wal.transactions import placed
from recon.collector import Warn


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
    warnings = list(archive.warnings)
    pieces: list[Piece] = []
    theirs = numbers(_counted(relations, counted))
    runs = _joined(archive.runs)
    for run in runs:
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
        warnings += _cut_off(run, runs)
    pieces = once(pieces)
    found = [piece.told() for piece in pieces]
    told = pl.concat([pl.DataFrame(schema=RECORDS), *found]).sort("timeline", "lsn")
    relations = placed(relations, told)
    defined = _defined(pieces, found)
    major = pieces[0].run[0].major if pieces else READABLE[-1]
    judged = acts(told, defined, relations, major)
    rows = count_rows(pieces, judged.files, _counted(relations, counted))
    every = [*relations, *named(relations, defined)]
    covered, said = coverage(Read(pieces, told, judged, rows, every), counted, source)
    return Wal(
        pieces=pieces,
        told=told,
        defined=defined,
        counted=rows,
        coverage=covered,
        warnings=[*warnings, *said],
        method=", ".join(dict.fromkeys([*(piece.method for piece in pieces), *rows.methods])),
        system_id=archive.system_id,
        major=major if pieces else None,
    )


def _counted(relations: Sequence[Relation], subjects: Collection[str] | None) -> list[Relation]:
    return [one for one in relations if subjects is None or one.subject in subjects]


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


def _cut_off(run: Sequence[Checked], runs: Sequence[Sequence[Checked]]) -> Iterator[Warn]:
    """The last record of a timeline, where the segment that holds the rest is not there.

    So ends whatever archive is copied while its server runs: a note, and no event from there on.
    """
    last = run[-1]
    if last.partial or not last.segment.whole:
        return
    if any(one.timeline == last.timeline and one.number > last.number for r in runs for one in r):
        # A gap, which is said.
        return
    lsn = cut_off(last)
    if lsn is not None:
        yield Warn(
            last.segment.sha256,
            f"lsn {show_lsn(lsn)}",
            f"{last.name}, the last segment of timeline {last.timeline}: expected its last record "
            "to end in it; found that it runs on into a segment that is not there, as where the "
            "next one is not full yet; it is not read, and what the log proves ends before it",
            "note",
        )


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
    shelf = Shelf()
    if tool:
        with waldump.linked(run) as folder:
            dump = waldump.dump(tool, run, folder, shelf)
        if dump.problem is None or _written_out(dump.problem, run):
            there = turns(shelf.rest, run)
            piece = Piece(
                *(run, shelf, there, version(tool)),
                counted=False,
                said=dump.problem,
                foreign=dump.foreign,
            )
            return piece, None, [*dump.warnings, *dump.foreign.warnings(run), *there.warnings]
        shelf = Shelf()
    # It stopped early, or is not there: our own reader says where, and goes on behind it.
    scan = reader.scan(run, numbers, shelf)
    warnings += [*scan.warnings, *scan.foreign.warnings(run)]
    there = turns(shelf.rest, run)
    piece = Piece(run, shelf, there, reader.NAME, counted=True, foreign=scan.foreign)
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


def _defined(pieces: Sequence[Piece], told: Sequence[pl.DataFrame]) -> pl.DataFrame:
    found = [pl.DataFrame(schema=DEFINED)]
    for piece, records in zip(pieces, told, strict=True):
        with Fetch.of(piece.run) as fetch:
            found.append(definitions(records, fetch, piece.run[0].major))
    return pl.concat(found)
