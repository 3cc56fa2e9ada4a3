"""From items to events: laws that hold for any listing, and orders that must not be claimed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.s3 import collector
from recon import schema
from recon.collector import Item, Parsed, Sha256, Source

LOADED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Where other work runs beside the tests, a parse takes longer than it does alone."""
NS = "http://s3.amazonaws.com/doc/2006-03-01/"
CLAIM = {"key": "m/{v}/model.bin", "subject": "model:m@{v}"}
assert collector.claim is not None
SOURCE = Source(
    "models",
    "s3",
    "storage",
    collector.options.model_validate({"url": "s3://b00/"}),
    (collector.claim.model_validate(CLAIM),),
    Path(),
)


class Held:
    """Items in memory: all that ``parse`` may read."""

    def __init__(self, *items: tuple[str, bytes, dict[str, Any]]) -> None:
        self.data = {Sha256(hashlib.sha256(data).hexdigest()): data for _, data, _ in items}
        held = [
            Item(
                sha256=Sha256(hashlib.sha256(data).hexdigest()),
                source="models",
                kind=kind,
                native=f"item {number}",
                size=len(data),
                acquired="2026-11-23T07:00:00.000000Z",
                acquisition=1,
                meta=meta,
            )
            for number, (kind, data, meta) in enumerate(items)
        ]
        self.items = sorted(held, key=lambda i: (i.kind, i.native, i.sha256))

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def of(self, *kinds: str) -> list[Item]:
        return [item for item in self.items if item.kind in kinds]

    def path(self, item: Item) -> Path:
        raise NotImplementedError(item)

    def read(self, item: Item) -> bytes:
        return self.data[item.sha256]


def parse(*items: tuple[str, bytes, dict[str, Any]]) -> tuple[Parsed, pl.DataFrame]:
    """Parsed, with what must hold of any items: the schema, one id an event, words to quote."""
    held = Held(*items)
    parsed = collector.parse(SOURCE, held)
    events = schema.check(parsed.events, schema.DRAFT, "events").collect()
    assert events.select(pl.col(schema.REQUIRED).is_not_null().all()).row(0) == (True,) * 5
    assert events.select(schema.event_id()).is_unique().all()
    known = {item.sha256: item for item in held}
    for row in events.iter_rows(named=True):
        collector.quote(SOURCE, held, known[row["item"]], row["citation"])
        if row["latest"] is not None and row["earliest"] is not None:
            assert row["earliest"] <= row["latest"]
    assert parsed.coverage is not None
    schema.check(parsed.coverage.lazy(), schema.DRAFT_COVERAGE, "coverage")
    return parsed, events


def element(tag: str, key: str, number: str, modified: str, *, latest: bool = False) -> str:
    return (
        f"<{tag}><Key>{key}</Key><VersionId>{number}</VersionId>"
        f"<IsLatest>{str(latest).lower()}</IsLatest><LastModified>{modified}</LastModified></{tag}>"
    )


def xml(*elements: str) -> tuple[str, bytes, dict[str, Any]]:
    text = (
        f'<ListVersionsResult xmlns="{NS}"><Name>b00</Name><Prefix></Prefix><KeyMarker></KeyMarker>'
        f"<IsTruncated>false</IsTruncated>{''.join(elements)}</ListVersionsResult>"
    )
    return "s3.listing-page", text.encode(), {"folder": "x", "taken": "2026-04-02T09:00Z"}


def listed(text: str) -> tuple[str, bytes, dict[str, Any]]:
    """A story, newest first: ``12:00 put a v2; 11:00 delete a v1``."""
    elements = []
    for line in text.split(";"):
        time, act, key, number, *rest = line.split()
        tag = {"put": "Version", "delete": "DeleteMarker"}[act]
        modified = f"2026-03-08T{time}:00.000Z"
        elements.append(element(tag, key, number, modified, latest="latest" in rest))
    return xml(*elements)


def places(events: pl.DataFrame) -> dict[str, int | None]:
    objects = events.filter(pl.col("kind").str.starts_with("object."))
    return {row["value"]: row["position"] for row in objects.iter_rows(named=True)}


def test_position_counts_from_the_oldest_of_each_key() -> None:
    page = listed("12:00 put a v3 latest; 12:00 delete a v2; 12:00 put a v1; 09:00 put b w1 latest")
    _, events = parse(page)
    assert places(events) == {"v3": 2, "v2": 1, "v1": 0, "w1": 0}


