"""Questions to the scratch server: what its tables hold at the target, and what a query answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from collectors.postgres.rehydrate.guard import Table, check, columns_of, own_functions
from collectors.postgres.rehydrate.session import one_line, row_of, rows_of, text_of
from recon.errors import BadInputError, UsageError

if TYPE_CHECKING:
    import psycopg


def databases(connection: psycopg.Connection[Any]) -> list[str]:
    """Databases that can be connected to, but for templates."""
    rows = rows_of(
        connection,
        b"select datname from pg_database where datallowconn and not datistemplate order by 1",
    )
    return [row[0] for row in rows]


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
            if row_of(connection, b"show track_commit_timestamp")[0] == "on"
            else "null::timestamptz"
        ),
    )
    try:
        rows = rows_of(connection, query.as_bytes(connection))
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
        touched = rows_of(
            connection,
            b"select l.relation from pg_locks l where l.pid = pg_backend_pid() and "
            b"l.locktype = 'relation' and l.relation >= 16384::oid",
        )
        oids = [int(row[0]) for row in touched]
        if oids:
            check(connection, oids)
            for oid in oids:
                _, left_out = columns_of(connection, oid)
                if left_out:
                    raise BadInputError(
                        "tables of PostgreSQL's own types",
                        f"columns of others: {', '.join(left_out)}",
                        "--query",
                        "ask with --table, which leaves them out",
                    )
        own_functions(connection, sql)
        done = pg.exec_prepared(b"asked", [])
        if done.status != ExecStatus.TUPLES_OK:
            raise _refused(done.error_message)
        names = [(done.fname(n) or b"?").decode("utf-8", "replace") for n in range(done.nfields)]
        rows = [
            [text_of(done.get_value(row, column)) for column in range(done.nfields)]
            for row in range(done.ntuples)
        ]
    finally:
        connection.execute("rollback")
    return names, rows


def _refused(message: object) -> Exception:
    said = one_line(message)[:500]
    if "lock timeout" in said:
        return TimeoutError(said)
    return UsageError("one query that reads tables", said, "--query")


def header(
    connection: psycopg.Connection[Any],
    table: Table | None,
    seen: str | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """The first line of a capture, whose state is of the instant that was asked for."""
    system, database, version, snapshot, recovering = row_of(
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
