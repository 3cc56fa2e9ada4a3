"""What people read on a terminal. Everything that a source said is cleaned before it gets here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from recon import prose
from recon.instants import show, show_interval
from recon.text import clean, one_line

if TYPE_CHECKING:
    from datetime import datetime

    from recon.asof import Answer, Said
    from recon.case import Case, Collected
    from recon.evidence import Progress
    from recon.findings import Finding
    from recon.reconcile import Findings
    from recon.written.answers import Version

_STYLE = {
    "contradiction": "bold red",
    "conflict": "bold red",
    "breach": "bold red",
    "missing": "bold red",
    "undetermined": "bold yellow",
    "observation": "bold cyan",
}
_WIDTH = 100
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
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


def findings(out: Console, found: Findings) -> None:
    """All findings in words, then what was not run and what was left out."""
    number = 0
    for number, finding in enumerate(found.disagreements, 1):
        _finding(out, number, finding)
    observed: dict[str, list[Finding]] = {}
    for finding in found.findings:
        if finding.verdict == "observation":
            observed.setdefault(finding.rule, []).append(finding)
    for alike in observed.values():
        number += 1
        _finding(out, number, alike[0], alike[1:])
    if not found.findings:
        out.print("No finding.")
    shown = len(found.findings)
    left = sum(found.omitted.values())
    if left:
        each = ", ".join(f"{rule} {count}" for rule, count in found.omitted.items())
        out.print(
            f"{shown} of {shown + left} findings shown; the others are about subjects outside the "
            f"question ({each})."
        )
    for one in found.not_run:
        out.print(f"not run: {one['rule']}: {one_line(one['because'])}")


def _finding(out: Console, number: int, finding: Finding, likewise: Sequence[Finding] = ()) -> None:
    head = Text(f"{number}. ")
    head.append(finding.verdict.upper(), _STYLE[finding.verdict])
    head.append(f"  {finding.rule}  {one_line(finding.subject)}  [{finding.finding}]", "dim")
    out.print(head)
    out.print(Padding(prose.statement(finding), (0, 0, 0, 3)))
    if finding.verdict != "observation":
        for label, text in (
            ("Excuse:", one_line(finding.excuse, 1000)),
            ("Alibi:", one_line(finding.alibi, 1000)),
            ("Witness:", f"{prose.WITNESSES[finding.witness]}."),
        ):
            line = Text(f"{label} ", "italic")
            line.append(text, "not italic")
            out.print(Padding(line, (0, 0, 0, 3)))
    if likewise:
        names = ", ".join(f"{one_line(one.subject)} [{one.finding}]" for one in likewise)
        out.print(Padding(f"Likewise {names}.", (0, 0, 0, 3)))
    out.print()


def explain(out: Console, finding: Finding, events: Mapping[str, Mapping[str, Any]]) -> None:
    """One finding's argument, step by step."""
    for line in prose.introductions(finding, events):
        out.print(Padding(line, (0, 0, 0, 3)))
    for number, line in enumerate(prose.argument(finding), 1):
        out.print(Padding(f"{number}. {line}", (0, 0, 0, 3)))


def answers(out: Console, given: Sequence[Answer], instant: datetime, *, total: int) -> None:
    """The two answers as a table."""
    out.print(Text(f"Said then ({show(instant)}), and says now about then", "bold"))
    table = plain_table("subject", "attribute", "source", "said then", "says now", "")
    for one in given:
        table.add_row(
            one_line(one.subject, 60),
            one_line(one.attribute, 40),
            one_line(one.source, 40),
            _said(one.said_then),
            _said(one.says_now),
            Text("changed", "bold red") if one.changed else Text("same", "dim"),
        )
    out.print(table)
    out.print(
        Text(
            f"{len(given)} of {total} lines shown. ~ marks what is possible, not certain; "
            "digests are cut for the table; --format json has all of them.",
            "dim",
        )
    )


def _said(said: Said | None) -> str:
    if said is None:
        return "nothing"
    value = _DIGEST.sub(r"\1…", one_line(said.value or "", 80))
    return value if said.certainty == "certain" else f"~ {value}"


def written(out: Console, versions: Sequence[Version], *, explain: bool = False) -> None:
    """Row versions, each with what it asserts and the intervals in which it was written."""
    for one in versions:
        head = Text(one_line(one.subject, 60), "bold")
        table = one_line(one.table.rsplit("/", 1)[-1], 60) if one.table else "a table not named"
        number_of = one.transaction.rsplit("/", 1)[-1] if one.transaction else None
        by = f"transaction {one_line(number_of, 20)}" if number_of else "from a dump"
        head.append(f"  {table}, {by}  [{one_line(one.event, 80)}]", "not bold dim")
        out.print(head)
        asserts = show_interval(one.asserts_earliest, one.asserts_latest)
        out.print(f"   asserts   {asserts if one.asserts_earliest else 'no time'}")
        spans = [
            ("" if basis.firm else "~ ") + _span(basis.earliest, basis.latest)
            for basis in one.bases
        ] or ["nothing dates it"]
        width = max(map(len, spans))
        for number, span in enumerate(spans):
            line = Text(f"   {'written' if number == 0 else '':<9} {span:<{width}}")
            if one.bases:
                basis = one.bases[number]
                line.append(f"  {basis.basis}", "dim" if number else "")
                line.append("  disagrees" * basis.disagrees, "bold red")
            out.print(line)
            if one.bases and explain:
                because = Text(f"{one_line(one.bases[number].because, 400)}.", "dim")
                out.print(Padding(because, (0, 0, 0, 15)))
    out.print(
        Text(
            f"{len(versions)} row versions. An interval holds the time of the commit; the best "
            "basis comes first; ~ marks an estimate.",
            "dim",
        )
    )


def _span(earliest: datetime | None, latest: datetime | None) -> str:
    """An interval whose ends may be open."""
    if earliest is None:
        return f"up to {show(latest)}" if latest is not None else "at a time not known"
    return f"{show(earliest)} or later" if latest is None else show_interval(earliest, latest)


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
    short = _DIGEST.sub(r"\1…", text)
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
        table.add_column(escape(column), overflow="fold")
    return table
