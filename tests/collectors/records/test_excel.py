"""Workbooks: values as Excel shows them, and what is hidden, merged or computed."""

from __future__ import annotations

import io
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.records import workbook as workbook_
from collectors.records.workbook import MAX_CELLS, column_name
from tests.collectors.records.tables import Table
from tests.collectors.records.workbooks import HEAD, workbook


def excel(folder: Path, data: bytes, **more: Any) -> Table:
    return Table(folder, data, format="excel", zone="UTC", **more)


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_of_both_calendars(tmp_path: Path, since_1904: bool):  # noqa: FBT001  (a parameter)
    def write(book: Any) -> None:
        sheet = book.add_worksheet("Inventory")
        sheet.write_row(0, 0, HEAD)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        second = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(1, 0, ["a", "b", 2.0])
        sheet.write_datetime(1, 3, datetime(2017, 3, 9), day)  # noqa: DTZ001  (a workbook has no zone)
        sheet.write_row(2, 0, ["a", "c", 2.5])
        sheet.write_datetime(2, 3, datetime(2017, 3, 9, 10, 0, 30), second)  # noqa: DTZ001  (as above)
        sheet.write_row(3, 0, ["a", "d", True, 42803.41])
        sheet.write_row(4, 0, ["a", "e", "x", "2017-03-09 10:00"])

    table = excel(tmp_path, workbook(write, date_1904=since_1904))
    rows = table.rows()
    assert rows["citation"].to_list() == [f"row {n} of sheet Inventory" for n in (2, 3, 4, 5)]
    assert rows["earliest"].to_list() == [
        datetime(2017, 3, 9, tzinfo=UTC),
        datetime(2017, 3, 9, 10, 0, 30, tzinfo=UTC),
        None,
        datetime(2017, 3, 9, 10, tzinfo=UTC),
    ]
    assert rows["latest"].to_list()[0] == datetime(2017, 3, 9, 23, 59, 59, 999_999, tzinfo=UTC)
    assert table.claims()["value"].to_list() == ["2", "2.5", "true", "x"]
    said = [line for line in table.said() if "1904" not in line]
    assert len(table.said()) - len(said) == since_1904
    assert len(said) == 1
    assert said[0].startswith("row 4 of sheet Inventory: expected a time")
    assert "42803.41" in said[0]


def test_what_is_hidden_merged_computed_or_wrong_is_said(tmp_path: Path):
    def write(book: Any) -> None:
        sheet = book.add_worksheet("A b's")
        sheet.write_row(0, 0, HEAD)
        sheet.merge_range("A2:A3", "web-01")
        sheet.write_row(1, 1, ["p", "1", "2017-03-09"])
        sheet.write_row(2, 1, ["q", "2", "2017-03-09"])
        sheet.write_row(3, 0, ["web-02", "p", "", "2017-03-09"])
        sheet.write_formula(3, 2, '=CONCAT("2.",3)', None, "2.3")
        sheet.write_row(4, 0, ["web-03", "p", "", "2017-03-09"])
        sheet.write_formula(4, 2, "=1/0", None, "#DIV/0!")
        sheet.write_row(5, 0, ["web-04", "p", "1", "2017-03-09"])
        sheet.set_row(5, None, None, {"hidden": True})
        sheet.set_column("C:C", None, None, {"hidden": True})
        other = book.add_worksheet("Old")
        other.write_row(0, 0, HEAD)
        other.write_row(1, 0, ["web-05", "p", "0", "2016-01-01"])
        other.hide()
        book.add_worksheet("Notes").write(0, 0, "nothing here")

    table = excel(tmp_path, workbook(write))
    assert table.rows()["subject"].to_list() == [
        "server:web-01/p", "server:web-01/q", "server:web-02/p", "server:web-03/p",
        "server:web-04/p", "server:web-05/p",
    ]  # fmt: skip
    assert table.claims()["value"].to_list() == ["1", "2", "2.3", "1", "0"]
    said = "\n".join(table.said())
    for words in (
        "row 2 of sheet A b's: expected a value in each cell; found A2:A3 merged",
        "row 4 of sheet A b's: expected values; found formulas in C4; read is what was last",
        "row 5 of sheet A b's: expected values; found errors in C5; read as empty",
        "row 6 of sheet A b's: expected a row that is shown; found a hidden one",
        "found 'Version' hidden",
        "found hidden sheet 'Old'; its rows are read",
        "sheet 'Notes': expected a column 'Server'; found the headings 'nothing here'; the",
    ):
        assert words in said
    assert len(table.said()) == 7


