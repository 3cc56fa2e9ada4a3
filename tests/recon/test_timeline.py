"""The timeline: one order, the same bytes whatever the workers or the order of sources."""

from __future__ import annotations

import hashlib
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import recon
from recon import schema, timeline
from recon.beside import beside
from recon.errors import BadInputError, IntegrityError
from tests.cases import line, write_case

TIMES = [f"2026-03-0{day}T{hour:02}:00:00Z" for day in range(1, 9) for hour in (3, 9, 21)]


def small(folder: Path, names: tuple[str, ...] = ("one", "two", "three")) -> recon.Case:
    logs = {
        name: [line(ts, digest=f"{i:064x}") for i, ts in enumerate(TIMES[n:])]
        for n, name in enumerate(names)
    }
    case = recon.open(write_case(folder, logs=dict.fromkeys(names)))
    for name in names:  # contents depend on the name alone, whatever the order of sources
        seed = int(hashlib.sha256(name.encode()).hexdigest()[:2], 16) % 5
        rows = logs[names[0]][seed:]
        write_case(folder / "scratch", logs={name: rows})
        shutil.copy(folder / "scratch" / f"{name}.jsonl", folder / f"{name}.jsonl")
    return case


def fingerprints(case: recon.Case) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((case.root / "timeline").iterdir())
        if path.suffix == ".parquet"
    }


def test_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect())
    case.build(workers=1)
    alone = fingerprints(case)
    case.build(workers=3)
    assert fingerprints(case) == alone
    assert set(alone) == {"coverage.parquet", "events.parquet", "relations.parquet"}


def test_the_same_bytes_whatever_the_order_of_sources(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect())
    case.build()
    before = fingerprints(case)
    text = (tmp_path / "case" / "case.toml").read_text()
    head, *sources = text.split("[[source]]")
    (tmp_path / "case" / "case.toml").write_text("[[source]]".join([head, *reversed(sources)]))
    again = recon.open(tmp_path / "case")
    again.build()
    assert fingerprints(again) == before


def test_deleted_and_built_again_it_has_the_same_bytes(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect())
    case.findings()
    before, findings = fingerprints(case), (case.root / "findings.json").read_bytes()
    shutil.rmtree(case.root / "timeline")
    (case.root / "findings.json").unlink()
    case.findings()
    assert fingerprints(case) == before
    assert (case.root / "findings.json").read_bytes() == findings


def test_it_is_built_anew_when_evidence_or_case_changed(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect(["one"]))
    first = case.timeline().collect().height
    list(case.collect())
    again = recon.open(case.root)
    assert again.timeline().collect().height > first


def test_sorted_by_time_then_id_with_undated_last(tmp_path: Path):
    case = small(tmp_path / "case")
    (tmp_path / "case" / "one.jsonl").write_text(
        '{"event": "x", "model": "m", "version": "1"}\n'
        '{"ts": "2026-03-08T10:00:00Z", "event": "x", "model": "m", "version": "1"}\n'
    )
    list(case.collect(["one"]))
    events = case.timeline().collect()
    assert events["row"].to_list() == list(range(events.height))
    assert events["earliest"].to_list() == sorted(
        events["earliest"].to_list(), key=lambda t: (t is None, t or datetime.now(UTC))
    )
    assert events["earliest"].null_count() >= 1


def test_evidence_that_does_not_match_is_not_parsed(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect())
    path = case.path_of(case.items()[0].sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"ci", b"me"))
    with pytest.raises(IntegrityError, match="SHA-256"):
        case.timeline()


def test_without_evidence_it_says_what_to_do(tmp_path: Path):
    with pytest.raises(BadInputError, match="recon collect"):
        small(tmp_path / "case").timeline()


def test_a_frame_with_other_columns_is_refused():
    frame = pl.DataFrame({"row": [1], "odd": ["x"]}).lazy()
    with pytest.raises(BadInputError, match="odd: not in the schema"):
        schema.check(frame, schema.EVENTS, "events.parquet")


def rows(count: int, seed: int) -> pl.DataFrame:
    """Few distinct times, so that ties and bucket edges are many; some undated."""
    roll = random.Random(seed)  # noqa: S311
    start = datetime(2026, 3, 8, tzinfo=UTC)
    return schema.frame(
        (
            {
                "source": roll.choice(["a", "b"]),
                "domain": "d",
                "kind": roll.choice(["claim", "row.version", "k"]),
                "subject": roll.choice("rst"),
                "value": roll.choice("vw"),
                "clock": roll.choice(["c", None]),
                "earliest": start + timedelta(hours=roll.randrange(5))
                if roll.random() > 0.2
                else None,
                "item": f"{roll.randrange(9):064x}",
                "citation": f"line {i}",
                "part": 0,
                "names": [],
            }
            for i in range(count)
        ),
        {name: dtype for name, dtype in schema.EVENTS.items() if name != "row"},
    )


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 60), seed=st.integers(0, 1000), bucket=st.integers(1, 70))
def test_merging_in_buckets_gives_the_order_of_one_sort(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, bucket: int
):
    folder = tmp_path_factory.mktemp("merge")
    frame = rows(count, seed)
    frame[: count // 2].write_parquet(folder / "1.parquet")
    frame[count // 2 :].write_parquet(folder / "2.parquet")
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(timeline, "_BUCKET", bucket)
        timeline.merge([folder / "1.parquet", folder / "2.parquet"], folder / "out.parquet")
    out = pl.read_parquet(folder / "out.parquet")
    expected = frame.sort("earliest", "item", "citation", nulls_last=[True, False, False])
    assert_frame_equal(out.drop("row", *schema.PLAIN, *schema.BESIDE), expected)
    assert_frame_equal(beside(out.drop(*schema.BESIDE)), out)
    assert out["row"].to_list() == list(range(count))


def test_filters(tmp_path: Path):
    case = small(tmp_path / "case")
    list(case.collect())
    by_source = case.select(sources=["o*"]).collect()
    assert set(by_source["source"]) == {"one"}
    by_time = case.select(
        since=datetime(2026, 3, 8, tzinfo=UTC),
        until=datetime(2026, 3, 8, 9, tzinfo=UTC),
        kinds=["deploy.*"],
    ).collect()
    assert set(by_time["earliest"].dt.hour()) == {3, 9}
    assert case.select(subjects=["model:x@*"]).collect().is_empty()


@pytest.mark.parametrize("name", ["events.parquet", "coverage.parquet", "built.json"])
def test_a_damaged_timeline_is_built_anew(tmp_path: Path, name: str):
    case = small(tmp_path / "case")
    list(case.collect())
    case.build()
    before = fingerprints(case)
    path = case.root / "timeline" / name
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    again = recon.open(case.root)
    assert again.timeline().collect().height > 0
    assert fingerprints(again) == before
