"""What stands on the pages of one exhibit: a finding as data for the template.

1. Head: case, instant, verdict, what it is offered as.
2. Facts: every record of the finding in its source's words, with time, place and hash.
3. Figure and its table.
4. Inference: the argument, the excuse, the innocent explanations.
5. Bounds: coverage, warnings, rules not run.
6. How to repeat it.

Every string of the evidence passes :mod:`reports.glyphs`; the template shows it as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import prose
from recon.instants import show, show_interval, show_span
from recon.rules import RULES
from reports import words
from reports.figure import describe, draw, svg
from reports.glyphs import legend, lines, printable
from reports.record import COLUMNS, ROWS, Native, Record, page, pair
from reports.spans import Mark

if TYPE_CHECKING:
    from recon.asof import Answer
    from recon.case import Case
    from recon.findings import Finding
    from recon.reconcile import Findings

RECORDS = 26
"""Records shown on paper, A to Z; what is left out is counted, and stands in DATA/."""
TABLE_ROWS = 12


@dataclass(frozen=True, slots=True)
class Page:
    """A document's data and its figures."""

    data: dict[str, Any]
    figures: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Told:
    """One exhibit, as the other documents speak of it; every string is printable."""

    number: int
    bates: str
    finding: str
    rule: str
    verdict: str
    subject: str
    statement: str
    records: Sequence[Record]


def exhibit(  # noqa: PLR0913  (each argument is another part of the page)
    case: Case,
    finding: Finding,
    findings: Findings,
    *,
    told: Told,
    native: Native,
    shared: Shared,
) -> Page:
    """The pages of one exhibit."""
    shown = told.records[:RECORDS]
    tool = f"{findings.tool['name']} {findings.tool['version']}"
    data = {
        **_furniture(case, finding, tool),
        "exhibit": f"Exhibit {told.number}",
        "short": f"Exhibit {told.number}",
        "bates": told.bates,
        "head": _head(case, finding, findings, tool),
        "verdict": finding.verdict,
        "verdict_means": words.sentence(prose.VERDICTS[finding.verdict]),
        "statement": printable(prose.statement(finding), limit=1500),
        "statement_by": f"Statement made by {tool}, rule {finding.rule}.",
        "facts_by": "what the sources' own bytes say",
        "records_note": _records_note(shown, told.records),
        "records": _pages(shown, native),
        "inference_by": f"by {tool}, rule {finding.rule}; no source says this",
        "definition": definition(finding.rule),
        "steps": [printable(text, limit=1500) for text in prose.argument(finding)],
        "doubt_heading": doubt_heading(finding),
        "doubt": _doubt(finding),
        **_innocent(finding),
        **bounds(finding, told.records, shared),
        "repeat_note": "Run in the top folder of the production. Long commands are broken for the "
        "page; VERIFY.md has them whole.",
        "repeat": _repeat(shown, native),
        "counsel": words.COUNSEL,
    }
    figure, image = _figure(case, told.records, shared)
    data["figure"] = figure
    data["escapes"] = legend(data)
    return Page(data, {"timeline.svg": image})


@dataclass(frozen=True, slots=True)
class Shared:
    """What all exhibits of a case draw on, read once."""

    context: pl.DataFrame
    """Events behind the marks of a figure: source, earliest, latest."""
    coverage: pl.DataFrame
    warnings: Sequence[Mapping[str, Any]]
    not_run: Sequence[Mapping[str, Any]]
    answers: Sequence[Answer]
    """All of the two answers, for the case's instant and subjects."""


def _furniture(case: Case, finding: Finding, tool: str) -> dict[str, str]:
    subject = printable(finding.subject, limit=120)
    return {
        "title": f"{finding.rule}: {subject}",
        "heading": f"{finding.rule.capitalize()}: {subject}",
        "description": f"Exhibit on a finding of rule {finding.rule}, drafted by {tool}",
        "tool": tool,
        "running": printable(case.config.title, limit=90),
        "notice": words.NOTICE,
    }


def _incident(finding: Finding, findings: Findings) -> list[dict[str, Any]]:
    """What other findings rest on the same act, where any do."""
    for one in findings.incidents:
        if finding.finding in one.findings and (len(one.findings) > 1 or one.outside):
            said = printable(words.sentence(one.statement), limit=600)
            return [pair("Incident", f"{one.incident}: {said}")]
    return []


