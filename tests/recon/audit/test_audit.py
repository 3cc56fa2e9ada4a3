"""The self-audit of a whole case, what of it is new, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import recon
from recon.audit import kept
from recon.cli import app
from recon.errors import BadInputError, CaseError
from recon.instants import moment
from tests.cases import line, write_case

A, B = "a" * 64, "b" * 64
EXTRA = """
[[retention]]
source = "one"
kind = "deploy.*"
days = 10
because = "logrotate"

[[norm]]
rule = "manifest-after-artifact"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = {
        "one": [line("2026-03-08T10:00:00Z", A), line("2026-03-09T10:00:00Z", B, "2")],
        "two": [line("2026-03-08T10:00:01Z", A)],
    }
    made = write_case(tmp_path / "case", logs=logs, extra=EXTRA)
    list(recon.open(made).collect())
    return made


def run(folder: Path, at: str, *more: str) -> tuple[int, str]:
    runner = CliRunner(env={"COLUMNS": "100"})
    out = runner.invoke(app, ["audit", "--case", str(folder), "--at", at, *more])
    return out.exit_code, out.output


def test_the_page_names_what_vanishes_what_is_vacuous_and_what_stands_alone(folder: Path):
    code, text = run(folder, "2026-03-15T12:00Z")
    assert code == 1
    assert (
        "10-day window, day 7: deploy.* of one (2 records) goes from 18 March 2026 to 19 March"
        in text
    )
    assert "1 of 2 facts are witnessed only by themselves" in text
    assert "vacuous" in text
    assert max(map(len, text.splitlines())) <= 100


def test_nothing_new_exits_0_and_says_nothing(folder: Path):
    assert run(folder, "2026-03-15T12:00Z")[0] == 1
    code, text = run(folder, "2026-03-16T12:00Z")
    assert code == 0
    assert "New (since the audit of 2026-03-15T12:00:00Z): 0 of" in text


def test_what_went_meanwhile_is_new(folder: Path):
    run(folder, "2026-03-15T12:00Z")
    code, text = run(folder, "2026-03-20T12:00Z")
    assert code == 1
    assert "+ 10-day window, past: deploy.* of one (2 records)" in text
    assert "− 10-day window" in text


def test_one_instant_gives_the_same_bytes_and_the_same_code(folder: Path):
    run(folder, "2026-03-15T12:00Z")
    first = run(folder, "2026-03-16T12:00Z", "--format", "json")
    run(folder, "2026-03-17T12:00Z")
    again = run(folder, "2026-03-16T12:00Z", "--format", "json")
    assert first == again
    assert json.loads(first[1])["against"] == "2026-03-15T12:00:00Z"


def test_another_audit_can_be_named(folder: Path, tmp_path: Path):
    code, text = run(folder, "2026-03-15T12:00Z", "--format", "json")
    assert code == 1
    named = tmp_path / "audit.json"
    named.write_text(text)
    assert run(folder, "2026-03-14T12:00Z", "--against", str(named))[0] == 0


@pytest.mark.parametrize(
    "text", ["", "[]", '{"at": 1, "concerns": []}', '{"at": "x", "concerns": [1]}', "[" * 100_000]
)
def test_what_is_no_audit_is_refused(tmp_path: Path, text: str):
    named = tmp_path / "audit.json"
    named.write_text(text)
    with pytest.raises(BadInputError, match="an audit"):
        kept.read(named)


def test_an_earlier_audit_that_holds_escapes_prints_none(folder: Path, tmp_path: Path):
    named = tmp_path / "audit.json"
    concerns = [{"key": "x", "text": "\x1b[2J was"}]
    named.write_text(json.dumps({"at": "\x1b[31m", "concerns": concerns}))
    _, text = run(folder, "2026-03-15T12:00Z", "--against", str(named))
    assert "\x1b" not in text
    assert "was" in text


def test_a_new_finding_is_new(folder: Path):
    case = recon.open(folder)
    case.audit(moment("2026-03-15T12:00Z", "at"))
    with (folder / "two.jsonl").open("a") as log:
        log.write(json.dumps(line("2026-03-09T10:00:01Z", A, "2")) + "\n")
    list(case.collect(again=True))
    found = recon.open(folder).audit(moment("2026-03-15T13:00Z", "at"))
    assert any(one.key.startswith("finding:") for one in found.new)


def test_a_read_only_case_is_audited_and_keeps_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    recon.open(folder).built()
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert recon.open(folder).audit(moment("2026-03-15T12:00Z", "at")).new


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ('[[retention]]\nsource = "three"\ndays = 3\n', "a source of this file"),
        ('[[retention]]\nsource = "one"\ndays = 0\n', "greater than 0"),
        ('[[check]]\nname = "c"\nsource = "x"\nattribute = "a"\npasses = ["ok"]\n', "a source of"),
        ('[[check]]\nname = "c"\nsource = "one"\nattribute = "a"\npasses = []\n', "at least 1"),
        ('[retention]\nsource = "one"\ndays = 3\n', "in two brackets"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_line(tmp_path: Path, extra: str, expected: str):
    folder = write_case(tmp_path, logs={"one": []}, extra=extra)
    with pytest.raises(CaseError, match=expected):
        recon.open(folder)
