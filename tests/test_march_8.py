"""The packaged case, end to end: what must be found is found, and nothing else is reported."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import recon
from recon import registry, schema
from recon.evidence import CaseItems
from recon.instants import moment
from recon.reconcile import Findings
from recon.rehydrate import Rehydration
from recon.rules import Timeline
from recon.rules.re_registered import re_registered
from recon.subjects import glob
from tests.once import march_8

PACKAGED = files("recon") / "packaged/march_8"
EXPECTED: dict[str, Any] = json.loads((PACKAGED / "expected.json").read_text())


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> recon.Case:
    return march_8(tmp_path_factory)


@pytest.fixture(scope="module")
def whole(case: recon.Case, tmp_path_factory: pytest.TempPathFactory) -> recon.Case:
    """The same evidence, asked about every subject: what is out of scope must hold as well."""
    folder = tmp_path_factory.mktemp("whole") / "march-8"
    shutil.copytree(case.root, folder)
    path = folder / "case.toml"
    path.write_text(path.read_text().replace('["model:credit-risk@*"]', '["*"]'))
    return recon.open(folder)


@pytest.fixture(scope="module")
def asked(case: recon.Case) -> Findings:
    return case.findings()


@pytest.fixture(scope="module")
def every(whole: recon.Case) -> Findings:
    return whole.findings()


def found(findings: Findings) -> set[tuple[str, str, str]]:
    return {(f.rule, f.verdict, f.subject) for f in findings.findings}


def listed(name: str) -> set[tuple[str, str, str]]:
    return {(one["rule"], one["verdict"], one["subject"]) for one in EXPECTED[name]}


def test_all_that_must_be_found_is_found_and_nothing_else(every: Findings):
    got = found(every)
    assert listed("must_find") <= got
    assert got - listed("must_find") <= listed("may_find")


def test_the_question_narrows_what_is_shown_and_counts_the_rest(asked: Findings):
    assert listed("must_find") <= found(asked)
    assert all("credit-risk" in finding.subject for finding in asked.findings)
    assert sum(asked.omitted.values()) > 0
    assert [one["rule"] for one in asked.not_run] == [
        "unlisted-version",
        "release-archive-differs-from-tag",
        "unverified-signature",
        "log-rewritten",
        "broken-digest-chain",
        "overwritten-artifact",
        "artifact-swapped-behind-name",
        "manifest-does-not-list-artifact",
        "release-order",
        "deploy-without-record",
        "record-without-deploy",
        "evaluated-other-bytes",
        "hotfix-window",
        "self-recorded",
        "store-apart",
        "migration-signed-off",
    ]


@pytest.mark.parametrize(
    "innocent", EXPECTED["must_stay_silent"], ids=lambda one: f"{one['what']} {one.get('subject')}"
)
def test_silent_on_what_is_innocent(whole: recon.Case, every: Findings, innocent: dict[str, Any]):
    """No accusing finding is about the subject, and none rests on the innocent transaction."""
    subject = innocent.get("subject") or innocent.get("table")
    accusing = [
        finding
        for finding in every.disagreements
        if finding.rule in innocent["rules"] or innocent["rules"] == ["*"]
    ]
    about = [f for f in accusing if pl.select(pl.lit(f.subject).str.contains(glob(subject))).item()]
    assert {(f.rule, f.verdict, f.subject) for f in about} <= listed("must_find")
    if "xid" in innocent:
        rested_on = whole.events(role.event for f in accusing for role in f.events).values()
        xid = f"xid:{EXPECTED['system_identifier']}/{innocent['xid']}"
        assert [event for event in rested_on if xid in event["names"]] == []


def test_the_migration_is_one_incident_with_all_that_it_did(asked: Findings):
    (incident,) = asked.incidents
    assert list(incident.findings) == [one.finding for one in asked.findings]
    assert {one.rule for one in asked.findings} == {
        *("re-registered", "digest-conflict", "vanished-row")
    }
    (tie,) = incident.ties
    assert (tie.by, tie.sources) == ("transaction", ("lineage-db",))
    assert incident.outside == sum(asked.omitted.values())


def test_the_argument_of_the_incident_holds_the_facts(asked: Findings):
    incident = EXPECTED["incident"]
    (finding,) = [
        f for f in asked.findings if f.rule == "re-registered" and f.verdict == "conflict"
    ]
    data = json.dumps([step.data for step in finding.steps])
    for fact in (incident["altered"]["was"], incident["altered"]["is"], str(incident["xid"])):
        assert fact in data
    assert "14 February 2026" in finding.statement
    assert "8 March 2026, 19:12:04" in finding.statement
    assert finding.margin_seconds == pytest.approx(22.32 * 86400, rel=0.001)
    assert [role.role for role in finding.events] == [
        "asserted",
        "written",
        "replaced",
        "earlier",
        "seen",
    ]


@pytest.mark.parametrize(
    "answer", EXPECTED["as_of"]["answers"], ids=lambda a: f"{a['subject']} {a['source']}"
)
def test_said_then_and_says_now(case: recon.Case, answer: dict[str, Any]):
    (given,) = [
        one
        for one in case.asof(EXPECTED["as_of"]["instant"])
        if (one.subject, one.attribute, one.source)
        == (answer["subject"], answer["attribute"], answer["source"])
    ]
    assert (given.said_then.value if given.said_then else None) == answer["said_then"]
    assert (given.says_now.value if given.says_now else None) == answer["says_now"]


def test_what_the_lineage_said_at_noon_is_certain(case: recon.Case):
    """The dump of 02:00 holds it, and the log covers the hours up to noon with no write."""
    (given,) = [
        one
        for one in case.asof()
        if (one.subject, one.attribute, one.source)
        == ("model:credit-risk@2.3.1", "artifact", "lineage-db")
    ]
    assert given.said_then is not None
    assert given.said_then.certainty == "certain"


def test_nothing_is_said_of_what_was_not_there_yet(case: recon.Case):
    subjects = {
        one.subject
        for one in case.asof(EXPECTED["as_of"]["instant"], ["*"])
        if one.said_then is not None
    }
    assert subjects.isdisjoint(EXPECTED["as_of"]["not_yet"])


def test_every_citation_leads_to_the_words_of_the_source(case: recon.Case):
    """The contract of all collectors: what parse cites, quote finds."""
    events = case.timeline().select("source", "item", "citation").unique().collect()
    assert set(events["source"]) == {source.id for source in case.sources}
    for source in case.sources:
        collector = registry.collector(source.collector)
        items = CaseItems(case.evidence, source.id)
        by_hash = {item.sha256: item for item in items}
        for row in events.filter(pl.col("source") == source.id).iter_rows(named=True):
            quote = collector.quote(source, items, by_hash[row["item"]], row["citation"])
            assert quote.text
            assert quote.how


def test_event_ids_are_unique_and_lead_back(case: recon.Case):
    events = case.timeline().with_columns(id=schema.event_id()).collect()
    per_source = events.group_by("source", "id").len()
    assert per_source["len"].max() == 1


@pytest.fixture(scope="module")
def production(case: recon.Case) -> Path:
    return case.exhibits().folder


def test_the_bag_passes_sha256sum(production: Path):
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet", manifest], cwd=production, check=True
        )


def test_the_same_case_gives_the_same_bytes_by_any_number_of_threads(
    case: recon.Case, production: Path, tmp_path: Path
):
    """The timeline is built anew and a production made, by a program of its own."""
    before = tree(case.root / "timeline")
    code = (
        "import pathlib, sys, recon; case = recon.open(sys.argv[1]); case.build(workers=2); "
        "case.exhibits(folder=pathlib.Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(case.root), str(tmp_path / "again")],
        env={**os.environ, "POLARS_MAX_THREADS": "3"},
        check=True,
    )
    assert tree(case.root / "timeline") == before
    assert tree(tmp_path / "again") == tree(production)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_one_flipped_byte_in_any_item_is_named(case: recon.Case):
    for item in case.items()[::9]:
        path = case.path_of(item.sha256)
        raw = path.read_bytes()
        if not raw:
            continue
        try:
            path.chmod(0o644)
            path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
            (wrong,) = case.verify()
            assert item.sha256 in wrong
        finally:
            path.write_bytes(raw)
            path.chmod(0o444)
    assert case.verify() == []


def test_without_pg_waldump_the_timeline_has_the_same_bytes(
    case: recon.Case, monkeypatch: pytest.MonkeyPatch
):
    """Nothing but Python is needed: the reader of our own gives what the server's tool gives."""
    case.build(workers=1)
    assert case.methods()["lineage-db"]["wal"].startswith("pg_waldump")
    before = tree(case.root / "timeline")
    monkeypatch.setattr("collectors.postgres.wal.waldump.find", lambda _major: None)
    case.build(workers=1)
    assert case.methods()["lineage-db"]["wal"] == "recon's own reader"
    after = tree(case.root / "timeline")
    assert {name for name in before if before[name] != after[name]} == {"built.json"}
    monkeypatch.undo()
    case.build(workers=1)


