"""What a log should not hold: each is named with its line, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from collectors import jsonlines as reader
from collectors.deploylog import DeployLogOptions, collector
from collectors.deploylog.formats import documents, journal
from recon.collector import Source
from recon.errors import BadInputError
from recon.evidence import Acquiring, CaseItems, Evidence
from tests.collectors.deploylog.formats import Logs
from tests.collectors.deploylog.logs import FIELDS, Log

GOOD = b'{"ts": "2026-02-14T09:31:07Z", "event": "e", "model": "m", "version": "1", "sha": "a"}'
GOOD += b"\n"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"nope", "found text that is none"),
        (b'{"ts": "2026-02-14T09:31:07Z"', "found text that is none"),
        (b'{"ts": 1},{"ts": 2}', "found text that is none"),
        (b"[1, 2]", "found another JSON value"),
        (b"null", "found another JSON value"),
        (b'{"ts": NaN}', "NaN is no JSON"),
        (b'{"ts": "\xff"}', "expected UTF-8; found other bytes at byte 9"),
        (b'{"ts": "a\x00b"}', "found text that is none"),
        (b"\x00" * 20, "found text that is none"),
        (b"\xef\xbb\xbf" + GOOD[:-1], "found text that is none"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b'{"a": "' + b"x" * reader.MAX_LINE + b'"}', "found a longer one"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_line_that_is_no_record_is_an_undated_event(tmp_path: Path, bad: bytes, why: str):
    log = Log(tmp_path, GOOD + bad + b"\n" + GOOD)
    rows = log.records()
    assert rows["citation"].to_list() == ["line 1", "line 2", "line 3"]
    assert rows["position"].to_list() == [0, len(GOOD), len(GOOD) + len(bad) + 1]
    odd = rows.row(1, named=True)
    assert (odd["kind"], odd["subject"], odd["earliest"]) == ("log.line", "log:deploys", None)
    assert log.claims()["citation"].to_list() == ["line 1", "line 3"]
    (warn,) = [w for w in log.parsed.warnings if w.severity == "error"]
    assert warn.citation == "line 2"
    assert why in warn.message


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b'{"event": "e", "model": "m", "version": "1"}', "expected a time in 'ts'; found none"),
        (b'{"ts": "2026-02-14T09:31:07Z", "model": "m"}', "expected the keys of the subject"),
        (
            b'{"ts": "2026-02-14T09:31:07Z", "model": "m", "version": "1", "version": "2"}',
            "found a key that stands twice",
        ),
        (
            b'{"ts": "2026-02-14T09:31:07Z", "model": ["m"], "version": "1"}',
            "an object, a list",
        ),
        (
            b'{"ts": "2026-02-14T09:31:07Z", "model": "\\ud800", "version": "1"}',
            "half a character",
        ),
    ],
)
def test_a_record_that_lacks_something_is_kept_and_named(tmp_path: Path, record: bytes, why: str):
    log = Log(tmp_path, GOOD + record + b"\n")
    assert log.records()["citation"].to_list() == ["line 1", "line 2"]
    assert any(line.startswith("line 2: ") and why in line for line in log.said())


def test_a_record_without_subject_makes_no_claim(tmp_path: Path):
    log = Log(tmp_path, b'{"ts": "2026-02-14T09:31:07Z", "sha": "a", "model": "m"}\n')
    assert log.claims().is_empty()
    assert log.records()["subject"].to_list() == ["log:deploys"]


def test_crlf_blank_lines_and_a_cut_tail(tmp_path: Path):
    crlf = GOOD.replace(b"\n", b"\r\n")
    log = Log(tmp_path, crlf + b"\r\n" + crlf + b"  \n" + GOOD[:-1])
    rows = log.records()
    assert rows["citation"].to_list() == ["line 1", "line 3", "line 5"]
    assert rows["earliest"].null_count() == 0
    assert any("2 blank lines" in line for line in log.said())
    assert any(line.startswith("line 5: expected a line feed at the end") for line in log.said())
    assert log.quote("line 3") == GOOD[:-1].decode()


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it(tmp_path: Path):
    log = Log(tmp_path, b"\xef\xbb\xbf" + GOOD + GOOD)
    rows = log.records()
    assert rows["kind"].to_list() == ["e", "e"]
    assert rows["position"].to_list() == [0, 3 + len(GOOD)]
    assert not [w for w in log.parsed.warnings if w.severity == "error"]


def test_a_line_longer_than_what_is_read_at_once(tmp_path: Path):
    """Ten megabytes in one line, read in stretches of one: skipped, counted, never decoded."""
    data = GOOD + b"x" * 10_000_000 + b"\n" + GOOD
    path = tmp_path / "log"
    path.write_bytes(data)
    frames = list(reader.read(path, ["ts"], chunk=1 << 20))
    assert [frame["line"].to_list() for frame in frames] == [[1], [2], [3]]
    assert frames[1]["problem"].to_list() == [frames[1]["problem"][0]]
    assert frames[2]["offset"].to_list() == [len(GOOD) + 10_000_001]


@pytest.mark.parametrize("chunk", [1, 7, 50, 90, 91, 1000])
def test_stretches_make_no_difference(tmp_path: Path, chunk: int):
    import polars as pl

    data = GOOD + b"nope\n\n" + GOOD * 3 + b'\xff\n{"ts": 3}'
    path = tmp_path / "log"
    path.write_bytes(data)
    whole = pl.concat(reader.read(path, ["ts"]), how="diagonal")
    parts = pl.concat(reader.read(path, ["ts"], chunk=max(chunk, 90)), how="diagonal")
    # Which reader took a line may differ, and not what it read.
    same = sorted(set(parts.columns) - {"digests", "digested", "held"})
    assert parts.select(same).equals(whole.select(same))


def test_many_bad_lines_are_counted_not_listed(tmp_path: Path):
    log = Log(tmp_path, b"nope\n" * 1000)
    errors = [w for w in log.parsed.warnings if w.severity == "error"]
    assert len(errors) == 101
    assert errors[-1].citation == "line 101"
    assert "900 lines from here on" in errors[-1].message
    assert log.records().height == 1000


def collect(tmp_path: Path, evidence: Evidence, *paths: str) -> Acquiring:
    options = DeployLogOptions.model_validate({"paths": paths, "fields": FIELDS})
    source = Source("deploys", "deploylog", "platform", options, (), tmp_path)
    acquiring = Acquiring(evidence, source)
    acquiring.run(collector.acquire)
    return acquiring


def test_packed_input_is_refused_and_says_how(tmp_path: Path):
    (tmp_path / "log.gz").write_bytes(gzip.compress(GOOD))
    ((native, error),) = collect(tmp_path, Evidence(tmp_path / "case"), "log.gz").failures
    assert native == "log.gz"
    assert isinstance(error, BadInputError)
    assert "gunzip" in str(error)


def test_what_is_not_there_is_named_and_the_rest_goes_on(tmp_path: Path):
    (tmp_path / "log").write_bytes(GOOD)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    evidence = Evidence(tmp_path / "case")
    acquiring = collect(tmp_path, evidence, "none", "folder", "pipe", "log")
    errors = dict(acquiring.failures)
    assert set(errors) == {"none", "folder", "pipe"}
    assert isinstance(errors["none"], BadInputError)
    assert [item.native for item in CaseItems(evidence, "deploys")] == ["log"]
    (tmp_path / "none").write_bytes(GOOD + GOOD)
    again = collect(tmp_path, evidence, "none", "log")
    assert (again.failures, again.stored) == ([], 1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"path": "x", "format": "csv", "fields": FIELDS}, "expected one of jsonl"),
        ({"fields": FIELDS}, "expected `path` or `paths`"),
        ({"path": "x", "fields": {**FIELDS, "subject": "m:{ts.x}"}}, "read as a value"),
        ({"path": "x", "fields": {**FIELDS, "time": "a..b"}}, "expected a key"),
        ({"path": "x", "fields": {"subject": "m"}}, "time"),
        ({"path": "x", "fields": FIELDS, "zone": "CST"}, "zone"),
    ],
)
def test_options_that_are_refused(options: dict[str, object], why: str):
    with pytest.raises(ValidationError, match=why):
        DeployLogOptions.model_validate(options)


def test_what_records_share_is_not_written_out_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(documents, "MAX_EXPANDED", 10_000)
    shared = {"attributes": [{"key": "a", "value": {"stringValue": "x" * 1000}}]}

    def request(records: int) -> bytes:
        scopes = [{"logRecords": [{}] * records}]
        sent = {"resourceLogs": [{"resource": shared, "scopeLogs": scopes}]}
        return json.dumps(sent).encode() + b"\n"

    logs = Logs(tmp_path, {"a.log": request(20) + request(3)}, format="otlp")
    assert [line[:44] for line in logs.said() if "written out" in line] == [
        "line 1: expected a document whose records ha"
    ]
    assert logs.records()["citation"].to_list() == ["line 1", *["line 2"] * 3]


def test_an_entry_of_a_journal_without_end_is_named_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(journal, "MAX_ENTRY", 1000)
    entry = b"__REALTIME_TIMESTAMP=1534860261221373\nMESSAGE=one\n"
    data = entry + b"A=b\n" * 1000 + b"\n" + entry + b"\n"
    logs = Logs(tmp_path, {"a.log": data}, format="journal")
    assert any("an entry of at most 1000 bytes" in line for line in logs.said())
    assert logs.records()["earliest"].null_count() == 1
    assert logs.records().height == 2


def test_a_line_as_long_as_the_file_is_quoted_by_its_beginning(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": b"x" * (3 << 20) + b"\n" + GOOD}, fields=FIELDS)
    (item,) = logs.items
    assert logs.quote(item.sha256, "line 1") == "x" * (1 << 20)
    assert logs.quote(item.sha256, "line 2") == GOOD.decode().strip()
