"""CloudTrail: records as events; the chain of digests, beside `aws cloudtrail validate-logs`."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests import s3_servers
from tests.collectors.s3.trails import ARN, BUCKET, FIRST, Trail, record

Make = Callable[..., Any]
KEY = "models/credit-risk/2.3.1/model.bin"
DELETED = record(
    "DeleteObject",
    "2026-03-08T20:05:00Z",
    requestParameters={"bucketName": "b00", "key": KEY, "versionId": "v1"},
)


def whole() -> Trail:
    trail = Trail()
    trail.hour(record("PutBucketVersioning", "2026-03-08T18:01:00Z"))
    trail.hour(DELETED)
    trail.hour(record("PutBucketLifecycle", "2026-03-08T20:30:00Z", errorCode="AccessDenied"))
    return trail


def read(make: Make, trail: Trail, **how: Any) -> Any:
    case = make(url="s3://b00/", exports=["x"])
    trail.write(case.folder / "x", **how)
    assert not case.acquire().failures
    return case


def found(case: Any) -> dict[str, list[str]]:
    """Keys, shortened to their last part, by what was found of them."""
    said: dict[str, list[str]] = {}
    for row in case.events().iter_rows(named=True):
        status = row["kind"].removeprefix("trail.")
        if status in {"valid", "unsigned", "altered", "missing", "gap"}:
            said.setdefault(status, []).append(row["subject"].rsplit("/", 1)[1])
    return {status: sorted(names) for status, names in said.items()}


def last(key: str) -> str:
    return key.rsplit("/", 1)[1]


def test_records_with_principal_object_and_version(make: Make) -> None:
    case = read(make, whole())
    [deleted] = case.events("trail.DeleteObject").iter_rows(named=True)
    assert deleted["subject"] == f"s3:b00/{KEY}"
    assert deleted["value"] == "v1"
    assert deleted["actor"] == "arn:aws:sts::111122223333:assumed-role/dba/alice"
    assert deleted["names"] == ["request:3E57427F33A59F07", f"s3:b00/{KEY}?versionId=v1"]
    assert deleted["earliest"].isoformat() == "2026-03-08T20:05:00+00:00"
    [failed] = case.events("trail.failed")["value"]
    assert failed == "PutBucketLifecycle AccessDenied"
    assert case.events("trail.PutBucketVersioning")["subject"].to_list() == ["s3:b00"]
    case.quotable()


def test_a_chain_that_holds_is_said_and_nothing_is_warned_of(make: Make) -> None:
    trail = whole()
    case = read(make, trail)
    assert found(case) == {"valid": sorted(map(last, trail.files))}
    assert not case.parse().warnings


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_second_copy_of_all_files_is_no_gap_and_nothing_missing(
    make: Make,
    unpacked: bool,  # noqa: FBT001  (a case of the test)
) -> None:
    trail = whole()
    case = make(url="s3://b00/", exports=["x"])
    trail.write(case.folder / "x/1")
    trail.write(case.folder / "x/2")
    for path in sorted((case.folder / "x/2").rglob("*.json.gz")) if unpacked else []:
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert not case.acquire().failures
    assert found(case).keys() == {"valid"}
    assert not case.parse().warnings
    case.quotable()


def test_a_copy_that_was_altered_is_named_beside_the_one_that_was_not(make: Make) -> None:
    trail = whole()
    case = make(url="s3://b00/", exports=["x"])
    trail.write(case.folder / "x/1")
    altered_log(trail)
    trail.write(case.folder / "x/2")
    case.acquire()
    assert found(case)["altered"] == [last(trail.logs[1])]
    assert found(case)["valid"] == sorted(map(last, trail.files))


def test_without_the_saved_metadata_the_newest_digest_is_unsigned(make: Make) -> None:
    trail = whole()
    case = read(make, trail, metadata="none")
    assert found(case)["unsigned"] == [last(trail.digests[-1])]
    assert any("metadata" in w.message for w in case.parse().warnings)


def altered_log(trail: Trail) -> None:
    trail.change(trail.logs[1], b"alice", b"mallo")


def altered_digest(trail: Trail) -> None:
    trail.change(trail.digests[1], b'"newestEventTime": null', b'"newestEventTime": true')


def missing_log(trail: Trail) -> None:
    del trail.files[trail.logs[1]]


def missing_digest(trail: Trail) -> None:
    del trail.files[trail.digests[1]]


HARM: dict[str, tuple[Callable[[Trail], None], str, str]] = {
    "a log file altered": (altered_log, "altered", "log"),
    "a digest altered": (altered_digest, "altered", "digest"),
    "a log file gone": (missing_log, "missing", "log"),
    "a digest gone": (missing_digest, "missing", "digest"),
}


@pytest.mark.parametrize("name", list(HARM))
def test_harm_is_named_and_the_rest_holds(make: Make, name: str) -> None:
    harm, status, which = HARM[name]
    trail = whole()
    hurt = last((trail.logs if which == "log" else trail.digests)[1])
    harm(trail)
    case = read(make, trail)
    assert found(case)[status] == [hurt]
    assert len(found(case)["valid"]) >= 3
    assert any(w.severity == "error" and hurt in w.message for w in case.parse().warnings)


def test_a_forger_who_rewrites_log_and_digest_lacks_the_key(make: Make) -> None:
    """Log file, its digest and the link in the next digest, all made to fit; not the signatures."""
    trail = whole()
    forged = Trail(key=Trail().key)
    forged.hour(record("PutBucketVersioning", "2026-03-08T18:01:00Z"))
    forged.hour(record("GetObject", "2026-03-08T20:05:00Z"))
    forged.hour(record("PutBucketLifecycle", "2026-03-08T20:30:00Z", errorCode="AccessDenied"))
    for key in forged.digests:
        forged.change(key, forged.fingerprint.encode(), trail.fingerprint.encode())
    trail.files = forged.files
    case = read(make, trail)
    assert len(found(case)["altered"]) >= 2
    assert not set(map(last, trail.digests)) & set(found(case).get("valid", []))


def test_a_stop_of_logging_is_a_gap(make: Make) -> None:
    trail = Trail()
    trail.hour(DELETED)
    after = trail.hour(DELETED, skip=5, anew=True)
    case = read(make, trail)
    assert found(case)["gap"] == [last(after)]
    assert "19:00:00Z to 2026-03-09T00:00:00Z" in case.parse().warnings[0].message
    assert case.parse().warnings[0].severity == "warning"


def test_a_file_that_is_no_trail_is_named_and_the_rest_is_read(make: Make) -> None:
    trail = whole()
    trail.files[trail.logs[0]] = b"\x1f\x8bbroken"
    case = read(make, trail)
    assert case.events("trail.DeleteObject").height == 1
    assert any(w.severity == "error" and "gzip" in w.message for w in case.parse().warnings)


# The AWS CLI's own validation of the same files.


class Endpoint:
    """CloudTrail's ListPublicKeys, and the bucket, as the AWS CLI asks for them."""

    def __init__(self, trail: Trail) -> None:
        keys = json.dumps(trail.public_keys).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["X-Amz-Target"].endswith("ListPublicKeys")
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def validated(moto: s3_servers.Server) -> Iterator[Callable[[Trail], tuple[int, str]]]:
    """Exit code and words of `aws cloudtrail validate-logs` on a trail in a real bucket."""
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("the AWS CLI is not installed")
    started: list[tuple[Endpoint, threading.Thread]] = []

    def validate(trail: Trail) -> tuple[int, str]:
        s3 = s3_servers.client(moto)
        s3.create_bucket(Bucket=BUCKET)
        for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=one["Key"])
        for key, data in trail.files.items():
            signature = {"signature": trail.signatures.get(key, ""), "signature-algorithm": "x"}
            s3.put_object(
                Bucket=BUCKET,
                Key=key,
                Body=data,
                Metadata={**signature, "signature-algorithm": "SHA256withRSA"},
            )
        endpoint = Endpoint(trail)
        thread = threading.Thread(
            target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        thread.start()
        started.append((endpoint, thread))
        done = subprocess.run(
            [
                *(aws, "cloudtrail", "validate-logs", "--trail-arn", ARN, "--verbose"),
                *("--start-time", f"{FIRST:%Y-%m-%dT%H:%M:%SZ}", "--s3-bucket", BUCKET),
                *("--end-time", "2026-03-09T06:00:00Z", "--region", "us-east-1"),
            ],
            env={
                **os.environ,
                **s3_servers.credentials(),
                "AWS_ENDPOINT_URL_S3": moto.endpoint,
                "AWS_ENDPOINT_URL_CLOUDTRAIL": endpoint.url,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    yield validate
    for endpoint, thread in started:
        endpoint.server.shutdown()
        thread.join()
        endpoint.server.server_close()


@pytest.mark.live
@pytest.mark.parametrize("name", ["nothing", *HARM])
def test_the_aws_cli_says_the_same(
    make: Make, validated: Callable[[Trail], tuple[int, str]], name: str
) -> None:
    trail = whole()
    if name in HARM:
        HARM[name][0](trail)
    code, words = validated(trail)
    case = read(make, trail, metadata="all")
    ours = found(case)
    assert (code == 0) == (set(ours) == {"valid"}), words
    theirs = {
        last(line.split("\t")[1]): "valid" if line.split("\t")[2] == "valid" else "not"
        for line in words.splitlines()
        if line.startswith(("Digest file\t", "Log file\t"))
    }
    both = {
        n: "valid" if status == "valid" else "not" for status, names in ours.items() for n in names
    }
    # Of what hangs on a digest that is not valid, the AWS CLI says nothing more.
    assert theirs.items() <= both.items(), words
    assert {n for n, status in both.items() if status == "not"} == {
        n for n, status in theirs.items() if status == "not"
    }, words
