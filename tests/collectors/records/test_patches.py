"""Which server had which version on which day, according to whom: a case of tables alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import recon

CORPUS = Path(__file__).parents[2] / "corpus/records/patches"
RECON = Path(sys.executable).with_name("recon")
EXPECTED = json.loads((CORPUS / "expected.json").read_text())


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches") / "case"
    shutil.copytree(CORPUS, folder)
    _run(folder, "collect")
    _run(folder, "timeline")
    return folder


def _run(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [RECON, *words, "--case", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_script_makes_the_tables(tmp_path: Path):
    subprocess.run([sys.executable, CORPUS / "make.py", tmp_path], check=True)
    for name in ("scanner.csv", "patch-log.jsonl", "expected.json"):
        assert (tmp_path / name).read_bytes() == (CORPUS / name).read_bytes()
    # Other versions of the writers may write other bytes of the same cells.
    assert pl.read_parquet(tmp_path / "tickets.parquet").equals(
        pl.read_parquet(CORPUS / "tickets.parquet")
    )


def test_who_said_what_of_which_server(case: Path):
    answers = json.loads(_run(case, "asof", "2017-03-16T12:00Z", "--format", "json"))
    said: dict[str, dict[str, str]] = {}
    sure: dict[str, set[str]] = {}
    for one in answers["answers"] if isinstance(answers, dict) else answers:
        if one["attribute"] == "version" and one["said_then"]:
            host = one["subject"].removeprefix("server:").split("/")[0]
            said.setdefault(host, {})[one["source"]] = one["said_then"]["value"]
            sure.setdefault(one["source"], set()).add(one["said_then"]["certainty"])
    assert said == EXPECTED["said_then"]
    assert sure == {
        "inventory": {"possible"},
        "scanner": {"certain"},
        "patch-log": {"possible"},
        "tickets": {"possible"},
    }


def test_an_empty_cell_says_what_the_case_lets_it_say(case: Path):
    answers = recon.open(case).asof("2017-03-16T12:00Z", subjects=["server:web-01/*"])
    (finding,) = [one for one in answers if one.attribute == "finding"]
    assert finding.said_then is not None
    assert finding.said_then.value == "none"


def test_the_server_on_which_they_disagree_and_no_other(case: Path):
    output = _run(case, "reconcile", "--format", "json", code=1)
    findings = json.loads(output)["findings"]
    assert [one["subject"] for one in findings] == EXPECTED["conflicts"]
    assert [one["verdict"] for one in findings] == ["conflict"]
    assert findings[0]["witness"] == "account"


def test_the_exhibits_hold_the_rows(case: Path):
    _run(case, "reconcile", code=1)
    _run(case, "exhibits")
    subprocess.run([RECON, "verify", case], check=True, capture_output=True)
    natives = sorted((case / "productions/patches/data/NATIVES").iterdir())
    assert len(natives) == 4
    manifest = ["sha256sum", "-c", "--quiet", "manifest-sha256.txt"]
    subprocess.run(manifest, cwd=case / "productions/patches", check=True)


def test_nothing_was_unread(case: Path):
    built = json.loads((case / "timeline/built.json").read_text())
    assert built["warnings"] == []
    assert built["counts"] == {"inventory": 22, "scanner": 37, "patch-log": 10, "tickets": 10}
