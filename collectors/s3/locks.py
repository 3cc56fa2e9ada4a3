"""Retention and legal holds of versions: until when, and whether anyone was allowed to see it.

::

    <Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2033-03-08T00:00:00Z</RetainUntilDate>
    </Retention>
    <LegalHold><Status>ON</Status></LegalHold>

The AWS CLI prints ``{"Retention": {"Mode": …, "RetainUntilDate": …}}`` and
``{"LegalHold": {"Status": …}}``; a HEAD has ``x-amz-object-lock-mode``, ``…-retain-until-date`` and
``…-legal-hold``, for those who may see them; S3 Inventory has columns.
COMPLIANCE cannot be shortened by anyone, GOVERNANCE can be bypassed by who has
``s3:BypassGovernanceRetention``. A lock keeps its version: it does not keep a newer version or a
delete marker from being put over it (S3 User Guide, "How S3 Object Lock works").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collectors.s3 import clierror, clijson
from collectors.s3.kinds import CLI_LEGAL_HOLD, CLI_RETENTION, LEGAL_HOLD, RETENTION
from collectors.s3.listing import NotAListingError
from collectors.s3.xmlpage import local, root_of

What = Literal["retention", "legal-hold"]

# "Not locked" is said by these codes; any other refusal leaves it unknown.
NONE = frozenset(
    {
        "NoSuchObjectLockConfiguration",
        "NoSuchObjectLegalHold",
        "ObjectLockConfigurationNotFoundError",
    }
)
_UNKNOWN_ERRORS = {"InvalidRequest": "Bucket is missing Object Lock Configuration"}
"""Code and text with which S3 answers where the bucket has no Object Lock."""
OF_OPERATION: dict[str, What] = {
    "GetObjectRetention": "retention",
    "GetObjectLegalHold": "legal-hold",
}


@dataclass(frozen=True, slots=True)
class Lock:
    """What one answer says of one version."""

    what: What
    value: str | None
    """``COMPLIANCE until 2033-03-08T00:00:00Z``, ``ON``, ``OFF``; null where it is not locked."""
    until: str | None
    """The date in the words of the source."""
    citation: str
    refused: str = ""
    """S3's word where nobody was allowed to see: then it is not known whether it is locked."""


def read(kind: str, data: bytes) -> Lock:
    """From an item of one of the four kinds.

    Raises:
        NotAListingError: it is something else.
    """
    what: What = "retention" if kind in {RETENTION, CLI_RETENTION} else "legal-hold"
    if kind in {CLI_RETENTION, CLI_LEGAL_HOLD}:
        return _cli(what, data)
    if kind not in {RETENTION, LEGAL_HOLD}:
        raise NotAListingError(f"expected a retention or a legal hold, found {kind}")
    root = root_of(data)
    name = local(root.tag)
    if name == "Error":
        code = root.findtext("{*}Code") or ""
        return from_error(what, code, root.findtext("{*}Message") or "", "/Error")
    fields = {local(child.tag): (child.text or "").strip() for child in root.iter()}
    if name not in {"Retention", "LegalHold", "ObjectLockRetention", "ObjectLockLegalHold"}:
        raise NotAListingError(f"expected Retention or LegalHold, found {name[:80]!r}")
    return _lock(what, fields.get, f"/{name}")


def from_error(what: What, code: str, message: str, citation: str) -> Lock:
    """What a refusal says: not locked, or not known."""
    is_none = code in NONE or _UNKNOWN_ERRORS.get(code, "\0") in message
    return Lock(what, None, None, citation, "" if is_none else code or "an error")


def _cli(what: What, data: bytes) -> Lock:
    said = clierror.find(data)
    if said is not None:
        return from_error(what, said.code, said.message, "")
    top = clijson.load(data)
    name = "Retention" if what == "retention" else "LegalHold"
    table = top.get(name)
    if not isinstance(table, dict):
        raise NotAListingError(f"expected {name}, found {sorted(top)[:5]}")
    return _lock(what, lambda field: clijson.text(table.get(field)), f"/{name}")


def _lock(what: What, field: object, citation: str) -> Lock:
    get = field if callable(field) else str
    if what == "legal-hold":
        return Lock(what, get("Status") or None, None, citation)
    mode, until = get("Mode"), get("RetainUntilDate")
    return Lock(what, say(mode, until), until or None, citation)


def say(mode: str | None, until: str | None) -> str | None:
    """Mode and date as one value; null where there is neither."""
    if not mode and not until:
        return None
    return f"{mode or 'a mode not said'} until {until or 'a date not said'}"
