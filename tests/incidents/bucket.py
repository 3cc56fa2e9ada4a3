"""A bucket of one incident on a real S3 server."""

from __future__ import annotations

import itertools
import time
from datetime import datetime
from typing import Any

from tests import s3_servers
from tests.incidents.stage import Stage, when

MODEL = "m1/1/model.bin"
CLAIMS = tuple(
    {
        "key": f"{{model}}/{{version}}/{file}",
        "subject": "model:{model}@{version}",
        "attribute": attribute,
    }
    for file, attribute in (("model.bin", "artifact"), ("manifest.json", "manifest"))
)
_NUMBERS = itertools.count(1)


class Bucket:
    """Versioned, empty, and of a name that no other incident has."""

    def __init__(self, stage: Stage) -> None:
        if stage.server is None:
            raise ValueError("this incident needs an S3 server")
        self.stage, self.server = stage, stage.server
        self.name = f"incident-{next(_NUMBERS)}"
        self.handed = 0
        self.s3 = s3_servers.client(self.server)
        self.s3.create_bucket(Bucket=self.name)
        versioning: Any = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration=versioning)

    def at(self, time: str) -> Bucket:
        """The server's clock stands at that time: ``09:00``, of 8 March."""
        instant = datetime.fromisoformat(when(time))
        s3_servers.set_clock(self.server, instant)
        return self

    def put(self, key: str, body: bytes) -> str:
        """Upload with a SHA-256 that the server keeps; the version id."""
        put = self.s3.put_object(Bucket=self.name, Key=key, Body=body, ChecksumAlgorithm="SHA256")
        return str(put["VersionId"])

    def remove(self, key: str, version: str) -> None:
        """Delete one version, which leaves no trace in a listing."""
        self.s3.delete_object(Bucket=self.name, Key=key, VersionId=version)

    def hand_over(self, **options: Any) -> None:
        """The source of the case: the bucket itself, asked today."""
        # A clock that stands while it is read, and is then set on, is one that steps.
        s3_servers.release_clock(self.server)
        if self.handed:
            # Two listings of one second have no order.
            time.sleep(2.5)
        self.handed += 1
        self.stage.source(
            "models",
            "s3",
            "storage",
            url=f"s3://{self.name}/",
            endpoint=self.server.endpoint,
            claims=CLAIMS,
            **options,
        )
