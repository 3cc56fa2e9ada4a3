r"""Records of CloudTrail as events: what was called, on what, by which principal of which account.

A file holds ``{"Records": […]}``; ``aws cloudtrail lookup-events`` prints ``{"Events": […]}`` with
each record as text in ``CloudTrailEvent``. A record, shortened (CloudTrail User Guide, "CloudTrail
record contents")::

    {"eventVersion": "1.09", "eventTime": "2026-03-08T20:05:00Z", "eventSource": "s3.amazonaws.com",
     "eventName": "DeleteObject", "awsRegion": "eu-central-1", "sourceIPAddress": "192.0.2.3",
     "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/dba",
                      "accountId": "111122223333"},
     "requestParameters": {"bucketName": "acme-models", "key": "m/2/model.bin"},
     "responseElements": {"x-amz-delete-marker": "true", "x-amz-version-id": "3HL4kqtJ"},
     "requestID": "3E57427F33A59F07", "eventID": "0828c0d2-…", "eventCategory": "Data",
     "managementEvent": false, "recipientAccountId": "111122223333",
     "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::acme-models/m/2/model.bin"}]}

``requestID`` is S3's own request id, by which an access log's line is found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3 import times
from collectors.s3.clijson import text
from collectors.s3.kinds import TRAIL
from collectors.s3.listing import NotAListingError
from collectors.s3.trail.packed import load
from recon.collector import Item, Items, Source, Warn
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,99}")
_OBJECT = re.compile(r"arn:[^:]*:s3:::([^/]+)/(.+)", re.DOTALL)


def events(_source: Source, items: Items, warnings: list[Warn]) -> pl.DataFrame:
    """``trail.NAME`` for each call that was done, ``trail.failed`` for each that was not.

    A call on several objects gives one event each.
    """
    rows: list[dict[str, Any]] = []
    # The same bytes under two names are one log file.
    for item in {item.sha256: item for item in items.of(TRAIL)}.values():
        try:
            found = list(_records(load(items.read(item))))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        # A loop over records: each is nested JSON of another shape.
        for citation, record in found:
            if record is None or not (made := list(_events(item, citation, record))):
                wrong = "expected eventName and eventTime of a record, found other; left out"
                warnings.append(Warn(item.sha256, citation, wrong, "error"))
            else:
                rows += made
    dated = times.modified(pl.Series([row.pop("time") for row in rows], dtype=pl.String))
    undated = sum(1 for value in dated["earliest"] if value is None)
    if undated:
        first = rows[dated["earliest"].is_null().arg_max() or 0]
        text_ = f"expected eventTime to be a time: {undated} records undated, this one first"
        warnings.append(Warn(first["item"], first["citation"], text_))
    return (
        frame(rows, {name: DRAFT[name] for name in DRAFT if name not in {"earliest", "latest"}})
        .with_columns(dated)
        .select(list(DRAFT))
    )


def _records(top: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Citation and record; null where there is none."""
    for name in ("Records", "Events"):
        listed = top.get(name)
        if isinstance(listed, list):
            for number, one in enumerate(listed):
                yield f"/{name}/{number}", _record(one)
            return
    raise NotAListingError(f"expected Records or Events, found {sorted(top)[:5]}")


def _record(one: object) -> Mapping[str, Any] | None:
    if not isinstance(one, dict):
        return None
    inner = one.get("CloudTrailEvent")
    if isinstance(inner, str):
        try:
            one = json.loads(inner)
        except (ValueError, RecursionError):
            return None
    return one if isinstance(one, dict) else None


def _events(item: Item, citation: str, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    name, time = text(record.get("eventName")), text(record.get("eventTime"))
    if name is None or time is None or not _NAME.fullmatch(name):
        return
    error = text(record.get("errorCode"))
    common = {
        "kind": "trail.failed" if error else f"trail.{name}",
        "clock": f"aws:{text(record.get('awsRegion')) or 'region not said'}/cloudtrail",
        "basis": "stamped",
        "time": time,
        "actor": actor(record),
        "item": item.sha256,
        "citation": citation,
    }
    request = text(record.get("requestID"))
    ids = [f"request:{request}"] if request else []
    for part, (subject, version) in enumerate(_subjects(record)):
        named = [f"{subject}?versionId={version}"] if version and "/" in subject else []
        value = f"{name} {error}" if error else version
        yield {**common, "subject": subject, "value": value, "names": ids + named, "part": part}


def _subjects(record: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """What the call was on, each with the version id that was asked for or answered.

    Of a bucket as a whole, with what its versioning was set to.
    """
    asked, answered = _table(record, "requestParameters"), _table(record, "responseElements")
    if record.get("eventSource") != "s3.amazonaws.com":
        account = text(record.get("recipientAccountId")) or "account not said"
        return [(f"aws:{account}/{text(record.get('eventSource')) or 'source not said'}", None)]
    bucket, key = text(asked.get("bucketName")), text(asked.get("key"))
    version = text(asked.get("versionId")) or text(answered.get("x-amz-version-id"))
    if bucket and key:
        return [(f"s3:{bucket}/{key}", version)]
    arns = record.get("resources")
    objects: list[tuple[str, str | None]] = [
        (f"s3:{match[1]}/{match[2]}", None)
        for one in (arns if isinstance(arns, list) else [])
        if isinstance(one, dict) and (match := _OBJECT.fullmatch(text(one.get("ARN")) or ""))
    ]
    state = text(_table(asked, "VersioningConfiguration").get("Status"))
    return objects or [(f"s3:{bucket or 'bucket not said'}", state)]


def actor(record: Mapping[str, Any]) -> str | None:
    """The principal; where the record gives no ARN, what it gives, with the account."""
    who = _table(record, "userIdentity")
    account = text(who.get("accountId"))
    for field in ("arn", "invokedBy", "principalId", "userName", "type"):
        name = text(who.get(field))
        if name:
            is_told = account is None or account in name
            return name if is_told else f"{name} of {account}"
    return f"account {account}" if account else None


def _table(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}
