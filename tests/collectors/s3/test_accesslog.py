"""Server access logs: the sample of S3's own documents, and lines as they come."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Make = Callable[..., Any]
NAME = "x/logs2026-03-08-21-00-00-0123456789ABCDEF"
OWNER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
DBA = "arn:aws:sts::111122223333:assumed-role/dba/alice"
TAIL = "s9lzHYrFp76ZVxRcpX9+= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader b00.s3 TLSv1.2 - -"


def line(
    operation: str,
    key: str = "m/model.bin",
    *,
    status: str = "204 -",
    who: str = DBA,
    version: str = "-",
    agent: str = '"aws-cli/2.15"',
    bucket: str = "b00",
) -> str:
    return (
        f"{OWNER} {bucket} [08/Mar/2026:20:05:00 +0000] 192.0.2.3 {who} 3E57427F3EXAMPLE"
        f' {operation} {key} "DELETE /{key} HTTP/1.1" {status} - 5 21 20 "-" {agent} {version}'
        f" {TAIL}\n"
    )


def read(make: Make, text: str | bytes, name: str = NAME) -> Any:
    case = make(url="s3://b00/", exports=["x"])
    path = case.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert not case.acquire().failures
    return case


def test_a_request_with_who_what_and_when(make: Make) -> None:
    case = read(make, line("REST.DELETE.OBJECT", version="v1"))
    [row] = case.events().iter_rows(named=True)
    assert row["kind"] == "log.REST.DELETE.OBJECT"
    assert row["subject"] == "s3:b00/m/model.bin"
    assert row["actor"] == DBA
    assert row["value"] == "v1"
    assert row["earliest"] == datetime(2026, 3, 8, 20, 5, tzinfo=UTC)
    assert row["names"] == ["request:3E57427F3EXAMPLE", "s3:b00/m/model.bin?versionId=v1"]
    assert row["citation"] == "line 1"
    case.quotable()


def test_what_was_refused_is_told_apart_from_what_was_done(make: Make) -> None:
    case = read(make, line("REST.DELETE.OBJECT", status="403 AccessDenied"))
    [row] = case.events().iter_rows(named=True)
    assert row["kind"] == "log.failed"
    assert row["value"] == "REST.DELETE.OBJECT 403 AccessDenied"


def test_lifecycle_is_told_apart_from_principals(make: Make) -> None:
    lines = line("S3.EXPIRE.OBJECT", who="AmazonS3", status="- -", agent='"-"', version="v1")
    case = read(make, lines + line("REST.DELETE.OBJECT"))
    said = case.events().sort("kind")
    assert said["kind"].to_list() == ["log.REST.DELETE.OBJECT", "log.S3.EXPIRE.OBJECT"]
    assert said["actor"].to_list() == [DBA, "AmazonS3"]


def test_the_sample_of_the_documents(make: Make) -> None:
    sample = (
        f"{OWNER} b00 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {OWNER} 3E57427F3EXAMPLE"
        ' REST.GET.VERSIONING - "GET /b00?versioning HTTP/1.1" 200 - 113 - 7 - "-"'
        ' "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/'
        "VLi31234= SigV2 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader b00.s3.us-west-1.amazonaws.com"
        " TLSV1.1\n"
    )
    case = read(make, sample)
    [row] = case.events().iter_rows(named=True)
    assert row["subject"] == "s3:b00"
    assert row["kind"] == "log.REST.GET.VERSIONING"


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        ("gr%C3%B6%C3%9Fe+1%2B2", "s3:b00/größe 1+2"),
        ("a/../b", "s3:b00/a/../b"),
        ("x%0Ay", "s3:b00/x\ny"),
    ],
)
def test_keys_are_decoded(make: Make, key: str, subject: str) -> None:
    assert read(make, line("REST.PUT.OBJECT", key)).events()["subject"].to_list() == [subject]


def test_an_agent_with_quotes_and_brackets_moves_no_field(make: Make) -> None:
    agent = '"x" 200 - 1 1 1 1 "-" "y [08/Mar/2030:00:00:00 +0000] z"'
    [row] = read(make, line("REST.PUT.OBJECT", agent=agent, version="v9")).events().rows(named=True)
    assert row["value"] == "v9"
    assert row["earliest"].year == 2026


def test_packed_or_not_and_whatever_else_a_line_holds(make: Make) -> None:
    text = "not a record\n" + line("REST.PUT.OBJECT") + "\n" + line("REST.PUT.OBJECT", bucket="c")
    case = read(make, gzip.compress(text.encode() + b"\xff\xfe\n"), f"{NAME}.gz")
    assert case.events()["citation"].to_list() == ["line 2"]
    messages = [w.message for w in case.parse().warnings]
    assert any("2 lines left out" in m for m in messages)
    assert any("'c'" in m for m in messages)
    case.quotable()


def test_a_packed_log_that_is_broken_or_without_end_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.s3.packed.MOST_UNPACKED", 1000)
    whole = gzip.compress(line("REST.DELETE.OBJECT").encode())
    turned = whole[:30] + bytes(byte ^ 0xFF for byte in whole[30:40]) + whole[40:]
    for data, said in ((turned, "packed with gzip"), (gzip.compress(b"a" * 2000), "at most 1000")):
        case = read(make, data, f"{NAME}.gz")
        [warning] = case.parse().warnings
        assert said in warning.message
        assert case.events().is_empty()
    assert read(make, whole, f"{NAME}.gz").events().height == 1


def test_a_log_that_was_copied_twice_is_one(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    for folder in ("1", "2"):
        path = case.folder / "x" / folder / NAME.rpartition("/")[2]
        path.parent.mkdir(parents=True)
        path.write_text(line("REST.DELETE.OBJECT"))
    case.acquire()
    assert case.quotable() == 1


def test_a_client_that_calls_itself_an_error_hides_no_log(make: Make) -> None:
    agent = '"An error occurred (AccessDenied) when calling the GetBucketPolicy operation: no"'
    case = read(make, line("REST.DELETE.OBJECT", agent=agent) * 2)
    assert case.events("log.REST.DELETE.OBJECT").height == 2