def test_an_ordinary_workbook_is_read_without_a_word(tmp_path: Path):
    def write(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(2, 0, HEAD)
        sheet.write_row(4, 0, ["web-01", "=1+1&cmd|x", "\x1b[2J", "2017-03-09"])
        sheet.write_string(4, 1, "=1+1")

    table = excel(tmp_path, workbook(write), header=3)
    assert table.said() == []
    (claim,) = table.claims().iter_rows(named=True)
    assert (claim["subject"], claim["value"]) == ("server:web-01/=1+1", "\x1b[2J")
    assert claim["citation"] == "row 5 of sheet Sheet1"


def test_a_row_is_quoted_and_its_command_shows_it(tmp_path: Path):
    def write(book: Any) -> None:
        sheet = book.add_worksheet("It's")
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ["web-01", "p", 2.5, "2017-03-09"])

    table = excel(tmp_path, workbook(write))
    quote = table.quote("row 2 of sheet It's")
    assert quote.text == "web-01\tp\t2.5\t2017-03-09"
    assert not quote.verbatim
    (item,) = table.items
    command = quote.how.replace("ITEM", str(table.items.path(item))).split(" | ")[0]
    shown = subprocess.run(command, shell=True, check=True, capture_output=True).stdout  # noqa: S602
    assert b'<row r="2"' in shown
    assert b"<v>2.5</v>" in shown


def test_only_the_sheets_that_are_named(tmp_path: Path):
    def write(book: Any) -> None:
        for name in ("A", "B"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEAD)
            sheet.write_row(1, 0, [name, "p", "1", "2017-03-09"])

    table = excel(tmp_path / "1", workbook(write), sheets=["B"])
    assert table.rows()["subject"].to_list() == ["server:B/p"]
    assert "found sheet 'A', which the case does not name" in table.said()[0]
    assert "expected a sheet 'C'; found 'A', 'B'" in excel(
        tmp_path / "2", workbook(write), sheets=["C"]
    ).said()[0]  # fmt: skip


def _zip(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return out.getvalue()


def _minimal(sheet: str) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", sheet.replace("MAIN", main))
    return out.getvalue()


_CELL = '<c r="{}" t="inlineStr"><is><t>x</t></is></c>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no workbook", "found a file that is none"),
        (_zip(a="b"), "found a zip file that is none"),
        (
            _minimal(
                '<worksheet xmlns="MAIN"><sheetData><row r="1">' + _CELL.format("A1")
                + '</row><row r="1048576">' + _CELL.format("XFD1048576")
                + "</row></sheetData></worksheet>"
            ),
            f"expected a sheet of at most {MAX_CELLS} cells",
        ),
        (_minimal('<worksheet xmlns="MAIN"><sheetData><row'), "expected XML in a workbook"),
        (
            _minimal(
                '<!DOCTYPE w [<!ENTITY a "x">]><worksheet xmlns="MAIN"><sheetData><row r="1">'
                '<c r="!!"/></row></sheetData></worksheet>'
            ),
            "expected a cell such as B12",
        ),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_refused_by_name(tmp_path: Path, data: bytes, said: str):
    table = excel(tmp_path, data)
    assert table.rows().is_empty()
    (warning,) = table.parsed.warnings
    assert warning.severity == "error"
    assert said in warning.message
    assert "table" in warning.message


def test_a_file_that_expands_without_end_is_refused(tmp_path: Path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(
        "xl/workbook.xml", "w", force_zip64=True
    ) as part:  # fmt: skip
        for _ in range(513):
            part.write(bytes(1 << 20))
    table = excel(tmp_path, out.getvalue())
    assert "bytes unpacked; found a larger one" in table.said()[0]


def test_elements_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_, "_MOST_BETWEEN", 100)
    data = _minimal('<worksheet xmlns="MAIN"><sheetData/>' + "<a/>" * 200 + "</worksheet>")
    assert "found 100 elements without one" in excel(tmp_path, data).said()[0]


def test_a_text_that_very_many_cells_share_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def write(book: Any) -> None:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, HEAD)
        for row in range(1, 40):
            sheet.write_row(row, 0, ["x" * 10_000, "p", "1", "2026-03-08"])

    data = workbook(write)
    assert excel(tmp_path / "few", data).rows().height
    monkeypatch.setattr(workbook_, "MAX_UNPACKED", 200_000)
    table = excel(tmp_path / "many", data)
    assert table.rows().is_empty()
    assert "200000 characters; found more" in table.said()[0]


@pytest.mark.parametrize("at", range(0, 5000, 311))
def test_a_damaged_workbook_never_crashes(tmp_path: Path, at: int):
    def write(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ["web-01", "p", 2.5, "2017-03-09"])

    data = bytearray(workbook(write))
    data[at % len(data)] ^= 0x55
    excel(tmp_path, bytes(data))


def test_names_of_columns():
    assert [column_name(at) for at in (0, 25, 26, 701, 702, 16_383)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
        "XFD",
    ]


@pytest.mark.parametrize("long", [False, True])
def test_merged_cells_that_take_more_room_than_the_sheet_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    long: bool,  # noqa: FBT001  (a parameter)
):
    """Ranges over each other; and one text for very many cells."""

    def write(book: Any) -> None:
        sheet = book.add_worksheet("A")
        sheet.write_row(0, 0, HEAD)
        sheet.merge_range("A2:D9", "x" * 30_000)

    data = workbook(write)
    if long:
        monkeypatch.setattr("collectors.records.excel.MAX_UNPACKED", 100_000)
    else:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for one in old.infolist():
                body = old.read(one)
                merge = b'<mergeCell ref="A2:D9"/>'
                new.writestr(one, body.replace(merge, merge * 50))
        data = out.getvalue()
    table = excel(tmp_path, data)
    assert table.claims().is_empty()
    assert "expected merged cells that do not overlap" in table.said()[0]
