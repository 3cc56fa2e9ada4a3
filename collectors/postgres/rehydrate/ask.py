"""Questions to the scratch server: that it stands at the target, and what its tables hold.

The user's own query is trusted; what the evidence defines is not. Its functions could run through
views, foreign tables, types of its own, casts to JSON, operators, and the expressions of indexes,
which the planner works out. So before anything is planned it is known that:

- every relation is a plain table, a partitioned one of plain tables, or a materialised view;
- nothing that hangs on the relation (index, constraint, statistics, rule, default) calls a
  function that is not PostgreSQL's own;
- columns whose types are not PostgreSQL's own are left out of a table, and refused in a query.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.postgres.rehydrate import roles
from collectors.postgres.rehydrate.server import Server, options, wait
from recon.errors import BadInputError, UsageError

if TYPE_CHECKING:
    import psycopg

    from collectors.postgres.rehydrate.plan import Plan

_FIRST_NORMAL_OID = 16384
"""OIDs below are given by initdb (access/transam.h)."""
_START_SECONDS = 60
_STILL_SECONDS = 120
"""Without progress of replay for so long, it is taken to hang."""
_TABLES = {"r", "p", "m", "t"}
_KINDS = {"v": "a view", "f": "a foreign table", "S": "a sequence", "i": "an index"}
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Table:
    """A table that may be read."""

    oid: int
    schema: str
    name: str
    columns: Sequence[tuple[str, str]]
    """Name and type of those that are read."""
    left_out: Sequence[str]


@contextmanager
def session(server: Server, plan: Plan, database: str) -> Iterator[psycopg.Connection[Any]]:
    """A read-only session as a superuser of the evidence, behind the guards.

    Raises:
        BadInputError: no role or database of the evidence lets one in.
    """
    import psycopg

    names = [name for name in ("postgres",) if name in roles.superusers(server.made.data)]
    names += [name for name in roles.superusers(server.made.data) if name not in names]
    said = "no superuser in pg_authid"
    for name in names or ["postgres"]:
        try:
            connection = psycopg.connect(
                host=str(server.socket),
                port=5432,
                user=name,
                dbname=database,
                options=options(plan.major),
                autocommit=True,
                connect_timeout=15,
                application_name="recon",
            )
        except psycopg.Error as error:
            said = " ".join(str(error).split())[:300]
            if "starting up" in said or "not yet" in said:
                raise _NotYetError from error
            continue
        with connection:
            yield connection
        return
    raise BadInputError(
        f"a superuser of the evidence that may connect to {database}", said, "the scratch server"
    )


class _NotYetError(Exception):
    """It is still replaying what must be there before anyone may look."""


def paused(server: Server, plan: Plan) -> str:
    """Wait until replay has stopped at the target; a database that can be connected to.

    Raises:
        BadInputError: it did not get there; its own words.
    """
    wait(server, _START_SECONDS)
    tried = ["postgres", "template1", *roles.databases(server.made.data)]
    deadline = time.monotonic() + _STILL_SECONDS
    seen = None
    while time.monotonic() < deadline:
        if server.ended:
            break
        for database in dict.fromkeys(tried):
            try:
                with session(server, plan, database) as connection:
                    state, place, recovering = _row(
                        connection,
                        b"select pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn(), "
                        b"pg_is_in_recovery()",
                    )
            except _NotYetError:
                break
            except BadInputError as error:
                seen = error.found
                continue
            if recovering != "t":
                raise BadInputError(
                    "replay that is paused at the target",
                    f"a server that went on from {place}",
                    "the scratch server",
                )
            if state == "paused":
                return database
            if place != seen:
                seen, deadline = place, time.monotonic() + _STILL_SECONDS
            break
        time.sleep(_POLL)
    raise BadInputError(
        "replay that reaches the target", seen or server.log(), "the scratch server"
    )


def let_go(server: Server, plan: Plan, database: str) -> None:
    """End recovery at the target: what was in flight there counts as undone, and holds no lock.

    Raises:
        BadInputError: it did not end.
    """
    with session(server, plan, database) as connection:
        _row(connection, b"select pg_wal_replay_resume()")
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if _row(connection, b"select pg_is_in_recovery()")[0] == "f":
                return
            time.sleep(_POLL)
    raise BadInputError("recovery that ends", server.log(), "the scratch server")


def databases(connection: psycopg.Connection[Any]) -> list[str]:
    """Databases that can be connected to, but for templates."""
    rows = _rows(
        connection,
        b"select datname from pg_database where datallowconn and not datistemplate order by 1",
    )
    return [row[0] for row in rows]


def find(connection: psycopg.Connection[Any], schema: str, name: str) -> Table | None:
    """A table that may be read; None where there is none of that name.

    Raises:
        UsageError: it is a view or a foreign table.
        BadInputError: reading it would run what the evidence defines.
    """
    rows = _rows(
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
    columns, left_out = _columns(connection, oid)
    return Table(oid, schema, name, columns, left_out)


def check(connection: psycopg.Connection[Any], oids: Sequence[int]) -> None:
    """Refuse relations that are no plain tables, or on which the evidence's functions hang.

    Raises:
        UsageError: a view, a foreign table.
        BadInputError: a function of the evidence would run.
    """
    family = _rows(
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
    hanging = _rows(
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


def _columns(
    connection: psycopg.Connection[Any], oid: int
) -> tuple[list[tuple[str, str]], list[str]]:
    rows = _rows(
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


def lines(
    connection: psycopg.Connection[Any], table: Table
) -> tuple[list[str], list[dict[str, Any]]]:
    """Rows of a table as lines of a capture, in the order in which they lie; and as objects.

    Raises:
        TimeoutError: another transaction's lock is on the table.
    """
    from psycopg import errors
    from psycopg.sql import SQL, Identifier

    names = SQL(", ").join(SQL("t.{}").format(Identifier(name)) for name, _ in table.columns)
    # From a record without a type of its own: no cast of the evidence fits it.
    query = SQL(
        "select row_to_json(line) from (select t.tableoid, t.ctid, t.xmin, t.cmin, {stamp} as "
        'committed, (select row_to_json(own) from (select {names}) own) as "row" '
        "from {table} t) line"
    ).format(
        names=names,
        table=Identifier(table.schema, table.name),
        stamp=SQL(
            "pg_xact_commit_timestamp(t.xmin)"
            if _row(connection, b"show track_commit_timestamp")[0] == "on"
            else "null::timestamptz"
        ),
    )
    try:
        rows = _rows(connection, query.as_bytes(connection))
    except errors.LockNotAvailable as error:
        raise TimeoutError(" ".join(str(error).split())) from error
    # Line breaks stand only between the tokens of JSON, in a value of that type.
    texts = [text.replace("\n", " ").replace("\r", " ") for (text,) in rows]
    return texts, [json.loads(text, parse_float=str, parse_int=str) for text in texts]


def query(
    connection: psycopg.Connection[Any], sql: str
) -> tuple[list[str], list[list[str | None]]]:
    """Columns and rows of one query, once its relations are known to be safe.

    Raises:
        UsageError: it cannot be read, or asks what is no plain table.
        TimeoutError: another transaction's lock is on a table.
    """
    from psycopg.pq import ExecStatus

    pg = connection.pgconn
    connection.execute("begin isolation level repeatable read read only")
    try:
        # Parsed, not planned: nothing runs, and every relation that it touches is locked.
        parsed = pg.prepare(b"asked", sql.encode())
        if parsed.status != ExecStatus.COMMAND_OK:
            raise _refused(parsed.error_message)
        touched = _rows(
            connection,
            b"select l.relation from pg_locks l where l.pid = pg_backend_pid() and "
            b"l.locktype = 'relation' and l.relation >= 16384::oid",
        )
        oids = [int(row[0]) for row in touched]
        if oids:
            check(connection, oids)
            for oid in oids:
                _, left_out = _columns(connection, oid)
                if left_out:
                    raise BadInputError(
                        "tables of PostgreSQL's own types",
                        f"columns of others: {', '.join(left_out)}",
                        "--query",
                        "ask with --table, which leaves them out",
                    )
        _own_functions(connection, sql)
        done = pg.exec_prepared(b"asked", [])
        if done.status != ExecStatus.TUPLES_OK:
            raise _refused(done.error_message)
        names = [(done.fname(n) or b"?").decode("utf-8", "replace") for n in range(done.nfields)]
        rows = [
            [_text(done.get_value(row, column)) for column in range(done.nfields)]
            for row in range(done.ntuples)
        ]
    finally:
        connection.execute("rollback")
    return names, rows


def _own_functions(connection: psycopg.Connection[Any], sql: str) -> None:
    """Refuse a query that spells a function, cast or operator which the evidence defines."""
    import re

    words = sorted({word.lower() for word in re.findall(r"\w+", sql)})
    found = _rows(
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


def _words(message: object) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    return " ".join(text.split())


def _refused(message: object) -> Exception:
    said = _words(message)[:500]
    if "lock timeout" in said:
        return TimeoutError(said)
    return UsageError("one query that reads tables", said, "--query")


def _rows(connection: psycopg.Connection[Any], sql: bytes, *values: str) -> list[list[str]]:
    """Rows of a query as text, by the extended protocol: one statement, values apart."""
    from psycopg import errors
    from psycopg.pq import DiagnosticField, ExecStatus

    done = connection.pgconn.exec_params(sql, [value.encode() for value in values])
    if done.status != ExecStatus.TUPLES_OK:
        state = (done.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        text = _words(done.error_message)
        if state == "55P03":
            raise errors.LockNotAvailable(text)
        raise BadInputError("an answer of the scratch server", text[:500], "the scratch server")
    return [
        [_text(done.get_value(row, column)) or "" for column in range(done.nfields)]
        for row in range(done.ntuples)
    ]


def _row(connection: psycopg.Connection[Any], sql: bytes) -> Sequence[str]:
    return _rows(connection, sql)[0]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def header(
    connection: psycopg.Connection[Any],
    table: Table | None,
    seen: str | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """The first line of a capture, whose state is of the instant that was asked for."""
    system, database, version, snapshot, recovering = _row(
        connection,
        b"select (select system_identifier from pg_control_system()), current_database(), "
        b"current_setting('server_version_num'), pg_current_snapshot(), pg_is_in_recovery()",
    )
    line: dict[str, Any] = {
        "capture": "rows" if table else "query",
        "system_identifier": system,
        "database": database,
        "version": int(version),
        "in_recovery": recovering == "t",
        "snapshot": snapshot,
        "started": seen,
        "read": seen,
    }
    if table:
        line |= {"schema": table.schema, "table": table.name, "types": dict(table.columns)}
    return line | {"rehydrated": dict(more)}
