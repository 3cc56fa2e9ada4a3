"""What a committed transaction did to tables: told from what its records name, not from SQL.

Per committed transaction (its subtransactions included), with *new* files those of its
Storage CREATE records, *old* files those that its COMMIT drops, and *gone* OIDs those whose
statistics its COMMIT drops:

- **create**: a new file with a row of ``pg_class`` of a table or materialised view.
- **drop**: a gone OID that the transaction did not create. Before 15 COMMIT lists no OIDs: an old
  file of a known table, where the transaction made no new file but those of new relations.
- **rewrite**: a new file whose row of ``pg_class`` is named ``pg_temp_OID`` and whose own OID is
  gone: the copy took OID's place. Rows inserted into it mean ALTER TABLE (or REFRESH MATERIALIZED
  VIEW), whole pages VACUUM FULL or CLUSTER. A table's new file in another tablespace is SET
  TABLESPACE.
- **truncate**: an old file of a table that is neither gone nor rewritten, with a new file that got
  no row of ``pg_class`` and starts with rows or with nothing. REINDEX replaces index files alone.
- **recreate**: a drop and a create of two OIDs that have one name, next to each other in time.
- what befell a whole database, and with it its tables: :mod:`~collectors.postgres.wal.databases`.

An index, a TOAST table or a sequence is no table. Whatever cannot be told gives no act.
Source: ``catalog/storage.c``, ``commands/tablecmds.c``, ``commands/cluster.c``,
``access/transam/xact.c``; held against a server in the tests. OIDs of COMMIT exist from 15 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from collectors.postgres.wal import databases
from collectors.postgres.wal.catalogue import FIRST_NORMAL_OID
from collectors.postgres.wal.model import FILES, Relation
from collectors.postgres.wal.transactions import (
    TABLES,
    Known,
    Row,
    Transaction,
    database_of,
    transactions,
)
from recon.schema import frame

_TEMP = re.compile(r"pg_temp_(\d+)(?:_\d+)?")
ALTER, VACUUM, TABLESPACE = (
    "ALTER TABLE or REFRESH MATERIALIZED VIEW",
    "VACUUM FULL or CLUSTER",
    "ALTER TABLE SET TABLESPACE",
)


class Given(NamedTuple):
    """A new file that a committed transaction gave to a relation."""

    relation: str
    """``DB/OID``."""
    file: str
    timeline: int
    lsn: int
    """Of the COMMIT."""
    logged: bool
    """False: an unlogged relation's."""


class Judged(NamedTuple):
    """What all transactions did to tables."""

    acts: list[Act]
    """In the order of timeline and LSN."""
    files: pl.DataFrame
    """Rows of FILES."""
    given: list[Given]
    untold: list[tuple[int, int]]
    """Timeline and LSN of COMMITs of which it cannot be said whether they make a table."""
    unplaced: list[tuple[int, int]]
    """The same of COMMITs that drop a database that may have been that of known tables."""


_Name = tuple[str, int, str]
"""Database, schema (by OID) and name of a relation, from ``pg_class``."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act on one relation in one committed transaction."""

    kind: str
    """``table.create`` …"""
    relation: str
    """``DB/OID``."""
    timeline: int
    lsn: int
    """Of the COMMIT."""
    value: str | None


@dataclass(slots=True)
class _State:
    """What WAL has shown so far, on one timeline and those before it."""

    known: Known
    stores: dict[str, str]
    """File to relation."""
    moved: Sequence[tuple[str, str]] = ()
    """As of :func:`.databases.moves`."""
    defined: dict[str, str] = field(default_factory=dict)
    """Relation to kind."""
    given: list[Given] = field(default_factory=list)
    untold: list[tuple[int, int]] = field(default_factory=list)
    unplaced: list[tuple[int, int]] = field(default_factory=list)
    gone: set[tuple[int, str]] = field(default_factory=set)
    """Timeline and relation of tables that were dropped."""

    def table(self, relation: str | None) -> bool:
        return relation is not None and self.known.kind(relation, self.defined) in TABLES

    def give(self, relation: str, row: Row, one: Transaction) -> None:
        """Take note of a relation's new file."""
        file = str(row["created"])
        self.stores |= dict.fromkeys(databases.elsewhere(file, self.moved), relation)
        logged = row["logged"] is not False
        self.given.append(Given(relation, file, one.timeline, one.lsn, logged))

    def stored(self, file: str, locks: Sequence[str]) -> str | None:
        """The relation that a file stores, as far as is known."""
        if file in self.stores:
            return self.stores[file]
        _, database, number = file.split("/")
        # A relation's first file has its OID for number, and no other relation ever has that.
        own = f"{database}/{number}"
        return own if own in locks or self.known.kind(own, self.defined) else None


