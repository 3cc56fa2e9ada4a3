"""A deploy log that counts its lines, and a trail of hours."""

from __future__ import annotations

from tests.collectors.s3.trails import Trail, record
from tests.incidents.stage import Stage, Truth, line

COUNTED = {"sequence": "n"}


def counted(stage: Stage, *numbers: int) -> None:
    rows = [line(f"{9 + n:02}:00", f"m{n}") | {"n": n} for n in numbers]
    stage.log(*rows, fields=COUNTED)


def trail(stage: Stage, hours: Trail) -> None:
    hours.write(stage.folder / "trail")
    stage.source("trail", "s3", "storage", url="s3://b00/", exports=["trail/"])


def incident(stage: Stage) -> Truth:
    """The third and fourth line were taken out."""
    counted(stage, 1, 2, 5, 6)
    return {("log-gap", "missing", "log:deploys")}


def innocent(stage: Stage) -> Truth:
    """It begins late, as the lines before were rotated away, and lacks nothing since."""
    counted(stage, 4, 5, 6)
    return set()


def innocent_uncounted(stage: Stage) -> Truth:
    """The same lines, where nothing says that a number counts them."""
    rows = [line(f"{9 + n:02}:00", f"m{n}") | {"n": n} for n in (1, 2, 5)]
    stage.log(*rows)
    return set()


def incident_trail(stage: Stage) -> Truth:
    """Two hours of CloudTrail are not there."""
    hours = Trail()
    hours.hour(record("PutBucketVersioning", "2026-03-08T18:01:00Z"))
    key = hours.hour(record("PutBucketLifecycle", "2026-03-08T21:01:00Z"), skip=2)
    trail(stage, hours)
    return {("log-gap", "missing", f"trail:acme-trail/{key}")}


def innocent_trail(stage: Stage) -> Truth:
    """Logging was stopped for that time by someone who may, and that is on record."""
    hours = Trail()
    hours.hour(
        record(
            "StopLogging",
            "2026-03-08T18:59:00Z",
            eventSource="cloudtrail.amazonaws.com",
            requestParameters={"name": "acme"},
        )
    )
    key = hours.hour(record("PutBucketLifecycle", "2026-03-08T21:01:00Z"), skip=2)
    trail(stage, hours)
    return {("log-gap", "observation", f"trail:acme-trail/{key}")}
