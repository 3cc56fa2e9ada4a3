"""The bucket ``acme-models`` on a real HTTP server, and its export by the AWS command line."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import s3_servers
from tests.corpus.march_8 import story

if TYPE_CHECKING:
    from datetime import datetime

CONFIGURATION = (
    "get-bucket-versioning",
    "get-bucket-location",
    "get-bucket-lifecycle-configuration",
    "get-bucket-logging",
)
SCRATCH = "scratch/compare.csv"


@dataclass(slots=True)
class Bucket:
    """The bucket, and the server that holds it."""

    server: s3_servers.Server
    s3: Any

    @classmethod
    def start(cls, folder: Path, when: datetime) -> Bucket:
        """A server whose clock stands at ``when``, and an empty versioned bucket."""
        server = s3_servers.start_moto(folder, when)
        s3 = s3_servers.client(server)
        s3.create_bucket(Bucket=story.BUCKET)
        s3.put_bucket_versioning(Bucket=story.BUCKET, VersioningConfiguration={"Status": "Enabled"})
        scratch: Any = {
            "ID": "scratch",
            "Status": "Enabled",
            "Filter": {"Prefix": "scratch/"},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        }
        s3.put_bucket_lifecycle_configuration(
            Bucket=story.BUCKET, LifecycleConfiguration={"Rules": [scratch]}
        )
        return cls(server, s3)

    def put(self, key: str, body: bytes, when: datetime) -> str:
        """Upload with a SHA-256 that the server keeps; returns the version id."""
        s3_servers.set_clock(self.server, when)
        answer = self.s3.put_object(
            Bucket=story.BUCKET,
            Key=key,
            Body=body,
            ChecksumAlgorithm="SHA256",
            ServerSideEncryption="AES256",
        )
        return str(answer["VersionId"])

    def delete(self, key: str, when: datetime) -> None:
        """A delete marker."""
        s3_servers.set_clock(self.server, when)
        self.s3.delete_object(Bucket=story.BUCKET, Key=key)

    def export(self, folder: Path, when: datetime) -> None:
        """What a reviewer gets: the standard output of the AWS command line, unchanged.

        HEAD is asked for every version under ``models/``, and its file is named by a number,
        as its key stands nowhere in it.
        """
        s3_servers.set_clock(self.server, when)
        heads = folder / "head-object"
        heads.mkdir(parents=True)
        listing = self.aws("list-object-versions")
        (folder / "list-object-versions.json").write_bytes(listing)
        for call in CONFIGURATION:
            answer = self.aws(call)
            if answer.strip():
                (folder / f"{call}.json").write_bytes(answer)
        versions = [v for v in json.loads(listing)["Versions"] if v["Key"].startswith("models/")]
        for number, version in enumerate(versions, 1):
            which = ("--key", version["Key"], "--version-id", version["VersionId"])
            head = self.aws("head-object", "--checksum-mode", "ENABLED", *which)
            (heads / f"head-object-{number:04d}.json").write_bytes(head)

    def stop(self) -> None:
        """End the server."""
        s3_servers.stop(self.server)

    def aws(self, call: str, *arguments: str) -> bytes:
        """One call of ``aws s3api`` on the bucket; its standard output."""
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TZ": "UTC"}
        command = ["aws", "s3api", call, "--bucket", story.BUCKET, "--output", "json", *arguments]
        done = subprocess.run(
            command,
            env=environment
            | s3_servers.credentials()
            | {"AWS_ENDPOINT_URL": self.server.endpoint, "AWS_PAGER": ""},
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
        )
        return done.stdout
