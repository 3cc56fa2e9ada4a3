"""Rows written to the tables that were asked for: by whom they are counted, and in which files.

A table's files are those that are given or that WAL shows, and the one whose number is its OID:
a relation's first file has that, and no other relation's ever does. Where the database of a table
is not known, any database's file of that number is the table's, and our own reader must look;
otherwise ``pg_waldump`` picks each file out in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from collectors.postgres.wal import reader, waldump
from collectors.postgres.wal.model import FILES, WRITES, Counted, Relation
from collectors.postgres.wal.piece import Piece
from collectors.postgres.wal.shelf import Batch, Pile, Shelf
from collectors.postgres.wal.transactions import TABLES, database_of

_DEFAULT_SPACE = "1663"
"""OID of ``pg_default``."""


def numbers(relations: Sequence[Relation]) -> set[int]:
    """OIDs and file numbers of tables: files with these numbers may be theirs."""
    tables = [one for one in relations if one.kind in TABLES]
    files = (one.file.rsplit("/", 1)[-1] for one in tables if one.file)
    return {one.oid for one in tables} | {int(file) for file in files if file.isdigit()}


def count_rows(
    pieces: Sequence[Piece], files: pl.DataFrame, relations: Sequence[Relation]
) -> Counted:
    """Count in every piece, by the tool where it can; the rows stay with the pieces."""
    tables = {f"{database_of(one)}/{one.oid}" for one in relations if one.kind in TABLES}
    anywhere = {key.removeprefix("*/") for key in tables if key.startswith("*/")}
    wanted = _wanted(files, relations, tables, anywhere)
    methods: list[str] = []
    for piece in pieces:
        if piece.counted or not tables:
            continue
        tool = waldump.find(piece.run[0].major)
        piles = None
        if tool and not anywhere:
            piles = waldump.writes(tool, piece.run, sorted(wanted), piece.said)
        if piles is None:
            aside = Shelf()
            stop = reader.scan(piece.run, numbers(relations), aside).stop
            piles = aside.writes
            if stop is None or stop.index == len(piece.run) - 1:
                piece.shelf.trail = aside.trail
            methods.append(f"{reader.NAME} for rows written")
        piece.shelf.writes = piles
    counted = Counted(files, methods, frozenset(wanted), frozenset(anywhere))
    first = (
        pl.concat(
            [
                pl.DataFrame(schema={"timeline": pl.UInt32, "file": pl.String}),
                *(rows.select("timeline", "file").unique() for rows in written(pieces, counted)),
            ]
        )
        .unique()
        .join(files, on=["timeline", "file"], how="anti")
        .with_columns(relation=pl.col("file").str.replace(r"^\d+/", ""))
    )
    both = pl.concat([files, first.select(list(FILES))]).sort("timeline", "file")
    return replace(counted, files=both)


def writes_of(piece: Piece, pile: Pile, batch: Batch, counted: Counted) -> pl.DataFrame:
    """Rows of :data:`WRITES` that were asked for, from one temporary file."""
    rows = pile.read(batch).filter(counted.theirs() & (pl.col("lsn") >= piece.since))
    return piece.label(rows).select(list(WRITES))


def written(pieces: Sequence[Piece], counted: Counted) -> Iterator[pl.DataFrame]:
    """Rows of :data:`WRITES` that were asked for, some at a time."""
    for piece in pieces:
        for pile in piece.shelf.writes:
            for batch in pile.batches:
                yield writes_of(piece, pile, batch, counted)


def all_writes(pieces: Sequence[Piece], counted: Counted) -> pl.DataFrame:
    """Each (timeline, xid, file) once, by timeline, LSN and file."""
    found = [pl.DataFrame(schema=WRITES), *written(pieces, counted)]
    return summed(pl.concat(found)).sort("timeline", "lsn", "file")


def summed(writes: pl.DataFrame) -> pl.DataFrame:
    """Each (timeline, xid, file) once."""
    return (
        writes.group_by("timeline", "xid", "file")
        .agg(
            pl.col("inserts", "updates", "deletes").sum(),
            pl.col("item").sort_by("lsn").first(),
            pl.col("lsn").min(),
        )
        .select(list(WRITES))
    )


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
