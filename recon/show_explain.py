"""On a terminal: one finding told in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from recon import prose
from recon.explain import STATES
from recon.instants import show_span
from recon.show_findings import STYLE
from recon.text import clean, one_line

if TYPE_CHECKING:
    from rich.console import Console

    from recon.explain import Cited, Explained

_LINES = 12
_WIDTH = 400


def explained(out: Console, whole: Explained) -> None:
    """Statement, records, argument, what would explain it away, and how to check it."""
    finding = whole.finding
    head = Text(finding.verdict.upper(), STYLE[finding.verdict])
    head.append(f"  {finding.rule}  {one_line(finding.subject)}  [{finding.finding}]", "dim")
    out.print(head)
    _text(out, prose.statement(finding))
    _text(out, f"Verdict: {prose.VERDICTS[finding.verdict]}.")
    if finding.as_of:
        _text(out, f"Asked about {finding.as_of}.")
    if whole.incident and (len(whole.incident.findings) > 1 or whole.incident.outside):
        _text(out, f"Incident {whole.incident.incident}: {_said(whole.incident.statement)}")
    _head(out, "Records")
    shown: dict[tuple[str | None, str], str] = {}
    for record in whole.records:
        place = record.item, record.citation
        _record(out, record, shown.get(place) if record.item else None)
        shown.setdefault(place, record.letter)
    _head(out, "Argument")
    for number, line in enumerate(whole.argument, 1):
        _text(out, f"{number}. {line}")
    _head(out, "What would explain it away")
    _text(out, f"Excuse: {_said(finding.excuse)}")
    if finding.margin_seconds is not None:
        _text(out, f"Margin: a clock would have to be off by {show_span(finding.margin_seconds)}.")
    _text(out, f"Alibi: {_said(finding.alibi)}")
    _text(out, f"Witness: {prose.WITNESSES[finding.witness]}.")
    for cause in finding.innocent:
        state = STATES[cause.ruled_out]
        _text(out, f"- {_said(cause.cause)} {state.capitalize()}: {_said(cause.because)}")
    _head(out, f"The rule, {finding.rule}")
    for line in whole.definition.splitlines():
        _text(out, line)
    _head(out, "How to check it, in the case folder")
    for command in dict.fromkeys(one for record in whole.records for one in record.check):
        for line in command.splitlines():
            # Whole, whatever the width: it is there to be pasted.
            out.print(Text(f"   {clean(line)}"), soft_wrap=True)


def _record(out: Console, record: Cited, same: str | None) -> None:
    """``same``: the letter of a record of the same place, whose words are shown there."""
    head = Text(f"{record.letter} ", "bold")
    head.append(f"({one_line(record.role)}): ", "not bold")
    head.append(f"{one_line(record.source)} records {one_line(record.kind)} of ", "not bold")
    head.append(f"{one_line(record.subject)}, {record.time}", "not bold")
    out.print(Padding(head, (0, 0, 0, 3)))
    clock = f"{record.basis} by the clock {one_line(record.clock)}; " if record.clock else ""
    place = one_line(record.citation) if record.citation else "the whole item"
    _text(out, f"{clock}{place} of {one_line(record.native or 'an item')}", 5, "dim")
    if same:
        _text(out, f"the same place as {same}", 5, "dim")
        return
    if record.item:
        _text(out, f"item {record.item}", 5, "dim")
    lines = record.text.splitlines() or [""]
    for line in lines[:_LINES]:
        _text(out, clean(line, keep="\t", limit=_WIDTH), 7)
    if len(lines) > _LINES:
        _text(out, f"({len(lines) - _LINES} more lines; --format json has them)", 7, "dim")
    if not record.verbatim:
        _text(out, "(as the named program renders it)" if record.item else "", 7, "dim")


def _said(text: str) -> str:
    return one_line(text, 2000).rstrip(".") + "."


def _head(out: Console, text: str) -> None:
    out.print()
    out.print(Text(text, "bold"))


def _text(out: Console, text: str, indent: int = 3, style: str = "") -> None:
    if text:
        out.print(Padding(Text(text, style), (0, 0, 0, indent)))
