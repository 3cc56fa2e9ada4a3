"""A log written to disk, acquired and parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from collectors.deploylog import DeployLogOptions, collector
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence

FIELDS = {
    "time": "ts",
    "kind": "event",
    "actor": "user",
    "subject": "model:{model}@{version}",
    "attributes": {"artifact": "sha256", "commit": "sha"},
}


class Log:
    """One deploy log, from bytes to events."""

    def __init__(self, folder: Path, data: bytes, **fields: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "deploys.jsonl").write_bytes(data)
        options = DeployLogOptions.model_validate(
            {
                "path": fields.pop("path", "deploys.jsonl"),
                "paths": fields.pop("paths", ()),
                "format": "jsonl",
                "fields": {**FIELDS, **fields},
            }
        )
        self.source = Source("deploys", "deploylog", "platform", options, (), folder)
        acquiring = Acquiring(Evidence(folder / "case"), self.source)
        acquiring.run(collector.acquire)
        self.failures = acquiring.failures
        self.items = CaseItems(Evidence(folder / "case"), "deploys")
        self.parsed: Parsed = collector.parse(self.source, self.items)
        self.events = self.parsed.events.collect()

    def records(self) -> pl.DataFrame:
        """The log's own events, in its order."""
        return self.events.filter((pl.col("kind") != "snapshot") & (pl.col("part") == 0)).sort(
            "position"
        )

    def claims(self) -> pl.DataFrame:
        return self.events.filter(kind="claim").sort("position", "part")

    def said(self) -> list[str]:
        """Each warning as ``citation: message``."""
        return [f"{w.citation}: {w.message}" for w in self.parsed.warnings]

    def quote(self, citation: str) -> str:
        (item,) = self.items
        return collector.quote(self.source, self.items, item, citation).text
