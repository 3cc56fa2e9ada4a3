"""Signed requests to S3, with the answer kept as it came.

botocore finds credentials, signs, retries and follows redirects; its parser, which would lose the
order of a listing and costs ten times ours, is given an empty document instead of the body.
"""

from __future__ import annotations

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
_MULTIPLE_CHOICES = 300
_NOT_FOUND = 404
_TOO_MANY = 429
_SERVER_ERROR = 500
_START = 300


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
            "server": self.header("server"),
            "code": self.code or None,
            "before": self.before,
            "after": self.after,
        }
        return {name: value for name, value in said.items() if value is not None}


class Wire:
    """A client of one bucket. Close it."""

    def __init__(self, options: S3Options) -> None:
        """Find the credentials by boto3's own chain.

        Raises:
            UnreachableError: the profile is not there, or boto3 cannot make a client.
        """
        from botocore.exceptions import BotoCoreError

        self._url = options.url
        self._endpoint = options.endpoint or "AWS"
        self._sent: dict[str, Any] = {}
        try:
            self._client: S3Client = s3_client(options.endpoint, options.region, options.profile)
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
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        self._sent = {}
        code = message = ""
        try:
            getattr(self._client, operation)(**parameters)
        except ClientError as error:
            said = error.response.get("Error", {})
            code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        except ParamValidationError as error:
            raise BadInputError(
                "a name that S3 takes", str(error), self._url, "mend `url` in case.toml"
            ) from error
        except (BotoCoreError, SyntaxError) as error:
            # SyntaxError: botocore reads some small answers with ElementTree, whose error it is.
            if self._sent.get("status_code", 500) >= _MULTIPLE_CHOICES:
                raise self._refusal(str(error)) from error
        sent = self._sent
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
        return answer

    def refused(self, answer: Answer) -> ReconError:
        """The error for an answer that is a refusal."""
        found = f"{answer.status} {answer.code} {answer.message}".strip()
        if answer.code in _CREDENTIALS:
            return self._refusal(found, "credentials that the server knows", "check them")
        if answer.status in _REFUSED:
            return self._refusal(
                found, "to be allowed", "grant the rights that the collector's README lists"
            )
        if answer.status == _NOT_FOUND:
            return self._refusal(found, "a bucket of that name", "check `url` and `endpoint`")
        return self._refusal(found)

    def _refusal(
        self, found: str, expected: str = "an answer", todo: str = "try again: it goes on there"
    ) -> UnreachableError:
        """Nothing of the request's headers goes into it, and so no credential."""
        return UnreachableError(
            f"{expected} from {self._endpoint}", found[:500] or "nothing", self._url, todo
        )

    def _before(self, request: Any, **_: object) -> None:  # noqa: ANN401  (botocore's)
        self._sent = {"url": str(request.url), "before": datetime.now(UTC).isoformat()}

    def _keep(self, response_dict: dict[str, Any], **_: object) -> None:
        self._sent |= {
            "after": datetime.now(UTC).isoformat(),
            "status_code": int(response_dict["status_code"]),
            "headers": tuple((str(k), str(v)) for k, v in response_dict["headers"].items()),
            "body": bytes(response_dict["body"] or b""),
        }
        # S3 may begin with 200 and then fail (API Reference, error responses): botocore sees that.
        is_error = b"<Error" in self._sent["body"][:_START]
        if self._sent["status_code"] < _MULTIPLE_CHOICES and not is_error:
            response_dict["body"] = b"<Kept/>"
