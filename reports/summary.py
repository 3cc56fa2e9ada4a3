"""What stands on the pages of the case report: the question, the answers, and what bounds them.

1. Title page: the question, the evidence in one hash, the findings counted.
2. Findings, one a row, each with its exhibit.
3. Said then, says now.
4. Timeline of the records that findings cite.
5. Sources, readers, exceptions, rules not run, custody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.instants import show, show_interval
from reports import words
from reports.exhibit import Page, Shared, not_run_row, warning_row
from reports.figure import describe, draw, svg
from reports.glyphs import legend, printable
from reports.record import pair
from reports.spans import Mark

if TYPE_CHECKING:
    from recon.asof import Answer, Said
    from recon.case import Case
    from recon.reconcile import Findings
    from reports.exhibit import Told
    from reports.natives import Produced

ANSWERS = 120
"""Rows of the two answers on paper; changed ones first, and what is left out is counted."""
FINDINGS = 400
WARNINGS = 60
MARKS = 40


def summary(  # noqa: PLR0913  (each argument is another part of the report)
    case: Case,
    findings: Findings,
    *,
    bates: str,
    told: Sequence[Told],
    natives: Mapping[str, Produced],
    shared: Shared,
) -> Page:
    """The case report, whose document number is ``bates``."""
    tool = f"{findings.tool['name']} {findings.tool['version']}"
    figure, image = _figure(case, told, shared)
    data = {
        "title": printable(case.config.title, limit=200),
        "heading": printable(case.config.title),
        "running": printable(case.config.title, limit=90),
        "short": "Report on the case",
        "description": f"Report on case {printable(case.config.id)}, drafted by {tool}",
        "tool": tool,
        "notice": words.NOTICE,
        "bates": bates,
        "head": _head(case, findings, tool),
        "short_answer": _short(told, findings),
        "reading": "A finding sets records beside each other, and says what would have to be so "
        "for all of them to be true; an observation says what a reader must know. Neither says "
        "who did anything, or why.",
        "inference_by": f"by {tool}; no source says this",
        "findings": [
            [
                f"Exhibit {one.number}",
                one.verdict,
                printable(one.subject, limit=120),
                printable(one.statement, limit=700),
            ]
            for one in told[:FINDINGS]
        ],
        "findings_caption": f"{min(len(told), FINDINGS)} of {len(told)} findings shown.",
        "omitted": _omitted(findings),
        **_asof(case, shared),
        "figure": figure,
        **_sources(case),
        **_methods(case),
        **_exceptions(case, shared),
        **_evidence(case, findings, natives),
        "counsel": words.COUNSEL,
    }
    data["escapes"] = legend(data)
    return Page(data, {"timeline.svg": image})


def _head(case: Case, findings: Findings, tool: str) -> list[dict[str, Any]]:
    asked = show(case.config.instant) if case.config.instant else "no one instant"
    return [
        pair("Case", printable(case.config.id)),
        pair("Instant asked about", asked),
        pair("Subjects", printable(", ".join(case.config.subjects), limit=600)),
        pair("Sources", printable(", ".join(source.id for source in case.sources), limit=600)),
        pair("Drafted by", tool),
        pair("Root of the evidence", findings.evidence, mono=True),
    ]


def _short(told: Sequence[Told], findings: Findings) -> list[str]:
    """The statements of the first findings, or that there is none, in a few lines."""
    few = 4
    counts = Counter(one.verdict for one in told)
    counted = ", ".join(
        f"{number} {verdict if number == 1 else words.PLURALS[verdict]}"
        for verdict, number in counts.items()
    )
    lines = [
        f"{len(told)} finding{'s' * (len(told) != 1)}: {counted}."
        if told
        else "No finding: nothing that was examined disagrees."
    ]
    # Observations disagree with nothing: they speak here only where nothing else does.
    telling = [one for one in told if one.verdict != "observation"] or list(told)
    lines += [
        f"{printable(one.statement, limit=400)} (Exhibit {one.number}, {one.verdict})"
        for one in telling[:few]
    ]
    if len(told) > len(telling[:few]):
        lines.append(
            f"{len(telling[:few])} of {len(told)} statements are shown here; the table has all."
        )
    if findings.not_run:
        count = len(findings.not_run)
        lines.append(f"{count} rule{'s were' if count > 1 else ' was'} not run, which is no pass.")
    return lines


def _omitted(findings: Findings) -> str:
    if not findings.omitted:
        return ""
    total = sum(findings.omitted.values())
    by_rule = ", ".join(f"{rule} {number}" for rule, number in findings.omitted.items())
    return (
        f"{total:,} findings about subjects that the question is not about are left out: {by_rule}."
    )


def _said(said: Said | None) -> dict[str, str]:
    """A value and how sure it is, apart."""
    if said is None:
        return {"value": "", "note": "nothing known"}
    value = "null" if said.value is None else printable(said.value, limit=160)
    return {"value": value, "note": f"{said.certainty}: {printable(said.because)}"}


def chosen(answers: Sequence[Answer]) -> Sequence[Answer]:
    """The answers that stand on paper: all, or where they are too many the changed ones first."""
    if len(answers) <= ANSWERS:
        return answers
    return sorted(answers, key=lambda one: not one.changed)[:ANSWERS]


def _asof(case: Case, shared: Shared) -> dict[str, Any]:
    """The two answers by subject."""
    if case.config.instant is None:
        note = "The case asks about no one instant."
        return {"asof": [], "asof_same": [], "asof_note": note, "asof_caption": ""}
    answers = shared.answers
    changed = sum(one.changed for one in answers)
    shown = chosen(answers)
    return {
        "asof": _by_subject([one for one in shown if one.changed]),
        "asof_same": _by_subject([one for one in shown if not one.changed]),
        "asof_note": f"Two answers for {show(case.config.instant)}: what each source said then, "
        "by records stored up to then, and what it says now about then. “Certain” holds whatever "
        "the clocks within their bounds; “possible” does not.",
        "asof_caption": f"{len(shown)} of {len(answers):,} answers shown, {changed:,} of "
        "them changed since: those stand here, the others at the end of this report.",
    }


def _by_subject(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """A table a subject."""
    groups: dict[str, list[Answer]] = {}
    for one in sorted(answers, key=lambda a: (a.subject, a.attribute, a.source)):
        groups.setdefault(one.subject, []).append(one)
    return [
        {
            "subject": printable(subject, limit=160),
            "rows": [
                [
                    printable(one.attribute, limit=60),
                    printable(one.source),
                    _said(one.said_then),
                    _said(one.says_now),
                ]
                for one in rows
            ],
        }
        for subject, rows in groups.items()
    ]


def _figure(case: Case, told: Sequence[Told], shared: Shared) -> tuple[dict[str, Any], bytes]:
    """Every record that a finding cites, marked with the number of its exhibit."""
    cited: dict[tuple[str, str], tuple[list[int], Mapping[str, Any]]] = {}
    for one in told:
        for record in one.records:
            key = (record.event["source"], record.event["id"])
            cited.setdefault(key, ([], record.event))[0].append(one.number)
    chosen = list(cited.values())[:MARKS]
    marks = [
        Mark(
            ", ".join(map(str, dict.fromkeys(numbers))),
            printable(event["source"]),
            event.get("earliest"),
            event.get("latest"),
            event.get("basis") == "stamped",
        )
        for numbers, event in chosen
    ]
    instant = case.config.instant
    timeline = draw(
        shared.context,
        marks,
        instant=instant,
        lanes=[printable(source.id) for source in case.sources],
    )
    table = [
        {
            "label": mark.label,
            "source": mark.source,
            "role": printable(str(event.get("kind", ""))),
            "time": show_interval(mark.earliest, mark.latest),
            "basis": str(event.get("basis") or "none"),
        }
        for mark, (_, event) in zip(marks, chosen, strict=True)
    ]
    caption = (
        f"{timeline.in_view:,} of {timeline.given:,} events are in view. A mark is a record that "
        "a finding cites, and its number that of the exhibit. All times UTC, uncorrected."
    )
    return {
        "alt": describe(timeline, table, show(instant) if instant else None),
        "caption": caption,
        "table": [list(row.values()) for row in table],
        "table_caption": f"{len(table)} of {len(cited)} cited records shown.",
    }, svg(timeline.figure)


def _sources(case: Case) -> dict[str, Any]:
    items = Counter(item.source for item in case.items())
    counts = case.timeline().group_by("source").agg(events=pl.len()).sort("source").collect()
    events = dict(counts.iter_rows())
    rows = []
    for source in case.sources:
        domain = case.domains[source.domain]
        detail = [domain.account, domain.cluster, domain.team, *domain.writers]
        rows.append(
            [
                printable(source.id),
                printable(source.collector),
                printable(source.domain),
                printable(domain.organisation),
                printable(", ".join(filter(None, detail)) or "not stated"),
                f"{items[source.id]:,}",
                f"{events.get(source.id, 0):,}",
            ]
        )
    return {
        "sources": rows,
        "sources_caption": f"{len(rows)} of {len(rows)} sources shown. Domains are as the case "
        "declares them: everyone who could write or delete a source's records.",
    }


def _methods(case: Case) -> dict[str, Any]:
    rows = [
        [printable(source), printable(what), printable(reader, limit=200)]
        for source, methods in sorted(case.methods().items())
        for what, reader in sorted(methods.items())
    ]
    return {
        "methods": rows,
        "methods_caption": "Where two readers exist, the one that was used."
        if rows
        else "Every item was read by the collectors' own readers.",
    }


def _exceptions(case: Case, shared: Shared) -> dict[str, Any]:
    failed = [entry for entry in case.custody() if entry["action"] == "failed"]
    warnings = shared.warnings
    return {
        "warnings": [warning_row(row) for row in warnings[:WARNINGS]],
        "warnings_caption": f"{min(len(warnings), WARNINGS)} of {len(warnings):,} shown: warnings "
        "about what could not be read, or only in part.",
        "failed": [
            [
                printable(str(entry.get(key) or ""), limit=200)
                for key in ("source", "native", "expected", "found")
            ]
            for entry in failed[:WARNINGS]
        ],
        "failed_caption": f"{min(len(failed), WARNINGS)} of {len(failed):,} shown: exports and "
        "parts that could not be had.",
        "not_run": [not_run_row(row) for row in shared.not_run],
        "not_run_caption": f"Rules not run on this case, which is no pass: {len(shared.not_run)}.",
    }


def _evidence(case: Case, findings: Findings, natives: Mapping[str, Produced]) -> dict[str, Any]:
    items, entries = case.items(), case.custody()
    kinds: dict[tuple[str, str], list[Any]] = {}
    for item in items:
        kinds.setdefault((item.source, item.kind), []).append(item)
    rows = [
        [
            printable(source),
            printable(kind),
            f"{len(group):,}",
            f"{sum(item.size for item in group):,}",
            f"{sum(item.sha256 in natives for item in group)} of {len(group)}",
        ]
        for (source, kind), group in sorted(kinds.items())
    ]
    actions = Counter(entry["action"] for entry in entries)
    acts = ", ".join(f"{action} {number}" for action, number in sorted(actions.items()))
    actors = sorted({str(entry.get("actor")) for entry in entries})
    custody = [
        pair("Root of the evidence", findings.evidence, mono=True),
        pair("Head of the log", case.evidence.custody.head(), mono=True),
        pair("Entries", f"{len(entries):,}: {printable(acts)}"),
        pair(
            "First and last",
            f"{entries[0]['utc']} to {entries[-1]['utc']}, by the examiner's clock"
            if entries
            else "none",
        ),
        pair("Entered by", printable(", ".join(actors), limit=300)),
    ]
    return {
        "custody": custody,
        "items": rows,
        "items_caption": f"{len(items):,} items; {len(natives)} of them produced as native files.",
    }
