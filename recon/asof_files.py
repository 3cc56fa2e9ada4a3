"""Answers for programs: plain data for JSON, and columns for Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import schema
from recon.instants import show

if TYPE_CHECKING:
    from recon.asof import Answer

_SAID: dict[str, pl.DataType] = {
    "value": pl.String(),
    "certainty": pl.String(),
    "event": pl.String(),
    "because": pl.String(),
    "clock": pl.String(),
    "margin_seconds": pl.Float64(),
    "measured": pl.Boolean(),
}
_CHANGE: dict[str, pl.DataType] = {
    "earliest": schema.INSTANT,
    "latest": schema.INSTANT,
    "clock": pl.String(),
    "event": pl.String(),
    "because": pl.String(),
}
COLUMNS: dict[str, pl.DataType] = {
    "subject": pl.String(),
    "attribute": pl.String(),
    "source": pl.String(),
    **{f"then_{name}": dtype for name, dtype in _SAID.items()},
    **{f"now_{name}": dtype for name, dtype in _SAID.items()},
    "changed": pl.Boolean(),
    **{f"change_{name}": dtype for name, dtype in _CHANGE.items()},
}
"""One row an answer: ``then_…`` and ``now_…`` null where nothing is said, ``change_…`` where the
story is the same."""


def columns(answers: Sequence[Answer]) -> pl.DataFrame:
    """Answers as :data:`COLUMNS`."""
    rows = []
    for one in answers:
        row: dict[str, Any] = {
            "subject": one.subject,
            "attribute": one.attribute,
            "source": one.source,
            "changed": one.changed,
        }
        parts = (("then", one.said_then), ("now", one.says_now), ("change", one.change))
        for name, part in parts:
            if part is not None:
                row |= {f"{name}_{field.name}": getattr(part, field.name) for field in fields(part)}
        rows.append(row)
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def write(answers: Sequence[Answer], path: Path) -> None:
    """Answers as Parquet."""
    columns(answers).write_parquet(path)


def plain(history: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of a history as plain data, instants as RFC 3339."""
    return [{**row, "instant": show(row["instant"])} for row in history.iter_rows(named=True)]