def acts(
    records: pl.DataFrame, defined: pl.DataFrame, relations: Sequence[Relation], major: int
) -> Judged:
    """Judge every transaction. ``records``, ``defined``: of a whole archive, with timelines."""
    known = Known.of(relations)
    moved = databases.moves(records)
    stores = {
        name: f"{database_of(one)}/{one.oid}"
        for one in relations
        if one.file
        for name in databases.elsewhere(one.file, moved)
    }
    state = _State(known, stores, moved)
    found: list[Act] = []
    files: list[dict[str, object]] = []
    timelines = records["timeline"].unique().sort().to_list() if len(records) else []
    for timeline in timelines:
        # One by one: what a transaction did depends on what those before it left.
        for transaction in transactions(records, defined, timeline, major):
            found += _judge(transaction, state)
        files += [
            {"timeline": timeline, "file": file, "relation": relation}
            for file, relation in sorted(state.stores.items())
        ]
    acts_ = [*found, *_recreated(found, known, defined), *_unlogged(state)]
    return Judged(acts_, frame(files, FILES), state.given, state.untold, state.unplaced)


def _unlogged(state: _State) -> Iterator[Act]:
    """From where on the log does not tell what is written to a table, and from where on again."""
    quiet: set[str] = set()
    for one in state.given:
        if state.table(one.relation) and one.logged == (one.relation in quiet):
            kind = "table.logged" if one.logged else "table.unlogged"
            yield Act(kind, one.relation, one.timeline, one.lsn, None)
            quiet ^= {one.relation}


def _judge(one: Transaction, state: _State) -> list[Act]:
    found: list[Act] = []
    born, unnamed, copies = _define(one, state)
    if not all(row["told"] for row in unnamed):
        state.untold.append((one.timeline, one.lsn))
    gone = [relation for relation in one.gone if relation not in born]
    if not one.tells_gone and not unnamed:
        # Old files of tables with nothing new in their place.
        kept = {*born, *(to for row, to in copies if row["created"] not in one.old)}
        stored = [state.stored(file, one.locks) for file in one.old]
        gone = [table for table in stored if table and table not in kept and state.table(table)]
    # What came and went in one transaction was never there for anyone else.
    fleeting = {*one.gone, *(_own(row) for row, _ in copies)}
    if not one.tells_gone:
        fleeting |= {own for own, row in born.items() if row["created"] in one.old}

    def act(kind: str, relation: str, value: str | None = None) -> None:
        found.append(Act(kind, relation, one.timeline, one.lsn, value))

    for row, target in copies:
        if state.known.kind(target, state.defined) in {None, *TABLES}:
            act("table.rewrite", target, {"rows": ALTER, "pages": VACUUM}.get(str(row["use"])))
        state.give(target, row, one)
    for kind, relation in _dropped(one, state, gone, known=bool(found)):
        act(kind, relation)
        state.gone.add((one.timeline, relation))
    found += _of_databases(one, state)
    for relation, row in born.items():
        if relation not in fleeting and state.table(relation):
            act("table.create", relation, f"name={row['name']}" if row["name"] else None)
    settled = {*gone, *(target for _, target in copies)}
    found += _replaced(one, state, unnamed, settled)
    return found


def _of_databases(one: Transaction, state: _State) -> Iterator[Act]:
    """Acts on databases; dropped with them: the tables that are known to be in them."""
    for op, database, template in one.databases:
        kind, value = databases.act(op, database, template)
        if kind is not None:
            yield Act(kind, databases.relation(database), one.timeline, one.lsn, value)
        if kind != databases.DROP:
            continue
        shown = {*state.defined, *state.stores.values()}
        inside, doubtful = databases.inside(database, state.known, shown)
        if doubtful:
            state.unplaced.append((one.timeline, one.lsn))
        for relation in inside:
            if state.table(relation) and (one.timeline, relation) not in state.gone:
                state.gone.add((one.timeline, relation))
                yield Act("table.drop", relation, one.timeline, one.lsn, databases.WITH_IT)


def _own(row: Row) -> str:
    """``DB/OID`` of a relation whose first file this is."""
    _, database, number = str(row["created"]).split("/")
    return f"{database}/{number}"


def _dropped(
    one: Transaction, state: _State, gone: Sequence[str], *, known: bool
) -> Iterator[tuple[str, str]]:
    tables = [relation for relation in gone if state.table(relation)]
    yield from (("table.drop", relation) for relation in tables)
    first = one.locks[0] if one.locks else ""
    if first in gone and not known and not tables and not state.known.kind(first, state.defined):
        # Nothing says of what kind it was: a relation with storage, and no more is claimed.
        yield "relation.drop", first


