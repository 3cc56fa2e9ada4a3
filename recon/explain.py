"""One finding told in full: its records in their own words, its argument, and how to check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from recon import prose
from recon.errors import ReconError, UsageError
from recon.instants import show_interval
from recon.rules import RULES

if TYPE_CHECKING:
    from recon.case import Case
    from recon.findings import Finding
    from recon.incidents import Incident
    from recon.reconcile import Findings

STATES = {True: "ruled out", False: "fits the evidence", None: "not examined"}
"""What the evidence says of an innocent cause, by ``ruled_out``."""
_LEAST = 4
"""Digits of a finding's id that are enough, where no other begins so."""


@dataclass(frozen=True, slots=True)
class Cited:
    """An event of the finding, and the bytes that it stands for."""

    letter: str
    """As the argument calls it."""
    role: str
    event: str
    """Its id."""
    source: str
    kind: str
    subject: str
    time: str
    """As it reads, in words."""
    clock: str | None
    basis: str | None
    item: str | None
    """SHA-256; None where the item is not at hand."""
    native: str | None
    """The item's name in its source."""
    citation: str
    text: str
    """The source's words. Hostile: whoever shows them escapes them."""
    verbatim: bool
    """False: a rendering of binary bytes, or why there is no quote."""
    check: Sequence[str]
    """Commands of stock tools, to be run in the case folder."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A finding, with all that is needed to follow and to check it."""

    finding: Finding
    incident: Incident | None
    """What it shares with other findings."""
    records: Sequence[Cited]
    argument: Sequence[str]
    """Its steps as sentences."""
    definition: str
    """Of the rule that found it."""

    def to_json(self) -> dict[str, Any]:
        """The finding as in ``findings.json``, and the rest beside it."""
        return {
            **self.finding.to_json(),
            "incident": self.incident.to_json() if self.incident else None,
            "records": [asdict(one) for one in self.records],
            "argument": list(self.argument),
            "definition": self.definition,
        }


def explain(case: Case, findings: Findings, name: str) -> Explained:
    """A finding by its id, or by so many of its first digits as no other one has.

    Raises:
        UsageError: no finding has that id, or several begin so.
    """
    finding = _chosen(findings, name)
    events = case.events([role.event for role in finding.events])
    incident = next((i for i in findings.incidents if finding.finding in i.findings), None)
    return Explained(
        finding=finding,
        incident=incident,
        records=[_cited(case, finding, number, events) for number in range(len(finding.events))],
        argument=prose.argument(finding),
        definition=next((cleandoc(r.definition) for r in RULES if r.name == finding.rule), ""),
    )


def _chosen(findings: Findings, name: str) -> Finding:
    found = [one for one in findings.findings if one.finding.startswith(name.lower())]
    if len(found) == 1 and len(name) >= _LEAST:
        return found[0]
    known = ", ".join(one.finding for one in (found or findings.findings)[:8])
    many = f"{len(found)} that begin so: {known}" if len(found) > 1 else f"none of: {known}"
    if len(name) < _LEAST:
        many = f"fewer than {_LEAST} digits"
    raise UsageError(
        "the id of one finding", f"{name!r}, {many}", "FINDING", "see `recon reconcile`"
    )


def _cited(
    case: Case, finding: Finding, number: int, events: Mapping[str, Mapping[str, Any]]
) -> Cited:
    role = finding.events[number]
    event = events[role.event]
    item = native = None
    check: list[str] = []
    try:
        quote, held = case.quote(role.source, role.event)
        item, native = held.sha256, held.native
        path = str(case.path_of(held.sha256).relative_to(case.root))
        check = [f"sha256sum {path}"]
        if quote.how:
            check.append(quote.how.replace("ITEM", path))
        text, verbatim = quote.text, quote.verbatim
    except ReconError as error:
        text, verbatim = f"(not quoted: {error})", False
    return Cited(
        letter=prose.letters(finding)[role.role],
        role=role.role,
        event=role.event,
        source=role.source,
        kind=event["kind"],
        subject=event["subject"],
        time=show_interval(event["earliest"], event["latest"]),
        clock=event["clock"],
        basis=event["basis"],
        item=item,
        native=native,
        citation=event["citation"],
        text=text,
        verbatim=verbatim,
        check=check,
    )


__all__ = ["STATES", "Cited", "Explained", "explain"]
