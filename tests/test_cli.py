"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import recon
from recon.messages import refused
from tests.cases import line, write_case
from tests.commands import RECON, run, started

A, B = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases, collected and reconciled: their logs agree, and do not."""
    folder = tmp_path_factory.mktemp("collected")
    for name, other in (("agreeing", A), ("conflicting", B)):
        logs = {
            "one": [line("2026-03-08T10:00:00Z", A)],
            "two": [line("2026-03-08T10:00:01Z", other)],
        }
        started("collect", "--case", write_case(folder / name, logs=logs))
        run("reconcile", "--case", folder / name, code=int(other != A))
    return folder


@pytest.fixture
def agreeing(collected: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(collected / "agreeing", tmp_path / "agreeing"))


@pytest.fixture
def conflicting(collected: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(collected / "conflicting", tmp_path / "conflicting"))


def test_help_imports_nothing_heavy():
    code = (
        "import sys, recon.cli\n"
        "from typer.main import get_command\n"
        "get_command(recon.cli.app)\n"
        "heavy = {'polars', 'boto3', 'psycopg', 'git', 'matplotlib', 'lxml', 'pydantic', 'typst'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert "reconcile" in started("--help").stdout


def test_exits_0_where_nothing_disagrees(agreeing: Path):
    assert "No finding" in run("reconcile", "--case", agreeing).stdout


def test_exits_1_with_findings_and_says_them_in_words(conflicting: Path):
    out = started("reconcile", "--case", conflicting, "--explain", code=1).stdout
    assert "CONFLICT" in out
    assert "The artifact of model:m@1 is" in out
    assert "not run: unbacked-deploy" in out
    assert "states that artifact is" in out


def test_a_finding_is_explained_whole_by_the_first_digits_of_its_id(conflicting: Path):
    data = json.loads(run("reconcile", "--case", conflicting, "--format", "json", code=1).stdout)
    (one,) = data["findings"]
    words = run("explain", one["finding"][:6], "--case", conflicting).stdout
    assert "The artifact of model:m@1 is" in words
    assert "   sha256sum evidence/items/" in words
    assert "Undetermined where the subject is a file" in words, "the rule's definition"
    commands = [line.strip() for line in words.split("How to check it")[1].splitlines()[1:]]
    for command in commands:
        out = subprocess.run(
            ["sh", "-c", command], cwd=conflicting, capture_output=True, text=True, check=True
        )
        assert out.stdout, command
    whole = json.loads(
        run("explain", one["finding"], "--case", conflicting, "--format", "json").stdout
    )
    assert (
        whole["records"][0]["text"]
        in (conflicting / "one.jsonl").read_text() + (conflicting / "two.jsonl").read_text()
    )
    assert whole["argument"]
    assert whole["incident"]["findings"] == [one["finding"]]
    for wrong in ("0" * 16, one["finding"][:2], "x"):
        assert (
            "expected the id of one finding"
            in run("explain", wrong, "--case", conflicting, code=2).stderr
        )


def test_filtered_findings_say_how_many_there_are_and_the_exit_code_is_of_all(conflicting: Path):
    shown = run("reconcile", "--rule", "vanished-*", "--case", conflicting, code=1).stdout
    assert "No finding matches." in shown
    assert "0 of 1 findings shown, as asked for" in shown


def test_findings_as_json_are_the_object_of_the_file(conflicting: Path):
    data = json.loads(run("reconcile", "--case", conflicting, "--format", "json", code=1).stdout)
    assert {"case", "evidence", "tool", "findings", "not_run"} <= set(data)
    (finding,) = data["findings"]
    assert set(finding) == {
        "finding",
        "rule",
        "verdict",
        "subject",
        "statement",
        "events",
        "steps",
        "margin_seconds",
        "excuse",
        "alibi",
        "witness",
        "innocent",
        "as_of",
    }
    assert finding["witness"] == "account"
    assert data == json.loads((conflicting / "findings.json").read_text())


def test_exits_2_for_usage(agreeing: Path):
    assert "No such command" in run("reconsile", code=2).stderr
    error = run("collect", "three", "--case", agreeing, code=2).stderr
    assert "expected a source of the case (one, two); found three" in error


def test_exits_3_for_a_wrong_case_and_names_the_line(agreeing: Path):
    path = agreeing / "case.toml"
    path.write_text(path.read_text().replace('format = "jsonl"', 'format = "yaml"', 1))
    error = run("timeline", "--case", agreeing, code=3).stderr
    assert "case.toml, line" in error
    assert "Traceback" not in error


def test_exits_3_for_a_missing_export_and_goes_on_with_the_others(tmp_path: Path):
    case = write_case(tmp_path / "c", logs={"one": None, "two": [line("2026-03-08T10:00:00Z")]})
    out = run("collect", "--case", case, code=3)
    assert "one" in out.stderr
    assert "one.jsonl" in out.stderr
    assert [item.source for item in recon.open(case).items()] == ["two"]
    # It goes on where it stopped.
    (case / "one.jsonl").write_text(json.dumps(line("2026-03-08T10:00:00Z", B)) + "\n")
    assert "already collected" in run("collect", "--case", case).stdout
    assert [item.source for item in recon.open(case).items()] == ["two", "one"]


def test_exits_5_and_names_the_item_of_a_flipped_byte(agreeing: Path):
    assert "all matches" in run("verify", agreeing).stdout
    item = recon.open(agreeing).items()[0]
    path = recon.open(agreeing).path_of(item.sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"ci", b"me"))
    assert item.sha256 in run("verify", agreeing, code=5).stdout
    data = json.loads(run("verify", agreeing, "--format", "json", code=5).stdout)
    assert item.sha256 in data["wrong"][0]
    # Only what is read is looked at: a timeline that is there is not made anew.
    run("reconcile", "--case", agreeing)
    shutil.rmtree(agreeing / "timeline")
    run("reconcile", "--case", agreeing, code=5)


def test_a_production_is_verified_too(conflicting: Path, tmp_path: Path):
    run("exhibits", "--case", conflicting, "--output", tmp_path / "bag")
    assert "all matches" in run("verify", tmp_path / "bag").stdout
    victim = next((tmp_path / "bag/data/NATIVES").iterdir())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes() + b" ")
    assert victim.name in run("verify", tmp_path / "bag", code=5).stdout


def test_asof_in_words_and_as_json(conflicting: Path):
    words = run("asof", "--case", conflicting).stdout
    assert "Said then (2026-03-08T12:00:00Z)" in words
    data = json.loads(
        run("asof", "2026-03-08T12:00Z", "--case", conflicting, "--format", "json").stdout
    )
    assert [one["said_then"]["value"] for one in data] == [A, B]
    assert run("asof", "soon", "--case", conflicting, code=2).stderr.count("soon") == 1


def test_a_history_of_answers_in_words_json_and_parquet(conflicting: Path, tmp_path: Path):
    between = ("--from", "2026-03-08T00:00Z", "--to", "2026-03-09T00:00Z")
    words = run("asof", *between, "--case", conflicting).stdout
    assert "wherever it changes" in words
    assert "2 of 2 answers shown, 2 with 2 changes" in words
    grid = run("asof", *between, "--every", "12h", "--case", conflicting, "--format", "json").stdout
    rows = [(one["instant"], one["source"], one["then_value"]) for one in json.loads(grid)]
    assert rows == [
        (f"2026-03-0{day}Z", *said)
        for day in ("8T12:00:00", "9T00:00:00")
        for said in (("one", A), ("two", B))
    ]
    target = tmp_path / "x.parquet"
    for asked in (between, ("2026-03-08T12:00Z",)):
        run("asof", *asked, "--case", conflicting, "--format", "parquet", "-o", target)
        assert set(pl.read_parquet(target)["then_value"].drop_nulls()) == {A, B}
    for wrong in (
        ("--from", "2026-03-08T00:00Z"),
        (*between, "--every", "soon"),
        ("--from", between[3], "--to", between[1]),
        ("--format", "parquet"),
    ):
        assert run("asof", *wrong, "--case", conflicting, code=2).stderr


def test_timeline_filters_and_exports(conflicting: Path, tmp_path: Path):
    shown = run("timeline", "--case", conflicting, "--source", "one", "--kind", "deploy.*").stdout
    assert "deploy.finish" in shown
    assert "1 of 1 events shown" in shown
    none = run("timeline", "--case", conflicting, "--kind", "deploy.*", "--until", "2026-03-08")
    assert "2 of 2" in none.stdout, "a date without a zone covers the day wherever it was"
    run("timeline", "--case", conflicting, "--format", "csv", "-o", tmp_path / "x.csv")
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    assert {row["source"] for row in rows} == {"one", "two"}
    run("timeline", "--case", conflicting, "--format", "parquet", "-o", tmp_path / "x.parquet")
    assert pl.read_parquet(tmp_path / "x.parquet").height == len(rows)
    lines = run("timeline", "--case", conflicting, "--format", "timesketch").stdout.splitlines()
    for text in lines:
        assert {"message", "datetime", "timestamp_desc", "timestamp"} <= set(json.loads(text))


HOSTILE = "\x1b]0;pwned\x07\x1b[31m=cmd|' /C calc'!A0\u202e\r\n"


def test_hostile_text_reaches_no_terminal_and_no_spreadsheet(tmp_path: Path):
    row = {**line("2026-03-08T10:00:00Z", A), "version": HOSTILE, "user": "=1+1", "event": HOSTILE}
    logs = {"one": [row], "two": [{**row, "sha256": B}]}
    case = write_case(tmp_path / "c", logs=logs)
    outs = [
        run("collect", "--case", case),
        run("timeline", "--case", case),
        run("reconcile", "--case", case, "--explain", code=1),
        run("reconcile", "--case", case, "--format", "json", code=1),
        run("asof", "--case", case),
        run("asof", "--case", case, "--format", "json"),
        run("timeline", "--case", case, "--format", "timesketch"),
        run("timeline", "--case", case, "--format", "json"),
        run("timeline", "--case", case, "--format", "csv"),
    ]
    for out in outs:
        for text in (out.stdout, out.stderr):
            assert not {c for c in text if (ord(c) < 32 and c != "\n") or c in "\x7f\u202e"}
    run("timeline", "--case", case, "--format", "csv", "-o", tmp_path / "x.csv")
    for cells in csv.reader((tmp_path / "x.csv").read_text().splitlines()):
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t"))]


def test_init_then_collect_says_what_to_fill_in(tmp_path: Path):
    assert "recon collect" in run("init", tmp_path / "new").stdout
    run("init", tmp_path / "new", code=2)
    run("collect", "--case", tmp_path / "new", code=3)


def test_json_of_collect_names_failures(tmp_path: Path):
    case = write_case(tmp_path / "c", logs={"one": None})
    data = json.loads(run("collect", "--case", case, "--format", "json", code=3).stdout)
    assert data[0]["failures"][0]["expected"]


def test_a_failure_is_said_once_and_its_source_once(tmp_path: Path):
    case = write_case(tmp_path / "c", logs={"one": None})
    out = run("collect", "--case", case, code=3)
    assert "1 failed" in out.stdout
    assert "expected" not in out.stdout
    assert out.stderr.count("one.jsonl") == 1
    assert out.stderr.count("source one") == 1


def test_what_the_system_refuses_is_no_fault_of_ours(agreeing: Path, tmp_path: Path):
    csv_ = ("timeline", "--case", agreeing, "--format", "csv", "--output")
    for arguments in (
        (*csv_, tmp_path / "nowhere" / "x.csv"),
        (*csv_, tmp_path),
        ("exhibits", "--case", agreeing, "--output", "/proc/nowhere/x"),
        ("init", agreeing / "case.toml"),
        ("demo", agreeing / "case.toml"),
    ):
        error = run(*arguments, code=3).stderr
        assert "expected a place that can be read and written; found" in error
        assert "Traceback" not in error


def test_copies_that_failed_are_one_sentence():
    error = shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'"), ("c", "d", "e")])
    assert refused(error).startswith("b: expected")
    assert "No space left on device" in refused(error)


def test_an_interrupted_run_says_that_it_goes_on(tmp_path: Path):
    rows = [line("2026-03-08T10:00:00Z")] * 200_000
    case = write_case(tmp_path / "c", logs={"one": rows})
    run("collect", "--case", case)
    process = subprocess.Popen(
        [RECON, "timeline", "--workers", "1", "--case", str(case)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(case.glob(".timeline-*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; what was stored stays" in error
    assert not list(case.glob(".timeline-*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("timeline", "--limit", "-3"), "greater than or equal to 0"),
        (("timeline", "--workers", "0"), "greater than or equal to 1"),
        (("timeline", "--since", "yesterday"), "--since: expected a time"),
        (("asof", "2026-03-08"), "expected one instant"),
        (("asof", "2026-03-08T12:00"), "expected one instant"),
        (("exhibits", "../../x"), "expected a name of letters"),
    ],
)
def test_exits_2_for_wrong_values(agreeing: Path, arguments: tuple[str, ...], said: str):
    assert said in run(*arguments, "--case", agreeing, code=2).stderr


def test_the_timeline_shows_warnings_in_words_and_cuts_digests(tmp_path: Path):
    case = write_case(tmp_path / "c", logs={"one": b"nope\n"})
    (case / "one.jsonl").write_bytes(
        b"nope\n" + json.dumps(line("2026-03-08T10:00:00Z")).encode() + b"\n"
    )
    run("collect", "--case", case)
    out = run("timeline", "--case", case, "--kind", "claim").stdout
    assert "1 of 1 events shown (" in out
    assert f"artifact = {A[:12]}…" in out
    assert "more characters" not in out
    assert "1 warning on reading the evidence, 1 error among them" in out
    assert "line 1: expected a JSON object" in out


def test_clocks_prints_a_table_json_and_a_figure(tmp_path: Path):
    logs = {
        name: [line(f"2026-03-0{n + 1}T10:00:0{late}Z", f"{n:064x}", f"1.{n}") for n in range(9)]
        for late, name in enumerate(("one", "two"))
    }
    folder = write_case(tmp_path / "case", logs=logs)
    run("collect", "--case", folder)
    said = run("clocks", "--case", folder).stdout
    assert "log:two − log:one" in said
    assert "9 of 9" in said
    data = json.loads(run("clocks", "--case", folder, "--format", "json").stdout)
    assert [one["state"] for one in data["offsets"]] == ["measured"]
    run("clocks", "--case", folder, "--clock", "log:*", "--figure", tmp_path / "offsets.svg")
    assert (tmp_path / "offsets.svg").read_text().startswith("<?xml")
    refused = run("clocks", "--case", folder, "--figure", tmp_path / "offsets.bmp", code=2)
    assert ".svg or .png" in refused.stderr


def test_clocks_prints_no_escape_that_a_source_wrote(tmp_path: Path):
    kind = "deploy\u001b[31m.finish"
    logs = {
        name: [
            line(f"2026-03-0{n + 1}T10:00:00Z", f"{n:064x}", f"1.{n}", event=kind) for n in range(9)
        ]
        for name in ("one", "two")
    }
    folder = write_case(tmp_path / "case", logs=logs)
    run("collect", "--case", folder)
    said = run("clocks", "--case", folder).stdout
    assert "‹U+001B›" in said
    assert "\x1b" not in said
