"""What a law is: a function from the timeline to pairs of events that nothing can turn round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from recon.readings import READING

PAIR: dict[str, pl.DataType] = {
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "because": pl.String(),
}
"""One row for a pair: rows of the timeline, and what forces their order, in words."""

NOT_IN_THE_BYTES = (
    *("snapshot", READING, "timeline.lost", "dump.table"),
    *("object.expires", "object.expires-under-marker", "object.metadata"),
)
"""Kinds whose time is not in the bytes that they cite: when an item was fetched, of others, or of
what is or may be to come, as metadata may say until when an object is kept."""
LAST = 16
"""Of one clock's records in one item, those that are related: the latest by their readings.

No others bound the clock as tightly, and an item with millions of records that millions name would
give their product. More than one, so that a false one is outvoted."""

_HEAD = 4
"""Characters of a stream's name: `log:`, the longest head that a law speaks of."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The timeline, and what is in it: a law whose events are not there costs nothing."""

    events: pl.LazyFrame
    """:data:`recon.schema.EVENTS`."""
    coverage: pl.LazyFrame | None
    """:data:`recon.schema.COVERAGE`; None: a log is taken to have no gap."""
    kinds: frozenset[tuple[str, str]]
    """(source, kind) of all events."""
    media: frozenset[str]
    """Heads of all streams: ``pg``, ``s3``, ``log`` …"""
    memo: dict[str, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    """What several laws need and is made once, by name."""

    @classmethod
    def of(cls, events: pl.LazyFrame, coverage: pl.LazyFrame | None = None) -> Seen:
        """One pass over three columns."""
        # The head alone: a bucket has a stream for each of its keys.
        heads = events.select(medium=pl.col("stream").drop_nulls().str.head(_HEAD)).unique()
        kinds = events.select("source", "kind").unique()
        found, media = pl.collect_all([kinds, heads], engine="streaming")
        pairs = zip(found["source"].to_list(), found["kind"].to_list(), strict=True)
        return cls(
            events,
            coverage,
            frozenset(pairs),
            frozenset(head.split(":")[0] for head in media["medium"]),
        )

    def has(self, *kinds: str) -> bool:
        """Whether there is an event of one of the kinds."""
        return any(kind in kinds for _, kind in self.kinds)

    def sources(self, *kinds: str) -> set[str]:
        """Sources with events of the kinds."""
        return {source for source, kind in self.kinds if kind in kinds}


Derive = Callable[[Seen], Sequence[pl.LazyFrame]]


@dataclass(frozen=True, slots=True)
class Law:
    """An order that no clock can change."""

    name: str
    derive: Derive
    """Frames of :data:`PAIR`; each pair once."""

    @property
    def definition(self) -> str:
        """The docstring: what is forced and by what, where it is not, and the source."""
        return self.derive.__doc__ or ""


def law(name: str) -> Callable[[Derive], Law]:
    """Make a law of a function."""

    def made(derive: Derive) -> Law:
        return Law(name, derive)

    return made


def latest(events: pl.LazyFrame, items: pl.LazyFrame) -> pl.LazyFrame:
    """``item``, ``clock`` and ``before``: the latest dated records that stand in the items.

    What is said of an item as a whole, with no place in it, is not in its bytes: when they were
    fetched, or stored.
    """
    return (
        events.filter(
            pl.col("clock").is_not_null()
            & pl.col("earliest").is_not_null()
            & (pl.col("citation") != "")
            & (pl.col("clock") != "examiner")
            & ~pl.col("kind").is_in(NOT_IN_THE_BYTES)
        )
        .join(items, on="item", how="semi")
        .group_by("item", "clock")
        # Rows are in the order of their readings.
        .agg(before=pl.col("row").top_k(LAST))
        .explode("before", empty_as_null=True, keep_nulls=True)
    )
