"""What every reader of a table gives: rows as text, each with its place and what is wrong with it.

A frame has the columns ``citation``, ``place`` (from 1, for the order), ``text`` (the whole row,
for the digests within it), ``problem`` (why its cells are not read; null where they are), ``said``
(a caveat of a row that is read; else null) and one of text for each used column, under its name
behind ``=``.
Cells are without white space around them; an empty cell is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

BATCH = 65_536
"""Rows of a frame."""
SPACE = " \t\r\n\u00a0\ufeff"
"""White space around a cell that says nothing."""


@dataclass(slots=True)
class Said:
    """What a reader says of a table beside its rows."""

    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    """Citation (empty for the whole), message, severity."""

    def warn(self, message: str, citation: str = "", severity: str = "warning") -> None:
        """One more."""
        self.warnings.append((citation, message, severity))


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a reader met it."""

    citation: str
    place: int
    cells: Sequence[str | None]
    """In the order of the headings; empty where there is a problem."""
    problem: str | None = None
    said: str | None = None


class HeadingError(ValueError):
    """The headings are not those that the case names."""


def places_of(headings: Sequence[str | None], used: Sequence[str]) -> list[int]:
    """Where each used column stands.

    Raises:
        HeadingError: one is not there, or stands there twice.
    """
    plain = [(one or "").strip(SPACE) for one in headings]
    shown = ", ".join(repr(one[:80]) for one in plain[:40] if one) or "none"
    for name in used:
        if name.strip(SPACE) not in plain:
            raise HeadingError(f"expected a column {name!r}; found the headings {shown}")
        if plain.count(name.strip(SPACE)) > 1:
            raise HeadingError(f"expected one column {name!r}; found {plain.count(name)} so called")
    return [plain.index(name.strip(SPACE)) for name in used]


def frames(
    rows: Iterator[Row], used: Sequence[str], places: Sequence[int]
) -> Iterator[pl.DataFrame]:
    """Rows, of which all cells are in order, to frames."""
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield _frame(batch, used, places)
            batch = []
    if batch:
        yield _frame(batch, used, places)


def _frame(batch: Sequence[Row], used: Sequence[str], places: Sequence[int]) -> pl.DataFrame:
    columns: dict[str, list[str | int | None]] = {
        "citation": [row.citation for row in batch],
        "place": [row.place for row in batch],
        "text": ["\x1f".join(cell or "" for cell in row.cells) for row in batch],
        "problem": [row.problem for row in batch],
        "said": [row.said for row in batch],
    }
    for name, at in zip(used, places, strict=True):
        columns[f"={name}"] = [row.cells[at] if row.cells else None for row in batch]
    schema = {name: pl.UInt64() if name == "place" else pl.String() for name in columns}
    return pl.DataFrame(columns, schema=schema).with_columns(
        trimmed(pl.col(f"={name}")).alias(f"={name}") for name in used
    )


def trimmed(cell: pl.Expr) -> pl.Expr:
    """A cell without white space around it; null where nothing is left."""
    plain = cell.str.strip_chars(SPACE)
    return pl.when(plain != "").then(plain)
