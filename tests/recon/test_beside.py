"""What only the other events tell: as each event says it of itself and of those before it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon import beside, schema

HOUR = st.none() | st.integers(9, 11)
EVENT = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["a", "b"]),
        "kind": st.sampled_from(["claim", "row.version", "git.commit"]),
        "subject": st.sampled_from(["model:m1@1", "model:m2@1", "model:m3@1"]),
        "attribute": st.none() | st.sampled_from(["artifact", "commit"]),
        "value": st.none() | st.sampled_from(["x", "y"]),
        "digest": st.none() | st.sampled_from(["md5:x", "md5:y"]),
        "clock": st.none() | st.sampled_from(["s3:a", "s3:b"]),
        "earliest": HOUR,
        "latest": HOUR,
        "item": st.sampled_from(["1" * 64, "2" * 64]),
        "citation": st.sampled_from(["line 1", "line 2"]),
    }
)
_ORDER = ["earliest", "item", "citation", "part", "source", "kind"]


def timeline(events: list[dict[str, object]]) -> pl.DataFrame:
    day = datetime(2026, 3, 8, tzinfo=UTC)
    rows = [
        event
        | {end: day.replace(hour=event[end]) for end in ("earliest", "latest") if event[end]}  # type: ignore[arg-type]
        | {"part": part, "names": []}
        for part, event in enumerate(events)
    ]
    frame = schema.frame(rows, schema.DRAFT | {"source": pl.String()})
    frame = frame.sort(_ORDER, nulls_last=[name == "earliest" for name in _ORDER])
    return frame.with_row_index("row").cast({"row": pl.UInt64})


@given(st.lists(EVENT, max_size=12))
def test_it_is_what_a_walk_through_the_events_says(events: list[dict[str, object]]):
    found = beside.beside(timeline(events))
    records: dict[tuple[object, ...], int] = {}
    numbers: dict[str, int] = {}
    said: dict[tuple[str, str], tuple[str, str]] = {}
    for row in found.iter_rows(named=True):
        reading = [row[name] for name in ("source", "item", "citation", "clock", *_ORDER[:1])]
        is_dated = row["clock"] is not None and row["earliest"] is not None
        first = records.setdefault((*reading, row["latest"]), row["row"])
        assert row["record_back"] == (row["row"] - first if is_dated else 0)
        number = None
        if row["kind"] in beside.NUMBERED:
            number = numbers.setdefault(row["subject"], len(numbers))
        assert row["subject_number"] == number
        own, about = (row["value"], row["digest"]), (row["subject"], row["attribute"])
        is_claim = row["kind"] == "claim"
        assert row["may_differ"] == (is_claim and said.setdefault(about, own) != own)


def test_subjects_keep_their_numbers_from_bucket_to_bucket():
    known = beside.no_subjects()
    buckets = [
        pl.DataFrame({"kind": ["claim", "k", "claim"], "subject": subjects})
        for subjects in (["b", "x", "a"], ["c", "y", "b"])
    ]
    numbers = [beside.subject_number(one, known).to_list() for one in buckets]
    assert numbers == [[0, None, 1], [2, None, 0]]


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_in_parts_it_is_the_same(at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(beside, "_AT_ONCE", at_once)
    subjects, values = ["a", "b", "a", "b", "c"], ["1", "1", "2", "1", "1"]
    claims = pl.LazyFrame({"row": range(5), "subject": subjects, "value": values})
    claims = claims.with_columns(attribute=pl.lit("x"), digest=pl.lit(None, pl.String))
    assert beside.differing(claims, "row").to_list() == [2]
