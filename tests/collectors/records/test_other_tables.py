"""Parquet and JSON lines as tables."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.collectors.records.tables import Table

COLUMNS = {"subject": "server:{host}", "time": "at", "attributes": {"patch": "patch"}}


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("at", "width"),
    [
        (pl.Series([datetime(2017, 3, 9, 10, tzinfo=UTC)], dtype=pl.Datetime("ms", "UTC")), 999),
        (pl.Series([datetime(2017, 3, 9, 10, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")), 0),
        (pl.Series([datetime(2017, 3, 9, 10, tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC")), 0),
        (pl.Series([1489053600]), 999_999),
        (pl.Series(["2017-03-09T10:00:00Z"]), 999_999),
    ],
)
def test_parquet_of_every_type_of_time(tmp_path: Path, at: pl.Series, width: int):
    table = Table(
        tmp_path, parquet(host=["a"], at=at, patch=[2.0]), format="parquet", columns=COLUMNS
    )
    (row,) = table.rows().iter_rows(named=True)
    assert row["earliest"] == datetime(2017, 3, 9, 10, tzinfo=UTC)
    assert (row["latest"] - row["earliest"]).microseconds == width
    assert table.claims()["value"].to_list() == ["2"]


def test_a_parquet_row_is_quoted_as_duckdb_shows_it(tmp_path: Path):
    data = parquet(host=["a", "b"], at=[date(2017, 3, 9)] * 2, patch=["x", None], more=[[1], [2]])
    table = Table(tmp_path, data, format="parquet", columns=COLUMNS, zone="UTC")
    assert table.rows()["citation"].to_list() == ["row 1", "row 2"]
    assert table.said() == []
    quote = table.quote("row 2")
    assert quote.text.startswith("host=b, at=2017-03-09")
    (item,) = table.items
    query = quote.how.split('"')[1].replace("ITEM", str(table.items.path(item)))
    assert duckdb.sql(query).fetchall()[0][0] == "b"


def test_what_is_no_parquet_and_what_is_no_text(tmp_path: Path):
    whole = parquet(host=["a"] * 9, at=["2017-03-09T10:00:00Z"] * 9, patch=[["x"]] * 9)
    lists = Table(tmp_path / "1", whole, format="parquet", columns=COLUMNS)
    assert "found List(String); left out" in lists.said()[0]
    assert lists.claims().is_empty()
    assert lists.rows().height == 9
    for name, data in (("2", b"PAR1 no"), ("3", whole[:-20]), ("4", b"")):
        table = Table(tmp_path / name, data, format="parquet", columns=COLUMNS)
        (warning,) = table.parsed.warnings
        assert warning.severity == "error"
        assert "expected Parquet" in warning.message


def test_json_lines(tmp_path: Path):
    rows = [
        {"host": {"name": "a"}, "at": "2017-03-09T10:00:00Z", "patch": " KB1 "},
        {"host": {"name": "b"}, "at": 1489053600, "patch": ["KB1"]},
    ]
    data = "\n".join(map(json.dumps, rows)).encode() + b'\n\n{"host": \n'
    table = Table(
        tmp_path, data, format="jsonl", columns={**COLUMNS, "subject": "server:{host.name}"}
    )
    assert table.rows()["subject"].to_list() == ["server:a", "server:b", "records:inventory"]
    assert table.claims()["value"].to_list() == ["KB1"]
    assert [line.partition(": ")[0] for line in table.said()] == ["line 4", "line 2", "", "line 3"]
    assert table.quote("line 4").text == '{"host": '
