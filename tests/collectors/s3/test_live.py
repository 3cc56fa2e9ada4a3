"""SeaweedFS and moto asked over real connections."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import recon
from collectors.s3 import readings
from collectors.s3.kinds import CONFIGURATION, HEAD, PAGE, PLAN
from recon.collector import Acquisition
from recon.errors import UnreachableError
from tests import s3_servers

pytestmark = pytest.mark.live
MODEL = "models/credit-risk/2.3.1/model.bin"
Make = Callable[..., Any]


def versioned(server: s3_servers.Server, bucket: str) -> Any:
    s3 = s3_servers.client(server)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return s3


def test_versions_markers_and_checksums_of_one_second(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(weed, bucket)
    put = {"Bucket": bucket, "Key": MODEL, "ChecksumAlgorithm": "SHA256"}
    first = s3.put_object(**put, Body=b"one")["VersionId"]
    gone = s3.delete_object(Bucket=bucket, Key=MODEL)["VersionId"]
    second = s3.put_object(**put, Body=b"two")["VersionId"]
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)
    assert not case.acquire().failures

    order = case.events("object.put", "object.delete").sort("position")
    assert order["value"].to_list() == [first, gone, second]
    assert order["kind"].to_list() == ["object.put", "object.delete", "object.put"]
    claims = case.events("claim").sort("value")
    assert claims["value"].to_list() == sorted(
        hashlib.sha256(body).hexdigest() for body in (b"one", b"two")
    )
    assert claims["subject"].unique().to_list() == ["model:credit-risk@2.3.1"]
    head = next(i for i in case.items.of(HEAD))
    assert json.loads(case.items.read(head))["status"] == 200
    assert not case.parse().warnings
    assert case.quotable() > 10


def test_a_complete_listing_covers_the_prefix_at_the_servers_time(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    versioned(weed, bucket).put_object(Bucket=bucket, Key="a[1]/x", Body=b"")
    case = make(url=f"s3://{bucket}/a[1]/", endpoint=weed.endpoint)
    case.acquire()
    coverage = case.parse().coverage
    page = case.items.of(PAGE)[0]
    assert coverage["subject"].to_list() == [f"s3:{bucket}/a[[]1]/*"]
    said = datetime.strptime(page.meta["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert coverage["earliest"].item() == said
    assert coverage["item"].item() == page.sha256


def test_the_servers_date_ties_its_clock_to_ours_and_to_no_other(
    weed: s3_servers.Server, bucket: str, tmp_path: Path
) -> None:
    """Server and examiner are one machine here: a Date lies between two readings of its clock."""
    versioned(weed, bucket).put_object(Bucket=bucket, Key="k", Body=b"")
    text = (
        '[case]\nid = "one"\ntitle = "?"\n[domain.d]\norganisation = "acme"\n[[source]]\n'
        f'id = "models"\ncollector = "s3"\ndomain = "d"\nurl = "s3://{bucket}/"\n'
        f'endpoint = "{weed.endpoint}"\n'
    )
    (tmp_path / "case.toml").write_text(text)
    case = recon.open(tmp_path)
    assert not [one for each in case.collect() for one in each.failures]
    found = case.clocks()
    (one,) = found.stretches
    assert (one.first, one.second, one.state) == ("examiner", "s3:models", "measured")
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 0 <= one.high <= one.low + 2_000_000
    assert one.agreeing == one.pairs > 3
    assert [ground.basis for ground in found.rests[one]] == ["anchor"]
    # The examiner's clock is measured by nothing, so neither is bound to UTC.
    assert found.ahead == {"examiner": [], "s3:models": []}
    assert [anchor.name for anchor in found.anchors] == ["Date of what models answered"]


def test_an_answer_that_a_cache_kept_ties_nothing(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    versioned(weed, bucket)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)
    case.acquire()
    kept = [item for item in case.items if item.kind in {PAGE, CONFIGURATION}]
    assert len(case.events("clock.reading")) == 2 * len(kept)
    aged = [replace(item, meta={**item.meta, "age": "3600"}) for item in kept]
    for given, count in ((kept, 2 * len(kept)), (aged, 0)):
        items = SimpleNamespace(of=lambda *_, those=given: those)
        assert len(list(readings.readings(case.source, items))) == count


def test_a_suspended_version_has_no_place_in_the_order(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(weed, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"3")
    case = make(url=f"s3://{bucket}", endpoint=weed.endpoint)
    case.acquire()
    listed = case.events("object.put")
    placed = {row["value"]: row["position"] for row in listed.iter_rows(named=True)}
    assert placed.pop("null") is None
    assert sorted(placed.values()) == [0, 1]
    versioning = case.events("bucket.configuration").filter(pl.col("attribute") == "versioning")
    assert versioning["value"].to_list() == ["Suspended"]


def test_pages_follow_one_another_and_a_key_keeps_its_order_across_them(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = versioned(weed, bucket)
    sent = [s3.put_object(Bucket=bucket, Key="m/ü 1+2", Body=b"")["VersionId"] for _ in range(5)]
    small_pages(monkeypatch, 2)
    case = make(url=f"s3://{bucket}/m/", endpoint=weed.endpoint, parallel=1)
    case.acquire()
    pages = [i for i in case.items.of(PAGE) if i.meta["pass"] == 1]
    assert len(pages) == 3
    order = case.events("object.put").sort("position")
    assert order["value"].to_list() == sent
    assert order["subject"].unique().to_list() == [f"s3:{bucket}/m/ü 1+2"]
    assert case.events("snapshot").filter(pl.col("stream").is_not_null()).height == 3


def small_pages(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The real calls, with fewer keys a page."""
    from collectors.s3.wire import Wire

    ask = Wire.ask

    def smaller(self: Wire, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "list_object_versions":
            parameters = {**parameters, "MaxKeys": size}
        return ask(self, operation, parameters)

    monkeypatch.setattr(Wire, "ask", smaller)


def test_interrupted_between_pages_it_goes_on_and_stores_nothing_twice(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = versioned(weed, bucket)
    for number in range(6):
        s3.put_object(Bucket=bucket, Key=f"models/m/{number}/model.bin", Body=b"")
    small_pages(monkeypatch, 2)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, parallel=1)

    class Interrupted(Exception):  # noqa: N818  (nothing is wrong)
        pass

    def failing(what: str, done: int, _total: int | None) -> None:
        if what == "listing pages" and done == 2:
            raise Interrupted

    from collectors.s3 import collector
    from recon.evidence import Acquiring

    with pytest.raises(Interrupted):
        Acquiring(case.evidence, case.source, progress=failing).run(collector.acquire)
    before = {i.native: i.sha256 for i in case.items}
    assert sum("pass=1" in native for native in before) == 2

    run = case.acquire()
    assert run.number == 1
    assert not run.failures
    after = {i.native: i.sha256 for i in case.items}
    assert before.items() <= after.items()
    calls = [e for e in case.evidence.custody.entries() if e["action"] == "call"]
    listed = [e["command"] for e in calls if "list-object-versions" in e["command"]]
    assert len(listed) == 9, "three pages, twice, and three levels on the second way: none again"
    assert sum("KeyMarker" in one for one in listed) == 4
    assert case.events("object.put").height == 6
    assert case.parse().coverage.height == 1


def test_two_acquisitions_stay_apart_and_a_version_gone_between_them_is_seen(
    moto: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(moto, bucket)
    s3_servers.set_clock(moto, datetime(2026, 3, 8, 21, 30, tzinfo=UTC))
    lost = s3.put_object(Bucket=bucket, Key=MODEL, Body=b"x", ChecksumAlgorithm="SHA256")
    s3_servers.set_clock(moto, datetime(2026, 3, 10, 9, 0, tzinfo=UTC))
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint)
    case.acquire()
    s3.delete_object(Bucket=bucket, Key=MODEL, VersionId=lost["VersionId"])
    s3_servers.set_clock(moto, datetime(2026, 4, 2, 9, 0, tzinfo=UTC))
    assert case.acquire(again=True).number == 2

    put = case.events("object.put")
    assert put["value"].to_list() == [lost["VersionId"]]
    assert put["earliest"].to_list() == [datetime(2026, 3, 8, 21, 30, tzinfo=UTC)]
    coverage = case.parse().coverage.sort("earliest")
    assert coverage["earliest"].to_list() == [
        datetime(2026, 3, 10, 9, 0, tzinfo=UTC),
        datetime(2026, 4, 2, 9, 0, tzinfo=UTC),
    ]
    assert put["item"].item() == coverage["item"][0] != coverage["item"][1]
    case.quotable()


def test_an_unchanged_bucket_gives_the_same_events_and_one_snapshot_more(
    moto: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3_servers.set_clock(moto, datetime(2026, 5, 1, 9, 0, tzinfo=UTC))
    versioned(moto, bucket).put_object(Bucket=bucket, Key="k", Body=b"x")
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint)
    case.acquire()
    once = case.events("object.put")
    s3_servers.set_clock(moto, datetime(2026, 5, 2, 9, 0, tzinfo=UTC))
    case.acquire(again=True)
    assert case.events("object.put").equals(once)
    shown = case.events("snapshot").filter(pl.col("subject") == f"s3:{bucket}")
    assert shown["earliest"].dt.day().to_list() == [1, 2]
    assert case.parse().coverage["earliest"].dt.day().sort().to_list() == [1, 2]
    case.quotable()


def test_an_upload_in_parts_was_begun_then_and_claims_no_digest(
    moto: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3_servers.set_clock(moto, datetime(2026, 6, 1, 9, 0, tzinfo=UTC))
    s3 = versioned(moto, bucket)
    upload = {"Bucket": bucket, "Key": MODEL}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    etags = [
        s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"]
        for n, body in ((1, b"x" * (5 << 20)), (2, b"y"))
    ]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    s3_servers.set_clock(moto, datetime(2026, 6, 3, 9, 0, tzinfo=UTC))
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint)
    case.acquire()
    put = case.events("object.put")
    assert put["earliest"].item() == datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
    assert put["latest"].item() == datetime(2026, 6, 3, 9, 0, 0, 999999, tzinfo=UTC)
    assert put["digest"].item() is None
    assert case.events("claim").is_empty()
    assert "claim nothing" in case.parse().warnings[-1].message


def test_heads_are_asked_for_as_the_case_says(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(weed, bucket)
    s3.put_object(Bucket=bucket, Key=MODEL, Body=b"")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    for head, count in (("claims", 1), ("all", 2), ("none", 0)):
        case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, head=head)
        case.acquire()
        assert len(case.items.of(HEAD)) == count


def test_configuration_is_kept_as_it_came_refusals_included(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(weed, bucket)
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)
    assert not case.acquire().failures
    assert len(case.items.of(CONFIGURATION)) == 9
    said = {r["attribute"]: r for r in case.events("bucket.configuration").iter_rows(named=True)}
    assert "<Days>30</Days>" in said["lifecycle"]["value"]
    assert said["versioning"]["value"] == "Enabled"
    assert said["replication"]["value"] is None
    assert said["replication"]["citation"] == "/Error"
    assert said["lifecycle"]["earliest"] is None, "no answer says since when"
    case.quotable()


def test_no_secret_reaches_the_case(weed: s3_servers.Server, bucket: str, make: Make) -> None:
    versioned(weed, bucket).put_object(Bucket=bucket, Key=MODEL, Body=b"")
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)
    case.acquire()
    for path in (case.folder / "evidence").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert s3_servers.SECRET_KEY.encode() not in data
            assert b"Signature" not in data
    assert case.items.of(PLAN)


