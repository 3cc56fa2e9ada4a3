"""On a terminal: what sources said then and say now, and when rows were written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from recon.instants import show, show_interval, show_span
from recon.show import DIGEST, plain_table
from recon.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from recon.asof import Answer, Said
    from recon.written.answers import Version


def answers(
    out: Console,
    given: Sequence[Answer],
    instant: datetime,
    *,
    total: int,
    clock: str | None = None,
) -> None:
    """The two answers as a table, and which clocks they rest on that nothing bounds."""
    by = f" by {one_line(clock, 60)}" if clock else ""
    out.print(Text(f"Said then ({show(instant)}{by}), and says now about then", "bold"))
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
    _changes(out, given)
    out.print(
        Text(
            f"{len(given)} of {total} lines shown. ~ marks what is possible, not certain; "
            "digests are cut for the table; --format json has all of them.",
            "dim",
        )
    )
    taken: dict[str, float] = {}
    for said in (said for one in given for said in (one.said_then, one.says_now) if said):
        if said.measured is False and said.margin_seconds is not None:
            name = said.clock or "a clock that no record names"
            taken[name] = min(said.margin_seconds, taken.get(name, said.margin_seconds))
    if taken:
        against = one_line(clock, 60) if clock else "UTC"
        text = (
            f"Nothing bounds these clocks against {against}. Each is taken to be right within an "
            "hour, or its tolerance; and how far off it would have to be for an order to change:"
        )
        out.print(Text(text, "dim"))
    for name, margin in sorted(taken.items()):
        out.print(Text(f"  {one_line(name, 60)}  {show_span(margin)}", "dim"))


def _changes(out: Console, given: Sequence[Answer]) -> None:
    """When each source changed its story, and where the records stand."""
    for one in given:
        if one.change is None:
            continue
        change, about = one.change, f"{one_line(one.attribute, 40)} of {one_line(one.subject, 60)}"
        by = f" by {one_line(change.clock, 60)}" if change.clock else ""
        when = _span(change.earliest, change.latest)
        out.print(Text(f"{one_line(one.source, 40)}, {about}: told otherwise since {when}{by}"))
        lines = [("shown by", change.event, change.because)]
        for name, said in (("said then", one.said_then), ("says now", one.says_now)):
            if said is not None:
                lines.append((name, said.event, said.because))
        for name, event, because in lines:
            line = Text(f"{name:<10} ", "dim")
            line.append(f"{one_line(event or '', 80)}  " if event else "", "not dim")
            line.append(one_line(because, 200))
            out.print(Padding(line, (0, 0, 0, 3)))


def _said(said: Said | None) -> str:
    if said is None:
        return "nothing"
    value = DIGEST.sub(r"\1…", one_line(said.value or "", 80))
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
