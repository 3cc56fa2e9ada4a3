"""A capture made without recon: a psql script that writes the same files.

For a database that the examiner may not reach: its owner reads the script, runs it, and hands over
the folder::

    mkdir capture-2026-04-02 && cd capture-2026-04-02
    psql -XAtq -d mlops -f ../capture.sql

``capture = ["capture-2026-04-02/"]`` then gives the same events as a live acquisition.
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.postgres import queries


def capture_script(tables: Sequence[str]) -> str:
    """The text of the script for these tables, each "schema.table".

    A query that the role may not run is reported by psql and leaves its file without a last line;
    the other files are made all the same.
    """
    from psycopg.sql import SQL, Literal

    lines = [
        "-- Reads only: one read-only transaction; writes JSON lines to the current folder.",
        "-- Run with: psql -XAtq -d DATABASE -f THIS-FILE",
        "\\set ON_ERROR_STOP off",
        # Each statement under its own savepoint, so that one refusal does not end the rest.
        "\\set ON_ERROR_ROLLBACK on",
        # Rows come through a cursor: a large table never stands in psql's memory.
        "\\set FETCH_COUNT 1000",
        "\\pset format unaligned",
        "\\pset tuples_only on",
    ]
    for name, value in queries.SETTINGS.items():
        # The values are constants of this program; psql takes search_path as a bare list.
        text = SQL("set {} to {};").format(SQL(name), Literal(value)).as_string(None)
        lines.append(text)
    lines.append(f"{queries.BEGIN};")
    for file in queries.files(list(tables)):
        lines.append(f"\\o '{file.name}'")
        lines += [f"{statement.as_string(None).strip()};" for statement in file.statements()]
    lines += ["\\o", "commit;", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(capture_script(sys.argv[1:]))
