"""Read a case of the corpus as ``expected.jsonl`` holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests.collectors.postgres.serverlog.reading import read_file

HERE = Path(__file__).resolve().parent
PREFIXES = {
    "plaso": ["%m [%p] ", "%m [%p] %q%u@%d ", "%t [%p-%l] %u@%d "],
    "restore": ["%m [%p] %c %x %q%u@%d/%a/%h "],
}
_SHOWN = ["citation", "kind", "subject", "attribute", "value", "actor", "names", "position"]


def lines(case: str) -> Iterator[str]:
    """One JSON object for each event, warning and file of a case."""
    for file in sorted((HERE / case).glob("*.*")):
        if file.name == "expected.jsonl":
            continue
        found = read_file(file, log_line_prefix=PREFIXES[case])
        times = (
            pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S.%6fZ") for name in ("earliest", "latest")
        )
        for row in found.events.select(*_SHOWN, *times).iter_rows(named=True):
            yield json.dumps({"file": file.name, **row}, ensure_ascii=False)
        for warning in found.warnings:
            yield json.dumps(
                {"file": file.name, "warning": warning.message, "citation": warning.citation},
                ensure_ascii=False,
            )
        yield json.dumps({"file": file.name, "summary": found.summary["value"]}, ensure_ascii=False)
