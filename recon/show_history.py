"""On a terminal: what sources said, over a stretch of time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.padding import Padding
from rich.text import Text

from recon.instants import show, show_span
from recon.show import cell, plain_table
from recon.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

_KEY = ("subject", "attribute", "source")


def history(  # noqa: PLR0913  (one thing each that the head says)
    out: Console,
    answers: pl.DataFrame,
    since: datetime,
    until: datetime,
    every: timedelta | None,
    *,
    clock: str | None = None,
    only: bool = False,
) -> None:
    """By subject, attribute and source what was said, and since when.

    Args:
        out: where to.
        answers: of :func:`recon.asof_history.history`, the changes alone.
        since: where the history begins.
        until: where it ends.
        every: step at which was asked; None: wherever an answer may change.
        clock: that showed the instants.
        only: leave out what stayed the same.
    """
    by = f" by {one_line(clock, 60)}" if clock else ""
    step = f"asked every {show_span(every.total_seconds())}" if every else "wherever it changes"
    out.print(Text(f"Said from {show(since)} to {show(until)}{by}, {step}", "bold"))
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in answers.sort(*_KEY, "instant").iter_rows(named=True):
        groups.setdefault(tuple(row[name] or "" for name in _KEY), []).append(row)
    moved = {k: rows for k, rows in groups.items() if len(rows) > 1 or rows[0]["instant"] > since}
    for (subject, attribute, source), rows in moved.items():
        head = Text(f"{one_line(subject, 60)}  {one_line(attribute, 40)}")
        head.append(f"  {one_line(source, 40)}", "dim")
        out.print(head)
        _changes(out, rows)
    still = {} if only else {k: rows[0] for k, rows in groups.items() if k not in moved}
    if still:
        out.print(Text("The same all the time", "bold"))
        table = plain_table("subject", "attribute", "source", "said then", "says now about then")
        for (subject, attribute, source), row in still.items():
            about = (one_line(subject, 60), one_line(attribute, 40), one_line(source, 40))
            table.add_row(*about, _value(row, "then"), _value(row, "now"))
        out.print(table)
    changes = answers.filter(pl.col("instant") > since).height
    out.print(
        Text(
            f"{len(moved) + len(still)} of {len(groups)} answers shown, {len(moved)} with "
            f"{changes} changes. ~ marks what is possible, not certain; digests are cut for the "
            "table; --format json and parquet have all of them.",
            "dim",
        )
    )


def _changes(out: Console, rows: list[dict[str, Any]]) -> None:
    table = plain_table("from", "said then", "says now about then", "from the record")
    table.columns[0].no_wrap = True
    for row in rows:
        event = row["then_event"] or row["now_event"] or ""
        cells = (_value(row, "then"), _value(row, "now"), one_line(event, 80))
        table.add_row(show(row["instant"]), *cells)
    out.print(Padding(table, (0, 0, 0, 3)))


def _value(row: dict[str, Any], when: str) -> str:
    if row[f"{when}_certainty"] is None:
        return "nothing"
    value = cell(row[f"{when}_value"] or "", 60)
    return value if row[f"{when}_certainty"] == "certain" else f"~ {value}"
