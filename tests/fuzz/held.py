"""Bytes as items of a case, without a case: what a parser is given, thousands of times over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from recon import schema
from recon.collector import Collector, Item, Parsed, Source
from recon.errors import BadInputError

ACQUIRED = "2026-03-08T12:00:00.000000Z"


class Held:
    """Implements :class:`recon.collector.Items` over a folder."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder = folder
        self._source = source
        self._items: list[Item] = []

    def add(self, native: str, kind: str, data: bytes, meta: Mapping[str, Any]) -> None:
        """One more item."""
        name = hashlib.sha256(data).hexdigest()
        (self._folder / name).write_bytes(data)
        item = Item(name, self._source, kind, native, len(data), ACQUIRED, 1, meta)
        self._items.append(item)

    def __iter__(self) -> Iterator[Item]:
        return iter(sorted(self._items, key=lambda one: (one.kind, one.native, one.sha256)))

    def of(self, *kinds: str) -> list[Item]:
        """Those of the kinds."""
        return [item for item in self if item.kind in kinds]

    def path(self, item: Item) -> Path:
        """The bytes as a file."""
        return self._folder / item.sha256

    def read(self, item: Item) -> bytes:
        """The bytes."""
        return self.path(item).read_bytes()

    def drop(self) -> None:
        """Take the files away."""
        for name in {item.sha256 for item in self._items}:
            (self._folder / name).unlink()


class Read:
    """What a collector made of items: it holds what every parser promises, or fails here."""

    def __init__(self, collector: Collector, source: Source, items: Held) -> None:
        self.parsed, self.events = self._once(collector, source, items)
        schema.check(self.parsed.events, schema.DRAFT, "fuzz")
        ids = self.events.select(schema.event_id()).to_series()
        assert ids.n_unique() == ids.len(), "two events have one id"
        # Of some inputs alone, as it takes as long as all else: chosen by the bytes, not by chance.
        if sum(item.size for item in items) % 8 == 0:
            again, events = self._once(collector, source, items)
            assert events.equals(self.events), "a second reading gives other events"
            assert again.warnings == self.parsed.warnings, "a second reading gives other warnings"
        for item, place in self.events.select("item", "citation").unique().head(50).iter_rows():
            same = [held for held in items if held.sha256 == item]
            assert any(_quotes(collector, source, items, one, place) for one in same), place

    @staticmethod
    def _once(collector: Collector, source: Source, items: Held) -> tuple[Parsed, pl.DataFrame]:
        parsed = collector.parse(source, items)
        return parsed, parsed.events.collect()

    def records(self) -> pl.DataFrame:
        """All events but snapshots."""
        return self.events.filter(pl.col("kind") != "snapshot")

    def cited(self) -> set[str]:
        """Every place that an event or a warning cites."""
        return {*self.records()["citation"], *(one.citation for one in self.parsed.warnings)}


def _quotes(collector: Collector, source: Source, items: Held, item: Item, place: str) -> bool:
    """Whether the words can be found; the same bytes may be two items of two kinds."""
    try:
        collector.quote(source, items, item, place)
    except BadInputError:
        return False
    return True


def read(
    folder: Path, collector: Collector, options: Any, items: Mapping[str, tuple[str, bytes]],
    meta: Mapping[str, Any] | None = None,
) -> Read | None:  # fmt: skip
    """What a collector reads out of items (by name: kind and bytes); None where it refuses them."""
    held = Held(folder, "x")
    for native, (kind, data) in items.items():
        held.add(native, kind, data, meta or {})
    try:
        return Read(collector, Source("x", collector.name, "platform", options, (), folder), held)
    except BadInputError:
        return None
    finally:
        held.drop()
