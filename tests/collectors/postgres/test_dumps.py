"""Dumps, with pg_restore as the independent reader."""

from __future__ import annotations

import re
import struct
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.postgres import archive, collector, dumps
from collectors.postgres.claims import COLUMN
from recon import schema
from recon.collector import Item, Sha256, Warn
from recon.errors import BadInputError
from tests.collectors.postgres.conftest import NASTY, TABLE, Bench, Make, OneFile
from tests.servers import Postgres, binaries

pytestmark = pytest.mark.live
COLUMNS = ["model", "version", "artifact_sha256", "notes", "registered_at"]


def read(path: Path, zone: str | None = None) -> dumps.Dump:
    item = Item(Sha256("0" * 64), "db", "pg.dump", path.name, path.stat().st_size, "", 1)
    found = dumps.read_dump(item, path, zone)
    assert isinstance(found, dumps.Dump), found
    return found


def rows(path: Path) -> tuple[pl.DataFrame | None, list[str]]:
    schema, table = TABLE.split(".")
    frame, warnings = dumps.table_rows(read(path), schema, table, COLUMNS)
    return frame, [warning.message for warning in warnings]


def restored(path: Path) -> list[str]:
    """The COPY lines of the table, as pg_restore prints them."""
    folder = binaries()
    assert folder is not None
    schema, table = TABLE.split(".")
    printed = subprocess.run(
        [folder / "pg_restore", "-a", "-n", schema, "-t", table, "-f", "-", path],
        check=True,
        capture_output=True,
    ).stdout.decode()
    body = re.search(r"^COPY .*?\n(.*?)^\\\.\n", printed, re.DOTALL | re.MULTILINE)
    assert body is not None
    return body.group(1).split("\n")[:-1]


@pytest.mark.parametrize("options", [(), ("-Z0",), ("-Z9",), ("--encoding=LATIN1", "-T", "x")])
def test_rows_are_those_of_pg_restore(server: Postgres, options: tuple[str, ...]) -> None:
    if "--encoding=LATIN1" in options:
        # The story holds characters that Latin-1 has not.
        server.psql("create database narrow")
        dsn = server.dsn.replace("@/postgres", "@/narrow")
        server.psql(
            "create schema ml; create table ml.lineage (model text, version text, "
            "artifact_sha256 text, notes text, registered_at timestamptz);"
            "insert into ml.lineage values ('é', 'ÿ', null, 'ü', now())",
            dsn=dsn,
        )
    else:
        dsn = server.dsn
    target = server.folder / "one.dump"
    server.run("pg_dump", "-Fc", *options, "-f", target, dsn)
    frame, warnings = rows(target)
    assert frame is not None
    assert warnings == []
    if "--encoding=LATIN1" in options:
        server.psql("drop database narrow")
        assert frame[COLUMN + "model"].to_list() == ["é"]
        assert frame[COLUMN + "version"].to_list() == ["ÿ"]
    else:
        assert frame["text"].to_list() == restored(target)


def test_values_are_those_of_the_table(exports: Path) -> None:
    frame, _ = rows(exports / "lineage.dump")
    assert frame is not None
    nasty = frame.filter(pl.col(COLUMN + "model") == "nasty")
    assert nasty[COLUMN + "notes"].to_list() == NASTY
    assert nasty[COLUMN + "artifact_sha256"].null_count() == len(NASTY)
    assert frame["citation"][0] == "row ml.lineage 1"


def test_contents_are_those_of_pg_restore(exports: Path) -> None:
    folder = binaries()
    assert folder is not None
    path = exports / "lineage.dump"
    listed = subprocess.run(
        [folder / "pg_restore", "-l", path],
        check=True,
        capture_output=True,
        text=True,
        env={"TZ": "UTC"},
    ).stdout
    found = read(path).archive
    assert f"; Archive created at {found.created:%Y-%m-%d %H:%M:%S} UTC" in listed
    assert f"TOC Entries: {len(found.entries)}\n" in listed
    assert f"Dumped from database version: {found.server}\n" in listed
    table = found.find("TABLE", "ml", "lineage")
    assert table is not None
    assert f"\n{table.number}; 1259 {table.oid} TABLE ml lineage postgres\n" in listed


