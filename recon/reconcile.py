"""Run the rules and make findings of what they give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import schema
from recon.findings import Finding, Role, Witness, finding_id
from recon.incidents import Incident, Member, incidents
from recon.instants import show
from recon.rules import RULES, Draft, Rule, Timeline
from recon.subjects import glob
from recon.version import __version__
from recon.witnesses import distances
from recon.witnesses.domains import strongest
from recon.witnesses.principals import principals

if TYPE_CHECKING:
    from recon.config import CaseConfig
    from recon.witnesses.domains import Apart

_ORDER = {name: place for place, name in enumerate(schema.VERDICTS)}


@dataclass(frozen=True, slots=True)
class Findings:
    """``findings.json``: design, section 6."""

    case: str
    evidence: str
    """Root hash of the evidence."""
    tool: Mapping[str, str]
    findings: Sequence[Finding]
    """In scope, sorted by verdict, place of the rule in the catalogue, subject."""
    not_run: Sequence[Mapping[str, str]]
    """``rule`` and ``because``. Never a pass."""
    omitted: Mapping[str, int] = field(default_factory=dict)
    """Findings about subjects that the question is not about, counted by rule."""
    incidents: Sequence[Incident] = ()
    """The findings grouped by what they share, what matters most first."""

    def to_json(self) -> dict[str, Any]:
        """The object as it stands in the file."""
        return {
            "case": self.case,
            "evidence": self.evidence,
            "tool": dict(self.tool),
            "findings": [finding.to_json() for finding in self.findings],
            "not_run": [dict(one) for one in self.not_run],
            "omitted": dict(self.omitted),
            "incidents": [one.to_json() for one in self.incidents],
        }

    @property
    def disagreements(self) -> list[Finding]:
        """All but observations: what makes the exit code 1."""
        return [one for one in self.findings if one.verdict != "observation"]

    def chosen(
        self,
        *,
        rules: Sequence[str] = (),
        subjects: Sequence[str] = (),
        verdicts: Sequence[str] = (),
    ) -> Findings:
        """Those alone that match any glob of each kind given, and the incidents that they are of.

        What was not run and what was left out stays.
        """
        own = [
            one
            for one in self.findings
            if _matches(one.rule, rules)
            and _matches(one.subject, subjects)
            and _matches(one.verdict, verdicts)
        ]
        ids = {one.finding for one in own}
        of = [one for one in self.incidents if not ids.isdisjoint(one.findings)]
        return replace(self, findings=own, incidents=of)

    def write(self, path: Path) -> None:
        """Same findings, same bytes; ASCII alone, so that no evidence text acts on a screen."""
        text = json.dumps(self.to_json(), indent=1)
        temporary = path.with_suffix(".part")
        temporary.write_text(text + "\n", encoding="ascii")
        temporary.rename(path)


def reconcile(
    config: CaseConfig,
    evidence_root: str,
    timeline: Timeline,
    rules: Sequence[Rule] = RULES,
) -> Findings:
    """Every rule over the timeline.

    A rule whose kinds of events are not there, or whose norm the case does not declare, is not
    run, and says so. Findings about subjects outside the case's question are counted, not shown.
    """
    events = timeline.events
    timeline.locate()
    kinds = set(timeline.kinds)
    drafts: list[tuple[Rule, Draft]] = []
    not_run = []
    for one in rules:
        why = _why_not(one, kinds, config)
        if why:
            not_run.append({"rule": one.name, "because": why})
        else:
            drafts += [(one, draft) for draft in one.check(timeline)]
    inside = [pair for pair in drafts if in_scope(pair[1].subject, config.subjects)]
    omitted: dict[str, int] = {}
    for one, draft in drafts:
        if not in_scope(draft.subject, config.subjects):
            omitted[one.name] = omitted.get(one.name, 0) + 1
    ids = _ids(events, [row for _, draft in inside for _, row in draft.events])
    pairs = _distances(config, events, [[ids[row][1] for _, row in d.events] for _, d in inside])
    findings = [_finding(one, draft, ids, config, pairs) for one, draft in inside]
    places = {one.name: place for place, one in enumerate(rules)}
    members = [
        Member(finding, one.name, draft.events)
        for finding, (one, draft) in zip(findings, inside, strict=True)
    ]

    def listed(member: Member) -> tuple[int, int, str, str]:
        f = member.finding
        return (_ORDER[f.verdict], places[f.rule], f.subject, f.finding) if f else (0, 0, "", "")

    members.sort(key=listed)
    findings = [one.finding for one in members if one.finding]
    beside = [
        Member(None, one.name, draft.events)
        for one, draft in drafts
        if not in_scope(draft.subject, config.subjects)
    ]
    return Findings(
        case=config.id,
        evidence=evidence_root,
        tool={"name": "recon", "version": __version__},
        findings=findings,
        not_run=not_run,
        omitted=dict(sorted(omitted.items())),
        incidents=incidents(events, [*members, *beside]),
    )


def in_scope(subject: str, globs: Sequence[str]) -> bool:
    """Whether the question is about the subject.

    A subject of a scheme that no glob speaks of (``git:``, ``s3:`` where the question is about
    ``model:``) is in scope: it is about the records themselves.
    """
    schemes = {one.split(":", 1)[0] for one in globs}
    if subject.split(":", 1)[0] not in schemes and "*" not in schemes:
        return True
    return bool(globs) and _matches(subject, globs)


def _matches(text: str, globs: Sequence[str]) -> bool:
    import re

    return not globs or any(re.match(glob(one).replace(r"\z", r"\Z"), text) for one in globs)


def _is_there(need: str, kinds: set[str]) -> bool:
    """Whether the timeline has events of a kind, or, behind a star, of any that begins so."""
    any_ = need.endswith("*") and any(kind.startswith(need[:-1]) for kind in kinds)
    return need in kinds or any_


def _why_not(one: Rule, kinds: set[str], config: CaseConfig) -> str:
    if one.is_norm and all(norm.rule != one.name for norm in config.norms):
        return "the case declares no such norm"
    missing = [
        " or ".join(need.split("|"))
        for need in one.needs
        if not any(_is_there(kind, kinds) for kind in need.split("|"))
    ]
    return f"no event of kind {', '.join(missing)} is in the timeline" if missing else ""


def _ids(events: pl.LazyFrame, rows: Sequence[int]) -> dict[int, tuple[str, str]]:
    """By row: the event's id and its source."""
    wanted = pl.Series("row", sorted(set(rows)), dtype=pl.UInt64)
    found = (
        events.filter(pl.col("row").is_in(wanted.implode()))
        .select("row", "source", id=schema.event_id())
        .collect(engine="streaming")
    )
    return {row["row"]: (row["id"], row["source"]) for row in found.iter_rows(named=True)}


