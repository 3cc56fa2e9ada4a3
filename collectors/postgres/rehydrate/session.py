"""Sessions of the scratch server: behind the guards, and once replay stands at the target."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from collectors.postgres.rehydrate import roles
from collectors.postgres.rehydrate.server import Server, options, wait
from recon.errors import BadInputError

if TYPE_CHECKING:
    import psycopg

    from collectors.postgres.rehydrate.plan import Plan

_START_SECONDS = 60
_STILL_SECONDS = 120
"""Without progress of replay for so long, it is taken to hang."""
_POLL = 0.05


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
                    state, place, recovering = row_of(
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
        row_of(connection, b"select pg_wal_replay_resume()")
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if row_of(connection, b"select pg_is_in_recovery()")[0] == "f":
                return
            time.sleep(_POLL)
    raise BadInputError("recovery that ends", server.log(), "the scratch server")


def rows_of(connection: psycopg.Connection[Any], sql: bytes, *values: str) -> list[list[str]]:
    """Rows of a query as text, by the extended protocol: one statement, values apart."""
    from psycopg import errors
    from psycopg.pq import DiagnosticField, ExecStatus

    done = connection.pgconn.exec_params(sql, [value.encode() for value in values])
    if done.status != ExecStatus.TUPLES_OK:
        state = (done.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        text = one_line(done.error_message)
        if state == "55P03":
            raise errors.LockNotAvailable(text)
        raise BadInputError("an answer of the scratch server", text[:500], "the scratch server")
    return [
        [text_of(done.get_value(row, column)) or "" for column in range(done.nfields)]
        for row in range(done.ntuples)
    ]


def row_of(connection: psycopg.Connection[Any], sql: bytes) -> Sequence[str]:
    """The one row of a query."""
    return rows_of(connection, sql)[0]


def text_of(value: bytes | None) -> str | None:
    """One value of an answer as text; None: null."""
    return None if value is None else value.decode("utf-8", "replace")


def one_line(message: object) -> str:
    """The server's own words, without line breaks."""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    return " ".join(text.split())
