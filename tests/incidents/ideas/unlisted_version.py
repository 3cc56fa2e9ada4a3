"""CloudTrail records an upload, or a log a read by its id, and the bucket is listed after it."""

from __future__ import annotations

from typing import Any

from tests.collectors.s3.trails import Trail, record
from tests.incidents.bucket import MODEL, Bucket
from tests.incidents.stage import Stage, Truth

NEEDS_BUCKET = True


def told(stage: Stage, *, removed: bool) -> Bucket:
    """Two uploads, of which the first may be deleted; the trail has both."""
    bucket = Bucket(stage).at("18:30")
    versions = [bucket.put(MODEL, b"weights")]
    versions.append(bucket.at("18:40").put(MODEL, b"trained again"))
    if removed:
        bucket.remove(MODEL, versions[0])
    hours = Trail()
    hours.hour(
        *(
            record(
                "PutObject",
                f"2026-03-08T18:{minute}:00Z",
                requestParameters={"bucketName": bucket.name, "key": MODEL},
                responseElements={"x-amz-version-id": version},
            )
            for minute, version in zip((30, 40), versions, strict=True)
        )
    )
    hours.write(stage.folder / "trail")
    bucket.hand_over()
    stage.source("trail", "s3", "audit", url=f"s3://{bucket.name}/", exports=["trail/"])
    return bucket


def incident(stage: Stage) -> Truth:
    """The first one is not there any more, and was in no listing."""
    bucket = told(stage, removed=True)
    return {("unlisted-version", "missing", f"s3:{bucket.name}/{MODEL}")}


def innocent(stage: Stage) -> Truth:
    """Both are there."""
    told(stage, removed=False)
    return set()


def read_by_id(stage: Stage, *, logged: str, removed: bool, known: bool = True) -> Bucket:
    """Two uploads, and a read of the first by its id; only then it may be deleted.

    ``logged``: by S3's server access log, or by CloudTrail. Where it is not ``known``, the id that
    is asked for is no version's.
    """
    bucket = Bucket(stage).at("18:30")
    first = bucket.put(MODEL, b"weights")
    bucket.at("18:40").put(MODEL, b"trained again")
    version = first if known else "ffffffff-0000-0000-0000-000000000000"
    try:
        answer: Any = bucket.at("18:45").s3.get_object(
            Bucket=bucket.name, Key=MODEL, VersionId=version
        )
        answer["Body"].close()
        code = ""
    except bucket.s3.exceptions.ClientError as error:
        answer, code = error.response, error.response["Error"]["Code"]
    if removed:
        bucket.at("18:50").remove(MODEL, first)
    folder = stage.folder / "logs"
    if logged == "access":
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        folder.mkdir()
        (folder / "2026-03-08-19-00-00-0123456789ABCDEF").write_text(
            f"79a59df9 {bucket.name} [08/Mar/2026:18:45:00 +0000] 192.0.2.3"
            f" arn:aws:iam::111122223333:user/ml 3E57427F33A59F07 REST.GET.OBJECT {MODEL}"
            f' "GET /{MODEL}?versionId={version} HTTP/1.1" {status} {code or "-"} 7 7 20 19 "-"'
            f' "aws-cli/2.15" {version} s9lzHYrF= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader'
            f" {bucket.name}.s3.amazonaws.com TLSv1.2 - -\n"
        )
    else:
        asked = {"bucketName": bucket.name, "key": MODEL, "versionId": version}
        failed = {"errorCode": code} if code else {}
        hours = Trail()
        time = "2026-03-08T18:45:00Z"
        hours.hour(record("GetObject", time, requestParameters=asked, **failed))
        hours.write(folder)
    bucket.hand_over()
    stage.source("logs", "s3", "audit", url=f"s3://{bucket.name}/", exports=["logs/"])
    return bucket


def incident_read(stage: Stage) -> Truth:
    """The server access log has an answered read of it, and it is not there any more."""
    bucket = read_by_id(stage, logged="access", removed=True)
    return {("unlisted-version", "missing", f"s3:{bucket.name}/{MODEL}")}


def innocent_read(stage: Stage) -> Truth:
    """It is there."""
    read_by_id(stage, logged="access", removed=False)
    return set()


def innocent_read_of_none(stage: Stage) -> Truth:
    """Who read asked for a version that there was not, and was told so."""
    read_by_id(stage, logged="access", removed=True, known=False)
    return set()


def incident_read_in_trail(stage: Stage) -> Truth:
    """CloudTrail has the read."""
    bucket = read_by_id(stage, logged="trail", removed=True)
    return {("unlisted-version", "missing", f"s3:{bucket.name}/{MODEL}")}


def innocent_read_in_trail(stage: Stage) -> Truth:
    """CloudTrail has the read, and the version is there."""
    read_by_id(stage, logged="trail", removed=False)
    return set()


def innocent_read_of_none_in_trail(stage: Stage) -> Truth:
    """CloudTrail has a read that was answered with an error."""
    read_by_id(stage, logged="trail", removed=True, known=False)
    return set()