def test_when_rows_were_written_is_given_by_every_basis(case: recon.Case):
    (row,) = [
        one
        for one in case.written(["model:credit-risk@2.3.1"])
        if one.transaction and one.table and one.table.endswith("ml.lineage")
    ]
    assert [(basis.basis, basis.firm, basis.disagrees) for basis in row.bases] == [
        ("commit timestamp", True, False),
        ("commit record", True, False),
        ("checkpoints", True, False),
        ("captures", True, False),
        ("dumps", False, False),
        ("asserted neighbours", False, False),
    ]
    first, *others = row.bases
    assert first.earliest is not None
    assert first.earliest.isoformat().startswith("2026-03-08T19:12:04")
    for basis in others:
        assert basis.earliest is None or basis.earliest <= first.earliest
        assert basis.latest is None or first.earliest <= basis.latest
    assert row.asserts_earliest is not None
    assert row.asserts_earliest.isoformat().startswith("2026-02-14T11:30:30")


def test_the_finding_holds_with_commit_timestamps_off(whole: recon.Case, every: Findings):
    """As if the server had kept none: the COMMIT records date the rows, and say so."""
    kept = pl.col("kind") != "row.version"
    events = whole.timeline().with_columns(
        pl.when(kept).then(name).alias(name) for name in ("earliest", "latest")
    )
    drafts = list(re_registered.check(Timeline(events, whole.coverage())))
    with_times = [one for one in every.findings if one.rule == "re-registered"]
    assert {(one.verdict, one.subject) for one in drafts} == {
        (one.verdict, one.subject) for one in with_times
    }
    (draft,) = [one for one in drafts if one.verdict == "conflict"]
    assert "by the COMMIT record of its transaction" in draft.statement


