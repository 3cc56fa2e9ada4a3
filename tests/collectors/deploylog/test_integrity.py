"""What a log's bytes say of the log itself: appended, rotated, written over, incomplete."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from collectors.deploylog import DeployLogOptions
from tests.collectors.deploylog.formats import Logs

FIELDS = {"time": "ts", "kind": "event", "subject": "model:{m}", "attributes": {"v": "v"}}


def lines(*numbers: int, **more: Any) -> bytes:
    return b"".join(
        json.dumps(
            {"ts": f"2026-02-14T09:00:{n:02}Z", "event": "e", "m": "x", "v": n, **more}
        ).encode()
        + b"\n"
        for n in numbers
    )


def test_what_was_appended_is_read_once_and_keeps_its_place(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, 2)}, fields=FIELDS)
    before = logs.events
    logs.acquire({"a.log": lines(1, 2, 3)})
    found = logs.events.filter(part=0).filter(kind="e").sort("position")
    assert found["citation"].to_list() == ["line 1", "line 2", "line 3"]
    assert found["item"].n_unique() == 2
    assert found["stream"].n_unique() == 1
    old = before.filter(kind="e")["item", "citation"].rows()
    assert found["item", "citation"].rows()[:2] == old
    assert logs.said() == []
    assert logs.events.filter(kind="log.rewritten").is_empty()


def test_a_line_that_was_being_written_is_read_again_when_it_is_whole(tmp_path: Path):
    whole = lines(1, 2)
    logs = Logs(tmp_path, {"a.log": whole[:-20]}, fields=FIELDS)
    logs.acquire({"a.log": whole})
    assert logs.events.filter(kind="e")["citation"].to_list() == ["line 1", "line 2"]
    assert logs.events.filter(kind="log.line")["citation"].to_list() == ["line 2"]


def test_a_rotated_log_is_no_rewritten_one(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, 2), "a.log.1": b""}, fields=FIELDS)
    logs.acquire({"a.log": lines(4), "a.log.1": lines(1, 2, 3)})
    assert not [line for line in logs.said() if "begin" in line]
    assert logs.events.filter(kind="log.rewritten").is_empty()
    values = logs.events.filter(kind="claim")["value"].sort().to_list()
    assert values == ["1", "2", "3", "4"]


def event_item(logs: Logs, acquisition: int) -> str:
    """The item of an acquisition; there is one."""
    (item,) = [one for one in logs.items if one.acquisition == acquisition]
    return str(item.sha256)


def test_a_log_that_was_written_over_is_said(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, 2, 3)}, fields=FIELDS)
    logs.acquire({"a.log": lines(1, 5, 3, 4)})
    (event,) = logs.events.filter(kind="log.rewritten").iter_rows(named=True)
    assert (event["citation"], event["value"], event["clock"]) == ("line 2", "line 2", "examiner")
    assert event["earliest"] < event["latest"]
    assert event["names"] == [f"item:{event_item(logs, 1)}"]
    (said,) = [line for line in logs.said() if "written over" in line]
    assert said.startswith("line 2: expected the log to begin as in acquisition 1")


def test_a_listing_that_was_exported_again_is_no_rewritten_log(tmp_path: Path):
    def builds(*numbers: int) -> bytes:
        listed = [{"number": n, "timestamp": 1489053600000 + n} for n in numbers]
        return json.dumps({"fullName": "deploy", "builds": listed}).encode()

    logs = Logs(tmp_path, {"a.json": builds(3, 2, 1)}, format="jenkins")
    logs.acquire({"a.json": builds(4, 3, 2)})
    assert logs.events.filter(kind="log.rewritten").is_empty()
    assert not [line for line in logs.said() if "written over" in line]


def test_an_end_that_was_taken_away_is_said(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, 2, 3)}, fields=FIELDS)
    logs.acquire({"a.log": lines(1, 2)})
    assert any("found it to end before line 3" in line for line in logs.said())
    (event,) = logs.events.filter(kind="log.rewritten").iter_rows(named=True)
    assert event["value"] == "ends before line 3"


def test_a_log_cannot_say_that_it_was_rewritten(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, event="log.rewritten")}, fields=FIELDS)
    assert logs.events.filter(kind="log.rewritten").is_empty()


def test_numbers_that_are_missing_or_go_back_are_said(tmp_path: Path):
    logs = Logs(tmp_path, {"a.log": lines(1, 2, 5, 6, 6, 3)}, fields={**FIELDS, "sequence": "v"})
    said = [line.split(";")[0] for line in logs.said() if "number" in line]
    assert said == [
        "line 3: expected number 3 after 2",
        "line 5: expected a number above 6",
        "line 6: expected a number above 6",
    ]
    assert "2 records are not here" in logs.said()[0]
    (gap,) = logs.events.filter(kind="log.gap").iter_rows(named=True)
    assert (gap["citation"], gap["value"], gap["attribute"]) == ("line 3", "3 to 4", "v")
    assert [gap[end].second for end in ("earliest", "latest")] == [2, 5]


def test_numbers_in_order_are_silent(tmp_path: Path):
    assert (
        Logs(tmp_path, {"a.log": lines(*range(1, 9))}, fields={**FIELDS, "sequence": "v"}).said()
        == []
    )


def test_no_pattern_runs_for_ever(tmp_path: Path):
    """``(a+)+$`` takes Python's own engine longer than anyone waits on thirty letters."""
    start = time.process_time()
    logs = Logs(
        tmp_path,
        {"a.log": b"a" * 100_000 + b"!\n" + b"a" * 30 + b"\n"},
        format="text",
        pattern=r"^(?P<kind>(?:(?:a+)+)+)$",
    )
    assert time.process_time() - start < 20
    assert logs.records()["kind"].to_list()[1] == "a" * 30


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"format": "text"}, "expected `pattern` for text"),
        ({"format": "text", "pattern": "(?P<a>"}, "expected a regular expression"),
        ({"format": "text", "pattern": r"(?P<a>x)(?=y)"}, "expected a regular expression"),
        ({"format": "text", "pattern": r"(?P<a>x)\1"}, "expected a regular expression"),
        ({"format": "text", "pattern": "x"}, "groups that all have a name"),
        ({"format": "text", "pattern": "(?x)(?P<a>x) # y"}, "expected a regular expression"),
        ({"format": "syslog", "zone": "+99:99"}, "IANA"),
        ({"format": "text", "pattern": "(?P<a>x)(y)"}, "groups that all have a name"),
        (
            {"format": "text", "pattern": "(?P<a>x)", "fields": {"time": "b"}},
            "a group of the pattern",
        ),
        ({"format": "github", "pattern": "(?P<a>x)"}, "expected no `pattern`"),
        ({"format": "docker", "pattern": "(?P<time>x)"}, "names of their own"),
        ({"format": "syslog", "fields": {"actor": "user"}}, "expected one of"),
        ({"format": "docker", "year": 2026}, "expected `year` for syslog"),
        ({"format": "syslog", "zone": "CEST"}, "IANA"),
        ({"format": "jsonl"}, "expected `fields.time`"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any], why: str):
    with pytest.raises(ValueError, match=why):
        DeployLogOptions.model_validate({"path": "x", **wrong})