def _finding(
    one: Rule,
    draft: Draft,
    ids: Mapping[int, tuple[str, str]],
    config: CaseConfig,
    pairs: Mapping[tuple[str, str], Apart],
) -> Finding:
    names = [role for role, _ in draft.events]
    if len(set(names)) < len(names):
        raise AssertionError(f"{one.name}: roles name the events of a finding, each one: {names}")
    roles = tuple(Role(ids[row][0], role, ids[row][1]) for role, row in draft.events)
    return Finding(
        finding=finding_id(one.name, draft.subject, [role.event for role in roles]),
        rule=one.name,
        verdict=draft.verdict,
        subject=draft.subject,
        statement=draft.statement,
        events=roles,
        steps=tuple(draft.steps),
        margin_seconds=draft.margin_seconds,
        excuse=draft.excuse,
        alibi=draft.alibi,
        witness=witness({role.source for role in roles}, pairs),
        innocent=tuple(draft.innocent),
        as_of=show(config.instant) if config.instant else None,
    )


def _distances(
    config: CaseConfig, events: pl.LazyFrame, found: Sequence[Sequence[str]]
) -> dict[tuple[str, str], Apart]:
    """How far the sources of a case are apart.

    Whom records name as writers is looked up only where a finding is of several domains.
    """
    domains = {one.id: one.domain for one in config.sources}
    is_needed = any(len({domains.get(name) for name in sources}) > 1 for sources in found)
    return distances(config, principals(config, events if is_needed else None))


def witness(sources: set[str], pairs: Mapping[tuple[str, str], Apart]) -> Witness:
    """How far apart the domains of the sources are: design, section 7.

    Of a source that the case does not declare nothing is known to differ.
    """
    found = (pairs.get(pair) for pair in combinations(sorted(sources), 2))
    return strongest(one.witness if one else "self" for one in found)
