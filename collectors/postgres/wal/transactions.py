"""What is known of relations, and the transactions that made or unmade relation files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from collectors.postgres.wal.model import Relation

Row = Mapping[str, object]
"""A row of :data:`~collectors.postgres.wal.model.DEFINED`."""
TABLES = frozenset("rmp")
"""``relkind`` of what is a table here: ordinary, materialised view, partitioned."""
_GONE_SINCE = 15
"""From 15 on a COMMIT lists the OIDs whose statistics it drops."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of relations: by name from dumps and captures, by kind from WAL too."""

    subjects: Mapping[str, str]
    """``DB/OID`` to subject; ``*/OID`` where the database is not known."""
    kinds: Mapping[str, str]

    @classmethod
    def of(cls, relations: Sequence[Relation]) -> Known:
        """From the relations that were given."""
        subjects, kinds = {}, {}
        for one in relations:
            key = f"{database_of(one)}/{one.oid}"
            subjects[key] = one.subject
            kinds[key] = one.kind
        return cls(subjects, kinds)

    def subject(self, relation: str) -> str | None:
        """The subject of a relation ``DB/OID``; None where none is known."""
        return self.subjects.get(relation) or self.subjects.get(_anywhere(relation))

    def kind(self, relation: str, defined: Mapping[str, str]) -> str | None:
        """Its ``relkind``."""
        return (
            self.kinds.get(relation) or self.kinds.get(_anywhere(relation)) or defined.get(relation)
        )


def placed(relations: Sequence[Relation], told: pl.DataFrame) -> list[Relation]:
    """The relations, those of one database (by their subjects) all with its OID if any has it.

    Unless the name may have been that of another database too: the log (rows of RECORDS) drops that
    one, or drops one and then makes it.
    """
    passing = set(_passing(told))
    databases: dict[str, set[str]] = {}
    for one in relations:
        databases.setdefault(one.subject.rpartition("/")[0], set()).add(database_of(one))
    out = []
    for one in relations:
        found = databases[one.subject.rpartition("/")[0]] - {"*"}
        if database_of(one) == "*" and len(found) == 1 and not found & passing:
            out.append(replace(one, database=int(min(found))))
        else:
            out.append(one)
    return out


def _passing(told: pl.DataFrame) -> Iterator[str]:
    """Databases that the log drops, or makes behind a drop of another."""
    of_one = pl.col("database").is_not_null() & pl.col("moved").is_null() & (pl.col("xid") > 0)
    dropped = False
    rows = told.filter(of_one).sort("timeline", "lsn").select("op", "database")
    for op, database in rows.iter_rows():
        dropped |= op == "DROP"
        if dropped:
            yield str(database)


def database_of(one: Relation) -> str:
    """OID of a relation's database, or ``*``."""
    if one.database is not None:
        return str(one.database)
    return one.file.split("/")[1] if one.file and one.file.count("/") == 2 else "*"  # noqa: PLR2004


def _anywhere(relation: str) -> str:
    return f"*/{relation.split('/')[1]}"


@dataclass(slots=True)
class Transaction:
    """One committed transaction that made or unmade relation files."""

    timeline: int
    lsn: int
    old: list[str]
    gone: list[str]
    tells_gone: bool
    new: list[Row] = field(default_factory=list)
    """Rows of DEFINED, in the order of their CREATE."""
    locks: list[str] = field(default_factory=list)
    """``DB/OID`` in the order of taking."""
    databases: list[tuple[str, int, int | None]] = field(default_factory=list)
    """What was done to databases: op of the record, OID, and OID of the one that was copied."""


def transactions(
    records: pl.DataFrame, defined: pl.DataFrame, timeline: int, major: int
) -> Iterator[Transaction]:
    """Those of one timeline that concern relation files, in the order of their COMMIT."""
    own = records.filter(pl.col("timeline") == timeline)
    ended = own.filter(pl.col("op").is_in(["COMMIT", "COMMIT_PREPARED"]))
    new = defined.filter(pl.col("timeline") == timeline)
    locks = own.filter(pl.col("locks").is_not_null()).select("xid", "locks").explode("locks")
    touched = pl.col("files").is_not_null() | pl.col("stats").is_not_null()
    # Most transactions only write rows: leave them aside before anything is joined.
    whole = own.filter(pl.col("database").is_not_null() & (pl.col("xid") > 0))
    whole = whole.select("xid", "op", "database", "template")
    concerned = pl.concat([new["xid"], locks["xid"], whole["xid"]]).unique()
    ended = ended.filter(
        touched | pl.col("subxids").is_not_null() | pl.col("xid").is_in(concerned.to_list())
    )
    family = pl.concat(
        [
            ended.select("xid", top="lsn"),
            ended.filter(pl.col("subxids").is_not_null())
            .select(xid="subxids", top="lsn")
            .explode("xid"),
        ]
    ).unique("xid", keep="last", maintain_order=True)
    made: dict[int, list[Row]] = {}
    for row in new.join(family, on="xid", maintain_order="left").iter_rows(named=True):
        made.setdefault(row["top"], []).append(row)
    held: dict[int, list[str]] = {}
    for _, lock, top in locks.join(family, on="xid", maintain_order="left").iter_rows():
        held.setdefault(top, []).append(lock)
    databases: dict[int, list[tuple[str, int, int | None]]] = {}
    for _, op, database, template, top in whole.join(
        family, on="xid", maintain_order="left"
    ).iter_rows():
        databases.setdefault(top, []).append((op, database, template))
    busy = ended.filter(touched | pl.col("lsn").is_in([*made, *databases]))
    for lsn, old, gone in busy.select("lsn", "files", "stats").sort("lsn").iter_rows():
        yield Transaction(
            *(timeline, lsn, old or [], gone or [], major >= _GONE_SINCE),
            *(made.get(lsn, []), held.get(lsn, []), databases.get(lsn, [])),
        )
