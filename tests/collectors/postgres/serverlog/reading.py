"""One server log as a source, for tests that write its bytes themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from collectors.postgres import collector
from collectors.postgres.options import PostgresOptions
from collectors.postgres.serverlog import KIND, read_logs
from collectors.postgres.serverlog.lines import Counts
from recon import schema
from recon.collector import Item, Quote, Sha256, Source, Warn
from tests.collectors.postgres.conftest import OneFile

SYSTEM = 7604000000000000001


@dataclass(frozen=True)
class Read:
    """What came of a log."""

    items: OneFile
    source: Source
    events: pl.DataFrame
    """Without the one on the file itself."""
    summary: dict[str, Any]
    warnings: list[Warn]
    counts: Counts

    def quote(self, citation: str) -> Quote:
        return collector.quote(self.source, self.items, self.items.item, citation)

    def messages(self) -> str:
        return "\n".join(warning.message for warning in self.warnings)


def read(folder: Path, data: bytes | str, name: str = "server.log", **options: Any) -> Read:
    """Write a log, and read it."""
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_file(file, **options)


def read_file(file: Path, **options: Any) -> Read:
    """Read a log that is there."""
    data = file.read_bytes()
    item = Item(
        Sha256(hashlib.sha256(data).hexdigest()),
        "db",
        KIND,
        file.name,
        len(data),
        "2026-04-02T09:00:00.000000Z",
        1,
    )
    items = OneFile(item, file)
    chosen = PostgresOptions.model_validate({"log": [file.name], **options})
    source = Source("db", "postgres", "platform", chosen, (), file.parent)
    logs = read_logs(items, "db", chosen, SYSTEM)
    parsed = schema.check(pl.concat(logs.frames).lazy(), schema.DRAFT, "test").collect()
    (summary,) = parsed.filter(kind="log.file").iter_rows(named=True)
    events = parsed.filter(pl.col("kind") != "log.file")
    return Read(items, source, events, summary, logs.warnings, logs.counts[item.sha256])
