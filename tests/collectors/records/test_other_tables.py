"""Parquet and JSON lines as tables."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from collectors import parquetpages
from recon.errors import BadInputError
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


def test_parquet_that_unpacks_to_more_than_it_should_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A page, and a text of a dictionary that all rows name: each some hundred bytes."""
    page = parquet(host=["a"], at=["2017-03-09T10:00:00Z"], patch=["0" * (4 << 20)])
    many = [f"{'0' * 1000}{n % 2}" for n in range(5000)]
    rows = parquet(host=many, at=["2017-03-09T10:00:00Z"] * 5000, patch=["x"] * 5000)
    assert max(len(page), len(rows)) < 20_000
    monkeypatch.setattr(parquetpages, "MOST_UNPACKED", 1 << 20)
    monkeypatch.setattr(parquetpages.check, "__defaults__", (None, 1 << 20, 20_000_000))
    for name, data, said in (
        ("page", page, "expected at most 1048576 bytes unpacked, found more"),
        ("rows", rows, "bytes of text in all rows; found more from row 1 on"),
    ):
        table = Table(tmp_path / name, data, format="parquet", columns=COLUMNS)
        (warning,) = [one for one in table.parsed.warnings if one.severity == "error"]
        assert said in warning.message
        assert table.claims().is_empty()
    table = Table(
        tmp_path / "other", page, format="parquet", columns={"subject": "{host}", "time": "at"}
    )
    assert table.rows()["subject"].to_list() == ["a"], "what is not read may be of any size"
    assert table.quote("row 1").how.startswith('duckdb -line -c "SELECT \\"host\\", \\"at\\" FROM')


def test_parquet_whose_parts_contradict_each_other_is_refused(tmp_path: Path):
    """A column chunk of no values in a group of nine rows: its reader panics."""
    whole = parquet(host=["a"] * 9, at=["2017-03-09T10:00:00Z"] * 9, patch=["x"] * 9)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    rows, chunk, rest = whole[footer:].split(b"\x16\x12", 2)
    odd = whole[:footer] + rows + b"\x16\x12" + chunk + b"\x16\x00" + rest
    table = Table(tmp_path, odd, format="parquet", columns=COLUMNS)
    (warning,) = table.parsed.warnings
    assert warning.severity == "error"
    with pytest.raises(BadInputError):
        table.quote("row 1")


def thrift(value: object) -> bytes:
    """Its compact protocol, of small numbers: a field's head, which here always names its id."""
    if isinstance(value, int):
        return bytes([value << 1]) if value < 64 else bytes([value << 1 & 0x7F | 0x80, value >> 6])
    if isinstance(value, bytes):
        return bytes([len(value)]) + value
    if isinstance(value, list):
        return bytes([len(value) << 4 | KINDS[type(value[0])]]) + b"".join(map(thrift, value))
    assert isinstance(value, dict)
    fields = (bytes([KINDS[type(one)], at << 1]) + thrift(one) for at, one in value.items())
    return b"".join(fields) + b"\0"


KINDS = {int: 6, bytes: 8, list: 9, dict: 12}
PAGE = thrift({1: 0, 2: 100, 3: 0, 5: {1: 9}})


def pages_of(path: Path, body: bytes, **chunk: int) -> None:
    """A file of one column, as far as its pages are added up."""
    of = {3: [b"a"], 5: 9, 7: len(body), 9: 4} | {int(at[1:]): n for at, n in chunk.items()}
    footer = thrift({4: [{1: [{3: of}]}]})
    path.write_bytes(b"PAR1" + body + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def test_pages_are_added_up_from_wherever_a_reader_begins(tmp_path: Path):
    """Polars begins at a chunk's dictionary, and others at the first of its two places."""
    path = tmp_path / "x"
    large = thrift({1: 0, 2: 8000, 3: 0, 5: {1: 9}})
    pages_of(path, PAGE + large)
    parquetpages.check(path, None, 4000)
    pages_of(path, PAGE + large, f11=4)
    parquetpages.check(path, None, 4000)
    for place in (4 + len(PAGE), 0):
        pages_of(path, PAGE + large, f11=place)
        with pytest.raises(parquetpages.TooMuchError, match="expected a dictionary in front"):
            parquetpages.check(path, None, 4000)


def test_a_field_that_stands_twice_is_refused(tmp_path: Path):
    """Readers take the first of them, the last, or that of the type that they know."""
    path = tmp_path / "x"
    pages_of(path, PAGE[:-1] + b"\x06\x04\x02" + b"\0")
    with pytest.raises(parquetpages.TooMuchError, match="found one twice"):
        parquetpages.check(path)


def test_what_describes_pages_is_bounded_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Empty structs of a byte each, and a long header that all chunks share."""
    path = tmp_path / "x"
    long = thrift({1: 0, 2: 100, 3: 0, 5: {1: 9}, 9: [b"x" * 100] * 14})
    pages_of(path, long)
    with pytest.raises(parquetpages.TooMuchError, match="expected at most 1200 bytes"):
        parquetpages.check(path, None, 1200)
    monkeypatch.setattr(parquetpages, "_MOST_PARTS", 19)
    pages_of(path, thrift({1: 0, 2: 100, 3: 0, 5: {1: 9}}))
    parquetpages.check(path)
    pages_of(path, thrift({1: 0, 2: 100, 3: 0, 5: {1: 9}, 9: [{}] * 14}))
    with pytest.raises(parquetpages.TooMuchError, match="expected a footer of at most 19 parts"):
        parquetpages.check(path)
    # Four pages of five parts each: what one page may have is no more than all may have.
    pages_of(path, thrift({1: 0, 2: 100, 3: 0, 5: {1: 2}}) * 4)
    with pytest.raises(parquetpages.TooMuchError, match="expected a footer of at most 19 parts"):
        parquetpages.check(path)


@pytest.mark.parametrize("cut", [1, 5, 9, 40])
def test_a_footer_that_is_cut_or_altered_is_refused_before_it_is_read(tmp_path: Path, cut: int):
    whole = parquet(host=["a"] * 9, at=["2017-03-09T10:00:00Z"] * 9, patch=["x"] * 9)
    path = tmp_path / "x.parquet"
    path.write_bytes(whole)
    parquetpages.check(path)
    path.write_bytes(whole[:-cut])
    with pytest.raises(parquetpages.TooMuchError):
        parquetpages.check(path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with contextlib.suppress(parquetpages.TooMuchError):
            parquetpages.check(path)


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
