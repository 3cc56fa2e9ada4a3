"""WAL and backups in a bucket of a real S3 server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from polars.testing import assert_frame_equal

from collectors.postgres.base import BaseBackup, base_backups
from recon.errors import UnreachableError
from tests import s3_servers
from tests.collectors.postgres.conftest import Make

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

pytestmark = pytest.mark.live
BUCKET = "archive"


def contents(backup: BaseBackup) -> Iterator[tuple[str, bytes]]:
    for member in backup.members():
        with member.open() as file:
            yield member.path, file.read()


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    with s3_servers.seaweedfs(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture(scope="module")
def s3(weed: s3_servers.Server, exports: Path) -> S3Client:
    """A bucket with the archive, one segment of it packed, and the base backup."""
    client = s3_servers.client(weed)
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for number, path in enumerate(sorted((exports / "archive").iterdir())):
        body, key = path.read_bytes(), f"wal/{path.name}"
        if number == 1:
            packed = subprocess.run(["zstd", "-c", path], capture_output=True, check=True)
            body, key = packed.stdout, f"{key}.zst"
        client.put_object(Bucket=BUCKET, Key=key, Body=body, ChecksumAlgorithm="SHA256")
    for path in sorted((exports / "base").rglob("*")):
        if path.is_file():
            key = f"base/{path.relative_to(exports / 'base')}"
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    client.put_object(Bucket=BUCKET, Key="wal/README ü.txt", Body=b"no segment")
    return client


@pytest.fixture(autouse=True)
def _access(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("s3")
def test_an_archive_in_a_bucket_gives_the_events_of_its_folder(
    bench: Make, exports: Path, weed: s3_servers.Server
):
    there = bench(wal=f"s3://{BUCKET}/wal/", s3_endpoint=weed.endpoint)
    assert there.acquire().failures == []
    here = bench(wal=str(exports / "archive"))
    here.acquire()
    columns = ["kind", "subject", "value", "earliest", "stream", "position", "citation", "part"]
    assert_frame_equal(there.events().select(columns), here.events().select(columns))


def test_an_item_keeps_what_the_server_says_of_its_object(
    bench: Make, s3: S3Client, weed: s3_servers.Server
):
    case = bench(wal=f"s3://{BUCKET}/wal", s3_endpoint=weed.endpoint)
    case.acquire()
    item = case.item(".zst")
    head = s3.head_object(Bucket=BUCKET, Key=item.native.removeprefix(f"s3://{BUCKET}/"))
    assert item.meta["version_id"] == head["VersionId"]
    assert item.meta["etag"] == head["ETag"]
    assert item.meta["last_modified"] == head["LastModified"].isoformat()
    assert item.meta["sha256"]
    said = case.custody()
    assert "s3api list-objects-v2" in said
    assert f's3api get-object {{\\"Bucket\\": \\"{BUCKET}\\", \\"Key\\": \\"wal/' in said
    assert "README" in said  # what was left out
    assert s3_servers.SECRET_KEY not in said


@pytest.mark.usefixtures("s3")
def test_a_backup_in_a_bucket_is_the_backup_of_its_folder(
    bench: Make, exports: Path, weed: s3_servers.Server
):
    there = bench(backups=[f"s3://{BUCKET}/base/"], s3_endpoint=weed.endpoint)
    assert there.acquire().failures == []
    here = bench(backups=[str(exports / "base")])
    here.acquire()
    (one,), (other,) = base_backups(there.items), base_backups(here.items)
    assert one.label == other.label
    assert dict(contents(one)) == dict(contents(other))
    item = there.item("global/pg_control")
    assert item.meta["last_modified"]
    # The scratch file's own time says nothing.
    assert "modified" not in item.meta


def test_one_object_that_is_gone_does_not_stop_the_rest_and_a_second_run_goes_on(
    bench: Make, s3: S3Client, weed: s3_servers.Server, monkeypatch: pytest.MonkeyPatch
):
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="wal/0")["Contents"]]
    from collectors.objectstore import Found, Prefix

    real = Prefix.objects

    def with_one_that_went(self: Prefix) -> Iterator[Found]:
        """Between the listing and the request."""
        yield from real(self)
        yield Found("wal/0000000100000000000000FF", 1)

    monkeypatch.setattr(Prefix, "objects", with_one_that_went)
    case = bench(wal=f"s3://{BUCKET}/wal/", s3_endpoint=weed.endpoint)
    first = case.acquire()
    ((native, error),) = first.failures
    assert native.endswith("FF")
    assert isinstance(error, UnreachableError)
    assert first.stored == len(names)
    monkeypatch.setattr(Prefix, "objects", real)
    second = case.acquire()
    assert (second.failures, second.stored) == ([], 0)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://nowhere-to-be-found/wal/", "NoSuchBucket"),
        (f"s3://{BUCKET}/nothing/", "0 other entries"),
        ("s3://", "s3://bucket/prefix"),
    ],
)
@pytest.mark.usefixtures("s3")
def test_a_prefix_that_is_not_there_is_said(
    bench: Make, weed: s3_servers.Server, url: str, words: str
):
    case = bench(wal=url, s3_endpoint=weed.endpoint)
    ((_, error),) = case.acquire().failures
    assert words in str(error)


def test_no_server_and_no_profile_are_said(bench: Make):
    for options in (
        {"s3_endpoint": "http://127.0.0.1:9"},
        {"s3_profile": "nobody"},
    ):
        case = bench(wal=f"s3://{BUCKET}/wal/", **options)
        ((_, error),) = case.acquire().failures
        assert isinstance(error, UnreachableError)
