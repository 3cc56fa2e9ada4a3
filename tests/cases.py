"""Small real cases for tests: a deploy log, which needs no server and no tool."""

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
