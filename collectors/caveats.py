"""Warnings about many rows or lines of one item: some named one by one, the others counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.collector import Warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from recon.collector import Item

NAMED = 100
"""Rows of one sort that are named one by one; those beyond are counted, the first of them named.

A log with a million broken lines would otherwise be a million warnings.
"""


def named(
    item: Item, rows: pl.DataFrame, message: pl.Expr, severity: str = "warning", what: str = "lines"
) -> Iterator[Warn]:
    """A warning for each of the rows, whose column ``citation`` says where they stand."""
    shown = rows.head(NAMED).select("citation", message=message)
    for citation, text in shown.iter_rows():
        yield Warn(item.sha256, citation, text, severity)
    if rows.height > NAMED:
        rest = rows.slice(NAMED)
        citation, text = rest.head(1).select("citation", message=message).row(0)
        text = f"{text}; the same sort of warning for {rest.height} {what} from here on"
        yield Warn(item.sha256, citation, text, severity)


class Tally:
    """The same over rows that come part by part, whatever the parts."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self._sorts: dict[str, _Sort] = {}

    def add(
        self, sort: str, rows: pl.DataFrame, message: pl.Expr, severity: str = "warning"
    ) -> None:
        """Rows of one sort; warnings come in the order in which the sorts were first added."""
        found = self._sorts.setdefault(sort, _Sort(severity, [], 0))
        room = NAMED + 1 - len(found.shown)
        if room > 0 and rows.height:
            found.shown.extend(rows.head(room).select("citation", message=message).rows())
        found.count += rows.height

    def warnings(self) -> Iterator[Warn]:
        """All of them."""
        for sort in self._sorts.values():
            for citation, text in sort.shown[:NAMED]:
                yield Warn(self.item.sha256, citation, text, sort.severity)
            for citation, text in sort.shown[NAMED:]:
                text_ = (
                    f"{text}; the same sort of warning for {sort.count - NAMED} lines from here on"
                )
                yield Warn(self.item.sha256, citation, text_, sort.severity)


@dataclass(slots=True)
class _Sort:
    severity: str
    shown: list[tuple[str, str]]
    count: int
