"""stderr logs: what belongs to a message, what does not, and that every line is accounted for."""

# ruff: noqa: E501, S608  (log lines as they are; their SQL is never run)

from __future__ import annotations

import gzip
import lzma
import subprocess
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.serverlog.events import MAX_VALUE
from tests.collectors.postgres.serverlog.reading import SYSTEM, Read, read

STAMP = "2026-03-08 12:00:00.123 UTC"
DROP = f"{STAMP} [41] LOG:  statement: drop table ml.t\n"


def _accounted(found: Read) -> None:
    counts = found.counts
    assert counts.lines == counts.first + counts.joined + counts.blank + counts.skipped
    assert found.summary["value"].startswith(("stderr", "csvlog", "jsonlog"))
    assert f": {counts.lines} lines: {counts.first} first lines" in found.summary["value"]


def test_further_lines_belong_to_the_message_before(tmp_path: Path) -> None:
    log = (
        f"{STAMP} [41] ann@lineage LOG:  statement: create table ml.t (\n"
        "\t  a int,\n"
        "\t\tb int);\n"
        f'{STAMP} [41] ann@lineage ERROR:  relation "t" already exists\n'
        f"{STAMP} [41] ann@lineage DETAIL:  one\n"
        "\ttwo\n"
        f"{STAMP} [41] ann@lineage STATEMENT:  create table t (\n"
        "        a int);\n"
    )
    found = read(tmp_path, log)
    assert found.events.select("kind", "attribute", "value", "actor", "position").rows() == [
        ("log.statement", "CREATE TABLE", "create table ml.t (\n  a int,\n\tb int);", "ann@lineage", 0),
        (
            "log.message",
            "ERROR",
            'relation "t" already exists\nDETAIL:  one\ntwo\nSTATEMENT:  create table t (\na int);',
            "ann@lineage",
            log.index(f"{STAMP} [41] ann@lineage ERROR"),
        ),
    ]  # fmt: skip
    assert found.warnings == []
    assert found.quote("line 1").text == "\n".join(log.split("\n")[:3])
    assert found.quote("line 1").how == "sed -n 1,3p ITEM"
    assert found.quote("line 4").how == "sed -n 4,8p ITEM"
    _accounted(found)


def test_what_others_write_to_stderr_is_no_part_of_a_statement(tmp_path: Path) -> None:
    """An archive_command complains in the middle; it is counted, and named by its line."""
    log = f"{DROP}cp: cannot stat 'x'; drop table ml.other\n\n{DROP}"
    found = read(tmp_path, log)
    assert found.events["value"].to_list() == ["drop table ml.t"] * 2
    assert (found.counts.skipped, found.counts.blank) == (1, 1)
    assert [warning.citation for warning in found.warnings] == ["line 2"]
    assert found.quote("line 1").how == "sed -n 1p ITEM"
    _accounted(found)


def test_an_excerpt_may_begin_within_a_message(tmp_path: Path) -> None:
    found = read(tmp_path, f"\ta int);\n{STAMP} [41] HINT:  x\n{DROP}")
    assert found.events.height == 1
    assert "whose beginning is not at hand" in found.messages()
    _accounted(found)


def test_names_hold_table_transaction_digests_and_session(tmp_path: Path) -> None:
    digest, commit = "AB" * 32, "c" * 40
    log = (
        f"{STAMP} 69ad64c6.67d0 755 ann@lineage LOG:  statement: "
        f"insert into ml.t values ('{digest}', '{commit}')\n"
        f"{STAMP} 69ad64c6.67d0 0 ann@lineage LOG:  statement: drop table t\n"
    )
    found = read(tmp_path, log, log_line_prefix="%m %c %x %u@%d ")
    session = "session:69ad64c6.67d0"
    assert found.events["names"].to_list() == [
        [
            "pg:db/lineage/ml.t",
            f"xid:{SYSTEM}/755",
            f"sha256:{digest.lower()}",
            f"git:{commit}",
            session,
        ],
        [session],
    ]


def test_a_recovery_names_the_transaction_that_it_stopped_before(tmp_path: Path) -> None:
    message = "recovery stopping before commit of transaction 740, time 2026-03-08 11:00:00.5+00"
    found = read(tmp_path, f"{STAMP} [41] LOG:  {message}\n")
    (row,) = found.events.iter_rows(named=True)
    assert (row["kind"], row["attribute"], row["value"]) == ("log.recovery", "stopping", message)
    assert row["names"] == [f"xid:{SYSTEM}/740", "pid:41"]
    assert row["stream"].startswith("lines:")


def test_a_long_statement_is_cut_with_its_length_said(tmp_path: Path) -> None:
    text = "insert into ml.t values ('" + "x" * 10_000 + "')"
    found = read(tmp_path, f"{STAMP} [41] LOG:  statement: {text}\n")
    (value,) = found.events["value"]
    assert value == f"{text[:MAX_VALUE]}… ({len(text) - MAX_VALUE} more characters)"
    assert found.quote("line 1").text.endswith("x')")


def test_duration_prepared_statements_and_parameters(tmp_path: Path) -> None:
    log = (
        f"{STAMP} [41] LOG:  duration: 0.120 ms  statement: drop table ml.a\n"
        f"{STAMP} [41] LOG:  execute <unnamed>: insert into ml.b values ($1)\n"
        f"{STAMP} [41] DETAIL:  parameters: $1 = 'x'\n"
        f"{STAMP} [41] LOG:  duration: 0.1 ms  execute s1/portal: delete from ml.c\n"
        f"{STAMP} [41] LOG:  duration: 0.1 ms  parse s1: delete from ml.d\n"
        f"{STAMP} [41] LOG:  duration: 7.001 ms\n"
    )
    found = read(tmp_path, log)
    assert found.events.select("attribute", "value").rows() == [
        ("DROP TABLE", "drop table ml.a"),
        ("INSERT", "insert into ml.b values ($1)\nDETAIL:  parameters: $1 = 'x'"),
        ("DELETE", "delete from ml.c"),
    ]
    assert "counted alone: 2 LOG" in found.summary["value"]


