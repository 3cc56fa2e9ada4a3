"""Signed requests to S3, with the answer kept as it came.

botocore finds credentials, signs, retries and follows redirects; its parser, which would lose the
order of a listing and costs ten times ours, is given an empty document instead of the body.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from collectors.objectstore import s3_client
from recon.errors import BadInputError, ReconError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_s3 import S3Client

    from collectors.s3.options import S3Options

_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidClientTokenId",
    "AuthFailure",
}
_REFUSED = (401, 403)
_PARTIAL = 206
_MULTIPLE_CHOICES = 300
_NOT_FOUND = 404
_TOO_MANY = 429
_SERVER_ERROR = 500
_START = 300
_CHUNK = 1 << 20
# How often an object whose stream breaks off is taken up where it broke.
_TRIES = 3


_RANGE = re.compile(r"bytes (?P<first>[0-9]{1,19})-[0-9]{1,19}/(?P<total>[0-9]{1,19}|\*)", re.ASCII)


class CredentialsError(UnreachableError):
    """The server does not know the credentials, or not any more: nothing else can be asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, its body and headers as received."""

    url: str
    """What was asked; the signature is in the request's headers, not in it."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    code: str
    """S3's word for the error; empty if there was none."""
    message: str
    before: str
    """Local clock before the request was sent (of retries: the last), RFC 3339."""
    after: str

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return self.status < _MULTIPLE_CHOICES

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((v for k, v in self.headers if k.lower() == name), None)

    def about(self) -> dict[str, Any]:
        """What the custody log keeps of it: ids that the server's owner can look up, and times."""
        said = {
            "url": self.url,
            "status": self.status,
            "request_id": self.header("x-amz-request-id") or self.header("x-amzn-requestid"),
            "id_2": self.header("x-amz-id-2"),
            "date": self.header("date"),
            "age": self.header("age"),
            "server": self.header("server"),
            "code": self.code or None,
            "before": self.before,
            "after": self.after,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Streaming:
    """An object that is on its way."""

    answer: Answer
    """Its headers; the body is not in it."""
    chunks: Iterator[bytes]
    """Raises UnreachableError where it breaks off for good, or other bytes take its place."""

    def about(self) -> dict[str, Any]:
        """As :meth:`Answer.about`, with the version, ETag and length that are sent."""
        names = {
            "etag": "etag",
            "version_id": "x-amz-version-id",
            "last_modified": "last-modified",
            "length": "content-length",
        }
        said = {name: self.answer.header(header) for name, header in names.items()}
        return {**self.answer.about(), **{k: v for k, v in said.items() if v is not None}}


class Wire:
    """A client of one bucket, for several threads. Close it."""

    def __init__(self, options: S3Options) -> None:
        """Find the credentials by boto3's own chain.

        Raises:
            UnreachableError: the profile is not there, or boto3 cannot make a client.
        """
        from botocore.exceptions import BotoCoreError

        self._url = options.url
        self._endpoint = options.endpoint or "AWS"
        self._local = threading.local()
        try:
            self._client: S3Client = s3_client(
                options.endpoint,
                options.region,
                options.profile,
                connections=max(10, options.parallel),
                validate=False,
            )
        except (BotoCoreError, ValueError) as error:
            raise self._refusal(str(error)) from error
        self._client.meta.events.register("before-send.s3", self._before)
        # Under wildcards it runs first, before botocore turns an answer that is no XML into a
        # failure, in a handler of its own for `before-parse.s3.*`.
        self._client.meta.events.register_first("before-parse.*.*", self._keep)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def ask(self, operation: str, parameters: Mapping[str, Any]) -> Answer:
        """One call of boto3's client, whatever the server answered but a failure after retries.

        Raises:
            UnreachableError: no answer, no usable credentials, or 5xx and throttling to the end.
            BadInputError: a parameter that S3 does not take, such as a bucket's name.
        """
        return self._asked(operation, parameters)[0]

    @contextmanager
    def body(self, parameters: Mapping[str, Any]) -> Iterator[Streaming]:
        """An object as it streams; bytes that contradict its checksum are kept, not refused.

        Raises:
            UnreachableError: no answer, or a refusal.
        """
        answer, said = self._asked("get_object", parameters)
        if not answer.ok or said is None:
            raise self.refused(answer)
        yield Streaming(answer, self._chunks(said, answer, parameters))

    def _chunks(
        self,
        said: Mapping[str, Any],
        answer: Answer,
        parameters: Mapping[str, Any],
    ) -> Iterator[bytes]:
        """The whole object: where its stream breaks, the rest of the same ETag is asked for."""
        from botocore.exceptions import BotoCoreError

        taken = 0
        said_length = answer.header("content-length") or ""
        # Null where a server sends it in pieces: then only the stream says where it ends.
        length = int(said_length) if said_length.isascii() and said_length.isdigit() else None
        for left in reversed(range(_TRIES)):
            ended = False
            try:
                for chunk in said["Body"].iter_chunks(_CHUNK):
                    taken += len(chunk)
                    yield chunk
                ended = True
            except BotoCoreError as error:
                if not left:
                    raise self._refusal(f"{taken} of {length or '?'} bytes: {error}") from error
            finally:
                said["Body"].close()
            if ended if length is None else taken >= length:
                return
            rest = {**parameters, "Range": f"bytes={taken}-", "IfMatch": answer.header("etag")}
            more, again = self._asked("get_object", rest)
            try:
                if not more.ok or again is None or more.status != _PARTIAL:
                    raise self.refused(more)
                self._check_part(more, answer, taken, length)
            except ReconError:
                if again is not None:
                    again["Body"].close()
                raise
            said = again
        raise self._refusal(f"{taken} of {length or '?'} bytes")

    def _check_part(self, more: Answer, first: Answer, taken: int, length: int | None) -> None:
        """The rest that was sent is the rest that was asked for, of the same object.

        By its own word: ``Content-Range`` (RFC 9110, 14.4), and the ETag of what came first.

        Raises:
            UnreachableError: it is another part, or of another object.
        """
        said = more.header("content-range") or ""
        match = _RANGE.fullmatch(said)
        total = match and match["total"]
        if match is None or int(match["first"]) != taken:
            raise self._refusal(said, f"Content-Range: bytes {taken}-…")
        if length is not None and total not in {str(length), "*"}:
            raise self._refusal(said, f"Content-Range: bytes {taken}-…/{length}")
        if more.header("etag") != first.header("etag"):
            raise self._refusal(more.header("etag") or "none", f"ETag {first.header('etag')}")

    def _asked(
        self, operation: str, parameters: Mapping[str, Any]
    ) -> tuple[Answer, Mapping[str, Any] | None]:
        """The answer, and what botocore made of it: null where it is an error."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        self._local.sent = {}
        code = message = ""
        made: Mapping[str, Any] | None = None
        try:
            made = getattr(self._client, operation)(**parameters)
        except ClientError as error:
            said = error.response.get("Error", {})
            code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        except ParamValidationError as error:
            raise BadInputError(
                "a name that S3 takes", str(error), self._url, "mend `url` in case.toml"
            ) from error
        except (BotoCoreError, SyntaxError) as error:
            # SyntaxError: botocore reads some small answers with ElementTree, whose error it is.
            if self._local.sent.get("status_code", 500) >= _MULTIPLE_CHOICES:
                raise self._unanswered(error) from error
        sent = self._local.sent
        answer = Answer(
            url=sent["url"],
            status=sent["status_code"],
            headers=sent["headers"],
            body=sent["body"],
            code=code,
            message=message,
            before=sent["before"],
            after=sent["after"],
        )
        failed = answer.status >= _SERVER_ERROR or answer.status == _TOO_MANY
        if code in _CREDENTIALS or failed or (code and answer.ok):
            raise self.refused(answer)
        return answer, made

    def _unanswered(self, error: Exception) -> ReconError:
        """What botocore could not do: without credentials nothing else can be asked either."""
        from botocore.exceptions import (
            CredentialRetrievalError,
            NoCredentialsError,
            PartialCredentialsError,
        )

        ended = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
        if isinstance(error, ended):
            return self._refusal(str(error), "credentials", "check them", CredentialsError)
        return self._refusal(str(error))

    def refused(self, answer: Answer) -> ReconError:
        """The error for an answer that is a refusal."""
        found = f"{answer.status} {answer.code} {answer.message}".strip()
        if answer.code in _CREDENTIALS:
            expected = "credentials that the server knows"
            return self._refusal(found, expected, "check them", CredentialsError)
        if answer.status in _REFUSED:
            return self._refusal(
                found, "to be allowed", "grant the rights that the collector's README lists"
            )
        if answer.status == _NOT_FOUND:
            return self._refusal(found, "a bucket of that name", "check `url` and `endpoint`")
        return self._refusal(found)

    def _refusal(
        self,
        found: str,
        expected: str = "an answer",
        todo: str = "try again: it goes on there",
        kind: type[UnreachableError] = UnreachableError,
    ) -> UnreachableError:
        """Nothing of the request's headers goes into it, and so no credential."""
        return kind(f"{expected} from {self._endpoint}", found[:500] or "nothing", self._url, todo)

    def _before(self, request: Any, **_: object) -> None:  # noqa: ANN401  (botocore's)
        self._local.sent = {"url": str(request.url), "before": datetime.now(UTC).isoformat()}

    def _keep(self, response_dict: dict[str, Any], **_: object) -> None:
        body = response_dict["body"]
        is_whole = body is None or isinstance(body, bytes)
        sent = self._local.sent
        sent |= {
            "after": datetime.now(UTC).isoformat(),
            "status_code": int(response_dict["status_code"]),
            "headers": tuple((str(k), str(v)) for k, v in response_dict["headers"].items()),
            "body": (body or b"") if is_whole else b"",
        }
        # S3 may begin with 200 and then fail (API Reference, error responses): botocore sees that.
        is_error = b"<Error" in sent["body"][:_START]
        if is_whole and sent["status_code"] < _MULTIPLE_CHOICES and not is_error:
            response_dict["body"] = b"<Kept/>"
