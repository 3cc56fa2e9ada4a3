"""Logs of any format written to disk, acquired and parsed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from collectors.deploylog import DeployLogOptions, collector
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence


class Logs:
    """One source of several files, acquired once or more."""

    def __init__(self, folder: Path, files: Mapping[str, bytes], **options: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        model = DeployLogOptions.model_validate({"paths": sorted(files), **options})
        self.source = Source("d", "deploylog", "platform", model, (), folder)
        self.items = CaseItems(Evidence(folder / "case"), "d")
        self.acquire(files)

    def acquire(self, files: Mapping[str, bytes]) -> None:
        """The files as they are now, in an acquisition of their own."""
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        acquiring = Acquiring(Evidence(self.folder / "case"), self.source, again=True)
        acquiring.run(collector.acquire)
        assert acquiring.failures == []
        self.items = CaseItems(Evidence(self.folder / "case"), "d")
        self.parsed: Parsed = collector.parse(self.source, self.items)
        self.events = self.parsed.events.collect()

    def records(self) -> pl.DataFrame:
        """All events but snapshots, by file, place and part."""
        natives = {item.sha256: item.native for item in self.items}
        return (
            self.events.filter(pl.col("kind") != "snapshot")
            .with_columns(native=pl.col("item").replace_strict(natives))
            .sort("native", "position", "part")
        )

    def said(self) -> list[str]:
        """Each warning as ``citation: message``."""
        return [f"{w.citation}: {w.message}" for w in self.parsed.warnings]

    def quote(self, item: str, citation: str) -> str:
        """What stands at a place of the item with that hash."""
        (one,) = (one for one in self.items if one.sha256 == item)
        return collector.quote(self.source, self.items, one, citation).text
