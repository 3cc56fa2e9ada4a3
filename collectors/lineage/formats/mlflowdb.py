"""An MLflow store in SQLite, read from the bytes of the item alone.

The file is evidence, and a database file can hold code: views, triggers, generated columns and
virtual tables run what they say when they are read. It is opened as a file that nobody changes
(``immutable``: no lock, no journal, nothing beside it is read), without extensions, and what is
read are plain tables, by an authorizer that lets nothing but reading of them through.

A citation is ``table runs row 3``, by SQLite's own ``rowid``.

Source: SQLite documentation, "Defense Against The Dark Arts", "URI Filenames", "File Format".
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from collectors import mlflowstore

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.lineage.formats.base import File

MAGIC = b"SQLite format 3\0"
_WAL_VERSION = 18
"""Byte of the header that is 2 where the database keeps a write-ahead log ("File Format", 1.3)."""
_LONGEST = 1 << 20
"""Bytes of one value; MLflow's longest column has 8,000 characters."""
_STEPS = 1_000_000
_MOST_STEPS = 20_000
"""Times so many steps of SQLite's machine for one table: some hours of honest reading."""
CITATION = re.compile(r"table ([a-z_]{1,40}) row (-?[0-9]{1,19})")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}


_OF_NOTHING = (
    "alembic_version", "sqlite_sequence", "sqlite_stat1", "workspaces", "latest_metrics",
)  # fmt: skip
"""Tables of the store that hold nothing of models, or what another holds (of the metrics)."""
_SHOWN = 60
"""Tables that are named of those that are not read."""


def opened(path: Path) -> sqlite3.Connection:
    """The database, for reading plain tables and nothing else.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    where = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(where, uri=True, isolation_level=None)
    connection.text_factory = bytes
    for limit, most in (
        (sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 0),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
    ):
        connection.setlimit(limit, most)
    for pragma in ("trusted_schema=off", "cell_size_check=on", "mmap_size=0", "query_only=on"):
        connection.execute(f"pragma {pragma}")
    return connection


def rows(file: File) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    """Citation, table and values of each row of the store's tables; what is not read is said."""
    with file.path.open("rb") as plain:
        if plain.read(_WAL_VERSION + 1)[-1:] == b"\x02":
            file.said.warn("", "expected a store that keeps no write-ahead log; found one: what was"
                           " not moved from FILE-wal into the file yet is not here")  # fmt: skip
    try:
        with closing(opened(file.path)) as connection:
            plain_tables = _tables(connection, file)
            for table in mlflowstore.TABLES:
                if table in plain_tables:
                    yield from _rows(connection, table, plain_tables[table], file)
    except sqlite3.Error as error:
        file.said.warn("", f"expected an SQLite database; found one that is damaged ({error});"
                       " nothing after that is read", "error")  # fmt: skip


def _tables(connection: sqlite3.Connection, file: File) -> dict[str, list[str]]:
    """Columns of each table of the store that is a plain one."""
    found: dict[str, list[str]] = {}
    others: list[str] = []
    # Of a view, a virtual table or one without row numbers nothing is read.
    for name, sort, sql in connection.execute("select name, type, sql from sqlite_schema"):
        table = _text(name)
        if table not in mlflowstore.TABLES:
            made = (_text(sql) or "").lower()
            if _text(sort) == "table" and table not in _OF_NOTHING and "virtual" not in made:
                others.append(table or "")
            continue
        made = (_text(sql) or "").lower()
        if _text(sort) == "index":
            continue
        if _text(sort) != "table" or "virtual" in made.split("(")[0] or "generated" in made or (
            "without rowid" in made
        ):  # fmt: skip
            file.said.warn("", f"expected {table} as a plain table; found another thing of that"
                           " name; not read", "error")  # fmt: skip
            continue
        listed = connection.execute(f"pragma table_info({table})")
        found[table] = [text for row in listed if (text := _text(row[1])) is not None]
        if any(one.lower() == "rowid" for one in found[table]):
            file.said.warn("", f"expected {table} without a column `rowid`; found one; not read",
                           "error")  # fmt: skip
            del found[table]
    full = [repr(table[:60]) for table in sorted(others) if _has_rows(connection, table)]
    if full:
        file.said.warn("", "expected tables that say what was registered when; found others too, of"
                       f" which nothing is read: {', '.join(full[:_SHOWN])}", "note")  # fmt: skip
    if not found:
        file.said.warn("", "expected tables of MLflow; found none of them", "error")
    return found


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    """Whether a table holds anything; so it may where that cannot be asked."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", table):
        return True
    _guard(connection)
    try:
        # The name is a plain word.
        return bool(connection.execute(f'select exists(select 1 from "{table}")').fetchone()[0])  # noqa: S608
    except sqlite3.Error:
        return True
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)


def _rows(
    connection: sqlite3.Connection, table: str, columns: list[str], file: File
) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    wanted = [one for one in columns if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", one)]
    listed = ", ".join(f'"{one}"' for one in wanted)
    _guard(connection)
    last = None
    try:
        # The names are those of our own list, and of columns that are plain words.
        for number, *values in connection.execute(f"select rowid, {listed} from {table}"):  # noqa: S608
            last = number
            place = f"table {table} row {number}"
            yield place, table, dict(zip(wanted, _texts(values, place, file), strict=True))
    except sqlite3.Error as error:
        file.said.warn("" if last is None else f"table {table} row {last}",
                       f"expected all rows of {table}; found a damaged page ({error}); nothing"
                       " after that is read of it", "error")  # fmt: skip
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)


def _guard(connection: sqlite3.Connection) -> None:
    steps = 0

    def authorize(action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    def more() -> int:
        nonlocal steps
        steps += 1
        return int(steps > _MOST_STEPS)

    connection.set_authorizer(authorize)
    connection.set_progress_handler(more, _STEPS)


def _texts(values: list[Any], place: str, file: File) -> Iterator[str | None]:
    for value in values:
        found = _text(value)
        if value is not None and found is None:
            file.said.warn(place, "expected text in UTF-8; found other bytes; left out")
        yield found


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return None if value is None else repr(value) if isinstance(value, float) else str(value)


def row(path: Path, citation: str) -> dict[str, str | None] | None:
    """The row at a citation; None where there is none."""
    match = CITATION.fullmatch(citation)
    if match is None or match[1] not in mlflowstore.TABLES:
        return None
    try:
        with closing(opened(path)) as connection:
            listed = connection.execute(f"pragma table_info({match[1]})")
            columns = [text for one in listed if (text := _text(one[1])) is not None]
            wanted = [one for one in columns if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", one)]
            names = ", ".join(f'"{one}"' for one in wanted)
            _guard(connection)
            asked = f"select {names} from {match[1]} where rowid = ?"  # noqa: S608  (as above)
            found = connection.execute(asked, (int(match[2]),)).fetchone()
    except (sqlite3.Error, OverflowError):
        return None
    return None if found is None else dict(zip(wanted, map(_text, found), strict=True))
