"""CloudTrail records an upload, and the bucket is listed after it."""

from __future__ import annotations

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
