"""Exports: real ones of the AWS CLI from the corpus, and folders as people send them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.s3 import attributes, clijson
from collectors.s3.listing import NotAListingError
from recon.errors import BadInputError
from tests.corpus.s3 import expected

LOADED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Where other work runs beside the tests, a parse takes longer than it does alone."""
Make = Callable[..., Any]
TIME = "2026-03-08T20:05:00+00:00"


def version(key: str, number: str, **more: object) -> dict[str, object]:
    return {"Key": key, "VersionId": number, "LastModified": TIME, "IsLatest": False, **more}


def write(case: Any, name: str, value: object) -> None:
    path = case.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize("case", list(expected.CASES))
def test_the_corpus_is_read_as_expected(case: str) -> None:
    assert expected.lines(case) == (expected.HERE / case / "expected.jsonl").read_text("utf-8")


@pytest.mark.parametrize("case", list(expected.CASES))
def test_parsing_twice_gives_the_same_bytes(case: str, tmp_path: Path) -> None:
    first, items = expected.read(case, tmp_path)
    from collectors.s3 import collector

    again = collector.parse(expected.source(case), items)
    assert again.events.collect().serialize() == first.events.collect().serialize()
    assert list(again.warnings) == list(first.warnings)


def test_xml_keeps_the_order_that_json_loses(tmp_path: Path) -> None:
    parsed, items = expected.read("one-second", tmp_path)
    kinds = {item.sha256: item.kind for item in items}
    events = parsed.events.collect().with_columns(kind_of=pl.col("item").replace_strict(kinds))
    objects = events.filter(pl.col("kind").str.starts_with("object."))
    marker = pl.col("kind") == "object.delete"
    placed = objects.filter(marker, pl.col("kind_of") == "s3.listing-page")["position"]
    assert placed.to_list() == [2], "put, put, delete, put"
    assert (
        objects.filter(marker, pl.col("kind_of") == "s3.cli-versions")["position"].is_null().all()
    )


def test_the_second_export_no_longer_lists_a_version(tmp_path: Path) -> None:
    parsed, _ = expected.read("two-exports", tmp_path)
    assert parsed.coverage is not None
    assert parsed.coverage.height == 2
    lost = parsed.events.filter(
        kind="object.put", earliest=datetime(2026, 3, 8, 21, 30, tzinfo=UTC)
    ).collect()
    assert lost.height == 1, "the first export's event, and no second one"


def test_without_a_date_the_export_is_between_its_newest_time_and_its_coming_here(
    make: Make,
) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", {"Versions": [version("k", "1")], "Prefix": None})
    case.acquire()
    parsed = case.parse()
    shown = case.events("snapshot")
    assert shown["earliest"].item() == datetime(2026, 3, 8, 20, 5, tzinfo=UTC)
    assert shown["latest"].item() > datetime(2026, 3, 9, tzinfo=UTC)
    assert shown["clock"].item() == "examiner"
    assert parsed.coverage.is_empty(), "an undated listing proves nothing missing"


def test_what_stopped_early_covers_nothing(make: Make) -> None:
    exports = [{"path": "x", "taken": "2026-04-02T09:00Z"}]
    for more, covered in (({}, 1), ({"NextToken": "e30="}, 0)):
        case = make(url="s3://b00/", exports=exports)
        listing = {"Versions": [version("k", "1")], "Prefix": "m/", **more}
        write(case, "x/list-object-versions.json", listing)
        case.acquire()
        coverage = case.parse().coverage
        assert coverage["subject"].to_list() == ["s3:b00/m/*"] * covered


def test_pages_in_several_files_join_by_their_markers(make: Make) -> None:
    case = make(url="s3://b00/", exports=[{"path": "x", "taken": "2026-04-02T09:00Z"}])
    first = {
        "Name": "b00",
        "Prefix": "",
        "KeyMarker": "",
        "VersionIdMarker": "",
        "NextKeyMarker": "k",
        "NextVersionIdMarker": "2",
        "IsTruncated": True,
        "Versions": [version("k", "3", IsLatest=True), version("k", "2")],
    }
    last = {
        "Name": "b00",
        "Prefix": "",
        "KeyMarker": "k",
        "VersionIdMarker": "2",
        "IsTruncated": False,
        "Versions": [version("k", "1")],
    }
    write(case, "x/list-object-versions-a.json", last)
    write(case, "x/list-object-versions-b.json", first)
    case.acquire()
    placed = case.events("object.put").sort("position")
    assert placed["value"].to_list() == ["1", "2", "3"]
    assert case.parse().coverage.height == 1

    (case.folder / "x/list-object-versions-b.json").unlink()
    alone = make(url="s3://b00/", exports=[{"path": "x", "taken": "2026-04-02T09:00Z"}])
    write(alone, "x/list-object-versions-a.json", last)
    alone.acquire()
    assert alone.parse().coverage.is_empty(), "its first page is missing"


