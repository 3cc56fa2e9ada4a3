"""The corpus of traps: what is read of each line, and that nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

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