def _head(case: Case, finding: Finding, findings: Findings, tool: str) -> list[dict[str, Any]]:
    asked = show(case.config.instant) if case.config.instant else "no one instant"
    return [
        pair("Case", printable(f"{case.config.id}: {case.config.title}")),
        pair("Instant asked about", asked),
        pair("Subject", printable(finding.subject, limit=400)),
        *_incident(finding, findings),
        pair("Witness", f"{finding.witness}: {prose.WITNESSES[finding.witness]}."),
        pair("Offered as", words.OFFERED),
        pair("Rule and tool", f"{finding.rule}, {tool}"),
        pair("Finding", finding.finding, mono=True),
        pair("Root of the evidence", findings.evidence, mono=True),
    ]


def _pages(shown: Sequence[Record], native: Native) -> list[dict[str, Any]]:
    """Every record; one that stands where an earlier one stands refers to it."""
    seen: dict[tuple[str, str], Record] = {}
    out = []
    for record in shown:
        key = (record.event["item"], record.event["citation"])
        out.append(page(record, native, seen.get(key)))
        seen.setdefault(key, record)
    return out


def _records_note(shown: Sequence[Record], told: Sequence[Record]) -> str:
    return (
        f"{len(shown)} of {len(told)} records of this finding shown, in the order of the "
        "argument. The grey boxes are copied from the items; the lines below each box say where "
        "it stands and how its time is to be read."
        + ("" if len(shown) == len(told) else " The others stand in DATA/events.csv.")
    )


def _figure(case: Case, told: Sequence[Record], shared: Shared) -> tuple[dict[str, Any], bytes]:
    marks = [
        Mark(
            record.label,
            printable(record.event["source"]),
            record.event.get("earliest"),
            record.event.get("latest"),
            record.event.get("basis") == "stamped",
        )
        for record in told
    ]
    instant = case.config.instant
    timeline = draw(shared.context, marks, instant=instant)
    table = [
        {
            "label": record.label,
            "source": mark.source,
            "kind": printable(str(record.event.get("kind", ""))),
            "role": printable(record.role),
            "time": show_interval(mark.earliest, mark.latest),
            "basis": str(record.event.get("basis") or "none"),
        }
        for record, mark in zip(told[:RECORDS], marks, strict=False)
    ]
    undated = f" Not in the figure, as undated: {', '.join(timeline.undated)}." * bool(
        timeline.undated
    )
    caption = (
        f"{timeline.in_view:,} of {timeline.given:,} events are in view, {len(marks)} of them "
        "marked; events closer than a line's width are drawn as one. "
        f"All times UTC, uncorrected.{undated}"
    )
    data = {
        "alt": describe(timeline, table, show(instant) if instant else None),
        "caption": caption,
        "table": [list(row.values()) for row in table],
        "table_caption": f"The marks of the figure: {len(table)} of {len(told)} shown.",
    }
    return data, svg(timeline.figure)


def definition(rule: str) -> list[str]:
    """The rule's own definition, sentence by sentence as its author set the lines."""
    found = next((one for one in RULES if one.name == rule), None)
    if found is None:
        return []
    return [printable(line.replace("``", "")) for line in paragraphs(found.definition)]


def paragraphs(docstring: str) -> list[str]:
    """A docstring as paragraphs; a line that opens with ``Word:`` starts one too."""
    out: list[str] = []
    fresh = True
    for line in cleandoc(docstring).splitlines():
        text = line.strip()
        if not text:
            fresh = True
        elif fresh or re.match(r"[A-Z][a-z]+( [a-z]+)*:", text) or text.startswith("Undetermined"):
            out.append(text)
            fresh = False
        else:
            out[-1] += f" {text}"
    return out


def doubt_heading(finding: Finding) -> str:
    """Nothing disagrees in an observation, so nothing in it has to be made innocent."""
    innocent = "What would make it innocent"
    return "What could explain it" if finding.verdict == "observation" else innocent


