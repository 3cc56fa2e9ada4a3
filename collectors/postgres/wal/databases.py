"""What befell whole databases, by records of the resource manager Database.

- **database.drop**: DROP in a transaction that committed. ALTER DATABASE SET TABLESPACE logs a DROP
  as well, of the folder that it has moved the database out of, and under no transaction.
- **database.create**: CREATE_WAL_LOG (pages of the copy are in the log) or CREATE_FILE_COPY (they
  are not; before 15, CREATE). A copy of a database onto itself is ALTER DATABASE SET TABLESPACE:
  the files that it has in one tablespace are from then on in the other, under their numbers.

COMMIT lists neither files nor statistics of the tables of a database that is dropped. So of each
table that is known to be in it a ``table.drop`` is told, which says that it went with its database.
What a new database's tables are copies of stands nowhere in these records: no table is said to be
made with it.
Source: ``commands/dbcommands.c`` (``createdb``, ``dropdb``, ``movedb``), ``dbcommands_xlog.h``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from collectors.postgres.wal.transactions import Known

DROP, CREATE = "database.drop", "database.create"
WITH_IT = "with its database"
"""Value of the ``table.drop`` of a table in a database that is dropped."""
_STRATEGIES = {
    "CREATE_WAL_LOG": "strategy=wal_log",
    "CREATE_FILE_COPY": "strategy=file_copy",
    # The only one that there was.
    "CREATE": "strategy=file_copy",
}


def act(op: str, database: int, template: int | None) -> tuple[str | None, str | None]:
    """Kind and value of an act; no kind: the database is moved."""
    if op == "DROP":
        return DROP, None
    if database == template:
        return None, None
    of = f" template={template}" if template is not None else ""
    return CREATE, _STRATEGIES[op] + of


def moves(records: pl.DataFrame) -> list[tuple[str, str]]:
    """Where databases' files were, and where they are from then on: ``TABLESPACE/DB/``, in order.

    Such a move needs no COMMIT to be told: without one, nobody writes to the copies.
    """
    moved = records.filter(pl.col("moved").is_not_null()).sort("timeline", "lsn")
    return [
        (f"{old}/{database}/", f"{new}/{database}/")
        for database, (old, new) in zip(
            moved["database"], (one.split("/") for one in moved["moved"]), strict=True
        )
    ]


def elsewhere(file: str, moved: Sequence[tuple[str, str]]) -> set[str]:
    """All that a relation file is called before and after its database was moved."""
    names = {file}
    for steps in (moved, [(new, old) for old, new in reversed(moved)]):
        for here, there in steps:
            names |= {there + one.removeprefix(here) for one in names if one.startswith(here)}
    return names


def relation(database: int) -> str:
    """In place of a relation, of an act on a database."""
    return f"{database}/0"


def of_database(relation_: str) -> bool:
    """Whether it is in place of a relation."""
    return relation_.endswith("/0")


def inside(database: int, known: Known, shown: Collection[str]) -> tuple[list[str], bool]:
    """Known relations in a database, one for each name; and whether others may be in it.

    ``shown``: relations ``DB/OID`` that the log shows. Of those of one name the newest counts.
    """
    newest: dict[str, str] = {}
    doubtful = False
    for one, subject in known.subjects.items():
        of, oid = one.split("/")
        here = f"{database}/{oid}"
        if of == "*" and here not in shown:
            # Unless the log shows it elsewhere, it may have been in this one.
            doubtful |= not any(other.endswith(f"/{oid}") for other in shown)
        elif of in {"*", str(database)}:
            newest[subject] = max(newest.get(subject, ""), here, key=_age)
    return sorted(newest.values(), key=_age), doubtful


def _age(relation_: str) -> int:
    return int(relation_.split("/")[1]) if relation_ else -1


def named(relation_: str, known: Known) -> str | None:
    """Subject of a database, ``pg:SOURCE/DATABASE``, by that of a table in it."""
    prefix = relation_.removesuffix("0")
    names = {
        subject.rpartition("/")[0]
        for one, subject in known.subjects.items()
        if one.startswith(prefix)
    }
    return names.pop() if len(names) == 1 else None
