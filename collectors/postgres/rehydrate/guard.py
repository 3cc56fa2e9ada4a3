"""What may be read without running what the evidence defines.

The user's own query is trusted; what the evidence defines is not. Its functions could run through
views, foreign tables, types of its own, casts to JSON, operators, and the expressions of indexes,
which the planner works out. So before anything is planned it is known that:

- every relation is a plain table, a partitioned one of plain tables, or a materialised view;
- nothing that hangs on the relation (index, constraint, statistics, rule, default) calls a
  function that is not PostgreSQL's own;
- columns whose types are not PostgreSQL's own are left out of a table, and refused in a query.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.postgres.rehydrate.session import rows_of
from recon.errors import BadInputError, UsageError

if TYPE_CHECKING:
    import psycopg

_FIRST_NORMAL_OID = 16384
"""OIDs below are given by initdb (access/transam.h)."""
_TABLES = {"r", "p", "m", "t"}
_KINDS = {"v": "a view", "f": "a foreign table", "S": "a sequence", "i": "an index"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table that may be read."""

    oid: int
    schema: str
    name: str
    columns: Sequence[tuple[str, str]]
    """Name and type of those that are read."""
    left_out: Sequence[str]


def find(connection: psycopg.Connection[Any], schema: str, name: str) -> Table | None:
    """A table that may be read; None where there is none of that name.

    Raises:
        UsageError: it is a view or a foreign table.
        BadInputError: reading it would run what the evidence defines.
    """
    rows = rows_of(
        connection,
        b"select c.oid, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        b"where n.nspname = $1 and c.relname = $2",
        schema,
        name,
    )
    if not rows:
        return None
    oid = int(rows[0][0])
    check(connection, [oid])
    columns, left_out = columns_of(connection, oid)
    return Table(oid, schema, name, columns, left_out)


def check(connection: psycopg.Connection[Any], oids: Sequence[int]) -> None:
    """Refuse relations that are no plain tables, or on which the evidence's functions hang.

    Raises:
        UsageError: a view, a foreign table.
        BadInputError: a function of the evidence would run.
    """
    family = rows_of(
        connection,
        b"with recursive f(oid) as (select unnest($1::oid[]) union "
        b"select i.inhrelid from pg_inherits i join f on i.inhparent = f.oid) "
        b"select c.oid, c.relkind, n.nspname, c.relname, c.relrowsecurity from f "
        b"join pg_class c on c.oid = f.oid join pg_namespace n on n.oid = c.relnamespace",
        "{" + ",".join(map(str, oids)) + "}",
    )
    for _, kind, schema, name, _ in family:
        if kind not in _TABLES:
            raise UsageError(
                "a table, a partitioned table or a materialised view",
                f"{schema}.{name}, {_KINDS.get(kind, f'of kind {kind}')}",
                "the scratch server",
                "ask the table behind it: a view could run what the evidence defines",
            )
    all_of = "{" + ",".join(row[0] for row in family) + "}"
    hanging = rows_of(
        connection,
        b"with o(classid, objid) as ("
        b" select 1259::oid, unnest($1::oid[])"
        b" union select 1259::oid, indexrelid from pg_index where indrelid = any($1::oid[])"
        b" union select 2606::oid, oid from pg_constraint where conrelid = any($1::oid[])"
        b" union select 3381::oid, oid from pg_statistic_ext where stxrelid = any($1::oid[]))"
        b" select distinct p.proname from o join pg_depend d"
        b" on d.classid = o.classid and d.objid = o.objid"
        b" join pg_proc p on d.refclassid = 1255::oid and d.refobjid = p.oid"
        b" where p.oid >= 16384::oid order by 1",
        all_of,
    )
    if hanging:
        names = ", ".join(row[0] for row in hanging)
        raise BadInputError(
            "tables whose indexes, constraints and statistics call PostgreSQL's functions alone",
            f"functions of the evidence: {names}",
            "the scratch server",
            "it is not read: the planner would run them",
        )


def columns_of(
    connection: psycopg.Connection[Any], oid: int
) -> tuple[list[tuple[str, str]], list[str]]:
    """Name and type of the columns that are read, and those left out, ``name (type)``."""
    rows = rows_of(
        connection,
        b"select a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, t.typtype, "
        b"(select count(*) from pg_cast c where c.castsource = a.atttypid), "
        b"a.attgenerated from pg_attribute a join pg_type t on t.oid = a.atttypid "
        b"where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum",
        str(oid),
    )
    plain: list[tuple[str, str]] = []
    left_out: list[tuple[str, str]] = []
    for name, shown, type_oid, kind, casts, generated in rows:
        # Labels of an enumeration are read by PostgreSQL's own function, unless a cast is in the
        # way: JSON is made through one where it exists.
        own = int(type_oid) < _FIRST_NORMAL_OID or (kind == "e" and casts == "0")
        (plain if own and generated != "v" else left_out).append((name, shown))
    return plain, [f"{name} ({shown})" for name, shown in left_out]


def own_functions(connection: psycopg.Connection[Any], sql: str) -> None:
    """Refuse a query that spells a function, cast or operator which the evidence defines."""
    words = sorted({word.lower() for word in re.findall(r"\w+", sql)})
    found = rows_of(
        connection,
        b"select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        b" where p.oid >= 16384::oid and (n.nspname = 'pg_catalog'"
        b" or lower(p.proname) = any($1::text[]))"
        b" union all select 'cast', format_type(castsource, null) from pg_cast"
        b" where oid >= 16384::oid and castsource < 16384::oid and casttarget < 16384::oid"
        b" union all select n.nspname, o.oprname from pg_operator o"
        b" join pg_namespace n on n.oid = o.oprnamespace where o.oid >= 16384::oid"
        b" and (n.nspname = 'pg_catalog' or 'operator' = any($1::text[]))",
        "{" + ",".join(f'"{word}"' for word in words) + "}",
    )
    if found:
        names = ", ".join(f"{schema}.{name}" for schema, name in found[:5])
        raise UsageError(
            "a query that calls PostgreSQL's functions alone",
            f"names that the evidence defines functions for: {names}",
            "--query",
            "ask without them: nothing of the evidence is run",
        )
