"""Prometheus' answers to queries: records about records, seen from and to.

A real sample (``/api/v1/query_range?query=model_info&start=…&end=…&step=60``)::

    {"status": "success", "data": {"resultType": "matrix", "result": [
     {"metric": {"__name__": "model_info", "instance": "scorer-1:8000", "job": "scorer",
        "model": "credit-risk", "version": "2.3.1", "sha256": "0f343b0931126a20f133d67c2b018a3b…"},
      "values": [[1771063500, "1"], [1771063560, "1"], [1771063620.781, "1"]]}]}}

Each series gives the event that it was seen first, and, where there is more than one value, last;
its labels are what it asserts at either. The scraper's clock stamps its samples. A range query
gives at each step the newest sample of the five minutes before it (``lookback``): so much earlier
may the sample be, and nothing is known of when the series began or ended outside the range that was
asked for.

Source: Prometheus documentation, HTTP API (range queries) and Querying basics (staleness);
``--query.lookback-delta``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage.documents import Document
from collectors.lineage.formats.base import File, Format, of_json, unread
from collectors.lineage.record import Node, Record, Time, bare_digest, text, words

_FIRST, _LAST = "series.first", "series.last"


def _records(top: Node, document: Document, file: File) -> Iterator[Record]:
    here = document.citation if document.line else document.place("")
    for key in ("warnings", "infos"):
        for one in top.scalars(key):
            file.said.warn(here, f"Prometheus says of its answer: {one[:200]}")
    if top.text("status") != "success":
        yield unread(here, "expected an answer of success; found another, or none", file)
        return
    data = top.node("data")
    empty = True
    for series in data.nodes("result"):
        empty = False
        yield from _series(series, document, file)
    if empty:
        yield Record(
            here, "series.none", f"lineage:{file.source}", value=data.text("resultType"),
            text=words(top.value),
        )  # fmt: skip


def _series(series: Node, document: Document, file: File) -> Iterator[Record]:
    here = document.citation if document.line else series.place
    samples = [series.value["value"]] if "value" in series.value else series.value.get("values")
    if samples is None:
        samples = series.value.get("histograms", [series.value.get("histogram")])
    good = [one for one in map(_sample, samples if isinstance(samples, list) else ()) if one]
    if not good:
        yield unread(here, "expected a series with its values; found none", file)
        return
    if len(good) < len(samples):
        odd = len(samples) - len(good)
        said = f"expected pairs of time and value; found {odd} values that are none; left out"
        file.said.warn(here, said)
    metric = series.node("metric")
    labels = [(key, metric.text(key)) for key in metric.value]
    name = next((value for key, value in labels if key == "__name__"), None) or "unnamed"
    told = words(metric.value)
    ends = [(_FIRST, good[0]), (_LAST, good[-1])] if len(good) > 1 else [(_FIRST, good[0])]
    for kind, (when, value) in ends:
        time = Time(when, None, "scrape", stamped=True, before=file.options.lookback)
        record = Record(
            here, kind, f"series:{name}", name, time,
            value=f"{value}; {len(good)} values", text=told,
        )  # fmt: skip
        for key, label in labels:
            if key != "__name__":
                record.states(key, label, bare_digest(label))
        yield record


def _sample(pair: object) -> tuple[str, str] | None:
    """Time and value; a histogram's value is what it counted."""
    if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004
        return None
    when, value = pair
    if isinstance(value, dict):
        value = value.get("count")
    time, number = text(when), text(value)
    return None if time is None or number is None else (time, number)


def _is(head: dict[str, Any]) -> bool:
    data = head.get("data")
    return "status" in head and isinstance(data, dict) and "resultType" in data


FORMAT = Format("prometheus", "Prometheus HTTP API v1, JSON", of_json(_records), _is)
