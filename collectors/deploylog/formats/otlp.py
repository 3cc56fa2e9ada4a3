"""OpenTelemetry logs: OTLP as JSON, one request a line, as a collector's file exporter writes it.

A real sample (one request with one record; in the file it stands on one line)::

    {"resourceLogs": [{"resource": {"attributes": [{"key": "service.name",
       "value": {"stringValue": "deployer"}}]}, "scopeLogs": [{"scope": {"name": "deploy"},
       "logRecords": [{"timeUnixNano": "1544712660300000000", "observedTimeUnixNano":
         "1544712660300000001", "severityText": "INFO", "body": {"stringValue": "finished"},
         "attributes": [{"key": "deploy.version", "value": {"stringValue": "2.3.1"}}]}]}]}]}

Each record of a request is an event of its own at that place. Its keys are those of the record,
with ``body``, ``attributes.NAME``, ``resource.NAME`` and ``scope.name``; a name keeps its dots.
``timeUnixNano`` is the time by the source's clock, asserted; where it is missing or 0, the time at
which a collector met the record is read, by a clock of its own, ``log:ID/observed``. The two are
readings of one act, so never both. The kind is ``eventName``, else ``otlp.SEVERITY``.
A ``pattern`` of the case is matched with ``body``.

Source: OpenTelemetry, Logs data model; OTLP 1.x, JSON Protobuf encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import NONE, Format, key
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collectors.deploylog.options import DeployLogOptions

_VALUES = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")


def _records(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The log records of a request, flat."""
    out = []
    for resource in _list(request, "resourceLogs"):
        of_resource = dict(_attributes(_table(resource.get("resource")), "resource."))
        for scope in _list(resource, "scopeLogs"):
            name = _table(scope.get("scope")).get("name")
            for record in _list(scope, "logRecords"):
                plain = {k: v for k, v in record.items() if k not in {"attributes", "body"}}
                body = _value(_table(record.get("body")))
                out.append(
                    {
                        **of_resource, "scope.name": name, **plain, "body": body,
                        **dict(_attributes(record, "attributes.")),
                    }
                )  # fmt: skip
    return out


def _list(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = holder.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _attributes(holder: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for one in _list(holder, "attributes"):
        yield f"{prefix}{one.get('key')}", _value(_table(one.get("value")))


def _value(value: dict[str, Any]) -> object:
    """A scalar as it is; an array or a map as what it is, which is read as no text."""
    return next((value[name] for name in _VALUES if name in value), value or None)


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    given = pl.when(key("timeUnixNano").cast(pl.UInt64, strict=False) > 0).then(key("timeUnixNano"))
    return {
        "time": pl.coalesce(given, key("observedTimeUnixNano")),
        "kind": pl.coalesce(
            pl.when(key("eventName") != "").then(key("eventName")),
            pl.concat_str(pl.lit("otlp."), key("severityText").str.to_lowercase()),
            pl.lit("otlp.log"),
        ),
        "host": pl.when(given.is_null()).then(pl.lit("observed")).otherwise(NONE),
        "actor": key("resource.service.name"),
    }


FORMAT = Format(
    "otlp",
    "OpenTelemetry logs, OTLP JSON",
    documents(_records, flat=True),
    keys=(
        "timeUnixNano", "observedTimeUnixNano", "severityText", "eventName", "body",
        "resource.service.name",
    ),
    derive=_derive,
    message="body",
    ordered=False,
)  # fmt: skip
