"""Make the cases of this folder with real servers and the AWS CLI: see README.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import s3_servers

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

HERE = Path(__file__).parent
BUCKET = "acme-models"
MODEL = "models/credit-risk/2.3.1/model.bin"


def main() -> None:
    """Both cases, then what the collector reads in them."""
    with tempfile.TemporaryDirectory() as scratch:
        two_exports(HERE / "two-exports", Path(scratch, "moto"))
        one_second(HERE / "one-second", Path(scratch, "weed"))
    from tests.corpus.s3.expected import CASES, lines

    for case in CASES:
        (HERE / case / "expected.jsonl").write_text(lines(case), encoding="utf-8")


def two_exports(folder: Path, scratch: Path) -> None:
    """A version listed on 10 March and gone on 2 April."""
    clock = datetime(2026, 2, 14, 10, 5, tzinfo=UTC)
    with s3_servers.moto(scratch, clock) as server:
        s3 = s3_servers.client(server)
        _bucket(s3)
        put: dict[str, Any] = {"Bucket": BUCKET, "ChecksumAlgorithm": "SHA256"}
        s3.put_object(**put, Key=MODEL, Body=b"weights of February\n")
        _at(server, 2, 14, 10, 6)
        s3.put_object(**put, Key="models/credit-risk/2.3.1/größe & maß+1.json", Body=b"{}")
        _at(server, 2, 20, 8, 0)
        parts(s3, "models/churn/1.0.0/model.bin")
        _at(server, 3, 8, 21, 30)
        second = s3.put_object(**put, Key=MODEL, Body=b"weights of March\n")
        _at(server, 3, 9, 7, 15)
        s3.delete_object(Bucket=BUCKET, Key=MODEL)
        _at(server, 3, 10, 9, 0)
        _export(server, folder / "2026-03-10")
        _at(server, 4, 1, 23, 40)
        s3.delete_object(Bucket=BUCKET, Key=MODEL, VersionId=second["VersionId"])
        _at(server, 4, 2, 9, 0)
        _export(server, folder / "2026-04-02")


def one_second(folder: Path, scratch: Path) -> None:
    """Four versions and a delete marker of one key, as fast as the server takes them."""
    key = "manifests/credit-risk.json"
    with s3_servers.seaweedfs(scratch) as server:
        s3 = s3_servers.client(server)
        _bucket(s3)
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1", ChecksumAlgorithm="SHA256")
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"2", ChecksumAlgorithm="SHA256")
        s3.delete_object(Bucket=BUCKET, Key=key)
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"3", ChecksumAlgorithm="SHA256")
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"4", ChecksumAlgorithm="SHA256")
        _fresh(folder / "xml")
        (folder / "xml" / "versions-page-1.xml").write_bytes(raw_listing(s3))
        _fresh(folder / "json")
        _cli(server, folder / "json" / "list-object-versions.json", "list-object-versions")


def parts(s3: S3Client, key: str) -> None:
    """An upload in two parts: its ETag is no MD5 and its checksum is of checksums."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    same: dict[str, Any] = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    done: list[Any] = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**same, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"x" * (5 << 20)), (2, b"the rest"))
    ]
    s3.complete_multipart_upload(**same, MultipartUpload={"Parts": done})


def raw_listing(s3: S3Client) -> bytes:
    """The body of ListObjectVersions as it came."""
    kept: dict[str, Any] = {}
    s3.meta.events.register(
        "before-parse.s3", lambda response_dict, **_: kept.update(response_dict)
    )
    s3.list_object_versions(Bucket=BUCKET, EncodingType="url")
    return bytes(kept["body"])


def _bucket(s3: S3Client) -> None:
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _at(server: s3_servers.Server, month: int, day: int, hour: int, minute: int) -> None:
    s3_servers.set_clock(server, datetime(2026, month, day, hour, minute, tzinfo=UTC))


def _export(server: s3_servers.Server, folder: Path) -> None:
    """What a reviewer would be sent: listing, HEAD of each version of the models, versioning."""
    _fresh(folder)
    listing = _cli(server, folder / "list-object-versions.json", "list-object-versions")
    models = [v for v in listing["Versions"] if v["Key"].endswith("/model.bin")]
    for number, version in enumerate(models, 1):
        named = ("--key", version["Key"], "--version-id", version["VersionId"])
        _cli(
            server,
            folder / f"head-object-{number}.json",
            *("head-object", "--checksum-mode", "ENABLED", *named),
        )
    _cli(server, folder / "get-bucket-versioning.json", "get-bucket-versioning")


def _cli(server: s3_servers.Server, to: Path, command: str, *options: str) -> dict[str, Any]:
    out = subprocess.run(
        ["aws", "--endpoint-url", server.endpoint, "s3api", command, "--bucket", BUCKET, *options],
        env={**os.environ, **s3_servers.credentials()},
        check=True,
        capture_output=True,
    ).stdout
    to.write_bytes(out)
    said: dict[str, Any] = json.loads(out)
    return said


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


if __name__ == "__main__":
    main()
