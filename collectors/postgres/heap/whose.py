"""Which relation files are the claimed tables' and their TOAST tables', and from when on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from collectors.postgres.heap.claimed import Claimed
from collectors.postgres.heap.commits import Commits
from collectors.postgres.heap.history import History
from collectors.postgres.heap.pages import File
from collectors.postgres.wal.databases import elsewhere, moves
from collectors.postgres.wal.model import Relation, Wal

_TOAST_NAME = re.compile(r"\.pg_toast_(\d+)$")


def placed(wal: Wal, claimed: Sequence[Claimed]) -> set[str]:
    """The relations with their databases, as far as the archive's files tell."""
    wanted = {one.relation for one in claimed}
    found = {one for one in wal.files["relation"].unique() if _named(one, wanted)}
    return found | {one for one in wanted if not one.startswith("*")}


def _named(relation: str, wanted: Collection[str]) -> str | None:
    """Which of the wanted relations this is."""
    anywhere = "*/" + relation.split("/")[1]
    return relation if relation in wanted else anywhere if anywhere in wanted else None


def may_differ(wal: Wal, claimed: Sequence[Claimed], tables: Collection[str]) -> bool:
    """Whether the archive can show other columns than those that the tables are known to have.

    A capture tells all columns, and whoever alters a table locks it or makes it a new file: where
    neither is logged, a pass over the catalogue's rows is spared.
    """
    bases = [one.base for one in claimed]
    if not all(base and base.exact and base.at is None for base in bases):
        return True
    locked = wal.told["locks"].drop_nulls().explode().unique().drop_nulls()
    made = wal.defined["created"].str.replace(r"^\d+/", "")
    return (
        bool(set(tables) & {*locked, *made})
        or not wal.files.filter(
            pl.col("relation").is_in(sorted(tables))
            & pl.col("file").is_in(wal.defined["created"].to_list())
        ).is_empty()
    )


def files_of(
    wal: Wal, claimed: Sequence[Claimed], relations: Sequence[Relation], known: History
) -> tuple[dict[File, tuple[str, Claimed]], set[File]]:
    """Files of the tables, each with its relation ``DB/OID``; and files of their TOAST tables."""
    by_relation = {one.relation: one for one in claimed}
    files: dict[File, tuple[str, Claimed]] = {}
    names: set[str] = set()
    oids: set[str] = set()
    for file, relation in wal.files.select("file", "relation").unique().sort("file").iter_rows():
        key = _named(relation, by_relation)
        if key is not None:
            files[file_of(file)] = (relation, by_relation[key])
            names.add(file)
            oids.add(relation)
    toast: set[File] = set()
    moved = moves(wal.told)
    spaces = {file[0] for file in files}
    for one in relations:
        found = _TOAST_NAME.search(one.subject)
        if one.kind == "t" and one.file and found and one.file.count("/") == 2:  # noqa: PLR2004
            database = one.file.split("/")[1]
            if f"{database}/{found[1]}" in oids:
                toast |= {file_of(name) for name in elsewhere(one.file, moved)}
                toast |= {(space, int(database), one.oid) for space in spaces}
    for relation, its in known.toast.items():
        if relation in oids:
            place, oid = map(int, its.split("/"))
            toast |= {(space, place, oid) for space in spaces}
    # A new file of a table and that of its TOAST table are made by one transaction.
    made = wal.told.filter((pl.col("op") == "CREATE") & pl.col("created").is_not_null())
    writers = made.filter(pl.col("created").is_in(sorted(names))).select("timeline", "xid").unique()
    beside = made.join(writers, on=["timeline", "xid"])["created"].unique()
    toast |= {file_of(name) for one in beside if one not in names for name in elsewhere(one, moved)}
    return files, toast


def since(
    wal: Wal, commits: Commits, files: Mapping[File, tuple[str, Claimed]]
) -> dict[str, datetime]:
    """From when on a table is followed, where its first known file is one that replaced another."""
    made = wal.told.filter((pl.col("op") == "CREATE") & pl.col("created").is_not_null())
    created: dict[File, datetime] = {}
    moved = moves(wal.told)
    for timeline, xid, lsn, file in made.select("timeline", "xid", "lsn", "created").iter_rows():
        commit = commits.of(timeline, xid, lsn)
        if commit is not None:
            time = commit.time or datetime.max.replace(tzinfo=UTC)
            for name in elsewhere(file, moved):
                created.setdefault(file_of(name), time)
    out: dict[str, datetime] = {}
    for subject in {claimed.subject for _, claimed in files.values()}:
        theirs = {
            file: relation for file, (relation, one) in files.items() if one.subject == subject
        }
        # A file that was there before, or that a new table began with, leaves nothing unseen.
        first = [
            file
            for file, relation in theirs.items()
            if file not in created or f"{file[1]}/{file[2]}" == relation
        ]
        if not first:
            out[subject] = min(created[file] for file in theirs)
    return out


def file_of(text: str) -> File:
    """A file from ``TABLESPACE/DATABASE/RELFILENODE``."""
    space, database, number = map(int, text.split("/"))
    return space, database, number
