"""The frames that pass between the parts, and the one check of them.

Section 4 and 5 of the design define the columns; their names are contracts.
Strings stay strings here: Parquet dictionary-encodes them in a way that depends on the data alone,
while categoricals depend on what a process met first. Joins run on ``row`` or on ids made for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import polars as pl

from recon.errors import BadInputError

INSTANT = pl.Datetime("us", "UTC")
BASIS = pl.Enum(["stamped", "asserted"])
VERDICTS = ("contradiction", "conflict", "breach", "missing", "undetermined", "observation")

DRAFT: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "subject": pl.String(),
    "attribute": pl.String(),
    "value": pl.String(),
    "digest": pl.String(),
    "clock": pl.String(),
    "basis": BASIS,
    "earliest": INSTANT,
    "latest": INSTANT,
    "stream": pl.String(),
    "position": pl.UInt64(),
    "actor": pl.String(),
    "names": pl.List(pl.String()),
    "item": pl.String(),
    "citation": pl.String(),
    "part": pl.UInt32(),
}
"""What a collector's ``parse`` gives: one row per event, without what the case adds."""

EVENTS: dict[str, pl.DataType] = {
    "row": pl.UInt64(),
    "source": pl.String(),
    "domain": pl.String(),
    **DRAFT,
}
"""``timeline/events.parquet``: sorted by ``earliest`` (undated last), then by id."""

PLAIN: dict[str, pl.DataType] = {
    "named_table": pl.String(),
    "named_xid": pl.String(),
    "named_version": pl.String(),
    "several_xids": pl.Boolean(),
}
"""Of an event's names the first table, transaction and version of an object; null for none. And
whether it names more than one transaction.

The timeline's file has them after :data:`EVENTS`. They say nothing that ``names`` does not."""

BESIDE: dict[str, pl.DataType] = {
    "record_back": pl.UInt32(),
    "subject_number": pl.UInt32(),
    "may_differ": pl.Boolean(),
}
"""What only the other events tell of an event, see :mod:`recon.beside`.

How many rows before it the first event stands of its record with its reading; of a row of a table
or a claim a number for its subject, in the order in which they come; whether it is a claim that may
have another value or digest than the first claim of its subject and attribute.

The timeline's file has them after :data:`PLAIN`; who asks for them makes them where it has not."""

DRAFT_COVERAGE: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "subject": pl.String(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "stream": pl.String(),
    "item": pl.String(),
    "because": pl.String(),
}
"""A stretch in which every event of a kind on a subject would have been recorded.

``kind`` and ``subject`` are globs (``table.*``, ``pg:lineage-db/*``); null times are open ends.
``because`` says in a few words what proves it.
"""

COVERAGE: dict[str, pl.DataType] = {"source": pl.String(), **DRAFT_COVERAGE}
"""``timeline/coverage.parquet``."""

RELATIONS: dict[str, pl.DataType] = {
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "law": pl.String(),
    "because": pl.String(),
}
"""``timeline/relations.parquet``: *before* came before *after* (rows of the timeline), by a law."""

REQUIRED = ("kind", "subject", "item", "citation", "part")
"""Columns of an event that are never null."""


def frame(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows as dictionaries to a frame of the schema; keys left out are null, unknown keys refused.

    For what is small; collectors of large sources build columns.
    """
    rows = list(rows)
    unknown = {key for row in rows for key in row} - set(schema)
    if unknown:
        raise BadInputError(
            f"columns of {sorted(schema)}", f"{sorted(unknown)}", "an event", "fix the collector"
        )
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def check(
    lazy: pl.LazyFrame,
    schema: Mapping[str, pl.DataType],
    where: str,
    *,
    beside: Collection[str] = (),
) -> pl.LazyFrame:
    """The frame with the schema's columns in order, or an error that names what differs.

    Columns ``beside`` may be there behind them.
    """
    found = lazy.collect_schema()
    wrong = [
        f"{name}: {found.get(name)} for {dtype}"
        for name, dtype in schema.items()
        if found.get(name) != dtype
    ] + [f"{name}: not in the schema" for name in found if name not in {*schema, *beside}]
    if wrong:
        raise BadInputError(
            "the columns of the schema", "; ".join(wrong), where, "rebuild with `recon timeline`"
        )
    return lazy.select([*schema, *(name for name in beside if name in found)])


def event_id() -> pl.Expr:
    """``ITEM:CITATION#PART`` with the first 16 digits of the item's hash."""
    return pl.format(
        "{}:{}#{}", pl.col("item").str.slice(0, 16), pl.col("citation"), pl.col("part")
    )
