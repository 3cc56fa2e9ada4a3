"""The self-audit: what a company would have to know before anybody asks.

Who could disagree with whom, what left its writer's control and how late, what will be gone on
which day, which norms were kept, which checks could not fail, and what of it is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.audit import vanish
from recon.audit.judged import Judged, judged
from recon.audit.lockin import LockIn, lock_in
from recon.audit.vanish import Vanishing, vanishing
from recon.instants import say_day, show
from recon.reconcile import Findings, reconcile
from recon.text import one_line
from recon.version import __version__
from recon.witnesses import WEAK, Witnesses, witnesses

if TYPE_CHECKING:
    from recon.case import Case
    from recon.findings import Finding
    from recon.rules import Timeline


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that a person has to look at, once."""

    key: str
    """The same in each audit as long as it lasts."""
    text: str
    """One neutral sentence, cleaned."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What ``recon audit`` prints."""

    case: str
    evidence: str
    at: datetime
    horizon: timedelta
    witnesses: Witnesses
    lock_in: Sequence[LockIn]
    vanishing: Sequence[Vanishing]
    judged: Sequence[Judged]
    findings: Sequence[Finding]
    """About all subjects; observations included."""
    coverage: Sequence[Mapping[str, Any]]
    concerns: Sequence[Concern]
    against: str | None
    """Instant of the audit that it is compared with; None: it is the first."""
    new: Sequence[Concern]
    ended: Sequence[Concern]
    """What that audit had, and this one has not."""

    def to_json(self) -> dict[str, Any]:
        """For programs, and for the next audit to be compared with."""
        return {
            "case": self.case,
            "evidence": self.evidence,
            "tool": {"name": "recon", "version": __version__},
            "at": show(self.at),
            "horizon_days": self.horizon / timedelta(days=1),
            "against": self.against,
            "new": [asdict(one) for one in self.new],
            "ended": [asdict(one) for one in self.ended],
            "concerns": [asdict(one) for one in self.concerns],
            "vanishing": vanish.to_json(self.vanishing, self.at),
            "witnesses": self.witnesses.to_json(),
            "lock_in": [one.to_json() for one in self.lock_in],
            "judged": [one.to_json() for one in self.judged],
            "findings": [
                {"finding": one.finding, "rule": one.rule, "verdict": one.verdict,
                 "subject": one.subject}
                for one in self.findings
            ],
            "coverage": [dict(one) for one in self.coverage],
        }  # fmt: skip


def audit(
    case: Case,
    timeline: Timeline,
    at: datetime,
    horizon: timedelta,
    earlier: Mapping[str, Any] | None = None,
) -> Audit:
    """A case's self-audit as of an instant.

    1. Rules over all subjects; norms and checks by what came of them.
    2. Witnesses, lock-in, what vanishes.
    3. What of it a person has to look at, and what of that the earlier audit did not have.

    Args:
        case: opened, with its timeline built.
        timeline: as rules see it.
        at: what "today" is.
        horizon: how far ahead "soon" reaches.
        earlier: an earlier audit's :meth:`Audit.to_json`.
    """
    config = replace(case.config, subjects=("*",))
    events = timeline.events
    found = reconcile(config, case.evidence_root(), timeline)
    seen = witnesses(config, events)
    locked = lock_in(config, events, case.items(), seen, timeline.clocks, at)
    going = vanishing(config, events, at, horizon)
    checks = judged(config, timeline, found)
    concerns = list(_concerns(found, seen, locked, going, checks, at))
    before = _earlier(earlier)
    keys = {one.key for one in concerns}
    return Audit(
        config.id,
        found.evidence,
        at,
        horizon,
        seen,
        locked,
        going,
        checks,
        found.findings,
        _coverage(timeline),
        concerns,
        None if earlier is None else str(earlier["at"]),
        [one for one in concerns if one.key not in before],
        [one for key, one in before.items() if key not in keys],
    )


