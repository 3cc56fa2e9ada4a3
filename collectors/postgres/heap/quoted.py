"""The row that a heap record wrote or ended, in words, for a quote of the record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from recon.collector import Item, Items, Source

_KINDS = ("row.insert", "row.update", "row.delete", "row.before", "row.ghost")
_COLUMNS = ("kind", "subject", "attribute", "value", "citation", "part")


def row_words(source: Source, items: Items, item: Item, citation: str) -> Iterator[str]:
    """One line for the row's own event, and one for each claim; nothing of other records."""
    of_record = citation.split(" row ", maxsplit=1)[0].removesuffix(" before")
    # What a record did to a row shows only with those before it, so all of them are read.
    events = _rows(_Key(source, items)).filter(
        (pl.col("item") == item.sha256)
        & (
            (pl.col("citation") == citation)
            if citation != of_record
            else pl.col("citation").is_in([citation, f"{citation} before"])
        )
    )
    order = events.sort(
        pl.col("citation").str.ends_with(" before"), "part", descending=[True, False]
    )
    for kind, subject, attribute, value, *_ in order.select(_COLUMNS).iter_rows():
        yield f"  {attribute} = {value}" if kind == "claim" else f"{kind} {subject} {value}"


class _Key:
    """A source and its items, equal where their hashes are."""

    def __init__(self, source: Source, items: Items) -> None:
        self.source, self.items = source, items
        self._known = (source.id, str(source.claims), tuple(item.sha256 for item in items))

    def __hash__(self) -> int:
        return hash(self._known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._known == other._known


@lru_cache(maxsize=1)
def _rows(key: _Key) -> pl.DataFrame:
    from collectors.postgres.parse import parse_postgres

    events = parse_postgres(key.source, key.items).events
    return (
        events.filter(
            (pl.col("citation").str.starts_with("lsn ") & (pl.col("kind") == "claim"))
            | pl.col("kind").is_in(_KINDS)
        )
        .select("item", *_COLUMNS)
        .collect()
    )
