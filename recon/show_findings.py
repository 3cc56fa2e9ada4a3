"""Findings on a terminal: what was found, and the argument for it, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from recon import prose
from recon.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from recon.findings import Finding
    from recon.reconcile import Findings

_STYLE = {
    "contradiction": "bold red",
    "conflict": "bold red",
    "breach": "bold red",
    "missing": "bold red",
    "undetermined": "bold yellow",
    "observation": "bold cyan",
}


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
