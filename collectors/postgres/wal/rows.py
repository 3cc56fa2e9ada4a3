"""Rows written to the tables that were asked for: by whom they are counted, and in which files.

A table's files are those that are given or that WAL shows, and the one whose number is its OID:
a relation's first file has that, and no other relation's ever does. Where the database of a table
is not known, any database's file of that number is the table's, and our own reader must look;
otherwise ``pg_waldump`` picks each file out in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from collectors.postgres.wal import reader, waldump
from collectors.postgres.wal.model import FILES, WRITES, Relation
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.timeline import Stretch, Turns
from collectors.postgres.wal.transactions import TABLES, database_of

_DEFAULT_SPACE = "1663"
"""OID of ``pg_default``."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of one run up to damage or its end."""

    run: Sequence[Checked]
    records: pl.DataFrame
    writes: pl.DataFrame | None
    """None: to be counted by the tool, once it is known of which files."""
    turns: Turns
    method: str
    said: str | None = None
    """The tool's complaint that the last segment is not full yet."""
    since: int = 0
    """Below this LSN another piece tells what was written."""

    @property
    def stretch(self) -> Stretch:
        """Its segments, for a second look."""
        return Stretch(self.run, self.turns, self.since)


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows written, and what else was learnt."""

    writes: pl.DataFrame
    """Rows of :data:`WRITES`."""
    files: pl.DataFrame
    """Rows of :data:`FILES`: those known before, and the tables' first files that were written."""
    methods: Sequence[str]
    """Who counted, where that is not who read."""


def numbers(relations: Sequence[Relation]) -> set[int]:
    """OIDs and file numbers of tables: files with these numbers may be theirs."""
    tables = [one for one in relations if one.kind in TABLES]
    files = (one.file.rsplit("/", 1)[-1] for one in tables if one.file)
    return {one.oid for one in tables} | {int(file) for file in files if file.isdigit()}


def count_rows(
    pieces: Sequence[Piece], files: pl.DataFrame, relations: Sequence[Relation]
) -> Counted:
    """Count in every piece, by the tool where it can."""
    tables = {f"{database_of(one)}/{one.oid}" for one in relations if one.kind in TABLES}
    anywhere = {key.removeprefix("*/") for key in tables if key.startswith("*/")}
    wanted = _wanted(files, relations, tables, anywhere)
    number = pl.col("file").str.split("/").list.get(2)
    theirs = pl.col("file").is_in(list(wanted)) | number.is_in(list(anywhere))
    found = [pl.DataFrame(schema=WRITES)]
    methods: list[str] = []
    for piece in pieces:
        rows = piece.writes
        tool = waldump.find(piece.run[0].major) if rows is None else None
        if rows is None and not tables:
            continue
        if tool and not anywhere:
            rows = waldump.writes(tool, piece.run, sorted(wanted), piece.said)
        if rows is None:
            rows = reader.scan(piece.run, numbers(relations)).writes
            methods.append(f"{reader.NAME} for rows written")
        rows = piece.turns.label(rows.filter(theirs & (pl.col("lsn") >= piece.since)))
        found.append(reader.with_items(rows, piece.run).select(list(WRITES)))
    summed = (
        pl.concat(found)
        .group_by("timeline", "xid", "file")
        .agg(
            pl.col("inserts", "updates", "deletes").sum(),
            pl.col("item").sort_by("lsn").first(),
            pl.col("lsn").min(),
        )
    )
    writes = summed.select(list(WRITES)).sort("timeline", "lsn", "file")
    first = (
        writes.select("timeline", "file")
        .unique()
        .join(files, on=["timeline", "file"], how="anti")
        .with_columns(relation=pl.col("file").str.replace(r"^\d+/", ""))
    )
    both = pl.concat([files, first.select(list(FILES))]).sort("timeline", "file")
    return Counted(writes, both, methods)


def _wanted(
    files: pl.DataFrame, relations: Sequence[Relation], tables: set[str], anywhere: set[str]
) -> set[str]:
    """Files of the tables, in so far as all three parts of their names are known."""
    number = pl.col("relation").str.split("/").list.get(1)
    traced = files.filter(pl.col("relation").is_in(list(tables)) | number.is_in(list(anywhere)))
    spaces = {file.split("/")[0] for file in files["file"]} | {_DEFAULT_SPACE}
    spaces |= {one.file.split("/")[0] for one in relations if one.file}
    first = {f"{space}/{key}" for space in spaces for key in tables if not key.startswith("*/")}
    return first | set(traced["file"])