def _doubt(finding: Finding) -> list[dict[str, Any]]:
    margin = finding.margin_seconds
    of_clocks = any(step.step in {"offset", "one-way"} for step in finding.steps)
    none = "None: no order is denied." if of_clocks else "No clock is part of this argument."
    return [
        pair(
            "Margin",
            none
            if margin is None
            else f"{show_span(margin)}: how wrong the clocks of the argument would have to be, "
            "together, for it to vanish.",
        ),
        pair("Excuse", printable(finding.excuse or "None is known.", limit=1500)),
        pair("Alibi", printable(finding.alibi or "None is known.", limit=1500)),
    ]


def _innocent(finding: Finding) -> dict[str, Any]:
    rows = [
        [
            printable(cause.cause, limit=600),
            words.ruled_out(cause.ruled_out),
            printable(cause.because, limit=800),
        ]
        for cause in finding.innocent
    ]
    out = sum(1 for cause in finding.innocent if cause.ruled_out)
    return {
        "innocent": rows,
        "innocent_caption": f"{len(rows)} known innocent explanations, {out} of them ruled out."
        if rows
        else "This rule names no innocent explanation.",
    }


def bounds(finding: Finding, told: Sequence[Record], shared: Shared) -> dict[str, Any]:
    """Coverage of the sources involved, warnings on the items cited, rules not run."""
    # Where nothing is found, the source that was searched has no event in the finding.
    searched = {
        name
        for step in finding.steps
        for name in str(step.data.get("repositories", "")).split(", ")
    }
    sources = {role.source for role in finding.events} | searched
    items = {record.item.sha256 for record in told if record.item is not None}
    about = pl.col("item").is_in(sorted(items))
    # What the items cited here prove comes first.
    covers = (
        shared.coverage.filter(pl.col("source").is_in(sorted(sources)))
        .sort(about, descending=True, maintain_order=True)
        .to_dicts()
    )
    warned = [w for w in shared.warnings if w["item"] in items]
    return {
        "coverage": [coverage_row(row) for row in covers[:TABLE_ROWS]],
        "coverage_caption": _counted(
            covers, "stretches that the sources of this finding prove to have recorded in full"
        ),
        "warnings": [warning_row(row) for row in warned[:TABLE_ROWS]],
        "warnings_caption": _counted(warned, "warnings on the items cited here"),
        "not_run": [not_run_row(row) for row in shared.not_run[:TABLE_ROWS]],
        "not_run_caption": _counted(shared.not_run, "rules not run on this case, which is no pass"),
    }


def _counted(rows: Sequence[Any], what: str) -> str:
    return f"{min(len(rows), TABLE_ROWS)} of {len(rows):,} shown: {what}."


def coverage_row(row: Mapping[str, Any]) -> list[str]:
    """Source, kinds, subjects, span, what proves it."""
    ends = [show(row[end]) if row[end] is not None else "open" for end in ("earliest", "latest")]
    span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return [
        printable(row["source"]),
        *(printable(row[name] or "", limit=120) for name in ("kind", "subject")),
        span,
        printable(row["because"] or "", limit=300),
    ]


def warning_row(row: Mapping[str, Any]) -> list[str]:
    """Source, severity, place, message."""
    place = f"{row['item'][:16]} {row.get('citation') or ''}".strip()
    return [
        printable(row["source"]),
        row["severity"],
        printable(place, limit=80),
        printable(row["message"], limit=500),
    ]


def not_run_row(row: Mapping[str, Any]) -> list[str]:
    """Rule and reason."""
    return [printable(row["rule"]), printable(row["because"], limit=400)]


def _repeat(shown: Sequence[Record], native: Native) -> list[dict[str, Any]]:
    """Commands for each record: its hash, and its words by a stock tool."""
    out = []
    for record in shown:
        if record.item is None or not native(record.item):
            continue
        path = native(record.item)
        commands = [f"sha256sum {path}", f"# {record.item.sha256}"]
        if record.how:
            commands += record.how.replace("ITEM", path).split("\n")
        rows = [
            piece
            for command in commands
            for _, piece in lines(command, width=COLUMNS + 4, limit=ROWS)[0]
        ]
        out.append({"what": f"Record {record.label}:", "lines": rows})
    return out