def test_a_dump_through_a_pipe_has_no_offsets(server: Postgres, tmp_path: Path) -> None:
    command = [str(server.bin / "pg_dump"), "-Fc", server.dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        path = tmp_path / "piped.dump"
        path.write_bytes(process.stdout.read())
    entry = read(path).archive.find("TABLE DATA", "ml", "lineage")
    assert entry is not None
    assert entry.offset is None
    frame, _ = rows(path)
    assert frame is not None
    assert frame["text"].to_list() == restored(path)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--schema-only", "its definition alone"),
        ("--exclude-table-data=ml.lineage", "its definition alone"),
        ("--exclude-table=ml.lineage", "no table of that name"),
        ("--inserts", "without --inserts"),
    ],
)
def test_a_dump_without_the_rows_says_nothing_of_them(
    server: Postgres, option: str, message: str
) -> None:
    target = server.folder / "part.dump"
    server.run("pg_dump", "-Fc", option, "-f", target, server.dsn)
    frame, warnings = rows(target)
    assert frame is None
    assert message in warnings[0]


def test_the_time_of_a_dump_has_no_zone(exports: Path) -> None:
    wide = read(exports / "lineage.dump")
    assert (wide.latest - wide.earliest).total_seconds() == pytest.approx(26 * 3600 + 1, abs=0.1)
    known = read(exports / "lineage.dump", "UTC")
    assert (known.latest - known.earliest).total_seconds() == pytest.approx(1, abs=0.1)
    assert wide.earliest < known.earliest < known.latest < wide.latest
    assert known.earliest.tzinfo == UTC


@pytest.mark.parametrize(("daylight", "first", "hours"), [(1, 0, 0), (0, 1, 0), (-1, 0, 1)])
def test_the_autumn_hour_comes_twice(exports: Path, daylight: int, first: int, hours: int) -> None:
    """2:30 on 25 October 2026 in Berlin is 0:30 UTC, and 1:30 UTC an hour later."""
    found = read(exports / "lineage.dump").archive
    fields = {name: getattr(found, name) for name in found.__slots__}
    fields |= {"created": datetime(2026, 10, 25, 2, 30), "daylight": daylight}  # noqa: DTZ001
    earliest, latest = dumps.begun(archive.Archive(**fields), "Europe/Berlin")
    assert earliest == datetime(2026, 10, 25, first, 30, tzinfo=UTC)
    assert (latest - earliest).total_seconds() == pytest.approx(hours * 3600 + 1, abs=0.1)


@cache
def sample(path: Path) -> bytes:
    return path.read_bytes()


