"""Files of lineage written to disk, acquired and parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from collectors.lineage import LineageClaim, LineageOptions, collector
from recon import schema
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence
from recon.time.relations import relations


class Lineages:
    """One source of several files."""

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, bytes],
        claims: Sequence[Mapping[str, Any]] = (),
        **options: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        keys = options.get("keys", ())
        paths = [name for name in sorted(files) if name not in keys]
        model = LineageOptions.model_validate({"paths": paths, **options})
        made = tuple(LineageClaim.model_validate(one) for one in claims)
        self.source = Source("l", "lineage", "platform", model, made, folder)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        acquiring = Acquiring(Evidence(folder / "case"), self.source)
        acquiring.run(collector.acquire)
        self.failures = acquiring.failures
        self.items = CaseItems(Evidence(folder / "case"), "l")
        self.parsed: Parsed = collector.parse(self.source, self.items)
        self.events = self.parsed.events.collect()

    def records(self) -> pl.DataFrame:
        """All events but snapshots, by file, in the order in which they were read."""
        natives = {item.sha256: item.native for item in self.items}
        return self.events.filter(pl.col("kind") != "snapshot").with_columns(
            native=pl.col("item").replace_strict(natives)
        )

    def own(self) -> pl.DataFrame:
        """Events but claims and snapshots."""
        return self.records().filter(pl.col("kind") != "claim")

    def stated(self) -> dict[tuple[str, str], list[str]]:
        """Values by subject and attribute."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.records().filter(kind="claim").iter_rows(named=True):
            found.setdefault((row["subject"], row["attribute"]), []).append(row["value"])
        return found

    def said(self) -> list[str]:
        """Each warning as ``citation: message``."""
        return [f"{w.citation}: {w.message}" for w in self.parsed.warnings]

    def quote(self, item: str, citation: str) -> str:
        """What stands at a place of the item with that hash."""
        (one,) = (one for one in self.items if one.sha256 == item)
        return collector.quote(self.source, self.items, one, citation).text

    def laws(self) -> set[tuple[str, str, str]]:
        """Law, kind before and kind after of every pair that a law forces."""
        timeline = self.events.with_row_index("row").with_columns(
            pl.col("row").cast(pl.UInt64), source=pl.lit("l"), domain=pl.lit("platform")
        )
        kinds = dict(timeline.select("row", "kind").iter_rows())
        found = relations(timeline.select(list(schema.EVENTS)).lazy()).collect()
        return {
            (law, kinds[before], kinds[after])
            for before, after, law in found.select("before", "after", "law").iter_rows()
        }
