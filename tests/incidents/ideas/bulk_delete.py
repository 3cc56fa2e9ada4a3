"""A bucket in which keys get delete markers."""

from __future__ import annotations

from tests.incidents.bucket import Bucket
from tests.incidents.stage import Stage, Truth

NEEDS_BUCKET = True


def deleted(stage: Stage, count: int) -> Bucket:
    """Twelve keys, of which some are deleted in one minute, by no version id."""
    bucket = Bucket(stage).at("09:00")
    for number in range(12):
        bucket.put(f"data/{number}", b"rows")
    bucket.at("19:00")
    for number in range(count):
        bucket.s3.delete_object(Bucket=bucket.name, Key=f"data/{number}")
    bucket.hand_over()
    return bucket


def incident(stage: Stage) -> Truth:
    """All of them."""
    bucket = deleted(stage, 12)
    return {("bulk-delete", "observation", f"s3:{bucket.name}/data/*")}


def innocent(stage: Stage) -> Truth:
    """Three of them."""
    deleted(stage, 3)
    return set()
