"""Listings over prefixes beside each other, interrupted, and from each kind of server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collectors.s3 import collector, sheets
from collectors.s3.kinds import HEAD, PAGE, UNRECOGNISED
from recon.evidence import Acquiring, Evidence
from tests import s3_servers
from tests.cases import bucket_source, write_buckets
from tests.collectors.s3.test_live import small_pages, versioned

pytestmark = pytest.mark.live
Make = Callable[..., Any]
KEYS = [
    *(f"models/{model}/{number}/model.bin" for model in "abc" for number in range(4)),
    *("models/d", "models/e", "other/1", "readme", "models/a"),
]


def filled(server: s3_servers.Server, bucket: str, *more: str) -> dict[str, list[str]]:
    """Two versions of each key: version ids, oldest first."""
    s3 = versioned(server, bucket)
    when = datetime(2026, 7, 1, tzinfo=UTC)
    sent: dict[str, list[str]] = {key: [] for key in [*KEYS, *more]}
    for body in (b"1", b"2"):
        for key, ids in sent.items():
            if server.clock is not None:
                when += timedelta(minutes=1)
                s3_servers.set_clock(server, when)
            ids.append(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])
    return sent


def listed(case: Any) -> dict[str, list[str]]:
    puts = case.events("object.put").sort("subject", "position")
    groups = puts.group_by("subject").agg("value").iter_rows()
    return {subject.split("/", 1)[1]: values for subject, values in groups}


def test_by_prefixes_the_same_versions_in_the_same_order(
    server: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = filled(server, bucket)
    small_pages(monkeypatch, 11)
    case = make(url=f"s3://{bucket}/", endpoint=server.endpoint, parallel=3, claims=())
    assert not case.acquire().failures
    asked = [i.meta["parameters"] for i in case.items.of(PAGE) if i.meta["pass"] == 1]
    assert {p["Prefix"] for p in asked} >= {"", "models/", "models/a/", "models/b/", "other/"}
    assert len({i.native for i in case.items.of(PAGE)}) == len(case.items.of(PAGE))
    assert listed(case) == sent
    assert case.parse().coverage["subject"].to_list() == [f"s3:{bucket}/*"]
    # Ceph's RGW answers a sub-resource that it does not know with a listing of the bucket.
    assert not [w for w in case.parse().warnings if "found 'ListBucketResult'" not in w.message]
    case.quotable()


def test_a_prefix_that_fails_is_named_and_the_rest_is_listed(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = filled(weed, bucket)
    small_pages(monkeypatch, 11)
    from collectors.s3.wire import Wire
    from recon.errors import UnreachableError

    ask = Wire.ask

    def failing(self: Wire, operation: str, parameters: dict[str, Any]) -> Any:
        if parameters.get("Prefix") == "models/b/":
            raise UnreachableError("an answer", "503 SlowDown", "here", "try again")
        return ask(self, operation, parameters)

    monkeypatch.setattr(Wire, "ask", failing)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, parallel=3)
    failures = case.acquire().failures
    assert ["below=models%2Fb%2F" in native for native, _ in failures] == [True] * len(failures)
    assert failures
    found = listed(case)
    assert {k: v for k, v in sent.items() if "models/b/" not in k}.items() <= found.items()
    assert case.parse().coverage.is_empty(), "not every prefix was listed"

    before = {i.native for i in case.items}
    monkeypatch.setattr(Wire, "ask", ask)
    small_pages(monkeypatch, 11)
    assert not case.acquire().failures
    assert before <= {i.native for i in case.items}
    assert listed(case) == sent
    assert case.parse().coverage.height == 1


def test_a_version_that_only_the_first_page_saw_is_not_lost(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = filled(weed, bucket)
    s3 = s3_servers.client(weed)
    small_pages(monkeypatch, 11)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, parallel=3)

    class Changing(Acquiring):
        changed = False

        def store(self, native: str, *args: Any, **more: Any) -> Any:
            item = super().store(native, *args, **more)
            if "pass=1" in native and not self.changed:
                self.changed = True
                key = "models/a/0/model.bin"
                s3.delete_object(Bucket=bucket, Key=key, VersionId=sent[key][0])
            return item

    Changing(case.evidence, case.source).run(collector.acquire)
    assert {k: sorted(v) for k, v in listed(case).items()} == {
        k: sorted(v) for k, v in sent.items()
    }
    assert any("only in the second of two passes" in w.message for w in case.parse().warnings)


def test_a_page_in_the_middle_that_is_no_listing_is_kept_and_asked_for_again(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = filled(weed, bucket)
    small_pages(monkeypatch, 11)
    from dataclasses import replace

    from collectors.s3.wire import Wire

    ask = Wire.ask
    broken: list[str] = []

    def odd(self: Wire, operation: str, parameters: dict[str, Any]) -> Any:
        answer = ask(self, operation, parameters)
        if "KeyMarker" in parameters and not broken:
            broken.append(answer.url)
            return replace(answer, body=b"<html>Bad gateway</html>")
        return answer

    monkeypatch.setattr(Wire, "ask", odd)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, parallel=1)
    assert not case.acquire().failures
    assert len(case.items.of(UNRECOGNISED)) == 1
    assert set(case.events("object.put")["value"]) == {v for vs in sent.values() for v in vs}


def test_pages_that_leave_versions_out_prove_nothing_missing(
    weed: s3_servers.Server, bucket: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SeaweedFS, page after page, passes over `models-old/`: the other pass, by prefixes, not."""
    sent = filled(weed, bucket, "models-old/1")
    small_pages(monkeypatch, 11)
    time.sleep(1.1)  # so that all of them are older than the listing
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, parallel=1, claims=())
    assert not case.acquire().failures
    assert listed(case).keys() <= sent.keys()
    assert set(case.events("object.put")["value"]) == {v for vs in sent.values() for v in vs}
    if listed(case) != sent:
        assert case.parse().coverage.is_empty()
        assert any("proves nothing missing" in w.message for w in case.parse().warnings)


