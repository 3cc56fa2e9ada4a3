"""Stores whose tables are known by themselves: MLflow's, which needs no claim in ``case.toml``.

A schema in which the marks of an MLflow store stand together is one; so is the schema that the case
names (``mlflow = "public"``), which archived WAL alone cannot show. Tables that the case claims by
itself are left to it. What each row asserts says :mod:`collectors.mlflowstore`.

Metrics are not read from PostgreSQL: a store may hold a hundred million of them, and they register
nothing. Models of another workspace than ``default`` are not claimed, as two workspaces may have
models of one name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from collectors import mlflowstore
from collectors.postgres.options import PostgresClaim

if TYPE_CHECKING:
    from typing import Any

    import psycopg

    from collectors.postgres.archive import Archive
    from collectors.postgres.found import Found
    from collectors.postgres.options import PostgresOptions

_LEFT_OUT = {"metrics"}
TABLES = tuple(one for one in mlflowstore.TABLES if one not in _LEFT_OUT)
_WORKSPACE = "workspace"
_WORDS = {f"tag.{key}": "artifact" for key in mlflowstore.ARTIFACT_TAGS} | {
    f"tag.{mlflowstore.COMMIT_TAG}": "commit"
}
QUERY = """
select n.nspname, c.relname from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relname = any(%s)
order by n.nspname, c.relname"""
"""Tables by the names that a store may have."""


def on_server(connection: psycopg.Connection[Any], options: PostgresOptions) -> list[str]:
    """Tables of the stores of a database, as "schema.table", to be captured."""
    named = [*TABLES, *sorted(mlflowstore.MARKS - set(TABLES))]
    found: dict[str, list[str]] = {}
    for schema, table in connection.execute(QUERY, (named,)):
        found.setdefault(schema, []).append(table)
    schemas = [one for one, tables in found.items() if set(tables) >= mlflowstore.MARKS]
    out = [f"{schema}.{table}" for schema in schemas for table in named if table in found[schema]]
    if options.mlflow is not None and options.mlflow not in schemas:
        out += [f"{options.mlflow}.{table}" for table in named]
    return out


def claims(found: Found) -> Iterator[PostgresClaim]:
    """Claims of the tables of stores that captures and dumps show, or the case names."""
    columns = _columns(found)
    schemas = [one for one, tables in columns.items() if set(tables) >= mlflowstore.MARKS]
    if found.options.mlflow is not None:
        schemas = list(dict.fromkeys([*schemas, found.options.mlflow]))
    for schema in schemas:
        shown = columns.get(schema, {})
        for table in TABLES:
            name = f"{schema}.{table}"
            # Where nothing shows a table, the archive of its log may still hold it.
            if name not in found.claims and (table in shown or not shown):
                yield _claim(name, shown.get(table))


def _claim(name: str, columns: Collection[str] | None) -> PostgresClaim:
    """What a row asserts, as of when it says that it was made; its other times are attributes."""

    def known(column: str | None) -> bool:
        return column is not None and (columns is None or column in columns)

    of_table = [one for one in mlflowstore.STORE if name.endswith(f".{one.table}")]
    first = of_table[0]
    attributes = {
        attribute: column for said in of_table for attribute, column in said.attributes.items()
    }
    # A row is one record of one time: rules hold it as a whole against what it was.
    later = {said.kind.rpartition(".")[2]: said.time for said in of_table[1:] if said.time}
    # Every touch of a row sets it: it would make each row another one, and the log says it better.
    later.pop("updated", None)
    pair: dict[str, Any] = {}
    if first.pair is not None:
        prefix, key, value = first.pair
        pair = {"attribute": f"{prefix}{{{key}}}", "value": value, "words": _WORDS}
    here = columns is not None and _WORKSPACE in columns
    return PostgresClaim(
        table=name,
        subject=first.subject,
        time=first.time if known(first.time) else None,
        epoch="ms" if known(first.time) else None,
        attributes={one: own for one, own in (attributes | later).items() if known(own)},
        actor=first.actor if known(first.actor) else None,
        only={_WORKSPACE: "default"} if here else {},
        **pair,
    )


def _columns(found: Found) -> dict[str, dict[str, set[str]]]:
    """By schema and table: the columns that captures and dumps show of it."""
    out: dict[str, dict[str, set[str]]] = {}
    for _, capture in found.captures:
        header = capture.header
        if header.capture == "rows":
            out.setdefault(header.schema, {}).setdefault(header.table, set()).update(header.types)
    for dump in found.dumps:
        for schema, table, columns in of_dump(dump.archive):
            out.setdefault(schema, {}).setdefault(table, set()).update(columns)
    return out


def of_dump(archive: Archive) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Schema, name and columns of each table of a dump that a store may have."""
    from collectors.postgres.dumps import copy_columns
    from recon.errors import BadInputError

    wanted = {*TABLES, *mlflowstore.MARKS}
    tables: dict[tuple[str, str], Sequence[str]] = {}
    for entry in archive.entries:
        if entry.tag in wanted and entry.description in {"TABLE", "TABLE DATA"}:
            key = (entry.namespace, entry.tag)
            try:
                told = copy_columns(entry.copy) if entry.description == "TABLE DATA" else ()
            except BadInputError:
                told = ()
            tables[key] = told or tables.get(key, ())
    for (schema, table), columns in tables.items():
        yield schema, table, columns


def in_dump(archive: Archive, claimed: Mapping[str, Any] | Collection[str]) -> Iterator[str]:
    """Tables of stores that a dump holds and the case does not claim, as "schema.table"."""
    schemas: dict[str, set[str]] = {}
    for schema, table, _ in of_dump(archive):
        schemas.setdefault(schema, set()).add(table)
    for schema, tables in schemas.items():
        if tables >= mlflowstore.MARKS:
            for table in TABLES:
                if table in tables and f"{schema}.{table}" not in claimed:
                    yield f"{schema}.{table}"