WRONG = {
    "AWS_SECRET_ACCESS_KEY": "SignatureDoesNotMatch",
    "AWS_ACCESS_KEY_ID": "InvalidAccessKeyId",
}


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_credentials_are_a_refusal(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "wrong")
    run = make(url=f"s3://{bucket}/", endpoint=weed.endpoint).acquire()
    [(_, error)] = run.failures
    assert isinstance(error, UnreachableError)
    assert error.exit_code == 4
    assert WRONG[name] in error.found
    assert "credentials" in error.expected


def test_no_such_bucket_is_a_refusal(weed: s3_servers.Server, make: Make) -> None:
    run = make(url="s3://nobody-made-this/", endpoint=weed.endpoint).acquire()
    [(_, error)] = run.failures
    assert isinstance(error, UnreachableError)
    assert "NoSuchBucket" in error.found


def test_a_bucket_that_changed_between_two_passes_is_named(
    weed: s3_servers.Server, bucket: str, make: Make
) -> None:
    s3 = versioned(weed, bucket)
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint)

    from collectors.s3 import collector
    from recon.evidence import Acquiring

    def meanwhile(acquisition: Acquisition) -> None:
        collector.acquire(acquisition)

    class Changing(Acquiring):
        """After the first pass somebody deletes one version and adds another."""

        changed = False

        def store(self, native: str, *args: Any, **more: Any) -> Any:
            item = super().store(native, *args, **more)
            if "pass=1" in native and not self.changed:
                self.changed = True
                s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
                s3.put_object(Bucket=bucket, Key="k", Body=b"2")
            return item

    Changing(case.evidence, case.source).run(meanwhile)
    messages = [w.message for w in case.parse().warnings]
    assert sum("only in the first of two passes" in m for m in messages) == 1
    assert sum("only in the second of two passes" in m for m in messages) == 1
    put = case.events("object.put")
    assert put.height == 2
    assert put["position"].to_list() == [0, None]
