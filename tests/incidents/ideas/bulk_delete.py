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


def innocent_one_by_one(stage: Stage) -> Truth:
    """All of them, an hour after another."""
    bucket = Bucket(stage).at("00:30")
    for number in range(12):
        bucket.put(f"data/{number}", b"rows")
    for number in range(12):
        bucket.at(f"{number + 2:02}:00")
        bucket.s3.delete_object(Bucket=bucket.name, Key=f"data/{number}")
    bucket.hand_over()
    return set()


def innocent_lock(stage: Stage) -> Truth:
    """One key is put and deleted again and again, as a lock is."""
    bucket = Bucket(stage).at("09:00")
    for _ in range(12):
        bucket.put("data/lock", b"mine")
        bucket.s3.delete_object(Bucket=bucket.name, Key="data/lock")
    bucket.hand_over()
    return set()


def incident_among_others(stage: Stage) -> Truth:
    """Ten of a folder, in one minute, while keys beside it are put and deleted as ever."""
    bucket = Bucket(stage).at("09:00")
    for number in range(12):
        bucket.put(f"data/{number}", b"rows")
        bucket.put(f"tmp/{number}", b"scratch")
    for hour in range(10, 14):
        bucket.at(f"{hour}:00").s3.delete_object(Bucket=bucket.name, Key=f"tmp/{hour - 10}")
    bucket.at("19:00")
    for number in range(10):
        bucket.s3.delete_object(Bucket=bucket.name, Key=f"data/{number}")
    bucket.hand_over()
    return {("bulk-delete", "observation", f"s3:{bucket.name}/data/*")}
