"""What a bucket was set to over time: from the AWS CLI's words of three days, and CloudTrail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.s3 import configuration
from tests.cases import BUCKETS
from tests.collectors.s3.test_held import run
from tests.collectors.s3.trails import Trail, record

SOURCES = """\
[[source]]
id = "models"
collector = "s3"
domain = "storage"
url = "s3://b00/"
exports = [
  { path = "1", taken = "2026-03-01T09:00Z" },
  { path = "2", taken = "2026-03-08T09:00Z" },
  { path = "3", taken = "2026-04-02T09:00Z" },
]
[[source]]
id = "trail"
collector = "s3"
domain = "copies"
url = "s3://b00/"
exports = ["trail"]
"""
DENIED = "An error occurred (AccessDenied) when calling the GetBucketReplication operation: no"
NONE = (
    "An error occurred (NoSuchLifecycleConfiguration) when calling the"
    " GetBucketLifecycleConfiguration operation: The lifecycle configuration does not exist"
)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Versioning is on, on, and suspended; who suspended it stands in CloudTrail."""
    for day, state in (("1", "Enabled"), ("2", "Enabled"), ("3", "Suspended")):
        folder = tmp_path / day
        folder.mkdir()
        (folder / "get-bucket-versioning.json").write_text(json.dumps({"Status": state}))
        (folder / "get-bucket-replication.json").write_text(DENIED)
        (folder / "get-bucket-lifecycle-configuration.json").write_text(NONE)
    trail = Trail()
    asked = {"bucketName": "b00", "VersioningConfiguration": {"Status": "Suspended"}}
    trail.hour(record("PutBucketVersioning", "2026-03-08T18:01:00Z", requestParameters=asked))
    trail.write(tmp_path / "trail")
    (tmp_path / "case.toml").write_text(BUCKETS + SOURCES)
    return tmp_path


def settings(case: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows by setting."""
    assert run("collect", "--case", str(case)) == 0
    capsys.readouterr()
    assert run("settings", "models", "--case", str(case), "--format", "json") == 0
    said: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(capsys.readouterr().out):
        said.setdefault(row["setting"], []).append(row)
    return said


def test_versioning_over_time_and_who_changed_it(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = settings(case, capsys)["versioning"]
    assert [(row["state"], row["value"], row["times"]) for row in rows] == [
        ("set", "Enabled", 2),
        ("changed", "Suspended", 1),
        ("set", "Suspended", 1),
    ]
    on, act, off = rows
    assert (on["first"][:10], on["last"][:10]) == ("2026-03-01", "2026-03-08")
    assert act["first"].startswith("2026-03-08T18:01:00")
    assert act["by"] == "arn:aws:sts::111122223333:assumed-role/dba/alice"
    assert off["first"][:10] == "2026-04-02"
    assert run("settings", "models", "--case", str(case)) == 0
    assert "Suspended" in capsys.readouterr().out


def test_not_allowed_to_see_is_not_nothing_configured(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = settings(case, capsys)
    [refused], [none] = said["replication"], said["lifecycle"]
    assert refused["state"] == "not known"
    assert "AccessDenied" in refused["value"]
    assert refused["times"] == 3
    assert (none["state"], none["value"], none["times"]) == ("not set", None, 3)


def test_what_is_laid_out_over_lines_is_shown_on_one(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = {"ID": "old", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}
    words = json.dumps({"Rules": [rule]}, indent=4)
    (case / "3" / "get-bucket-lifecycle-configuration.json").write_text(words)
    settings(case, capsys)
    assert run("settings", "models", "--case", str(case)) == 0
    shown = capsys.readouterr().out
    assert "U+000A" not in shown
    assert '"Rules":' in shown
    assert "2026-04-02T09:00:00Z" in shown


@pytest.mark.parametrize(("rules", "is_set"), [("", False), ("<Rule><ID>r</ID></Rule>", True)])
def test_a_replication_of_no_rules_is_none(rules: str, *, is_set: bool) -> None:
    """Ceph's RGW answers so where none is configured."""
    resource = configuration.by_name("replication")
    assert resource is not None
    xml = f"<ReplicationConfiguration><Role></Role>{rules}</ReplicationConfiguration>"
    _, value, problem = configuration.read_answer(resource, xml.encode())
    listed = [{"ID": "r"}] if rules else []
    said = json.dumps({"ReplicationConfiguration": {"Role": "", "Rules": listed}})
    assert (value is not None, problem) == (is_set, "")
    assert (configuration.read_cli(resource, said.encode()) is not None) == is_set
