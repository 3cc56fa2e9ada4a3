"""The law of forks: a timeline of a cluster goes on from what its parent held."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import polars as pl

from recon.time.laws.base import Seen, law
from recon.time.laws.media import placed

_PAGE = 8192
"""Bytes that may stand behind a switch before the record that tells of it."""
_FORK = r"^timeline=(\d+) parent=(\d+) switch=([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8}) "
_BEGUN = r"^timeline=(\d+) from=(\d+)$"


@dataclass(frozen=True, slots=True)
class _Fork:
    source: str
    system: str
    child: int
    parent: int
    switch: int
    """LSN; what the parent has from it on is not in the child."""
    line: int | None
    """Row of the ``timeline.fork`` that was written as the child began."""


@law("fork")
def FORK(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """A timeline's first record came after the last of its parent's before the switch.

    Forced by recovery: a server replays its parent's log up to the switch, writes the history file
    and then its first record on the new timeline.

    No law: for what the parent has from the switch on, whatever its times say; between timelines
    of two sources, as copies of one cluster may both have made a timeline of that number; where a
    history file does not say which of two clusters of a source it is of; for the lines that a
    history file repeats from earlier ones;
    where any record of the parent's before the switch reads later than the child's first, as a data
    folder that was copied back and started on its old timeline writes that log anew, under the same
    numbers, long after the fork.
    Source: PostgreSQL documentation, 26.3.5 (timelines); `xlog.c` (StartupXLOG).
    """
    if not seen.has("timeline.fork", "timeline.end-of-recovery") or "pg" not in seen.media:
        return []
    records = placed(seen).filter(pl.col("medium") == "pg")
    streams = set(records.select(pl.col("source", "stream").cast(pl.String)).unique().iter_rows())
    # One by one: a cluster has few timelines.
    rows = [pair for fork in _forks(seen, streams) for pair in _pairs(fork, records)]
    because = pl.lit("goes on from its parent's log, up to the switch")
    frame = pl.LazyFrame(rows, schema=["before", "after"], orient="row")
    return [frame.with_columns(because=because)]


def _pairs(fork: _Fork, records: pl.DataFrame) -> Iterator[tuple[int, int]]:
    own = records.filter(pl.col("source").cast(pl.String) == fork.source)
    stream = pl.col("stream").cast(pl.String)
    before = own.filter(
        (stream == f"pg:{fork.system}/{fork.parent}") & (pl.col("position") < fork.switch)
    )
    after = own.filter(
        (stream == f"pg:{fork.system}/{fork.child}") & (pl.col("position") >= fork.switch)
    )
    if _anew(before, after):
        before = before.clear()
    # The last by its place, and by its time: a commit's time is taken before it has its place.
    orders = (before, before.sort("at", maintain_order=True))
    chain = [
        sorted({int(one["row"][-1]) for one in orders if len(one)}),
        [] if fork.line is None else [fork.line],
        after["row"].head(1).to_list(),
    ]
    for one, next_ in pairwise(step for step in chain if step):
        yield from product(one, next_)


def _anew(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether what the parent has before the switch may have been written after the child began.

    That is what it says itself; and nothing in the bytes tells its log from a later one.
    """
    first = after["at"].drop_nulls().head(1)
    return len(first) > 0 and bool((before["at"] > first[0]).any())


def _forks(seen: Seen, streams: Collection[tuple[str, str]]) -> list[_Fork]:
    """Each fork once: by a history file, or where none tells of it, by the child's own record."""
    told = {(one.source, one.system, one.child): one for one in _lines(seen, streams)}
    begun = (
        seen.events.filter(pl.col("kind") == "timeline.end-of-recovery")
        .filter(pl.col("stream").is_not_null() & pl.col("position").is_not_null())
        .select("source", "stream", "position", found=pl.col("value").str.extract_groups(_BEGUN))
        .collect(engine="streaming")
        .sort("source", "stream", "position")
    )
    for source, stream, position, found in begun.iter_rows():
        if found is not None and found["1"] is not None:
            system, child, parent = stream[3:].split("/")[0], int(found["1"]), int(found["2"])
            fork = _Fork(source, system, child, parent, position - _PAGE, None)
            told.setdefault((source, system, child), fork)
    return [told[key] for key in sorted(told)]


def _lines(seen: Seen, streams: Collection[tuple[str, str]]) -> Iterator[_Fork]:
    """The last line of each history file, which the server wrote as the timeline began."""
    lines = (
        seen.events.filter(pl.col("kind") == "timeline.fork")
        .select("row", "source", "item", found=pl.col("value").str.extract_groups(_FORK))
        .collect(engine="streaming")
        .sort("source", "item", "row")
    )
    last: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    for row, source, item, found in lines.iter_rows():
        if found is None or found["1"] is None:
            continue
        child, parent = int(found["1"]), int(found["2"])
        switch = (int(found["3"], 16) << 32) + int(found["4"], 16)
        if child > last.get((source, item), (0,))[0]:
            last[source, item] = child, parent, switch, row
    for (source, _), (child, parent, switch, row) in last.items():
        systems = {
            stream[3:].split("/")[0]
            for own, stream in streams
            if own == source and stream.rsplit("/", 1)[-1] in {str(child), str(parent)}
        }
        if len(systems) == 1:
            yield _Fork(source, systems.pop(), child, parent, switch, row)
