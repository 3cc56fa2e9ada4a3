"""A table written to disk, acquired and parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from collectors.records import collector
from collectors.records.options import RecordsOptions
from recon.collector import Parsed, Quote, Source
from recon.evidence import Acquiring, CaseItems, Evidence

COLUMNS = {
    "time": "Checked",
    "subject": "server:{Server}/{Package}",
    "attributes": {"version": "Version"},
}
HEAD = b"Server,Package,Version,Checked\n"


class Table:
    """One table, from bytes to events."""

    def __init__(
        self,
        folder: Path,
        data: bytes,
        *,
        domain: str = "platform",
        columns: Any = None,
        **more: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table").write_bytes(data)
        options = RecordsOptions.model_validate(
            {"path": "table", "format": "csv", "columns": columns or COLUMNS, **more}
        )
        self.source = Source("inventory", "records", domain, options, (), folder)
        acquiring = Acquiring(Evidence(folder / "case"), self.source)
        acquiring.run(collector.acquire)
        self.failures = acquiring.failures
        self.items = CaseItems(Evidence(folder / "case"), "inventory")
        self.parsed: Parsed = collector.parse(self.source, self.items)
        self.events = self.parsed.events.collect()

    def rows(self) -> pl.DataFrame:
        """The rows' own events, in the order of the table."""
        return self.events.filter((pl.col("kind") != "snapshot") & (pl.col("part") == 0))

    def claims(self) -> pl.DataFrame:
        return self.events.filter(kind="claim").sort("part")

    def said(self) -> list[str]:
        """Each warning as ``citation: message``."""
        return [f"{w.citation}: {w.message}" for w in self.parsed.warnings]

    def quote(self, citation: str) -> Quote:
        (item,) = self.items
        return collector.quote(self.source, self.items, item, citation)
