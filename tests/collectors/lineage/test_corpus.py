"""The corpus of lineage: what is read of each file, and that it can be led back to its bytes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collectors.lineage.formats import FORMATS, told
from collectors.lineage.options import NAMES
from recon import schema
from tests.collectors.lineage.lineages import Lineages

CORPUS = Path(__file__).parents[2] / "corpus/lineage"
OURS = {"options.json", "expected.jsonl"}


def corpus(folder: Path, name: str) -> Lineages:
    """All files of one format."""
    own = CORPUS / name
    files = {one.name: one.read_bytes() for one in own.iterdir() if one.name not in OURS}
    options: dict[str, Any] = {}
    if (own / "options.json").exists():
        options = json.loads((own / "options.json").read_text())
    return Lineages(folder, files, **options)


def table(read: Lineages) -> list[dict[str, Any]]:
    """What is read, as the table has it: one line an event."""
    form = "%Y-%m-%dT%H:%M:%S.%f"
    rows = [
        {
            **{
                key: row[key]
                for key in (
                    "native", "citation", "part", "kind", "subject", "attribute", "value", "digest",
                    "clock", "basis",
                )
            },
            "earliest": row["earliest"] and row["earliest"].strftime(form),
            "latest": row["latest"] and row["latest"].strftime(form),
            "actor": row["actor"],
            "names": row["names"],
        }
        for row in read.records().iter_rows(named=True)
    ]  # fmt: skip
    plain = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return [*plain, *({"warning": said} for said in read.said())]


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_read_as_its_table_says(tmp_path: Path, name: str):
    read = corpus(tmp_path, name)
    lines = (CORPUS / name / "expected.jsonl").read_text().splitlines()
    assert table(read) == [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", NAMES)
def test_every_event_leads_back_to_its_words(tmp_path: Path, name: str):
    read = corpus(tmp_path, name)
    schema.check(read.parsed.events, schema.DRAFT, "test")
    ids = read.events.select(schema.event_id())
    assert ids.n_unique() == ids.height
    for row in read.records().iter_rows(named=True):
        assert read.quote(row["item"], row["citation"])


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_told_by_what_is_in_it(name: str):
    keys = {one.name for one in (CORPUS / name).iterdir() if one.suffix in {".pem", ".crt"}}
    for one in (CORPUS / name).iterdir():
        if one.name not in OURS | keys:
            assert told(one, one.name) == name, one.name


def test_the_script_makes_the_corpus(tmp_path: Path):
    subprocess.run([sys.executable, CORPUS / "make.py", tmp_path], check=True)
    made = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert made
    for one in made:
        assert one.read_bytes() == (CORPUS / one.relative_to(tmp_path)).read_bytes()


def test_every_format_has_its_name_its_file_and_a_sample():
    assert tuple(FORMATS) == NAMES
    for name in NAMES:
        module = importlib.import_module(f"collectors.lineage.formats.{name}")
        assert "Source:" in (module.__doc__ or "")
        assert "sample" in (module.__doc__ or "")


if __name__ == "__main__":  # write the tables anew, to be read before they are kept
    import tempfile

    for each in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as scratch:
            text = "".join(json.dumps(line) + "\n" for line in table(corpus(Path(scratch), each)))
        (CORPUS / each / "expected.jsonl").write_text(text)
