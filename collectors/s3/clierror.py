"""What the AWS CLI writes where S3 refused: the code is an answer too.

``aws s3api get-object-retention … > file 2>&1`` leaves one line, as text or, in newer releases,
as JSON::

    An error occurred (NoSuchObjectLockConfiguration) when calling the GetObjectRetention
    operation: The specified object does not have a ObjectLock configuration

(on one line there). ``aws: [ERROR]: `` may stand before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.s3 import clijson
from collectors.s3.listing import NotAListingError

LONGEST = 4096
_TEXT = re.compile(
    # What PowerShell and newer releases put before it; elsewhere it is somebody's quotation, such
    # as a client's name in an access log.
    r"(?:aws(?:\.exe|\.cmd)? ?: )?(?:\[ERROR\]: )?"
    r"An error occurred \((?P<code>[\w.:-]{1,100})\) when calling the (?P<operation>\w{1,100})"
    r" operation(?: \(reached max retries: \d+\))?:? ?(?P<message>[^\r\n]*)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One refusal."""

    code: str
    """S3's word."""
    operation: str
    """As the API Reference names it: ``GetObjectRetention``; empty where it is not said."""
    message: str


def find(data: bytes) -> Said | None:
    """The error that a small file begins with; null where it is none."""
    start = data[:LONGEST]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = start.decode("utf-16", "replace")
    else:
        text = start.decode("utf-8", "replace")
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith("{"):
        return _json(data)
    match = _TEXT.match(stripped)
    if match is None:
        return None
    return Said(match["code"], match["operation"], match["message"])


def _json(data: bytes) -> Said | None:
    if len(data) >= LONGEST or b"Code" not in data:
        return None
    try:
        top = clijson.load(data)
    except NotAListingError:
        return None
    error = top.get("Error", top)
    code = clijson.text(error.get("Code")) if isinstance(error, dict) else None
    if not code or not isinstance(error, dict) or top.keys() - {"Error", "Code", "Message"}:
        return None
    return Said(code, "", clijson.text(error.get("Message")) or "")