def _define(
    one: Transaction, state: _State
) -> tuple[dict[str, Row], list[Row], list[tuple[Row, str]]]:
    """New relations; new files of old relations; copies that took a relation's place."""
    born: dict[str, Row] = {}
    unnamed: list[Row] = []
    copies: list[tuple[Row, str]] = []
    for row in one.new:
        own = _own(row)
        if row["oid"] is None and own not in one.gone and not state.known.kind(own, state.defined):
            unnamed.append(row)
            continue
        born[own] = row
        if row["kind"] is not None:
            state.defined[own] = str(row["kind"])
        copied = _TEMP.fullmatch(str(row["name"] or ""))
        target = f"{own.split('/')[0]}/{copied[1]}" if copied else ""
        ended = own in one.gone if one.tells_gone else _left(target, one, state)
        if copied and ended and int(copied[1]) >= FIRST_NORMAL_OID:
            copies.append((row, target))
        else:
            state.give(own, row, one)
    if not copies and one.locks and one.locks[0] not in {*one.gone, *born}:
        # Its name could not be read: a relation that came and went while files of the one that
        # was locked first were replaced is the copy of that one.
        fleeting = [row for own, row in born.items() if own in one.gone and row["oid"] is None]
        outlived = [file for file in one.old if file not in {row["created"] for row in one.new}]
        if fleeting and outlived:
            copies.append((fleeting[0], one.locks[0]))
    return born, unnamed, copies


def _left(relation: str, one: Transaction, state: _State) -> bool:
    """Whether an old file may be a relation's, before 15: it must go where a copy takes its place.

    A table may be named like a copy.
    """
    created = {row["created"] for row in one.new}
    return any(
        state.stored(file, one.locks) in {relation, None} for file in one.old if file not in created
    )


def _replaced(
    one: Transaction, state: _State, unnamed: list[Row], settled: set[str]
) -> Iterator[Act]:
    """TRUNCATE or SET TABLESPACE of tables whose old file goes; nothing where neither is shown."""
    created = {row["created"] for row in one.new}
    # Files are listed newest first; in this order each stands beside the one that replaced it.
    old = [file for file in reversed(one.old) if file not in created]
    left = [file for file in old if state.stored(file, one.locks) not in settled]
    paired = len(left) == len(unnamed)
    told = all(row["told"] for row in unnamed) and not created.intersection(one.old)
    if not one.tells_gone and not (paired and told):
        # A drop and a new file, whose old one may be gone already, would look like a pair.
        return
    pairs = dict(zip(left, unnamed, strict=True)) if paired else {}
    tables = [
        (file, relation)
        for file in left
        if (relation := state.stored(file, one.locks))
        and (
            state.table(relation)
            or (state.known.kind(relation, state.defined) is None and one.locks[:1] == [relation])
        )
    ]
    for file, relation in tables:
        fits = [row for row in ([pairs[file]] if paired else unnamed) if _successor(file, row)]
        if not fits:
            continue
        moved = str(fits[0]["created"]).split("/")[0] != file.split("/")[0]
        kind, value = ("table.rewrite", TABLESPACE) if moved else ("table.truncate", None)
        yield Act(kind, relation, one.timeline, one.lsn, value)
        if paired or len(tables) == 1:
            state.give(relation, fits[0], one)


def _successor(file: str, row: Row) -> bool:
    """Whether a new file can be a table's storage after TRUNCATE or SET TABLESPACE."""
    space, database, _ = file.split("/")
    new_space, new_database, _ = str(row["created"]).split("/")
    if database != new_database:
        return False
    return row["use"] in ({"rows", "none"} if space == new_space else {"pages", "none"})


def _recreated(found: Sequence[Act], known: Known, defined: pl.DataFrame) -> Iterator[Act]:
    """A drop and a create, of two OIDs of one name, with no other such act between them."""
    names: dict[tuple[int, str], _Name] = {}
    columns = ("timeline", "created", "oid", "name", "namespace")
    rows = defined.filter(pl.col("oid").is_not_null()).select(columns)
    for timeline, file, oid, text, namespace in rows.iter_rows():
        database = file.split("/")[1]
        names[timeline, f"{database}/{oid}"] = (database, namespace, text)
    last: dict[tuple[int, str | _Name], Act] = {}
    order = {"table.drop": 0, "table.create": 1}
    acts_ = [act for act in found if act.kind in order]
    for act in sorted(acts_, key=lambda act: (act.timeline, act.lsn, order[act.kind])):
        name: str | _Name | None = known.subject(act.relation)
        name = name or names.get((act.timeline, act.relation))
        if name is None:
            continue
        key = (act.timeline, name)
        before = last.get(key)
        if before and before.kind != act.kind and before.relation != act.relation:
            drop, create = (before, act) if act.kind == "table.create" else (act, before)
            old, new = (one.relation.split("/")[1] for one in (drop, create))
            yield Act(
                "table.recreate", create.relation, act.timeline, act.lsn, f"oid {old} to {new}"
            )
            del last[key]
            continue
        last[key] = act
