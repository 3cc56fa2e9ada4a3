"""The corpus of traps: what is read of each line, and that nothing is lost."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.deploylog.formats import FORMATS
from collectors.deploylog.options import NAMES
from tests.collectors.deploylog.formats import Logs
from tests.collectors.deploylog.logs import Log

CORPUS = Path(__file__).parents[2] / "corpus/deploylog/traps"


def test_traps_are_read_as_the_table_says(tmp_path: Path):
    log = Log(tmp_path, (CORPUS / "deploys.jsonl").read_bytes())
    form = "%Y-%m-%dT%H:%M:%S.%f"
    found = [
        {
            "line": int(row["citation"].removeprefix("line ")),
            "kind": row["kind"],
            "earliest": row["earliest"] and row["earliest"].strftime(form),
            "latest": row["latest"] and row["latest"].strftime(form),
            "position": row["position"],
            "names": row["names"] or [],
        }
        for row in log.records().iter_rows(named=True)
    ]
    lines = (CORPUS / "expected.jsonl").read_text().splitlines()
    assert found == [json.loads(line) for line in lines]


def test_the_script_makes_the_corpus(tmp_path: Path):
    shutil.copy(CORPUS / "make.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "make.py"], check=True)
    for name in ("deploys.jsonl", "expected.jsonl"):
        assert (tmp_path / name).read_bytes() == (CORPUS / name).read_bytes()


FORMATS_ = CORPUS.parent / "formats"
OURS = {"options.json", "expected.jsonl", "LICENSE-lnav.txt"}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "jsonl"])
def test_a_format_is_read_as_its_table_says(tmp_path: Path, name: str):
    folder = FORMATS_ / name
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name not in OURS}
    logs = Logs(tmp_path, files, **json.loads((folder / "options.json").read_text()))
    form = "%Y-%m-%dT%H:%M:%S.%f"
    found = [
        {
            **{key: row[key] for key in ("citation", "part", "kind", "subject")},
            "earliest": row["earliest"] and row["earliest"].strftime(form),
            "latest": row["latest"] and row["latest"].strftime(form),
            "clock": row["clock"],
            "actor": row["actor"],
        }
        for row in logs.records().iter_rows(named=True)
    ]
    lines = (folder / "expected.jsonl").read_text().splitlines()
    assert found == [json.loads(line) for line in lines]
    for row in logs.records().iter_rows(named=True):
        assert logs.quote(row["item"], row["citation"])


def test_the_script_makes_the_corpus_of_formats(tmp_path: Path):
    subprocess.run([sys.executable, FORMATS_ / "make.py", tmp_path], check=True)
    for made in tmp_path.rglob("*.*"):
        assert made.read_bytes() == (FORMATS_ / made.relative_to(tmp_path)).read_bytes()


def test_every_format_has_its_name_its_file_and_a_sample():
    assert tuple(FORMATS) == NAMES
    for name in NAMES:
        module = importlib.import_module(f"collectors.deploylog.formats.{name}")
        assert "Source:" in (module.__doc__ or "") or name == "jsonl"
        assert "sample" in (module.__doc__ or "")
