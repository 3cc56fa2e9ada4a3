"""A capture of a live server: one read-only, repeatable-read session, one item for each file.

1. Connect with the DSN of the environment; nothing of it is stored but host, port and database.
2. Set the session (:data:`queries.SETTINGS`), and begin.
3. For each file: read the server's clock between two readings of ours, then stream the lines as
   the server makes them through a cursor into an item.
4. Read the clocks once more for the last file, and roll back.
5. Keep what the server counted before and after, and how the session was set (footprint).

What the role may not read is a recorded failure of that file alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from collectors.postgres import footprint, queries, stores
from recon.errors import BadInputError, ReconError, UnreachableError

if TYPE_CHECKING:
    import psycopg

    from collectors.postgres.options import PostgresOptions
    from recon.collector import Acquisition

_BATCH = 2000
"""Rows a round trip of the cursor."""
_CONNECT_SECONDS = 15
_MESSAGE = 500
"""Characters of a server's message that are kept."""


def acquire_live(acquisition: Acquisition) -> None:
    """Capture the server that ``dsn_env`` names.

    Raises:
        BadInputError: the variable is not set, or holds no DSN.
        UnreachableError: no connection, or it broke.
    """
    options: PostgresOptions = acquisition.source.options
    dsn, secrets = _dsn(options.dsn_env or "", acquisition.source.id)
    with _session(dsn, secrets, acquisition) as (connection, tables):
        files = queries.files(tables)
        place = _place(connection)
        for done, file in enumerate(files):
            acquisition.progress("capture", done, len(files))
            native = f"{place}/{file.name}"
            if acquisition.has(native):
                continue
            try:
                with connection.transaction():
                    _store(acquisition, connection, file, native)
            except ReconError as error:
                acquisition.failed(native, error)
            except _errors().Error as error:
                if connection.closed or connection.broken:
                    raise _translated(error, native, secrets) from None
                acquisition.failed(native, _translated(error, native, secrets))
        acquisition.progress("capture", len(files), len(files))


def _place(connection: psycopg.Connection[Any]) -> str:
    info = connection.info
    return f"postgresql://{quote(info.host, safe='')}:{info.port}/{quote(info.dbname, safe='')}"


def _store(
    acquisition: Acquisition,
    connection: psycopg.Connection[Any],
    file: queries.File,
    native: str,
) -> None:
    """One file of the capture. The last statement's clock reading is in the custody log's call."""
    statements = [statement.as_string(connection) for statement in file.statements()]
    info = connection.info
    meta = {
        "clock": _clocks(connection),
        "connection": {
            "host": info.host,
            "port": info.port,
            "database": info.dbname,
            "user": info.user,
            "encrypted": connection.pgconn.ssl_in_use,
        },
    }
    command = "; ".join(" ".join(statement.split()) for statement in statements)
    with acquisition.call(f"{native}: {command}") as said:
        lines = _lines(connection, file)
        said["item"] = acquisition.store(native, f"pg.{file.capture}", lines, meta=meta).sha256
        said["clock_after"] = _clocks(connection)


def _lines(connection: psycopg.Connection[Any], file: queries.File) -> Iterator[bytes]:
    for statement in file.statements():
        with connection.cursor(name="recon") as cursor:
            cursor.itersize = _BATCH
            cursor.adapters.register_loader("text", _raw_loader())
            cursor.execute(statement)
            for (line,) in cursor:
                yield bytes(line) + b"\n"


