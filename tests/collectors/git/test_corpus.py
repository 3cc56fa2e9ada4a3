"""The corpus of odd objects: read from raw items, as another program would have stored them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from collectors.git import GitClaim, GitOptions, collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence

CORPUS = Path(__file__).parents[2] / "corpus/git/odd_objects"
COLUMNS = ("kind", "digest", "actor", "clock", "names")


def test_odd_objects_are_read_as_the_table_says(tmp_path: Path):
    claim = GitClaim(ref="refs/tags/{model}-v{version}", subject="model:{model}@{version}")
    source = Source("code", "git", "platform", GitOptions(path="x"), (claim,), tmp_path)
    evidence = Evidence(tmp_path)

    def store(acquisition: Acquiring) -> None:
        for name in ("objects", "refs"):
            acquisition.store_file(f"x#{name}", f"git.{name}", CORPUS / name)

    Acquiring(evidence, source).run(store)
    parsed = collector.parse(source, CaseItems(evidence, "code"))
    events = parsed.events.collect()
    found = {}
    for row in events.iter_rows(named=True):
        if row["kind"] in {"git.commit", "git.tag"}:
            start = row["earliest"]
            seconds = None if start is None else round((start - EPOCH).total_seconds())
            found[row["digest"]] = {**{name: row[name] for name in COLUMNS}, "seconds": seconds}
    lines = (CORPUS / "expected.jsonl").read_text().splitlines()
    expected = {row["digest"]: row for row in map(json.loads, lines)}
    assert found == expected
    (released,) = events.filter(kind="claim").iter_rows(named=True)
    assert released["subject"] == "model:credit-risk@1"
    assert released["earliest"] == datetime.fromtimestamp(1771063000, UTC)
    assert len(released["names"]) == 3, "both tags, and the commit"
    undated = [w for w in parsed.warnings if "undated" in w.message]
    assert len(undated) == 2


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_the_script_makes_the_corpus(tmp_path: Path):
    shutil.copy(CORPUS / "make.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "make.py"], check=True)
    for name in ("objects", "refs", "expected.jsonl"):
        assert (tmp_path / name).read_bytes() == (CORPUS / name).read_bytes()
