"""Names of tables that neither a dump nor a capture shows, from their own rows of ``pg_class``.

A table that came and went between two snapshots is in the log alone: the row of ``pg_class`` that
made it has its name and the OID of its schema. The schema's name is that of a known table whose row
is in the log too. A name is given only where a known table has it: others mean nothing to a case.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from collectors.postgres.wal.model import Relation
from collectors.postgres.wal.transactions import Known


def named(relations: Sequence[Relation], defined: pl.DataFrame) -> list[Relation]:
    """Relations that the log made under the name of a known one, and that are not known.

    ``relations``: with their databases where they are known. ``defined``: of a whole archive.
    """
    known = Known.of(relations)
    subjects = {one.subject for one in relations}
    columns = ("created", "oid", "name", "namespace", "kind")
    rows = (
        defined.filter(pl.col("oid").is_not_null() & pl.col("name").is_not_null())
        .select(columns)
        .unique(maintain_order=True)
        .rows()
    )
    schemas: dict[tuple[str, int], set[str]] = {}
    for file, oid, _, namespace, _ in rows:
        database = file.split("/")[1]
        if subject := known.subject(f"{database}/{oid}"):
            # "pg:SOURCE/DATABASE/schema.": the table may have been renamed since it was made.
            schemas.setdefault((database, namespace), set()).add(subject.rpartition(".")[0])
    found = []
    for file, oid, name, namespace, kind in rows:
        database = file.split("/")[1]
        meant = {f"{schema}.{name}" for schema in schemas.get((database, namespace), ())}
        if len(meant) == 1 and meant <= subjects and not known.subject(f"{database}/{oid}"):
            found.append(Relation(oid, meant.pop(), None, kind or "r", int(database)))
    return found