def test_verbose_logs_show_the_sqlstate_before_the_message(tmp_path: Path) -> None:
    log = (
        f"{STAMP} [41] LOG:  00000: statement: drop table ml.t\n"
        f"{STAMP} [41] LOCATION:  exec_simple_query, postgres.c:1049\n"
        f"{STAMP} [41] ERROR:  42P01: table is gone\n"
        f"{STAMP} [41] LOCATION:  DropErrorMsgNonExistent, tablecmds.c:1344\n"
        f"{STAMP} [41] ERROR:  HELLO: from a function\n"
    )
    found = read(tmp_path, log)
    assert found.events["value"].to_list() == [
        "drop table ml.t",
        "table is gone",
        "HELLO: from a function",
    ]


def test_a_log_in_another_language_tells_that_it_was_not_understood(tmp_path: Path) -> None:
    found = read(tmp_path, f"{STAMP} [41] FEHLER:  Relation »t« existiert nicht\n")
    assert found.events.is_empty()
    assert "found 'FEHLER'" in found.messages()
    _accounted(found)


def test_bytes_that_are_not_utf8_are_shown_as_escapes(tmp_path: Path) -> None:
    found = read(tmp_path, DROP.replace("ml.t", "ml.t\xfc").encode("latin-1"))
    assert found.events["value"].to_list() == ["drop table ml.t\\xfc"]
    assert not found.quote("line 1").verbatim
    assert "expected UTF-8" in found.messages()


def test_a_wrong_prefix_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    found = read(tmp_path, DROP * 3, log_line_prefix="%t %u ")
    assert [w.severity for w in found.warnings] == ["error", "warning"]
    assert "give its `log_line_prefix`" in found.messages()
    _accounted(found)


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (gzip.compress, "gzip -dc"),
        (zstandard.ZstdCompressor().compress, "zstd -dc"),
        (lzma.compress, "xz -dc"),
    ],
)
def test_a_packed_log_reads_alike(tmp_path: Path, pack: object, unpack: str) -> None:
    assert callable(pack)
    log = DROP * 100 + f"{STAMP} [41] LOG:  statement: create table ml.u (\n\ta int)\n"
    plain, packed = read(tmp_path, log), read(tmp_path, pack(log.encode()), "server.log.1")
    columns = ["kind", "value", "position", "citation", "earliest", "names"]
    assert packed.events.select(columns).equals(plain.events.select(columns))
    quote = packed.quote("line 101")
    assert quote.text == plain.quote("line 101").text
    assert quote.how == f"{unpack} < ITEM | sed -n 101,102p"
    if unpack.startswith("gzip"):
        how = quote.how.replace("ITEM", str(tmp_path / "server.log.1"))
        done = subprocess.run(how, shell=True, check=True, capture_output=True, text=True)  # noqa: S602  (the command that a quote gives people to paste)
        assert done.stdout == quote.text + "\n"


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"]
)
def test_a_packed_log_that_was_cut_off_gives_what_it_has(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    lines = [DROP.replace("ml.t", f"ml.t{n * 2654435761 % 2**32}") for n in range(20_000)]
    data = pack("".join(lines).encode())
    found = read(tmp_path, data[: len(data) // 2], "server.log.gz")
    errors = [w for w in found.warnings if w.severity == "error"]
    assert ["expected a whole packed file" in w.message for w in errors] == [True]
    _accounted(found)


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collectors.postgres.serverlog import unpack

    log = "".join(
        f"{STAMP} [41] ERROR:  number {n}\n\tmore\n{STAMP} [41] STATEMENT:  drop\n\t table ml.t\n"
        for n in range(50)
    )
    whole = read(tmp_path, log)
    assert whole.events.height == 50
    for size in (1, 7, 100, 1000):
        blocks = unpack.blocks
        monkeypatch.setattr(
            "collectors.postgres.serverlog.read.blocks",
            lambda path, hold, size=size, blocks=blocks: blocks(path, hold, size),
        )
        assert read(tmp_path, log).events.equals(whole.events)


LINES = st.sampled_from(
    [
        DROP.encode(),
        f"{STAMP} [41] DETAIL:  x\n".encode(),
        b"\tmore\n",
        b"stray\n",
        b"\n",
        b"\xff\xfe\x00\n",
        f'{STAMP},"ann","db",41,,6.1,1,"x",{STAMP[:19]} UTC,1/1,0,LOG,0,"a\nb",,,,,,,,,"",'.encode(),
        b'"client backend",,0\n',
        b'"',
        f'{{"timestamp":"{STAMP}","error_severity":"LOG","message":"x"}}\n'.encode(),
        b"{",
        b"\x1f\x8b",
    ]
)


@given(st.lists(st.one_of(LINES, st.binary(max_size=40)), max_size=12))
def test_any_bytes_are_read_and_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    data = b"".join(parts)
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("server.log", "server.csv", "server.json"):
        found = read(folder, data, name)
        _accounted(found)
        if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            assert found.counts.lines == data.count(b"\n") + (data[-1:] not in {b"", b"\n"})
        for citation in found.events["citation"]:
            assert found.quote(citation).text
        assert found.events.filter(pl.col("item").is_null()).is_empty()
