"""Files of a capture may hold anything: they were made by others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.postgres import captures, collector
from collectors.postgres.options import PostgresOptions
from recon import schema
from recon.collector import Item, Sha256
from tests.collectors.postgres.conftest import Bench, Make, OneFile

if TYPE_CHECKING:
    import polars as pl

HEADER = {
    "capture": "rows",
    "system_identifier": "7605065949603614561",
    "database": "mlops",
    "started": "2026-04-02T09:00:00.1+00:00",
    "read": "2026-04-02T09:00:00.2+00:00",
    "schema": "ml",
    "table": "lineage",
}
KINDS = ["rows", "catalogue", "statistics", "control"]
CLAIM = {
    "table": "ml.lineage",
    "subject": "model:{model}@{version}",
    "time": "at",
    "attributes": {"artifact": "sha", "note": "note"},
}
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        *(
            "what",
            "oid",
            "role",
            "file",
            "attnum",
            "xmin",
            "schema",
            "table",
            "relkind",
            "end",
            "rows",
        ),
        *(
            "row",
            "ctid",
            "committed",
            "timeline_id",
            "checkpoint_lsn",
            "checkpoint_time",
            "capture",
        ),
    ]
)
words = st.sampled_from(
    [
        *("relation", "attribute", "table", "control-checkpoint", "base/5/1", "0/1", "1", "r"),
        *("2026-01-01T00:00:00+00:00", "\ud800", "0001-01-01T00:00:00", "99999999999999999999"),
    ]
)
objects = st.dictionaries(keys, words | anything, max_size=8)


def written(case: Bench, name: str, *texts: str | dict[str, Any]) -> Bench:
    folder = case.folder / "capture"
    folder.mkdir(exist_ok=True)
    body = "".join(f"{t if isinstance(t, str) else json.dumps(t)}\n" for t in texts)
    (folder / name).write_text(body)
    return case


def parsed(folder: Path, kind: str, data: bytes) -> pl.DataFrame:
    (folder / "file").write_bytes(data)
    item = Item(Sha256("0" * 64), "db", f"pg.{kind}", "file", len(data), "", 1)
    source = Bench(folder, {"capture": "x"}, [CLAIM]).source
    found = collector.parse(source, OneFile(item, folder / "file"))
    return schema.check(found.events, schema.DRAFT, "test").collect()


@given(found=st.lists(objects, max_size=4), kind=st.sampled_from(KINDS))
@quick
def test_no_object_raises(tmp_path: Path, found: list[dict[str, Any]], kind: str) -> None:
    texts = [json.dumps(one) for one in ({**HEADER, "capture": kind}, *found)]
    parsed(tmp_path, kind, "\n".join(texts).encode())


@given(data=st.binary(max_size=200), kind=st.sampled_from(KINDS))
@quick
def test_no_bytes_raise(tmp_path: Path, data: bytes, kind: str) -> None:
    header = json.dumps({**HEADER, "capture": kind}).encode()
    assert not parsed(tmp_path, kind, header + b"\n" + data).is_empty()
    parsed(tmp_path, kind, data)


def row(**columns: Any) -> dict[str, Any]:
    own = {"ctid": "(0,1)", "xmin": 742, "committed": "2026-03-08T19:12:00.1+00:00"}
    named = {"model": "credit-risk", "version": "2.3.1", "at": None, "sha": None, "note": None}
    return own | {"row": named | columns}


def test_a_frozen_row_is_undated(bench: Make) -> None:
    """xmin 2 is the frozen transaction of old servers, 1 the bootstrap: neither has a commit."""
    lines_of = [{**row(), "xmin": xid} for xid in (1, 2, 3)]
    case = written(bench([CLAIM], capture="capture"), "rows.a.b.jsonl", HEADER, *lines_of)
    case.acquire()
    assert case.events("row.version")["earliest"].is_null().to_list() == [True, True, False]


def test_a_line_that_is_no_json_is_named_and_the_rest_read(bench: Make) -> None:
    case = written(
        bench([CLAIM], capture="capture"),
        "rows.a.b.jsonl",
        *(HEADER, row(sha="a" * 64), '{"row": ', "[1]", row(sha="b" * 64)),
        {"end": "rows", "rows": 4},
    )
    case.acquire()
    assert case.events("claim")["digest"].to_list() == [f"sha256:{c * 64}" for c in "ab"]
    parsed = case.parse()
    assert [warning.citation for warning in parsed.warnings] == ["line 3", "line 4", ""]
    assert parsed.coverage is not None
    assert parsed.coverage.is_empty()


def test_a_count_that_does_not_agree_proves_nothing(bench: Make) -> None:
    end = {"end": "rows", "rows": 2}
    case = written(bench([CLAIM], capture="capture"), "rows.a.b.jsonl", HEADER, row(), end)
    case.acquire()
    (warning,) = case.parse().warnings
    assert "expected 2 rows; found 1 lines" in warning.message


def test_numbers_keep_their_digits(bench: Make) -> None:
    text = '{"ctid":"(0,1)","xmin":742,"row":{"model":"m","version":"1","note":%s}}'
    numbers = ["1.50", "1e400", "12345678901234567890123", "-0.0"]
    case = written(
        bench([CLAIM], capture="capture"), "rows.a.b.jsonl", HEADER, *(text % n for n in numbers)
    )
    case.acquire()
    assert case.events("claim")["value"].to_list() == numbers


def test_a_time_without_a_zone_is_wide(bench: Make) -> None:
    """``timestamp`` has no zone; ``infinity`` is no time; a date is a day somewhere."""
    times = ["2026-02-14T10:05:00", "infinity", "2026-02-14T10:05:00+00:00"]
    case = written(
        bench([CLAIM], capture="capture"),
        "rows.a.b.jsonl",
        *(HEADER, *(row(at=time, note=time) for time in times)),
    )
    case.acquire()
    claims = case.events("claim")
    widths = (claims["latest"] - claims["earliest"]).dt.total_seconds().to_list()
    assert widths == [26 * 3600, None, 0]
    assert any("no time that can be read in at" in w.message for w in case.parse().warnings)


def test_a_clock_that_was_set_back_dates_no_snapshot(bench: Make) -> None:
    header = {**HEADER, "read": "2026-04-02T08:00:00+00:00"}
    case = written(bench([CLAIM], capture="capture"), "rows.a.b.jsonl", header, row())
    case.acquire()
    assert case.events("snapshot")["earliest"].to_list() == [None]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("base/5/16390", "1663/5/16390"),
        ("global/1262", "1664/0/1262"),
        ("pg_tblspc/16999/PG_15_202209061/5/16390", "16999/5/16390"),
        ("base/5/../../etc", None),
        ("base/5/t3_16390", None),
        (None, None),
    ],
)
def test_relation_files_as_wal_names_them(path: str | None, file: str | None) -> None:
    assert captures.relation_file(path) == file


def test_two_clusters_in_one_source_are_said(bench: Make) -> None:
    case = bench([CLAIM], capture="capture")
    written(case, "rows.a.b.jsonl", HEADER, row())
    written(case, "control.jsonl", {**HEADER, "capture": "control", "system_identifier": "8"})
    folder = case.folder / "wal"
    folder.mkdir()
    (folder / f"{1:024X}").write_bytes(b"no segment")
    both = Bench(case.folder, {"capture": "capture", "wal": "wal"}, [CLAIM])
    both.acquire()
    messages = [warning.message for warning in both.parse().warnings]
    assert any("system identifiers 8, 7605065949603614561" in message for message in messages)


def test_options_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PostgresOptions(dump=["x"]).dump = []  # type: ignore[misc]