COLLECT = """\
import sys
from collectors.s3.wire import Wire
ask = Wire.ask
def smaller(self, operation, parameters):
    if operation == "list_object_versions":
        parameters = {**parameters, "MaxKeys": 11}
    return ask(self, operation, parameters)
Wire.ask = smaller
from recon.cli import main
sys.argv = ["recon", "collect", "--case", sys.argv[1]]
main()
"""


def _killed(case: Path, folder: Path, program: str, moments: tuple[int, ...]) -> None:
    """SIGKILL after so many more entries of the custody log each time; at last to the end."""
    script = folder / "collect.py"
    script.write_text(program)
    command = [sys.executable, str(script), str(case)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    custody = case / "evidence" / "custody.jsonl"
    kept: set[str] = set()
    killed = 0
    for more in moments:
        lines = custody.read_bytes().count(b"\n") if custody.exists() else 0
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            if custody.exists() and custody.read_bytes().count(b"\n") >= lines + more:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        killed += process.wait() == -signal.SIGKILL
        natives = [i.native for i in Evidence(case).items("models")]
        assert len(natives) == len(set(natives)), "nothing is stored twice"
        assert kept <= set(natives), "what was stored is not lost"
        kept = set(natives)
    assert killed > 1
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("parallel", [pytest.param(1, marks=pytest.mark.thorough), 4])
def test_killed_midway_it_goes_on_and_no_page_is_stored_twice(
    weed: s3_servers.Server, bucket: str, tmp_path: Path, make: Make, parallel: int
) -> None:
    """SIGKILL at five moments of one acquisition; then it is let finish."""
    sent = filled(weed, bucket)
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, claims=())
    asked = bucket_source("models", bucket, weed.endpoint, parallel=parallel, head="all")
    write_buckets(case.folder, asked)
    _killed(case.folder, tmp_path, COLLECT, (2, 9, 14, 5, 30))
    items = Evidence(case.folder).items("models")
    assert len({i.native for i in items}) == len(items)
    assert {i.acquisition for i in items} == {1}
    assert len([i for i in items if i.kind == HEAD]) == 2 * len(KEYS)
    assert listed(case) == sent
    assert not list(Evidence(case.folder).verify())
    assert case.parse().coverage.height == 1
    listings, warnings = sheets.read(case.source, case.items)
    assert all(listing.complete for listing in listings if not listing.again)
    assert not warnings
    assert not case.events("object.head").filter(pl.col("digest").is_null()).height


@pytest.mark.thorough
def test_twenty_thousand_versions_over_sixteen_prefixes_killed_midway(
    weed: s3_servers.Server, bucket: str, tmp_path: Path, make: Make
) -> None:
    """As above, in pages of a thousand. Delete markers: the server takes a thousand at a time."""
    s3 = versioned(weed, bucket)
    keys = [f"models/m{number % 16:02}/{number:05}/model.bin" for number in range(20_000)]
    for first in range(0, len(keys), 1000):
        objects = [{"Key": key} for key in keys[first : first + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": objects})
    time.sleep(1.1)  # so that all of them are older than the listing
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, claims=(), parallel=4)
    asked = bucket_source("models", bucket, weed.endpoint, parallel=4, head="all")
    write_buckets(case.folder, asked)
    _killed(case.folder, tmp_path, COLLECT.replace("11}", "1000}"), (8, 20, 3, 30))
    items = Evidence(case.folder).items("models")
    assert len({i.native for i in items}) == len(items)
    assert {i.acquisition for i in items} == {1}
    pages = [i.meta["parameters"] for i in items if i.kind == PAGE and i.meta["pass"] == 1]
    assert len({p["Prefix"] for p in pages if "Delimiter" not in p} - {""}) == 16
    assert not list(Evidence(case.folder).verify())
    found = case.events("object.delete")
    assert found.height == len(keys)
    assert set(found["subject"]) == {f"s3:{bucket}/{key}" for key in keys}
    assert case.parse().coverage.height == 1
    assert not case.parse().warnings
