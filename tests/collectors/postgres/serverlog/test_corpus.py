"""Raw logs and what is expected of them; see tests/corpus/postgres/serverlog/README.md."""

from __future__ import annotations

import json

import pytest

from tests.corpus.postgres.serverlog.expected import HERE, PREFIXES, lines


@pytest.mark.parametrize("case", sorted(PREFIXES))
def test_a_log_reads_as_expected(case: str) -> None:
    expected = (HERE / case / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines(case))) == list(map(json.loads, expected))


def test_a_restore_is_told_alike_by_the_three_formats() -> None:
    """But for the one message whose line ``cp`` broke, and which is named as not read."""
    rows = list(map(json.loads, lines("restore")))
    told = {
        file: [(row["kind"], row["value"]) for row in rows if row["file"] == file and "kind" in row]
        for file in ("server.log", "server.csv", "server.json")
    }
    assert told["server.csv"] == told["server.json"]
    lost = ("log.connection", "connection received: host=[local]")
    assert len(told["server.log"]) == len(told["server.csv"]) - 1
    rest = list(told["server.csv"])
    rest.remove(lost)
    assert told["server.log"] == rest
    assert any("without the prefix" in row.get("warning", "") for row in rows)
