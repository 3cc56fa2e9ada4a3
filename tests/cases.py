"""Small real cases for tests: a deploy log, which needs no server and no tool, and buckets."""

from __future__ import annotations

import json
from pathlib import Path

CASE = """\
[case]
id = "small"
title = "What was deployed?"
instant = 2026-03-08T12:00:00Z
subjects = ["model:*"]

[domain.platform]
organisation = "acme"
account = "1"

[domain.other]
organisation = "acme"
account = "2"
"""

LOG = """
[[source]]
id = "{id}"
collector = "deploylog"
domain = "{domain}"
path = "{path}"
format = "jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{{model}}@{{version}}"
attributes = {{ artifact = "sha256" }}
"""

BUCKETS = """\
[case]
id = "buckets"
title = "What did the bucket hold?"
[domain.storage]
organisation = "acme"
account = "1"
[domain.copies]
organisation = "acme"
account = "2"
"""

RELEASE = """\
[[source.claim]]
key = "models/{model}/{version}/model.bin"
subject = "model:{model}@{version}"
attribute = "artifact"
"""
"""What the key of a release asserts."""


def bucket_source(
    name: str, bucket: str, endpoint: str, *, domain: str = "storage", **options: object
) -> str:
    """A source that asks a server for a bucket; of its keys no claim is made."""
    given = {"id": name, "collector": "s3", "domain": domain, "url": f"s3://{bucket}/"}
    # A text, a number and a truth are written in TOML as in JSON.
    lines = {**given, "endpoint": endpoint, **options}.items()
    return "[[source]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines)


def write_buckets(folder: Path, *sources: str) -> Path:
    """A case of :func:`bucket_source` sources."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(BUCKETS + "".join(sources))
    return folder


def line(ts: str, digest: str = "a" * 64, version: str = "1", **more: str) -> dict[str, str]:
    return {
        "ts": ts,
        "event": "deploy.finish",
        "user": "ci",
        "model": "m",
        "version": version,
        "sha256": digest,
        **more,
    }


def write_case(
    folder: Path, *, logs: dict[str, list[dict[str, str]] | bytes | None], extra: str = ""
) -> Path:
    """A case with one deploy log per source; bytes are written as they are, None not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = CASE
    for number, (name, rows) in enumerate(logs.items()):
        path = f"{name}.jsonl"
        domain = "platform" if number == 0 else "other"
        text += LOG.format(id=name, domain=domain, path=path)
        if isinstance(rows, bytes):
            (folder / path).write_bytes(rows)
        elif rows is not None:
            (folder / path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "case.toml").write_text(text + extra)
    return folder
