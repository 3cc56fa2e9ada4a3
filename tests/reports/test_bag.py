"""The production as a whole: complete, repeatable, and checked by what VERIFY.md says."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from recon.case import Case, open_case
from recon.errors import IntegrityError, UsageError
from recon.exhibitor import Production
from recon.schema import EVENTS, event_id
from reports import pdf
from reports.bag import exhibitor


def quiet(_what: str, _done: int, _total: int | None) -> None:
    """No progress."""


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def copied(case: Case, tmp_path: Path) -> Case:
    """The same case elsewhere, with nothing derived."""
    folder = tmp_path / "copy"
    shutil.copytree(case.root / "evidence", folder / "evidence")
    shutil.copyfile(case.root / "case.toml", folder / "case.toml")
    return open_case(folder)


def test_the_same_evidence_gives_the_same_bytes(
    copied: Case, production: Production, tmp_path: Path
):
    again = exhibitor.produce(copied, tmp_path / "again", quiet)
    assert files(again.folder) == files(production.folder)
    assert list(again.notes) == list(production.notes)


def test_names_are_ascii_and_ours(production: Production):
    for name in files(production.folder):
        assert re.fullmatch(r"[A-Za-z0-9./_-]+", name), name
    natives = sorted((production.folder / "data/NATIVES").iterdir())
    assert [path.name for path in natives] == ["MARCH8-000004.jsonl", "MARCH8-000005.jsonl"]


def test_every_number_is_used_once_and_leads_to_its_file(production: Production):
    register = rows(production.folder / "data/DATA/bates.csv")
    numbers = [row["bates"] for row in register]
    assert numbers == [f"MARCH8-{n:06d}" for n in range(1, 6)]
    for row in register:
        assert (production.folder / row["file"]).is_file()
        assert row["status"] == "used"


def test_natives_are_the_items(case: Case, production: Production):
    listed = rows(production.folder / "data/DATA/natives.csv")
    assert len(listed) == 2
    for row in listed:
        data = (production.folder / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert data == case.path_of(row["sha256"]).read_bytes()


def test_findings_and_timeline_are_those_of_the_case(case: Case, production: Production):
    data = production.folder / "data/DATA"
    assert json.loads((data / "findings.json").read_bytes()) == json.loads(
        json.dumps(case.findings().to_json())
    )
    timeline = pl.read_parquet(data / "timeline.parquet")
    assert timeline.equals(case.timeline().collect())
    assert dict(timeline.schema) == EVENTS
    ids = set(timeline.select(event_id()).to_series())
    cited = rows(data / "events.csv")
    assert len(cited) == 4
    assert {row["exhibit"] for row in cited} == {"1", "2"}
    for row in cited:
        assert row["event"] in ids


def test_cells_that_a_spreadsheet_would_compute_are_counted(production: Production):
    readme = (production.folder / "README.txt").read_text(encoding="utf-8")
    assert "2 of 2 items" in readme
    assert re.search(r"In the CSV files \d+ cells are not as the source wrote them", readme)


def test_exceptions_list_what_could_not_be_had(production: Production):
    said = rows(production.folder / "data/LOGS/exceptions.csv")
    kinds = {row["exception"] for row in said}
    assert kinds == {"warning", "failed", "rule not run"}
    assert [row["place"] for row in said if row["exception"] == "failed"] == ["gone.jsonl"]


def test_the_custody_log_is_the_case_s_own(case: Case, production: Production):
    log = (production.folder / "data/LOGS/custody.jsonl").read_bytes()
    assert log == (case.root / "evidence/custody.jsonl").read_bytes()


def test_the_commands_of_verify_md_pass(production: Production):
    guide = (production.folder / "VERIFY.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 6
    outputs = [_bash(block, production.folder) for block in blocks]
    checked, seal, root, stray, chain, head = outputs
    assert "FAILED" not in checked
    payload, listed = checked.split()[-2:]
    assert payload == listed
    first, second = (re.search(r"[0-9a-f]{64}", line) for line in seal.splitlines())
    assert first
    assert second
    assert first.group() == second.group()
    assert first.group() in " ".join(production.notes)
    assert stray == ""
    assert chain == ""
    for printed in (root, head):
        assert f"`{printed.split()[0]}`" in guide


def test_a_broken_custody_chain_is_printed_by_the_command(production: Production, tmp_path: Path):
    bag = Path(shutil.copytree(production.folder, tmp_path / "bag"))
    log = bag / "data/LOGS/custody.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1] = lines[1].replace("source", "sourcf")
    log.write_text("".join(lines), encoding="utf-8")
    guide = (bag / "VERIFY.md").read_text(encoding="utf-8")
    chain = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)[4]
    assert _bash(chain, bag) == lines[2]


def test_the_commands_of_each_record_show_its_words(case: Case, production: Production):
    guide = (production.folder / "VERIFY.md").read_text(encoding="utf-8")
    parts = re.split(r"\n## |\n### Record ", guide)
    parts = [part for part in parts if re.match(r"[A-Z]\d*: ", part)]
    roles = [role for finding in case.findings().findings for role in finding.events]
    assert len(parts) == len(roles) == 4
    for part, role in zip(parts, roles, strict=True):
        commands = [line[4:] for line in part.splitlines() if line.startswith("    ")][1:]
        checked, shown = (_bash(command, production.folder) for command in commands)
        assert checked.endswith(": OK\n")
        quote, _ = case.quote(role.source, role.event)
        assert shown.rstrip("\n") == quote.text.rstrip("\n")


def test_a_folder_that_is_there_is_left_alone(case: Case, tmp_path: Path):
    with pytest.raises(UsageError):
        exhibitor.produce(case, tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


def test_changed_evidence_stops_it_and_leaves_nothing_behind(copied: Case, tmp_path: Path):
    item = copied.items()[0]
    copied.built()
    path = copied.path_of(item.sha256)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    target = tmp_path / "out" / "one"
    with pytest.raises(IntegrityError):
        exhibitor.produce(copied, target, quiet)
    assert list(target.parent.iterdir()) == []


def _bash(script: str, folder: Path) -> str:
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    return ran.stdout


def test_an_exhibit_that_cannot_be_typeset_voids_its_number_and_stops_nothing(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No text of the evidence is known to do this, so a template that is not there stands in."""

    def broken(template: str, data: dict[str, object], **more: object) -> object:
        missing = data["bates"] == "MARCH8-000002"
        return pdf.render("none" if missing else template, data, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("reports.bag.render", broken)
    made = exhibitor.produce(case, tmp_path / "one", quiet)
    assert exhibitor.verify(made.folder) == []
    assert [path.name for path in made.documents] == ["MARCH8-000001.pdf", "MARCH8-000003.pdf"]
    register = {row["bates"]: row for row in rows(made.folder / "data/DATA/bates.csv")}
    assert register["MARCH8-000002"]["status"] == "void"
    said = rows(made.folder / "data/LOGS/exceptions.csv")
    (line,) = [row["message"] for row in said if row["exception"] == "production"]
    assert line.startswith("exhibit 1 (MARCH8-000002) could not be typeset")
