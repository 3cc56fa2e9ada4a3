"""Two teams export the listing of one bucket, one after the other, and hand it over apart."""

from __future__ import annotations

import json

from tests.incidents.bucket import CLAIMS, MODEL, Bucket
from tests.incidents.stage import Stage, Truth

NEEDS_BUCKET = True
RULE = "vanished-version"


def exported(bucket: Bucket, name: str, time: str, domain: str = "storage") -> None:
    """What ``aws s3api list-object-versions`` prints at that time, as a source of its own."""
    listed = bucket.s3.list_object_versions(Bucket=bucket.name)
    said = {"Versions": listed.get("Versions", []), "Prefix": None}
    folder = bucket.stage.folder / name
    folder.mkdir()
    text = json.dumps(said, default=lambda instant: instant.isoformat())
    (folder / "list-object-versions.json").write_text(text)
    exports = [{"path": f"{name}/", "taken": f"2026-03-08T{time}:00Z"}]
    url = f"s3://{bucket.name}/"
    bucket.stage.source(name, "s3", domain, url=url, exports=exports, claims=CLAIMS)


def uploaded(stage: Stage) -> tuple[Bucket, str]:
    """Two versions, and the listing of the one team."""
    bucket = Bucket(stage).at("08:00")
    first = bucket.put(MODEL, b"weights")
    bucket.at("10:00").put(MODEL, b"trained again")
    exported(bucket, "team-a", "11:00")
    return bucket, first


def incident(stage: Stage) -> Truth:
    """The other team's listing, an hour later, lacks a version that is deleted between them."""
    bucket, first = uploaded(stage)
    bucket.remove(MODEL, first)
    exported(bucket, "team-b", "12:00")
    return {(RULE, "missing", f"s3:{bucket.name}/{MODEL}")}


def innocent(stage: Stage) -> Truth:
    """It has what the first has, and a version that was put between them."""
    bucket, _ = uploaded(stage)
    bucket.at("11:30").put(MODEL, b"trained once more")
    exported(bucket, "team-b", "12:00")
    return set()


def incident_two_domains(stage: Stage) -> Truth:
    """Of a bucket that others may write to: it may be a replica, so it is left open."""
    bucket, first = uploaded(stage)
    bucket.remove(MODEL, first)
    exported(bucket, "team-b", "12:00", domain="audit")
    return {(RULE, "undetermined", f"s3:{bucket.name}/{MODEL}")}


def innocent_another_bucket(stage: Stage) -> Truth:
    """Another server has a bucket of that name, with versions of its own."""
    bucket, _ = uploaded(stage)
    for version in bucket.s3.list_object_versions(Bucket=bucket.name)["Versions"]:
        bucket.remove(MODEL, version["VersionId"])
    bucket.at("11:30").put(MODEL, b"of others")
    exported(bucket, "team-b", "12:00")
    return set()