def test_a_listing_of_another_bucket_is_refused_and_the_rest_is_read(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    page = {"Name": "other", "IsTruncated": False, "Versions": [version("forged", "1")]}
    write(case, "x/list-object-versions-1.json", page)
    write(case, "x/list-object-versions-2.json", {"Versions": [version("k", "1")], "Prefix": None})
    case.acquire()
    assert case.events("object.put")["subject"].to_list() == ["s3:b00/k"]
    [warning] = [w for w in case.parse().warnings if w.severity == "error"]
    assert "'b00'" in warning.message
    assert "'other'" in warning.message


def test_a_file_that_nobody_reads_is_named(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", {"Versions": [], "Prefix": None})
    write(case, "x/notes.txt", "call me back")
    assert not case.acquire().failures
    assert any("x/notes.txt" in w.message for w in case.parse().warnings)


def test_a_large_file_that_nobody_reads_is_not_taken_in(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", {"Versions": [], "Prefix": None})
    with (case.folder / "x/disk.img").open("wb") as file:
        file.truncate(2 << 20)
    [(native, error)] = case.acquire().failures
    assert native == "x/disk.img"
    assert isinstance(error, BadInputError)


def test_a_missing_export_is_named_and_the_others_go_on(make: Make) -> None:
    case = make(url="s3://b00/", exports=["nowhere", "x"])
    write(case, "x/list-object-versions.json", {"Versions": [version("k", "1")], "Prefix": None})
    [(native, error)] = case.acquire().failures
    assert native == "nowhere"
    assert error.exit_code == 3
    assert case.events("object.put").height == 1


def test_links_in_an_export_are_not_followed(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", {"Versions": [], "Prefix": None})
    (case.folder / "x/head-object.json").symlink_to("/etc/hostname")
    os.mkfifo(case.folder / "x/list-object-versions-2.json")
    failures = case.acquire().failures
    assert [item.native for item in case.items] == ["x/list-object-versions.json"]
    names = ["x/head-object.json", "x/list-object-versions-2.json"]
    assert [native for native, _ in failures] == names
    assert all("a link or device" in str(error) for _, error in failures)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": 1}', "null", '"Versions"', "[" * 100_000, "\x00"]
)
def test_a_listing_that_is_none_is_an_error_beside_the_item(make: Make, text: str) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/list-object-versions.json", text)
    case.acquire()
    assert [w.severity for w in case.parse().warnings] == ["error"]
    assert case.events().is_empty()


def test_a_head_is_of_the_version_that_has_its_id_etag_and_time(make: Make) -> None:
    """Two objects from before versioning are both `null`: ETag and time tell them apart."""
    head = {"ETag": '"a"', "LastModified": TIME, "ChecksumSHA256": "eA" * 16}
    for etags, resolved in ((("a", "b"), 1), (("a", "a"), 0), (("b", "c"), 0)):
        case = make(url="s3://b00/", exports=["x"])
        keys = ("models/m/1/model.bin", "models/m/2/model.bin")
        listed = [
            version(key, "null", ETag=f'"{tag}"') for key, tag in zip(keys, etags, strict=True)
        ]
        write(case, "x/list-object-versions.json", {"Versions": listed, "Prefix": None})
        write(case, "x/head-object.json", head)
        case.acquire()
        assert case.events("object.head").height == resolved
        ambiguous = [w for w in case.parse().warnings if "this ETag" in w.message]
        assert len(ambiguous) == 1 - resolved


def test_configuration_as_the_cli_prints_it(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    write(case, "x/get-bucket-versioning.json", {"Status": "Suspended", "MFADelete": "Disabled"})
    write(case, "x/get-bucket-location.json", {"LocationConstraint": None})
    write(case, "x/get-object-lock-configuration.json", {"ObjectLockConfiguration": {"x": 1}})
    write(case, "x/get-bucket-policy.json", "")
    case.acquire()
    said = case.events("bucket.configuration").sort("attribute")
    assert said["attribute"].to_list() == ["location", "object-lock", "versioning"]
    assert said["value"].to_list()[::2] == [None, "Suspended"]
    assert len(case.parse().warnings) == 1, "an empty file says nothing"
    case.quotable()


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just(TIME)
FIELDS = ["Key", "VersionId", "LastModified", "ETag", "IsLatest", "Owner"]
ROWS = st.dictionaries(
    st.sampled_from(FIELDS), SCALARS | st.dictionaries(st.sampled_from(["ID"]), SCALARS)
)
PAGES = st.dictionaries(
    st.sampled_from(["Versions", "DeleteMarkers", "Prefix", "NextToken", "IsTruncated", "Name"]),
    SCALARS | st.lists(ROWS | SCALARS, max_size=5),
)


@LOADED
@given(PAGES)
def test_any_page_is_read_or_refused_and_each_row_cites_its_place(page: dict[str, Any]) -> None:
    try:
        read = clijson.read(json.dumps(page).encode())
    except NotAListingError:
        return
    for row in read.versions.iter_rows(named=True):
        said = clijson.pointer(page, row["citation"])
        assert isinstance(said, dict)
        assert row["key"] in (None, said.get("Key"))


def test_half_a_character_is_no_key() -> None:
    page = '{"Versions": [{"Key": "a\\ud800", "VersionId": "1"}]}'
    assert clijson.read(page.encode()).versions["key"].to_list() == [None]


@pytest.mark.parametrize("size", [-1, -(10**30), 10**30])
def test_a_size_that_no_object_has_is_not_known(make: Make, size: int) -> None:
    case = make(url="s3://b00/", exports=["x"])
    listed = {"Versions": [{**version("k", "1"), "Size": size}], "Prefix": None}
    write(case, "x/list-object-versions.json", listed)
    case.acquire()
    assert case.events("object.put").height == 1
    said = {"ETag": "x", "ObjectParts": {"Parts": [{"PartNumber": 1, "Size": size}]}}
    [part] = attributes.cli(json.dumps(said).encode()).parts
    assert part.size is None
