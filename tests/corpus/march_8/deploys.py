"""The deploy job's own log: one JSON object a line, by the clock of the host that it ran on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from tests.corpus.march_8 import story


def line(release: story.Release, commit: str, event: str, when: datetime) -> str:
    """One line; innocent: the host of one job is a second behind."""
    if release is story.SLOW_LOG:
        when -= timedelta(seconds=1)
    record = {
        "ts": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": event,
        "user": "ci@acme",
        "model": release.model,
        "version": release.version,
        "sha256": release.digest(),
        "sha": commit,
        "run": release.run,
    }
    return json.dumps(record, separators=(",", ":")) + "\n"


def append(file: Path, text: str) -> None:
    """As a job appends."""
    with file.open("a", encoding="utf-8") as log:
        log.write(text)
