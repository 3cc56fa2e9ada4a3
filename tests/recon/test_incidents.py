"""Findings that rest on one act stand together, and no others do."""

from __future__ import annotations

from pathlib import Path

from recon.collector import Source
from recon.config import CaseConfig, Domain
from recon.incidents import Incident
from recon.reconcile import Findings, reconcile
from recon.rules import RULES
from tests.stories import BAD, GOOD, Story

FEBRUARY = "2026-02-14 10:00:00"
NOW = "2026-04-02 09:00"


def found(story: Story, *subjects: str) -> Findings:
    kept = {"lineage-db": "acme", "deploys": "acme", "models": "store"}
    config = CaseConfig(
        id="c",
        title="?",
        instant=None,
        subjects=subjects or ("*",),
        domains={name: Domain(organisation=name) for name in ("acme", "store")},
        sources=[Source(name, "records", by, None, (), Path()) for name, by in kept.items()],
        norms=(),
    )
    return reconcile(config, "0" * 64, story.timeline(), RULES)


def members(findings: Findings, incident: Incident) -> set[tuple[str, str]]:
    known = {one.finding: one for one in findings.findings}
    return {(known[name].rule, known[name].subject[6:8]) for name in incident.findings}


def migrated(*, other: int = 800) -> Story:
    """19:12 transaction 800 recreates the table with m1 altered, m2 as it was, and m3 left out.

    ``other``: the transaction that the row of m4 names, which is altered too.
    """
    before = dict.fromkeys(("m1", "m2", "m3", "m4"), GOOD)
    story = Story().logged("2026-03-01 00:00", "2026-04-02 00:00")
    story.wrote("2026-03-04 10:00", 690, insert=1).snapshot("02:00", FEBRUARY, **before)
    story.wrote("19:12", 800, insert=3).recreated("19:12", 800)
    story.capture(
        NOW,
        ("m1", BAD, FEBRUARY, "19:12", 800),
        ("m2", GOOD, FEBRUARY, "19:12", 800),
        ("m4", BAD, FEBRUARY, "19:12" if other == 800 else "20:12", other),
    )
    return story


def test_one_migration_that_alters_a_row_is_one_incident():
    findings = found(migrated().deployed("10:00", "m1", artifact=GOOD))
    (incident,) = findings.incidents
    assert members(findings, incident) == {
        *(("re-registered", name) for name in ("m1", "m2", "m4")),
        ("vanished-row", "m3"),
        ("digest-conflict", "m1"),
    }
    assert incident.verdict == "conflict"
    assert [(tie.by, tie.what) for tie in incident.ties] == [("transaction", "xid:1/800")]
    assert incident.earliest == "2026-03-08T19:12:00Z"
    assert "transaction 800 of lineage-db" in incident.statement


def test_a_conflict_about_the_same_model_that_another_act_made_is_another_incident():
    """Two logs disagree about m9, which the migration has not: they share the day alone."""
    story = migrated().deployed("10:00", "m9", artifact=GOOD).stored("10:05", "m9", BAD)
    findings = found(story)
    assert len(findings.incidents) == 2
    assert members(findings, findings.incidents[0]) | members(findings, findings.incidents[1]) == {
        (one.rule, one.subject[6:8]) for one in findings.findings
    }
    alone = next(one for one in findings.incidents if len(one.findings) == 1)
    assert members(findings, alone) == {("digest-conflict", "m9")}
    assert alone.ties == ()


def test_rows_that_one_snapshot_holds_are_not_tied_by_it():
    """Both are gone from the second dump, and nothing says that one act took them."""
    story = Story().snapshot("02:00", m1=GOOD, m2=GOOD).snapshot("2026-03-09 02:00", m3=GOOD)
    findings = found(story)
    assert {one.rule for one in findings.findings} == {"vanished-row"}
    assert [len(one.findings) for one in findings.incidents] == [1, 1]


def test_what_is_outside_the_question_is_counted_and_ties():
    findings = found(migrated(), "model:m1@*")
    (incident,) = findings.incidents
    assert members(findings, incident) == {("re-registered", "m1")}
    assert incident.outside == 3
    assert "so do 3 about subjects outside the question" in incident.statement


def test_the_gravest_and_best_witnessed_comes_first_and_order_of_events_changes_nothing():
    story = migrated().deployed("10:00", "m9", artifact=GOOD).stored("10:05", "m9", BAD)
    findings = found(story)
    verdicts = [one.verdict for one in findings.incidents]
    assert verdicts == ["conflict", "conflict"]
    first, second = (
        {f.witness for f in findings.findings if f.finding in one.findings}
        for one in findings.incidents
    )
    assert "organisation" in first
    assert "organisation" not in second
    assert [one.to_json() for one in found(story).incidents] == [
        one.to_json() for one in findings.incidents
    ]


def test_chosen_findings_keep_the_incidents_that_they_are_of():
    findings = found(migrated())
    chosen = findings.chosen(rules=["vanished-*"], verdicts=["missing", "undetermined"])
    assert [one.rule for one in chosen.findings] == ["vanished-row"]
    assert chosen.incidents == findings.incidents
    assert findings.chosen(subjects=["model:none*"]).incidents == []
