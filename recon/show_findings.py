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
    from recon.incidents import Incident
    from recon.reconcile import Findings

_NAMES = 5
STYLE = {
    "contradiction": "bold red",
    "conflict": "bold red",
    "breach": "bold red",
    "missing": "bold red",
    "undetermined": "bold yellow",
    "observation": "bold cyan",
}


def findings(out: Console, found: Findings, *, of: int | None = None) -> None:
    """All findings in words, incident by incident, then what was not run and what was left out.

    Args:
        out: where to.
        found: what is shown.
        of: how many findings there are, where only some are shown.
    """
    number = 0
    left = {one.finding: one for one in found.findings}
    for incident in found.incidents:
        own = [left.pop(name) for name in incident.findings if name in left]
        if not own:
            continue
        if len(incident.findings) > 1 or incident.outside:
            _incident(out, incident, len(own))
        number = _members(out, own, number)
    # Of findings without incidents, as of an older file.
    _members(out, list(left.values()), number)
    if not found.findings:
        out.print("No finding." if not of else "No finding matches.")
    _counted(out, found, of)
    left_out: dict[str, list[str]] = {}
    for one in found.not_run:
        left_out.setdefault(one["because"], []).append(one["rule"])
    for because, rules in left_out.items():
        out.print(f"not run: {', '.join(rules)}: {one_line(because)}")


def _members(out: Console, own: Sequence[Finding], number: int) -> int:
    """Disagreements one by one, observations by rule; the number of the last one."""
    observed: dict[str, list[Finding]] = {}
    for finding in own:
        if finding.verdict == "observation":
            observed.setdefault(finding.rule, []).append(finding)
            continue
        number += 1
        _finding(out, number, finding)
    for alike in observed.values():
        number += 1
        _finding(out, number, alike[0], alike[1:])
    return number


def _incident(out: Console, incident: Incident, shown: int) -> None:
    head = Text("INCIDENT", "bold")
    head.append(f"  [{incident.incident}]", "dim")
    out.print(head)
    out.print(Padding(f"{one_line(incident.statement, 1000)}.", (0, 0, 0, 3)))
    if incident.actors:
        named = ", ".join(one_line(one, 80) for one in incident.actors[:_NAMES])
        more = f" and {len(incident.actors) - _NAMES} more" * (len(incident.actors) > _NAMES)
        out.print(Padding(f"These records name {named}{more}.", (0, 0, 0, 3)))
    if shown < len(incident.findings):
        out.print(Padding(f"{shown} of its {len(incident.findings)} findings shown.", (0, 0, 0, 3)))
    out.print()


def _counted(out: Console, found: Findings, of: int | None) -> None:
    shown = len(found.findings)
    chosen = of is not None and of != shown
    left = sum(found.omitted.values())
    each = ", ".join(f"{rule} {count}" for rule, count in found.omitted.items())
    if chosen:
        more = f"; {left} more are about subjects outside the question ({each})" if left else ""
        out.print(f"{shown} of {of} findings shown, as asked for{more}.")
    elif left:
        out.print(
            f"{shown} of {shown + left} findings shown; the others are about subjects outside the "
            f"question ({each})."
        )


def _finding(out: Console, number: int, finding: Finding, likewise: Sequence[Finding] = ()) -> None:
    head = Text(f"{number}. ")
    head.append(finding.verdict.upper(), STYLE[finding.verdict])
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