@pytest.mark.parametrize(
    "story",
    [
        # A replica keeps the source's times, whatever the order of arrival.
        "11:00 put a v2 latest; 12:00 put a v1",
        # Versions first and delete markers after them, as no S3 lists.
        "12:00 put a v2 latest; 12:00 put b w1 latest; 12:00 delete a v1",
        # The latest is not the first.
        "12:00 put a v1; 12:00 put a v2 latest",
    ],
)
def test_an_order_that_the_page_itself_contradicts_is_not_claimed(story: str) -> None:
    parsed, events = parse(listed(story))
    placed = places(events)
    assert placed.pop("w1", 0) == 0
    assert set(placed.values()) == {None}
    assert ["listed otherwise" in w.message for w in parsed.warnings] == [True]


def test_times_that_are_none_leave_a_version_undated_and_say_so() -> None:
    parsed, events = parse(xml(element("Version", "k", "v", "yesterday")))
    put = events.filter(kind="object.put")
    assert put["earliest"].to_list() == put["latest"].to_list() == [None]
    assert "undated" in parsed.warnings[0].message


def test_a_second_is_a_second_whatever_zeros_follow() -> None:
    for text in ("2026-03-08T20:05:00.000Z", "2026-03-08T20:05:00Z", "2026-03-08T20:05:00+00:00"):
        _, events = parse(xml(element("Version", "k", "v", text)))
        put = events.filter(kind="object.put")
        assert (put["latest"] - put["earliest"]).dt.total_microseconds().item() == 999_999
    _, events = parse(xml(element("Version", "k", "v", "2026-03-08T20:05:00.250Z")))
    put = events.filter(kind="object.put")
    assert (put["latest"] - put["earliest"]).dt.total_microseconds().item() == 999


KEYS = st.sampled_from(["a", "b", "m/1/model.bin", "x\ny", "\u202e", "{a}", "[*]", "k?versionId=1"])
TIMES = st.sampled_from(["2026-03-08T20:05:00.000Z", "2026-03-08T20:06:00Z", "", "9999999", "0"])
ELEMENTS = st.builds(
    element,
    st.sampled_from(["Version", "DeleteMarker", "CommonPrefixes"]),
    KEYS,
    st.sampled_from(["v1", "v2", "null", ""]),
    TIMES,
    latest=st.booleans(),
)


@LOADED
@given(st.lists(st.lists(ELEMENTS, max_size=6), max_size=3))
def test_any_pages_give_events_that_lead_to_their_words(pages: list[list[str]]) -> None:
    parse(*[xml(*elements) for elements in pages])


NAMES = [
    "Versions",
    "DeleteMarkers",
    "Key",
    "VersionId",
    "LastModified",
    "ETag",
    "Prefix",
    "ChecksumSHA256",
    "Status",
    "headers",
    "status",
    "key",
    "versionId",
    "Policy",
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-03-08T20:05Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)
KINDS = (
    "s3.cli-versions",
    "s3.cli-head",
    "s3.head",
    "s3.cli-configuration",
    "s3.configuration",
    "s3.retention",
    "s3.cli-legal-hold",
    "s3.cli-error",
    "s3.attributes",
    "s3.inventory-manifest",
    "s3.cloudtrail",
    "s3.cloudtrail-digest",
)


@LOADED
@given(st.lists(st.tuples(st.sampled_from([*KINDS, "s3.unknown"]), VALUES), max_size=5))
def test_any_json_under_any_kind_is_read_or_named(said: Sequence[tuple[str, Any]]) -> None:
    meta = {"folder": "x", "resource": "policy"}
    parsed, events = parse(*[(kind, json.dumps(v).encode(), meta) for kind, v in said])
    spoken = {w.item for w in parsed.warnings} | set(events["item"])
    assert spoken == {hashlib.sha256(json.dumps(v).encode()).hexdigest() for _, v in said}


@LOADED
@given(st.lists(st.tuples(st.sampled_from([*KINDS, "s3.listing-page"]), st.binary(max_size=60))))
def test_any_bytes_under_any_kind_are_read_or_named(said: Sequence[tuple[str, bytes]]) -> None:
    parsed, events = parse(*[(kind, data, {"resource": "versioning"}) for kind, data in said])
    spoken = {w.item for w in parsed.warnings} | set(events["item"])
    assert spoken == {hashlib.sha256(data).hexdigest() for _, data in said}
