"""Servers that answer something else, or nothing: a small real one that says what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from collectors.s3.kinds import CONFIGURATION, PAGE, UNRECOGNISED
from recon.errors import BadInputError, UnreachableError
from tests.collectors.s3.conftest import Told

pytestmark = pytest.mark.live
Make = Callable[..., Any]
NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
EMPTY = (
    f"<ListVersionsResult {NS}><Name>b00</Name><IsTruncated>false</IsTruncated>"
    "</ListVersionsResult>"
)
LISTING = f"<ListBucketResult {NS}><Name>b00</Name></ListBucketResult>"


def error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


class Answers:
    """What a server is told to say to ``?versions``, one after another, and to everything else."""

    def __init__(self, server: Told) -> None:
        self.versions: list[tuple[int, str]] = [(200, EMPTY)]
        self.other: tuple[int, str] = (200, LISTING)
        self.endpoint, self.asked = server.endpoint, server.asked

    def next(self, path: str) -> tuple[int, bytes]:
        """The last answer is repeated."""
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        status, text = self.versions[0] if "versions" in query else self.other
        if "versions" in query and len(self.versions) > 1:
            self.versions.pop(0)
        return status, text.encode()


@pytest.fixture
def told(scripted: Told) -> Answers:
    answers = Answers(scripted)
    scripted.answer = answers.next
    return answers


@pytest.fixture(autouse=True)
def few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")


def test_a_server_that_answers_every_sub_resource_with_a_listing(told: Answers, make: Make) -> None:
    case = make(url="s3://b00/", endpoint=told.endpoint)
    assert not case.acquire().failures
    assert case.events("bucket.configuration").is_empty()
    assert len(case.items.of(CONFIGURATION)) == 9, "what came is kept all the same"
    wrong = [w for w in case.parse().warnings if "ListBucketResult" in w.message]
    assert len(wrong) == 9


def test_a_refused_sub_resource_is_not_one_where_nothing_is_configured(
    told: Answers, make: Make
) -> None:
    told.other = (403, error("AccessDenied"))
    case = make(url="s3://b00/", endpoint=told.endpoint)
    assert not case.acquire().failures
    assert case.events("bucket.configuration").is_empty()
    assert len([w for w in case.parse().warnings if "AccessDenied" in w.message]) == 9


@pytest.mark.parametrize("answer", ["<html>Welcome</html>", "not xml at all", LISTING, ""])
def test_what_is_no_version_listing_stops_the_source_and_is_kept(
    told: Answers, make: Make, answer: str
) -> None:
    told.versions = [(200, answer)]
    case = make(url="s3://b00/", endpoint=told.endpoint)
    [(_, failure)] = case.acquire().failures
    assert isinstance(failure, BadInputError)
    assert "version listing" in failure.expected
    [kept] = case.items.of(UNRECOGNISED)
    assert case.items.read(kept) == answer.encode()
    assert [w.severity for w in case.parse().warnings] == ["error"]
    told.versions = [(200, EMPTY)]
    assert not case.acquire().failures, "a second run asks again"
    assert case.items.of(PAGE)


def test_denied_is_a_refusal_with_what_to_do(told: Answers, make: Make) -> None:
    told.versions = [(403, error("AccessDenied"))]
    [(_, failure)] = make(url="s3://b00/", endpoint=told.endpoint).acquire().failures
    assert isinstance(failure, UnreachableError)
    assert "AccessDenied" in failure.found
    assert "rights" in failure.todo


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (200, "InternalError")]
)
def test_throttling_is_tried_again_and_then_reported(
    told: Answers, make: Make, status: int, code: str
) -> None:
    # With its last answer repeated.
    told.versions = [(status, error(code)), (200, EMPTY)]
    assert not make(url="s3://b00/", endpoint=told.endpoint).acquire().failures
    told.versions = [(status, error(code))]
    [(_, failure)] = make(url="s3://b00/", endpoint=told.endpoint).acquire().failures
    assert isinstance(failure, UnreachableError)
    assert code in failure.found


def test_a_server_that_never_ends_a_listing_is_left(told: Answers, make: Make) -> None:
    circle = EMPTY.replace("false", "true").replace(
        "</Name>", "</Name><NextKeyMarker>a</NextKeyMarker>"
    )
    told.versions = [(200, circle)]
    [(_, failure)] = make(url="s3://b00/", endpoint=told.endpoint).acquire().failures
    assert isinstance(failure, BadInputError)
    assert "listed before" in failure.found
    assert sum("key-marker" in one for one in told.asked) == 1


def test_an_endpoint_where_nobody_answers(make: Make) -> None:
    server = Told()
    server.server.server_close()
    [(_, failure)] = make(url="s3://b00/", endpoint=server.endpoint).acquire().failures
    assert isinstance(failure, UnreachableError)
    assert failure.exit_code == 4
    assert server.endpoint in str(failure)


def test_no_credentials_at_all(told: Answers, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    [(_, failure)] = make(url="s3://b00/", endpoint=told.endpoint).acquire().failures
    assert isinstance(failure, UnreachableError)
    assert "credentials" in failure.found
    assert told.asked == []


def test_a_profile_that_is_not_there(told: Answers, make: Make) -> None:
    case = make(url="s3://b00/", endpoint=told.endpoint, profile="nobody")
    [(_, failure)] = case.acquire().failures
    assert isinstance(failure, UnreachableError)
    assert "nobody" in failure.found