def _clocks(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The server's clock between two readings of ours."""
    before = datetime.now(UTC)
    row = connection.execute(queries.CLOCK).fetchone()
    after = datetime.now(UTC)
    server = row[0].astimezone(UTC) if row else before
    readings = {"ours_before": before, "server": server, "ours_after": after}
    return {name: moment.isoformat(timespec="microseconds") for name, moment in readings.items()}


@contextmanager
def _session(
    dsn: str, secrets: list[str], acquisition: Acquisition
) -> Iterator[tuple[psycopg.Connection[Any], list[str]]]:
    """The session, and the tables to be captured: claimed, or of a store that is known."""
    import psycopg

    where = f"source {acquisition.source.id}"
    tables = [claim.table for claim in acquisition.source.claims]
    try:
        connection = psycopg.connect(dsn, autocommit=True, application_name="recon")
    except psycopg.Error as error:
        raise UnreachableError(
            "a connection to the server of dsn_env",
            _message(error, secrets),
            where,
            "check host, port, database, user and password of the DSN",
        ) from None
    try:
        for name, value in queries.SETTINGS.items():
            connection.execute("select pg_catalog.set_config(%s, %s, false)", (name, value))
        before = footprint.reading(connection)
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # Every file's savepoint stands in this one transaction, and so in its one snapshot.
        with connection.transaction(force_rollback=True):
            with acquisition.call(f"tables of known stores: {' '.join(stores.QUERY.split())}"):
                tables += stores.on_server(connection, acquisition.source.options)
            tables = list(dict.fromkeys(tables))
            of_session = footprint.session(connection, tables)
            yield connection, tables
        connection.read_only = connection.isolation_level = None
        connection.autocommit = True
        native = f"{_place(connection)}/footprint.json"
        if not acquisition.has(native):
            with acquisition.call(f"{native}: counters of the server, before and after"):
                after = footprint.reading(connection)
                data = footprint.line(connection.info.dbname, of_session, before, after)
                acquisition.store(native, footprint.KIND, data)
    except psycopg.Error as error:
        raise _translated(error, where, secrets) from None
    finally:
        connection.close()


def _dsn(variable: str, source: str) -> tuple[str, list[str]]:
    """The DSN with a limit to the wait, and what of it must never be repeated."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    where = f"source {source}, dsn_env"
    text = os.environ.get(variable)
    if not text:
        raise BadInputError(
            f"a DSN in the environment variable {variable}",
            "none",
            where,
            f"export {variable}=postgresql://USER:PASSWORD@HOST/DATABASE",
        )
    try:
        parts = conninfo_to_dict(text)
    except ProgrammingError:
        # libpq's message repeats the text, and with it the password.
        raise BadInputError(
            "a DSN: postgresql://USER@HOST/DATABASE, or key=value pairs",
            "text that libpq cannot read (not repeated here, as it may hold a password)",
            f"{where} ({variable})",
            "percent-code reserved characters of the password",
        ) from None
    secrets = [
        str(value)
        for key, value in [*parts.items(), ("password", os.environ.get("PGPASSWORD"))]
        if value and key in {"password", "sslpassword"}
    ]
    return make_conninfo(text, **({"connect_timeout": _CONNECT_SECONDS} | parts)), secrets


def _translated(error: Exception, where: str, secrets: list[str]) -> ReconError:
    """The server's error as one of ours."""
    errors = _errors()
    found = _message(error, secrets)
    if isinstance(error, errors.InsufficientPrivilege):
        return UnreachableError(
            "a role that may read this",
            found,
            where,
            "grant SELECT on it (and USAGE on its schema)",
        )
    if isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName):
        return BadInputError(
            "a table of the database", found, where, "mend `table` of the claim, or the database"
        )
    if isinstance(error, errors.UndefinedColumn):
        return BadInputError(
            "a table, whose rows have xmin", found, where, "claim the table behind the view"
        )
    if isinstance(error, errors.OperationalError):
        return UnreachableError("an answer of the server", found, where, "collect again")
    return BadInputError("an answer of the server", found, where, "read it another way")


def _message(error: Exception, secrets: list[str]) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    for secret in secrets:
        text = text.replace(secret, "…")
    return text[:_MESSAGE]


def _errors() -> Any:  # noqa: ANN401  (the module, imported where it is used)
    from psycopg import errors

    return errors


def _raw_loader() -> Any:  # noqa: ANN401  (a class made where psycopg is imported)
    from psycopg.adapt import Loader

    class Raw(Loader):
        """The bytes of the server's text, whatever they are."""

        def load(self, data: Any) -> bytes:  # noqa: ANN401
            return bytes(data)

    return Raw
