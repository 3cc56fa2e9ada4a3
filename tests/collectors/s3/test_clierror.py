"""What the AWS CLI wrote where S3 refused, in place of an answer or beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from collectors.s3 import clierror, kept
from collectors.s3.kinds import CLI_ERROR
from tests.collectors.s3.test_exports import version, write

Make = Callable[..., Any]
ID = "QUpfdndhfd8438MNFDN93jdnJFkdmqnh893"


def said(code: str, operation: str, before: str = "\n") -> str:
    return f"{before}An error occurred ({code}) when calling the {operation} operation: no\n"


def read(make: Make, **files: str | bytes) -> Any:
    """An export of one version, with files named after the call: `retention`, `legal_hold`."""
    case = make(url="s3://b00/", exports=[{"path": "x", "taken": "2026-04-02T09:00Z"}])
    write(case, "x/list-object-versions.json", {"Versions": [version("k", ID)], "Prefix": None})
    for name, text in files.items():
        path = case.folder / f"x/get-object-{name.replace('_', '-')}-{ID}.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert not case.acquire().failures
    return case


def row(case: Any) -> dict[str, Any]:
    """What keeps the one version."""

    class Timeline:
        events = case.parse().events.with_columns(source=pl.lit("models"))

    [found] = kept.of_timeline(Timeline(), "models").collect().rows(named=True)  # type: ignore[arg-type]  # its events are all that is read
    return dict(found)


def test_not_locked_is_an_answer(make: Make) -> None:
    case = read(
        make,
        retention=said("NoSuchObjectLockConfiguration", "GetObjectRetention"),
        legal_hold=said("NoSuchObjectLockConfiguration", "GetObjectLegalHold", "aws: [ERROR]: "),
    )
    assert len(case.items.of(CLI_ERROR)) == 2
    assert case.events("object.retention")["value"].to_list() == [None]
    assert (row(case)["lock"], row(case)["hold"], row(case)["bypass"]) == (
        "not locked", "not locked", False,
    )  # fmt: skip
    assert not case.parse().warnings
    case.quotable()


def test_not_allowed_to_see_is_never_not_locked(make: Make) -> None:
    case = read(
        make,
        retention=said("AccessDenied", "GetObjectRetention"),
        legal_hold=said("AccessDenied", "GetObjectLegalHold"),
    )
    assert case.events("object.retention", "object.legal-hold").is_empty()
    unseen = case.events("object.unseen").sort("attribute")
    assert unseen["attribute"].to_list() == ["legal-hold", "retention"]
    assert unseen["value"].unique().to_list() == ["AccessDenied"]
    assert row(case)["lock"] == row(case)["hold"] == "not allowed to see (AccessDenied)"
    assert row(case)["bypass"] is None
    messages = [w.message for w in case.parse().warnings]
    assert sum("not allowed to see is not the same as not locked" in m for m in messages) == 2
    case.quotable()


def test_nobody_asked_is_nothing(make: Make) -> None:
    found = row(read(make))
    assert found["lock"] is found["hold"] is found["bypass"] is None


def test_a_lock_and_a_hold_as_the_cli_prints_them(make: Make) -> None:
    until = "2033-03-08T00:00:00+00:00"
    case = read(
        make,
        retention=json.dumps({"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": until}}),
        legal_hold=json.dumps({"LegalHold": {"Status": "ON"}}),
    )
    found = row(case)
    assert (found["lock"], found["bypass"], found["hold"]) == (
        f"GOVERNANCE until {until}", True, "ON",
    )  # fmt: skip


@pytest.mark.parametrize(
    "form",
    [
        said("AccessDenied", "GetBucketPolicy").encode(),
        said("AccessDenied", "GetBucketPolicy").encode("utf-16"),
        b"\xef\xbb\xbf" + said("AccessDenied", "GetBucketPolicy", "aws.exe : ").encode(),
        said("AccessDenied", "GetBucketPolicy")
        .replace(": no", " (reached max retries: 4): no")
        .encode(),
        b'{"Error": {"Code": "AccessDenied", "Message": "no"}}',
        b'{"Code": "AccessDenied", "Message": "no"}',
    ],
)
def test_each_form_in_which_it_is_written(make: Make, form: bytes) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", {"Versions": [], "Prefix": None})
    (case.folder / "x/get-bucket-policy.json").write_bytes(form)
    case.acquire()
    [unseen] = case.events("bucket.unseen").rows(named=True)
    assert unseen["attribute"] == "policy"
    assert "AccessDenied" in unseen["value"]
    found = clierror.find(form)
    assert found is not None
    assert found.code == "AccessDenied"


def test_a_listing_that_was_refused_covers_nothing_and_is_named(make: Make) -> None:
    case = make(url="s3://b00/", exports=[{"path": "x", "taken": "2026-04-02T09:00Z"}])
    write(case, "x/list-object-versions.json", said("AccessDenied", "ListObjectVersions"))
    case.acquire()
    assert case.parse().coverage.is_empty()
    assert ["ListObjectVersions was refused" in w.message for w in case.parse().warnings] == [True]