def _earlier(earlier: Mapping[str, Any] | None) -> dict[str, Concern]:
    if earlier is None:
        return {}
    return {
        str(one["key"]): Concern(str(one["key"]), one_line(str(one["text"]), 400))
        for one in earlier["concerns"]
    }


def _concerns(  # noqa: PLR0913, PLR0917  (each argument is a part of the audit)
    found: Findings,
    seen: Witnesses,
    locked: Sequence[LockIn],
    going: Sequence[Vanishing],
    checks: Sequence[Judged],
    at: datetime,
) -> Iterator[Concern]:
    """What goes, what disagrees, what was not kept or checks nothing, what stands alone."""
    for one in going:
        if one.state != "later":
            yield _concern(one.key, goes(one, at))
    for finding in found.disagreements:
        text = f"{finding.verdict}: {finding.rule}, {finding.subject} [{finding.finding}]"
        yield _concern(f"finding:{finding.finding}", text)
    for check in checks:
        if check.status in {"broken", "undetermined", "vacuous"}:
            key = f"{check.what}:{check.name}:{check.status}"
            yield _concern(key, f"{check.what} {check.name} is {check.status}: {check.because}")
    yield from _alone(seen)
    for lock in locked:
        if lock.alterable:
            text = f"{lock.alterable} of {lock.records} records of {lock.source}"
            text += " are not known to have left the control of their writer"
            yield _concern(f"alterable:{lock.source}", text)


def _alone(seen: Witnesses) -> Iterator[Concern]:
    for spoken in seen.alone:
        who = ", ".join(spoken.sources)
        text = f"{spoken.facts} facts `{spoken.attribute}` are told by {who} alone"
        yield _concern(f"alone:{spoken.attribute}:{who}", text)
    for system in seen.systems:
        if system.witness in WEAK:
            who = ", ".join(system.events)
            text = f"what befell {system.name} is told by {who} alone"
            yield _concern(f"alone:{system.name}:{who}", text)


def _concern(key: str, text: str) -> Concern:
    return Concern(one_line(key, 400), one_line(text, 300))


def goes(one: Vanishing, at: datetime) -> str:
    """In one sentence what goes when: ``30-day window, day 28: base … goes on 12 March 2026``."""
    what = one_line(one.what, 80)
    if one.what != one.source:
        what += f" of {one_line(one.source, 40)}"
    if one.by == "lock":
        verb = "ended" if one.state == "gone" else "ends"
        what = f"retention of {one.records} versions in {one_line(one.source, 40)}"
        return f"{what} {verb} {_when(one)}"
    day = one.day(at)
    window = f"{one.window_days:g}-day window, " if one.window_days is not None else ""
    several = f" ({one.records} records)" if one.records > 1 else ""
    if one.state == "gone":
        return f"{window}past: {what}{several} need not be there any more, {_when(one)}"
    head = f"{window}day {max(day, 0)}: " if window and day is not None else ""
    return f"{head}{what}{several} goes {_when(one)}"


def _when(one: Vanishing) -> str:
    first, last = say_day(one.first), say_day(one.last)
    word = "since" if one.state == "gone" and one.by != "lock" else "on"
    return f"{word} {first}" if first == last else f"from {first} to {last}"


def _coverage(timeline: Timeline) -> list[dict[str, Any]]:
    """By source and kind: from when to when silence would mean something, and in how many parts.

    An open end is null.
    """
    found = (
        timeline.coverage.group_by("source", "kind")
        .agg(
            stretches=pl.len(),
            subjects=pl.col("subject").n_unique(),
            earliest=pl.when(pl.col("earliest").null_count() == 0).then(pl.col("earliest").min()),
            latest=pl.when(pl.col("latest").null_count() == 0).then(pl.col("latest").max()),
        )
        .sort("source", "kind")
        .collect(engine="streaming")
    )
    return [
        {
            **row,
            "earliest": row["earliest"] and show(row["earliest"]),
            "latest": row["latest"] and show(row["latest"]),
        }
        for row in found.iter_rows(named=True)
    ]
