"""Records of a deploy log as events and claims."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.deploylog import collector
from collectors.exactjson import decode_line
from collectors.jsonlines import _columns, _decode, decode_columns, is_plain
from collectors.reading import names, prefixed
from recon import schema
from recon.errors import BadInputError
from tests.collectors.deploylog.logs import Log

DIGEST = "0f343b0931126a20f133d67c2b018a3b" * 2
COMMIT = "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"
START = (
    '{"ts": "2026-02-14T09:31:07Z", "event": "deploy.start", "user": "ci@acme",'
    f' "model": "credit-risk", "version": "2.3.1", "sha": "{COMMIT}"}}'
)
FINISH = (
    '{"ts": "2026-02-14T09:33:41.118Z", "event": "deploy.finish", "user": "ci@acme",'
    f' "model": "credit-risk", "version": "2.3.1", "sha256": "{DIGEST}", "sha": "{COMMIT}"}}'
)
TWO = f"{START}\n{FINISH}\n".encode()


def test_a_deploy_from_start_to_finish(tmp_path: Path):
    log = Log(tmp_path, TWO)
    start, finish = log.records().iter_rows(named=True)
    assert (start["kind"], start["citation"], start["position"]) == ("deploy.start", "line 1", 0)
    assert start["subject"] == finish["subject"] == "model:credit-risk@2.3.1"
    assert start["actor"] == "ci@acme"
    assert (start["clock"], start["basis"]) == ("log:deploys", "asserted")
    assert start["earliest"] == datetime(2026, 2, 14, 9, 31, 7, tzinfo=UTC)
    assert start["latest"] == datetime(2026, 2, 14, 9, 31, 7, 999_999, tzinfo=UTC)
    assert finish["latest"] == datetime(2026, 2, 14, 9, 33, 41, 118_999, tzinfo=UTC)
    assert finish["position"] == len(START) + 1
    assert finish["names"] == [f"sha256:{DIGEST}", f"git:{COMMIT}"]
    assert finish["stream"] == f"lines:{finish['item'][:16]}"
    assert log.parsed.coverage is None
    assert log.said() == []


def test_each_attribute_is_a_claim_at_the_same_place(tmp_path: Path):
    claims = Log(tmp_path, TWO).claims()
    assert claims.select("citation", "part", "attribute", "value", "digest").rows() == [
        ("line 1", 2, "commit", COMMIT, f"git:{COMMIT}"),
        ("line 2", 1, "artifact", DIGEST, f"sha256:{DIGEST}"),
        ("line 2", 2, "commit", COMMIT, f"git:{COMMIT}"),
    ]
    assert set(claims["subject"]) == {"model:credit-risk@2.3.1"}
    assert claims["earliest"].null_count() == 0


def test_the_file_is_one_snapshot_dated_by_the_examiner(tmp_path: Path):
    log = Log(tmp_path, TWO)
    (snapshot,) = log.events.filter(kind="snapshot").iter_rows(named=True)
    (item,) = log.items
    assert (snapshot["clock"], snapshot["citation"]) == ("examiner", "")
    assert snapshot["earliest"].isoformat().startswith(item.acquired[:19])


def test_every_citation_is_quoted_as_sed_shows_it(tmp_path: Path):
    log = Log(tmp_path, b"nope\r\n" + TWO + b'\n{"ts": 1}')
    (item,) = log.items
    for citation in log.events["citation"].unique():
        quote = collector.quote(log.source, log.items, item, citation)
        command = quote.how.replace("ITEM", str(log.items.path(item)))
        shown = subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602
        if citation:
            assert shown.stdout.decode().rstrip("\r\n") == quote.text
    assert log.quote("line 2") == START


@pytest.mark.parametrize("citation", ["line 0", "line 9", "line", "line -1", "line x", "lsn 0/1"])
def test_a_line_that_is_not_there_is_refused(tmp_path: Path, citation: str):
    with pytest.raises(BadInputError):
        Log(tmp_path, TWO).quote(citation)


def test_dotted_names_reach_into_objects(tmp_path: Path):
    record = {"at": {"iso": "2026-02-14T09:31:07Z"}, "m": {"name": "x", "v": {"n": 3}}, "by": 7}
    log = Log(
        tmp_path,
        json.dumps(record).encode() + b"\n",
        time="at.iso",
        kind=None,
        actor="by",
        subject="model:{m.name}@{m.v.n}",
        attributes={},
    )
    (row,) = log.records().iter_rows(named=True)
    assert row["subject"] == "model:x@3"
    assert (row["kind"], row["actor"]) == ("log.line", "7")
    assert row["earliest"] == datetime(2026, 2, 14, 9, 31, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("1771061621", "2026-02-14 09:33:41.000000", "2026-02-14 09:33:41.999999"),
        ("1771061621.25", "2026-02-14 09:33:41.250000", "2026-02-14 09:33:41.259999"),
        ("1771061621.123456789", "2026-02-14 09:33:41.123456", "2026-02-14 09:33:41.123456"),
        ("1771061621118", "2026-02-14 09:33:41.118000", "2026-02-14 09:33:41.118999"),
        ("1771061621118001", "2026-02-14 09:33:41.118001", "2026-02-14 09:33:41.118001"),
        ("1771061621118001999", "2026-02-14 09:33:41.118001", "2026-02-14 09:33:41.118001"),
        ('"1771061621"', "2026-02-14 09:33:41.000000", "2026-02-14 09:33:41.999999"),
        ('"2026-02-14T10:33:41+01:00"', "2026-02-14 09:33:41.000000", "2026-02-14 09:33:41.999999"),
        ('"2026-02-14 09:33:41"', "2026-02-13 19:33:41.000000", "2026-02-14 21:33:41.999999"),
        ('"2026-02-14"', "2026-02-13 10:00:00.000000", "2026-02-15 11:59:59.999999"),
    ],
)
def test_times(tmp_path: Path, text: str, earliest: str, latest: str):
    log = Log(tmp_path, b'{"ts": %b, "model": "m", "version": "1"}\n' % text.encode())
    (row,) = log.records().iter_rows(named=True)
    form = "%Y-%m-%d %H:%M:%S.%f"
    assert row["earliest"].strftime(form) == earliest
    assert row["latest"].strftime(form) == latest
    zoned = text.endswith(('Z"', ':00"'))
    expected = [] if zoned else ["with a zone"]
    said = [line for line in log.said() if "in some record" not in line]
    assert [word for word in ("with a zone",) if any(word in line for line in said)] == expected


@pytest.mark.parametrize(
    "text", ["20260308", "20260308120000", "12", "-5", "1e9", '"08/03/2026"', '"noon"', "true"]
)
def test_a_number_that_may_be_a_date_is_not_guessed(tmp_path: Path, text: str):
    log = Log(tmp_path, b'{"ts": %b, "model": "m", "version": "1"}\n' % text.encode())
    (row,) = log.records().iter_rows(named=True)
    assert (row["earliest"], row["latest"]) == (None, None)
    assert any(line.startswith("line 1: expected a time") for line in log.said())


def test_lines_out_of_order_are_kept_and_counted(tmp_path: Path):
    data = b"".join(
        b'{"ts": "2026-02-14T09:%02d:00Z", "model": "m", "version": "1"}\n' % minute
        for minute in (1, 5, 3, 4, 9)
    )
    log = Log(tmp_path, data)
    assert log.records()["earliest"].dt.minute().to_list() == [1, 5, 3, 4, 9]
    (said,) = [line for line in log.said() if "go back" in line]
    assert said.startswith("line 3: ")
    assert "2 lines" in said


def test_a_log_cannot_make_itself_a_claim(tmp_path: Path):
    """``claim`` and ``snapshot`` mean something to every reader of the timeline."""
    data = b"".join(
        b'{"ts": "2026-02-14T09:00:00Z", "event": "%b", "model": "m", "version": "1"}\n' % kind
        for kind in (b"claim", b"snapshot", b"")
    )
    log = Log(tmp_path, data)
    assert log.records()["kind"].to_list() == ["log.line"] * 3
    assert len([line for line in log.said() if "reserved" in line]) == 2


def test_parts_of_one_log_keep_their_own_lines(tmp_path: Path):
    for name, text in (("b.jsonl", FINISH), ("a.jsonl", START)):
        (tmp_path / name).write_text(text + "\n")
    log = Log(tmp_path, b"", path="b.jsonl", paths=["a.jsonl", "b.jsonl"])
    assert [item.native for item in log.items] == ["a.jsonl", "b.jsonl"]
    rows = log.events.filter(part=0, citation="line 1")
    assert rows["kind"].to_list() == ["deploy.start", "deploy.finish"]
    assert rows["stream"].n_unique() == 2


def test_an_empty_log_is_a_snapshot_and_a_warning(tmp_path: Path):
    log = Log(tmp_path, b"")
    assert log.events["kind"].to_list() == ["snapshot"]
    assert log.said() == [": expected JSON lines; found an empty file"]


def test_parsing_twice_gives_the_same(tmp_path: Path):
    log = Log(tmp_path, TWO + b"nope\n")
    again = collector.parse(log.source, log.items)
    assert again.events.collect().equals(log.events)
    assert again.warnings == log.parsed.warnings
    schema.check(again.events, schema.DRAFT, "test")


LINES = st.lists(
    st.one_of(
        st.builds(
            lambda minute, version: json.dumps(
                {
                    "ts": f"2026-02-14T09:{minute:02}:00Z",
                    "event": "deploy.finish",
                    "model": "m",
                    "version": version,
                    "sha": COMMIT,
                }
            ),
            st.integers(0, 59),
            st.integers(1, 3),
        ),
        st.sampled_from(["", "nope", '{"ts": 3}', "[1]", '{"model": "m", "model": "n"}']),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(lines=LINES, data=st.data())
def test_order_of_lines_never_changes_the_set_of_events(
    lines: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    """Only where they stand: citation, position, and the item that they stand in."""
    other = data.draw(st.permutations(lines))
    columns = [
        name for name in schema.DRAFT if name not in {"item", "citation", "position", "stream"}
    ]
    said = []
    for order in (lines, other):
        log = Log(tmp_path_factory.mktemp("log"), "".join(f"{x}\n" for x in order).encode())
        events = log.events.filter(pl.col("kind") != "snapshot").select(columns)
        said.append(sorted(map(str, events.rows())))
    assert said[0] == said[1]


KEYS = ["ts", "a", "b.c", "b.d.e"]
NAMES = st.sampled_from(["ts", "a", "b", "c", "d", "e", "x", "b.c", "\u00eb", "a\\u0061"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["\ud800", "\x00", '"a":', '{"a":1}', "\u2028"]),
    st.sampled_from(["a" * 40, "B" * 64, f"x {'c' * 64}", f"sha256:{'d' * 64}", "e" * 65]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TEXTS = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4).map(json.dumps),
    st.dictionaries(NAMES, VALUES, max_size=4).map(lambda v: json.dumps(v, ensure_ascii=False)),
    st.lists(st.tuples(NAMES, SCALARS), max_size=4).map(
        lambda pairs: "{" + ", ".join(f'"{k}": {json.dumps(v)}' for k, v in pairs) + "}"
    ),
    st.sampled_from(
        [
            "{}",
            '{"a":1},{"a":2}',
            '{"a":1}{"a":2}',
            '{"a":01}',
            '{"a":1.50}',
            '{"a":-0}',
            '{"a":1e3}',
            '{"a":NaN}',
            '{"a":1,}',
            "{'a':1}",
            '{"a":[1',
            '{"a":{"b":1}}',
            '{"b":{"c":1},"b":{"c":2}}',
            '{"b":3}',
            '{"a":1.0}',
            '{"a":0.1}',
            '{"a":0.00001}',
            '{"a":123456789012345678}',
            '{"a":1234567890.123456}',
            '{"a":"\\u0000"}',
        ]
    ),
).filter(lambda text: "\n" not in text)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_both_readers_give_the_same(texts: list[str]):
    """Whatever the fast reader is given, it reads as the exact one does."""
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    plain = pl.DataFrame({"text": clean}).filter(is_plain(KEYS))
    fast = decode_columns(plain, KEYS)
    exact = _columns([decode_line(text, KEYS) for text in plain["text"]], KEYS)
    assert fast is not None
    assert exact["problem"].null_count() == exact.height
    assert fast.equals(exact.drop("problem"))


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 3))
@example([json.dumps({"ts": "a" * 40})], 1)
# As long as a digest, and none, in the field in which another line has one.
@example([json.dumps({"ts": "a" * 40}), json.dumps({"x": 1, "ts": "z" * 40})], 3)
def test_shapes_give_the_same(texts: list[str], times: int):
    """Lines of one shape are read as the exact reader does, with the digests that they name."""
    clean = [text.encode("utf-8", "replace").decode() for text in texts for _ in range(times)]
    lines = pl.DataFrame({"text": clean, "line": range(len(clean))}).with_columns(
        blank=pl.col("text").str.strip_chars(" \t\r") == "", problem=pl.lit(None, pl.String)
    )
    read = _decode(lines, KEYS, [])
    if "held" not in read.columns:  # no line has a shape
        read = read.with_columns(held=pl.lit(None, dtype=pl.String))
    # A value that is a digest stays as it stands; the digest that a line names has its prefix.
    for name in {name for held in read["held"].drop_nulls() for name in held.split("\r") if name}:
        read = read.with_columns(prefixed(read[name]).alias(f"named {name}"))
    for row in read.iter_rows(named=True):
        if row["blank"]:
            continue
        exact = decode_line(row["text"], KEYS)
        for key in KEYS:
            assert row.get(f"={key}") == exact.get(f"={key}")
        assert row.get("problem") == exact.get("problem")
        assert row.get("odd") == exact.get("odd")
        found = pl.select(names(pl.lit(row["text"]))).to_series().to_list()[0]
        if row.get("digested"):
            assert row["digests"] == found
        if row["held"] is not None:
            held = [row[f"named {name}"] for name in row["held"].split("\r") if name]
            assert list(dict.fromkeys(one for one in held if one)) == (found or [])


def test_the_fast_reader_is_used_for_what_deploy_jobs_write():
    plain = pl.DataFrame({"text": [START, FINISH, '{"ts":1771061621.25,"a":{"b":[1,2]}}']})
    assert plain.select(is_plain(["ts", "sha", "user"])).to_series().to_list() == [True] * 3


@pytest.mark.parametrize(
    "kind", ["claim", "git.commit", "git.fetch", "wal.commit", "table.recreate", "database.drop"]
)
def test_a_log_cannot_give_itself_the_kinds_that_a_medium_records(tmp_path: Path, kind: str):
    row = {"ts": "2026-03-08T10:00:00Z", "event": kind, "model": "m", "version": "1"}
    log = Log(tmp_path, json.dumps(row).encode() + b"\n")
    assert log.records()["kind"].to_list() == ["log.line"]
    assert log.parsed.warnings
