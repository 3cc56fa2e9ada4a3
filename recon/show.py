"""What people read on a terminal. Everything that a source said is cleaned before it gets here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from recon.instants import show_interval
from recon.text import clean, one_line

if TYPE_CHECKING:
    from recon.case import Case, Collected
    from recon.evidence import Progress

_WIDTH = 100
DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
"""A table shows the first digits of a digest; JSON, CSV and exhibits have all of them."""


def console(*, stderr: bool = False) -> Console:
    """A console that leaves text as it is: no emoji codes, no markup of ours, no highlighting."""
    made = Console(stderr=stderr, emoji=False, markup=False, highlight=False, soft_wrap=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made


@contextmanager
def progress() -> Iterator[Progress]:
    """A line on standard error that says what is being done, where it is a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    err = console(stderr=True)
    with Bars(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("", total=None)

        def told(what: str, done: int, total: int | None) -> None:
            bars.update(task, description=one_line(what, 60), completed=done, total=total)

        yield told


def collected(out: Console, results: Sequence[Collected]) -> None:
    """One line per source: what was stored, how much failed; standard error says what."""
    table = plain_table("source", "items", "")
    for one in results:
        said = (
            "already collected; --again acquires it anew"
            if one.skipped
            else f"{one.stored} stored now" + (f", {len(one.failures)} failed" * bool(one.failures))
        )
        table.add_row(one.source, str(one.held), said)
    out.print(table)


def timeline(
    out: Console, rows: Sequence[Mapping[str, Any]], matching: int, *, of: int | None = None
) -> None:
    """Events as a table.

    Args:
        out: where to.
        rows: events that are shown.
        matching: events that the filters leave.
        of: events of the whole timeline.
    """
    table = plain_table("time (UTC)", "source", "kind", "subject", "says", "basis")
    for column in (0, -1):
        table.columns[column].no_wrap = True
    for row in rows:
        says = row["value"] or row["digest"] or ""
        if row["attribute"]:
            says = f"{row['attribute']} = {says}"
        table.add_row(
            show_interval(row["earliest"], row["latest"]),
            cell(row["source"], 24),
            cell(row["kind"], 24),
            cell(row["subject"], 60),
            cell(says, 60),
            row["basis"] or "",
        )
    out.print(table)
    among = f" ({of} on the timeline)" if of not in (None, matching) else ""
    out.print(
        Text(
            f"{len(rows)} of {matching} events shown{among}. "
            "Digests and long texts are cut (…) for the table; --format json has all of them.",
            "dim",
        )
    )


def cell(text: str, limit: int) -> str:
    """Text of a table's cell: digests by their first digits, and no more than fits."""
    short = DIGEST.sub(r"\1…", text)
    return clean(short[:limit]) + ("…" if len(short) > limit else "")


def sources(out: Console, case: Case) -> None:
    """The question and who was asked."""
    out.print(Text(one_line(case.config.title, 300), "bold"))
    table = plain_table("source", "what", "domain", "account")
    for source in case.sources:
        domain = case.domains[source.domain]
        table.add_row(source.id, source.collector, source.domain, one_line(domain.account or ""))
    out.print(table)


def plain_table(*columns: str) -> Table:
    """A table without lines, whose cells fold."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table
