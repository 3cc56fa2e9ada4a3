"""Three hours of CloudTrail, with a delete in the second one."""

from __future__ import annotations

from tests.collectors.s3.trails import BUCKET, Trail, record
from tests.incidents.ideas.log_gap import trail
from tests.incidents.stage import Stage, Truth

DELETED = record(
    "DeleteObject",
    "2026-03-08T19:05:00Z",
    requestParameters={"bucketName": "b00", "key": "model.bin", "versionId": "v1"},
)


def whole() -> Trail:
    hours = Trail()
    hours.hour(record("PutBucketVersioning", "2026-03-08T18:01:00Z"))
    hours.hour(DELETED)
    hours.hour(record("PutBucketLifecycle", "2026-03-08T20:30:00Z"))
    return hours


def incident(stage: Stage) -> Truth:
    """The delete was turned into another one in the log file."""
    hours = whole()
    hours.change(hours.logs[1], b"model.bin", b"other.bin")
    trail(stage, hours)
    return {("broken-digest-chain", "contradiction", f"trail:{BUCKET}/{hours.logs[1]}")}


def incident_removed(stage: Stage) -> Truth:
    """The log file is gone; the digest that names it is there."""
    hours = whole()
    del hours.files[hours.logs[1]]
    trail(stage, hours)
    return {("broken-digest-chain", "missing", f"trail:{BUCKET}/{hours.digests[1]}")}


def incident_digest(stage: Stage) -> Truth:
    """The digest was changed with it, and does not have its hash in the next one any more."""
    hours = whole()
    hours.change(hours.digests[1], b'"oldestEventTime": null', b'"oldestEventTime": 1234')
    trail(stage, hours)
    return {("broken-digest-chain", "contradiction", f"trail:{BUCKET}/{hours.digests[1]}")}


def innocent(stage: Stage) -> Truth:
    """Nothing was touched."""
    trail(stage, whole())
    return set()


def innocent_from_the_second_hour(stage: Stage) -> Truth:
    """What was handed over begins with the second hour, whose digest names the first one's."""
    hours = whole()
    for key in (hours.logs[0], hours.digests[0]):
        del hours.files[key]
    trail(stage, hours)
    return set()
