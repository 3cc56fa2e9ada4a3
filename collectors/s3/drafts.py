"""Events of the timeline from columns, and from a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from recon.schema import BASIS, DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def draft(rows: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """Events of a frame with ``item``; columns left out are null, ``names`` empty, ``part`` 0."""
    empty = pl.lit([], pl.List(pl.String()))
    given: dict[str, pl.Expr] = {
        "item": pl.col("item"),
        "citation": pl.lit(""),
        "part": pl.lit(0),
        "names": empty,
        **columns,
    }
    return rows.select(
        given.get(name, pl.lit(None)).cast(BASIS if name == "basis" else dtype).alias(name)
        for name, dtype in DRAFT.items()
    )


def numbered(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Events of one place numbered in a fixed order; the same bytes may have come more than once.

    Equal bytes of one setting, read twice, are one ``bucket.configuration`` and two snapshots.
    """
    order = ["item", "citation", "kind", "subject", "attribute", "earliest", "latest", "stream"]
    columns = [*order, "value", "clock", "basis", "position"]
    rows = [{name: value for name, value in row.items() if name != "part"} for row in rows]
    return (
        frame(rows, {name: DRAFT[name] for name in DRAFT if name != "part"})
        .unique(columns, keep="first", maintain_order=True)
        .sort(pl.col("kind") != "snapshot", *order)
        .with_columns(part=pl.int_range(pl.len(), dtype=pl.UInt32()).over("item", "citation"))
        .select(list(DRAFT))
    )


def version(bucket: str) -> pl.Expr:
    """The name by which events of one version find each other: columns ``key`` and ``version``."""
    return pl.format("s3:{}/{}?versionId={}", pl.lit(bucket), "key", "version")