def test_the_command_prints_versions_for_people_and_for_programs(case: recon.Case):
    command = [str(Path(sys.executable).parent / "recon"), "written", "--case", str(case.root)]
    command += ["--subject", "model:credit-risk@2.3.1"]
    told = subprocess.run(
        [*command, "--explain"], capture_output=True, text=True, check=True
    ).stdout
    assert EXPECTED["incident"]["committed"] in told
    assert "by its COMMIT record in the log of timeline 1" in " ".join(told.split())
    assert all(len(line.rstrip()) <= 100 for line in told.splitlines())
    data = json.loads(
        subprocess.run([*command, "--format", "json"], capture_output=True, check=True).stdout
    )
    ids = {
        basis[end] for row in data for basis in row["bases"] for end in ("from_event", "to_event")
    }
    assert case.events(ids - {None})
    assert {row["subject"] for row in data} == {"model:credit-risk@2.3.1"}


@pytest.mark.live
def test_the_database_as_it_stood_at_noon_has_the_original_hash(tmp_path: Path):
    """From the base backup and the log alone, without a dump."""
    made = recon.demo(tmp_path / "march-8")
    list(made.collect(["lineage-db"]))
    asked = Rehydration(EXPECTED["as_of"]["instant"], (EXPECTED["as_of"]["stood"]["table"],))
    stood = made.rehydrate("lineage-db", asked)
    (table,) = stood.answers
    at = {name: place for place, name in enumerate(table.columns)}
    hashes = {
        f"model:{row[at['model']]}@{row[at['version']]}": row[at["artifact_sha256"]]
        for row in table.rows
    }
    rows = EXPECTED[EXPECTED["as_of"]["stood"]["rows"]]
    assert hashes == {subject: row["artifact_sha256"] for subject, row in rows.items()}
    altered = EXPECTED["incident"]["altered"]
    assert hashes[altered["subject"]] == altered["was"]
    said = {(a.subject, a.attribute): a.said_then for a in made.asof()}
    then = said[altered["subject"], "artifact"]
    assert then is not None
    assert (then.value, then.certainty) == (altered["was"], "certain")


def test_the_self_audit_names_what_expires_and_what_is_witnessed_only_by_itself(
    case: recon.Case,
):
    from recon.audit import goes

    at = moment("2026-03-10T12:00Z", "at")
    found = case.audit(at)
    assert [goes(one, at) for one in found.vanishing if one.state == "going"] == [
        "30-day window, day 28: weekly base-2026-02-10 of lineage-db goes on 12 March 2026"
    ]
    alone = {(one.attribute, one.sources) for one in found.witnesses.alone}
    assert ("auc", ("lineage-db",)) in alone
    assert ("commit", ("code", "deploys", "lineage-db")) in alone
    assert "artifact" not in {attribute for attribute, _ in alone}
    assert [one.witness for one in found.witnesses.systems] == ["none"] * 3
    assert found.witnesses.copies[0].source == "lineage-db"
    (norm,) = [one for one in found.judged if one.what == "norm"]
    assert (norm.status, norm.judged) == ("kept", 29)
    assert {one.source: one.alterable > 0 for one in found.lock_in} == dict.fromkeys(
        ["lineage-db", "models", "code", "deploys"], True
    )
    assert case.audit(at).to_json() == found.to_json()
