"""OpenTelemetry metrics as OTLP JSON: which process told of which model and digest, from and to.

A real sample (the collector's file exporter; in the file it stands on one line)::

    {"resourceMetrics": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "scorer"}}]},
      "scopeMetrics": [{"scope": {"name": "scorer"}, "metrics": [{"name": "model.info",
        "gauge": {"dataPoints": [{"attributes": [
           {"key": "model", "value": {"stringValue": "credit-risk"}},
           {"key": "version", "value": {"stringValue": "2.3.1"}},
           {"key": "sha256", "value": {"stringValue": "0f343b0931126a20f133d67c2b018a3b…"}}],
          "startTimeUnixNano": "1771063400000000000", "timeUnixNano": "1771063500000000000",
          "asInt": "1"}]}}]}]}]}

Each data point is a record; its attributes, and those of its resource, are what it asserts. Its
time is written by the process that measures: asserted, by the clock of that service.

Source: OpenTelemetry Protocol 1.5, JSON encoding; ``opentelemetry/proto/metrics/v1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json
from collectors.lineage.record import Node, Record, Time, bare_digest, text, words

_KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_VALUES = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")


def _records(top: Node, document: Document, _: File) -> Iterator[Record]:
    for resource in top.nodes("resourceMetrics"):
        own = list(_attributes(resource.node("resource")))
        service = next((value for key, value in own if key == "service.name"), None)
        for scope in resource.nodes("scopeMetrics"):
            for metric in scope.nodes("metrics"):
                for kind in _KINDS:
                    for point in metric.node(kind).nodes("dataPoints"):
                        yield _point(point, document, metric, own, service)


def _point(
    point: Node,
    document: Document,
    metric: Node,
    own: list[tuple[str, str | None]],
    service: str | None,
) -> Record:
    name = metric.text("name") or "unnamed"
    here = document.citation if document.line else point.place
    time = Time(point.text("timeUnixNano"), "ns", service or "")
    value = next((point.text(k) for k in ("asInt", "asDouble", "count") if k in point.value), None)
    record = Record(
        here, "metric.point", f"series:{name}", name, time, service, value,
        text=words([point.value, own]),
    )  # fmt: skip
    for key, label in [*_attributes(point), *own]:
        record.states(key, label, bare_digest(label))
    return record


def _attributes(holder: Node) -> Iterator[tuple[str, str | None]]:
    for one in holder.nodes("attributes"):
        value = one.node("value")
        found = next((text(value.value[k]) for k in _VALUES if k in value.value), None)
        yield one.text("key") or "unnamed", found


def _is(head: dict[str, Any]) -> bool:
    return "resourceMetrics" in head


FORMAT = Format("otlp", "OpenTelemetry metrics, OTLP JSON", of_json(_records), _is)