def refused(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "bad.dump"
    path.write_bytes(data)
    item = Item(Sha256("0" * 64), "db", "pg.dump", "bad.dump", len(data), "", 1)
    found = dumps.read_dump(item, path, None)
    assert isinstance(found, Warn)
    assert found.severity == "error"
    return found.message


def test_a_newer_dump_is_named(exports: Path, tmp_path: Path) -> None:
    data = bytearray(sample(exports / "lineage.dump"))
    data[6] = 17
    message = refused(tmp_path, bytes(data))
    assert "1.17.0, of a newer pg_dump" in message
    assert "pg_restore of that version" in message


def test_other_formats_are_named(exports: Path, tmp_path: Path) -> None:
    data = bytearray(sample(exports / "lineage.dump"))
    data[10] = 5
    assert "directory (-Fd)" in refused(tmp_path, bytes(data))
    assert "first bytes PGDMP" in refused(tmp_path, b"-- PostgreSQL database dump\n")
    data[10], data[6] = 1, 5
    assert "archive version 1.5.0" in refused(tmp_path, bytes(data))


def test_a_lying_length_reads_nothing_past_the_file(exports: Path, tmp_path: Path) -> None:
    """The first string of the contents says that it is 1 GiB long."""
    data = bytearray(sample(exports / "lineage.dump"))
    at = data.index(b"postgres") - 5
    assert data[at : at + 5] == b"\x00" + struct.pack("<I", 8)
    data[at : at + 5] = b"\x00" + struct.pack("<I", 1 << 30)
    assert "a length of 1073741824" in refused(tmp_path, bytes(data))
    data[at : at + 5] = b"\x00" + struct.pack("<I", 1 << 20)
    assert "before the end of the file" in refused(tmp_path, bytes(data))


@given(share=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_cut_off_dump_never_gives_a_shorter_table(
    exports: Path, tmp_path: Path, share: float
) -> None:
    data = sample(exports / "lineage.dump")
    whole, _ = rows(exports / "lineage.dump")
    assert whole is not None
    path = tmp_path / "cut.dump"
    path.write_bytes(data[: int(len(data) * share)])
    item = Item(Sha256("0" * 64), "db", "pg.dump", "cut.dump", 1, "", 1)
    found = dumps.read_dump(item, path, None)
    if isinstance(found, dumps.Dump):
        frame, warnings = dumps.table_rows(found, "ml", "lineage", COLUMNS)
        assert (frame is None and warnings) or (frame is not None and frame.equals(whole))


@given(
    at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), zone=st.sampled_from(["UTC", None])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_flipped_bit_raises(
    exports: Path, tmp_path: Path, at: float, bit: int, zone: str | None
) -> None:
    data = bytearray(sample(exports / "lineage.dump"))
    data[int(len(data) * at)] ^= 1 << bit
    path = tmp_path / "flipped.dump"
    path.write_bytes(data)
    item = Item(Sha256("0" * 64), "db", "pg.dump", "flipped.dump", 1, "", 1)
    source = Bench(tmp_path, {"dump": "x", "dump_zone": zone}).source
    parsed = collector.parse(source, OneFile(item, path))
    schema.check(parsed.events, schema.DRAFT, "test").collect()


@settings(deadline=None)
@given(
    values=st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8")), min_size=1)
)
def test_copy_text_is_undone(values: list[str]) -> None:
    """COPY, Text Format: backslash, the column's tab and C's control letters are escaped."""
    letters = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
    letters |= {"\t": "\\t", "\v": "\\v"}
    written = ["".join(letters.get(c, c) for c in value) for value in values]
    frame = pl.DataFrame({"field": [*written, "\\N"]})
    assert frame.select(dumps.unescape(pl.col("field"))).to_series().to_list() == [*values, None]


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (
            'COPY ml.lineage (model, "Odd ""name""", "a, b (c)") FROM stdin;\n',
            ["model", 'Odd "name"', "a, b (c)"],
        ),
        ('COPY "a (b".t (x) FROM stdin;', ["x"]),
    ],
)
def test_column_names(statement: str, names: list[str]) -> None:
    assert dumps.copy_columns(statement) == names


@pytest.mark.parametrize("statement", ["", "INSERT INTO x", "COPY x () FROM stdin;", "COPY x FROM"])
def test_no_column_names(statement: str) -> None:
    with pytest.raises(BadInputError):
        dumps.copy_columns(statement)


def test_a_dump_gives_what_a_capture_gives(exports: Path, bench: Make) -> None:
    """The claims of one row are the same, whether it was captured or dumped."""
    case = bench(dump=str(exports / "lineage.dump"), capture=str(exports / "capture"))
    assert case.acquire().failures == []
    dump = case.item("lineage.dump").sha256
    claims = case.events("claim")
    same = ["subject", "attribute", "value", "digest", "clock", "earliest", "latest", "actor"]
    one = claims.filter(item=dump).select(same).sort(same)
    other = claims.filter(pl.col("item") != dump).select(same).sort(same)
    assert one.height > 10
    assert one.equals(other)
