"""What a server does wrong in the middle of its work, and keys as nobody should name them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from collectors import objectstore
from collectors.s3.kinds import CONFIGURATION, HEAD, PAGE
from collectors.s3.wire import CredentialsError
from tests.collectors.s3.conftest import Told

pytestmark = pytest.mark.live
Make = Callable[..., Any]
NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
NOTHING = (404, b"<Error><Code>NoSuchBucketPolicy</Code></Error>")
LONG = "ü" * 510 + "/end"
KEYS = [
    "../../etc/passwd", "a/../b", "a//b", "/a", "a\nb", "a\r\nb", "\x1b[31mred", "\x00nul", "+ %2B",
    "\u202egnp.exe",
    "'; rm -rf ~ #", "=cmd|' /C calc'!A0", "<Key>&amp;", LONG, "a?versionId=x", "\ufffe",
]  # fmt: skip


@pytest.fixture(autouse=True)
def few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")


def page(keys: list[str], following: str | None = None) -> bytes:
    rows = "".join(
        f"<Version><Key>{quote_plus(key, safe='/')}</Key><VersionId>v{n}</VersionId><IsLatest>true"
        "</IsLatest><LastModified>2026-03-08T20:05:00.000Z</LastModified>"
        "<ETag>&quot;c81e728d9d4c2f636f067f89cc14862c&quot;</ETag><Size>1</Size></Version>"
        for n, key in enumerate(keys)
    )
    more = f"<NextKeyMarker>{quote_plus(following)}</NextKeyMarker>" if following else ""
    return (
        f"<ListVersionsResult {NS}><Name>b00</Name><Prefix></Prefix><EncodingType>url"
        f"</EncodingType><IsTruncated>{str(following is not None).lower()}</IsTruncated>{more}"
        f"{rows}</ListVersionsResult>"
    ).encode()


def paged(path: str) -> tuple[int, bytes]:
    """Three pages of one key each; nothing is configured."""
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if "versions" not in query:
        return NOTHING
    marker = query.get("key-marker", [""])[0]
    return {"": (200, page(["a"], "a")), "a": (200, page(["b"], "b")), "b": (200, page(["c"]))}[
        marker
    ]


def test_keys_as_nobody_should_name_them(scripted: Told, make: Make) -> None:
    def answer(path: str) -> tuple[int, bytes]:
        return (200, page(KEYS)) if "versions" in path else (200, b"")

    scripted.answer = answer
    case = make(url="s3://b00/", endpoint=scripted.endpoint, head="all", claims=())
    failures = case.acquire().failures
    # The client refuses some of them (a NUL in a URL); they are named, and none stops another.
    assert len(case.items.of(HEAD)) + len(failures) == len(KEYS)
    said = {s.removeprefix("s3:b00/") for s in case.events("object.put")["subject"]}
    assert said == set(KEYS)
    assert len(LONG.encode()) == 1024
    stored = {p for p in (case.folder / "evidence" / "items").rglob("*") if p.is_file()}
    assert all(path.name.isalnum() for path in stored), "no key names a file"
    assert case.quotable() >= len(KEYS)


MIDWAY: dict[str, tuple[int, bytes] | type[Exception]] = {
    "throttling": (503, b"<Error><Code>SlowDown</Code></Error>"),
    "a fault": (500, b"<Error><Code>InternalError</Code></Error>"),
    "a fault after 200": (200, b"<Error><Code>InternalError</Code></Error>"),
    "a broken connection": ConnectionResetError,
    "no answer in time": TimeoutError,
    "no xml": (200, b"<html>Bad gateway"),
}


@pytest.mark.parametrize("name", list(MIDWAY))
@pytest.mark.parametrize("lasting", [False, True])
def test_a_fault_midway_is_tried_again_and_named_where_it_lasts(
    scripted: Told,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    lasting: bool,  # noqa: FBT001  (a case of the test)
) -> None:
    monkeypatch.setattr(objectstore, "READ_TIMEOUT", 0.5 if name == "no answer in time" else 60)
    fault = MIDWAY[name]
    hit: list[str] = []

    def answer(path: str) -> tuple[int, bytes]:
        if "key-marker=a" in path and (lasting or not hit):
            hit.append(path)
            if isinstance(fault, tuple):
                return fault
            if fault is TimeoutError:
                time.sleep(1)
                return paged(path)
            raise fault
        return paged(path)

    scripted.answer = answer
    case = make(url="s3://b00/", endpoint=scripted.endpoint, parallel=1, passes=1)
    failures = case.acquire().failures
    pages = case.items.of(PAGE)
    assert len({i.native for i in pages}) == len(pages)
    assert len(case.items.of(CONFIGURATION)) == 9, "the rest goes on"
    if not lasting:
        assert not failures
        assert len(pages) == 3
        return
    assert len(failures) == 1
    assert len(pages) == 1
    scripted.answer = paged
    assert not case.acquire().failures, "a second run asks for what is missing"
    assert len(case.items.of(PAGE)) == 3
    assert case.parse().coverage.height == 1
    assert all(i.meta["request_id"] and i.meta["id_2"] for i in case.items.of(PAGE))


@pytest.mark.parametrize("below", ["a/", "", "b/"])
def test_a_level_that_names_itself_or_what_is_beside_it_ends(
    scripted: Told, make: Make, below: str
) -> None:
    """And is no whole listing; `a/` lists `below` as a prefix of its own, and nothing else."""

    def answer(path: str) -> tuple[int, bytes]:
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        if "versions" not in query:
            return NOTHING
        prefix, is_level = query["prefix"][0], "delimiter" in query
        if not is_level:
            return (200, page(["a"], "a")) if not prefix else (403, NOTHING[1])
        named = "a/" if not prefix else below
        common = f"<CommonPrefixes><Prefix>{named}</Prefix></CommonPrefixes>".encode() * 2
        return 200, page([]).replace(b"<IsTruncated>", common + b"<IsTruncated>")

    scripted.answer = answer
    case = make(url="s3://b00/", endpoint=scripted.endpoint, parallel=2)
    for _ in range(2):
        assert case.acquire().failures
        assert len({i.native for i in case.items}) == len(list(case.items))
        assert case.parse().coverage.is_empty()


def test_a_page_of_other_keys_is_refused_again_when_it_goes_on(scripted: Told, make: Make) -> None:
    scripted.answer = lambda path: (200, page(["b"])) if "versions" in path else NOTHING
    case = make(url="s3://b00/a/", endpoint=scripted.endpoint)
    for _ in range(2):
        [(_, error)] = case.acquire().failures
        assert "keys that start with 'a/'" in error.expected


def test_credentials_that_end_midway_stop_the_source_and_nothing_is_lost(
    scripted: Told, make: Make
) -> None:
    def answer(path: str) -> tuple[int, bytes]:
        if "key-marker=b" in path:
            return 400, b"<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"
        return paged(path)

    scripted.answer = answer
    case = make(url="s3://b00/", endpoint=scripted.endpoint, parallel=1, passes=1)
    [(_, error)] = case.acquire().failures
    assert isinstance(error, CredentialsError)
    assert len(case.items.of(PAGE)) == 2
    asked = len(scripted.asked)
    assert "?policy" not in "".join(scripted.asked), "nothing more is asked with them"
    scripted.answer = paged
    assert not case.acquire().failures
    again = [path for path in scripted.asked[asked:] if "versions" in path]
    assert len(again) == 1, "only the page that is missing"
    assert len(case.items.of(PAGE)) == 3
