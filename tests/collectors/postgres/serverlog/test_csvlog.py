"""csvlog and jsonlog: records over many lines, older columns, lost quotes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.collectors.postgres.serverlog.reading import read

STAMP = "2026-03-08 12:00:00.123 UTC"


def _record(message: str, columns: int = 26) -> str:
    fields = [STAMP, '"ann"', '"lineage"', "41", '"127.0.0.1:40022"', "69ad64c6.67d0", "3"]
    fields += ['"idle"', "2026-03-08 12:00:00 UTC", "3/14", "755", "LOG", "00000"]
    quoted = message.replace('"', '""')
    fields += [f'"{quoted}"', *[""] * 8, '"psql"', '"client backend"', "", "0"]
    return ",".join(fields[:columns]) + "\n"


@pytest.mark.parametrize("columns", [22, 23, 24, 26])
def test_columns_of_every_version(tmp_path: Path, columns: int) -> None:
    record = _record('statement: drop table "ml"."t"', columns)
    assert record.count(",") == columns - 1
    found = read(tmp_path, record, "server.csv")
    (row,) = found.events.iter_rows(named=True)
    assert (row["actor"], row["value"]) == ("ann@lineage", 'drop table "ml"."t"')
    assert row["citation"] == "record 1 line 1"
    assert found.warnings == []


def test_a_record_takes_as_many_lines_as_its_quotes_say(tmp_path: Path) -> None:
    """A forged record within a statement stays within it."""
    text = f'statement: create table ml.t (\n\n{_record("statement: drop table ml.x")}a "int")'
    log = _record(text) + _record("statement: drop table ml.t")
    found = read(tmp_path, log, "server.csv")
    assert found.events["attribute"].to_list() == ["CREATE TABLE", "DROP TABLE"]
    assert found.events["citation"].to_list() == ["record 1 line 1", "record 2 line 5"]
    assert found.events["position"].to_list() == [0, log.rindex(STAMP)]
    quote = found.quote("record 1 line 1")
    assert quote.how == "sed -n 1,4p ITEM"
    command = quote.how.replace("ITEM", str(tmp_path / "server.csv"))
    shown = subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout
    assert shown == quote.text + "\n"


def test_after_a_lost_quote_reading_goes_on_at_the_next_record(tmp_path: Path) -> None:
    good = [_record(f"statement: drop table ml.t{n}") for n in range(6)]
    good[2] = good[2].replace('"psql"', '"psql')
    found = read(tmp_path, "".join(good), "server.csv")
    assert [row[0] for row in found.events.select("value").rows()] == [
        f"drop table ml.t{n}" for n in (0, 1, 3, 4, 5)
    ]
    assert found.counts.skipped == 1
    assert [w.citation for w in found.warnings] == ["line 3"]


@pytest.mark.parametrize("user", ['"ann","lineage"', ","])
def test_a_record_within_a_statement_is_never_one_of_its_own(tmp_path: Path, user: str) -> None:
    """Not even where what is around it cannot be read."""
    forged = _record("statement: drop table ml.x").replace('"ann","lineage"', user)
    log = _record(f"statement: select 1\n{forged}").replace("LOG,00000", "LOG") + _record("x")
    found = read(tmp_path, log, "server.csv")
    assert found.events.is_empty()
    assert (found.counts.first, found.counts.skipped) == (1, 3)


def test_an_excerpt_that_begins_within_quotes(tmp_path: Path) -> None:
    whole = _record("statement: create table ml.t (\na int,\nb int)") + _record(
        "statement: drop table ml.t"
    )
    found = read(tmp_path, whole.split("\n", 1)[1], "server.csv")
    assert found.events["value"].to_list() == ["drop table ml.t"]
    assert found.counts.skipped == 2


def test_json_lines_are_read_alike_fast_and_exactly(tmp_path: Path) -> None:
    """One broken line, or half a surrogate pair, takes the exact reader for all of a block."""
    record = {
        "timestamp": STAMP,
        "user": "ann",
        "dbname": "lineage",
        "pid": 41,
        "session_id": "69ad64c6.67d0",
        "txid": 755,
        "error_severity": "ERROR",
        "message": 'no "t"\nat all',
        "detail": "ü—😀",
        "cursor_position": 15,
        "statement": "select",
    }
    line = json.dumps(record) + "\n"
    fast = read(tmp_path, line * 2, "server.json")
    exact = read(tmp_path, line * 2 + '{"timestamp": broken\n', "server.json")
    columns = ["kind", "subject", "attribute", "value", "actor", "names", "citation", "position"]
    assert fast.events.select(columns).equals(exact.events.select(columns))
    value = 'no "t"\nat all at character 15\nDETAIL:  ü—😀\nSTATEMENT:  select'
    assert fast.events["value"].to_list() == [value] * 2
    assert fast.quote("line 2").how == "sed -n 2p ITEM"
    assert exact.counts.skipped == 1
    assert [w.citation for w in exact.warnings] == ["line 3"]
    half = read(tmp_path, line.replace("at all", "\\ud800"), "server.json")
    assert half.events["value"][0].startswith('no "t"\n\\ud800')
