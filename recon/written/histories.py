"""Which stretches of which timelines a cluster's state comes from.

A cluster that was restored goes on on a timeline of its own, and gives out the numbers of
transactions again that its parent gave out after the fork. So a transaction is known by its number
*in a history*: the timeline that a row's cluster was on, that one's parent up to where they part,
and so on. A cluster that ``pg_upgrade`` made goes on from another cluster's history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from recon.written.resets import Reset, resets, since_reset
from recon.written.streams import stream_parts
from recon.written.upgrades import Upgrade, upgrades

if TYPE_CHECKING:
    from recon.rules.base import Timeline

STRETCHES: dict[str, pl.DataType] = {
    "history": pl.UInt32(),
    "source": pl.String(),
    "system": pl.String(),
    "timeline": pl.Int64(),
    "since": pl.UInt64(),
    "until": pl.UInt64(),
    "below": pl.Int64(),
    "linked": pl.Boolean(),
    "maybe": pl.Boolean(),
}
"""One row per stretch of a history. ``since``: the LSN at which its log begins anew, null for all;
``until``: the LSN at which it ends, null where it goes on; ``below``: only transactions below this
number (full) are of it, null for all; ``linked``: it is another cluster's, from which this one
seems to have been upgraded; ``maybe``: that it is of this history is not told, as nothing says
where the timeline forked from, or as it is from before the log begins anew."""


_IMPLIED = 16
"""Timelines below one that is known, which are taken to have been there."""


class Tip(NamedTuple):
    """A timeline of a cluster."""

    source: str
    system: str
    timeline: int


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories that end in each timeline that the case knows of."""

    tips: pl.DataFrame
    """``history``, ``source``, ``system``, ``timeline``: what each of them ends in.

    Timeline 0 where rows name the cluster and nothing else does."""
    stretches: pl.DataFrame
    """Rows of :data:`STRETCHES`."""


def histories(timeline: Timeline, clusters: pl.DataFrame, counts: pl.DataFrame) -> Histories:
    """From streams, timeline history files and the records that end a recovery.

    Args:
        timeline: all events.
        clusters: ``source`` and ``system`` of those that rows are of, be no stream of them known.
        counts: what :func:`recon.written.upgrades.upgrades` needs to link two clusters.
    """
    tips = _tips(timeline)
    told = {tip[:2] for tip in tips}
    tips += [Tip(source, system, 0) for source, system in sorted({*clusters.rows()} - told)]
    parents = _parents(timeline)
    rows = [
        {"history": number, **stretch}
        for number, tip in enumerate(tips)
        for stretch in _stretches(tip, parents, tips)
    ]
    begun = resets(timeline, counts)
    rows = list(_split(rows, begun))
    rows += _inherited(rows, upgrades(since_reset(counts, begun)))
    ends = [{"history": number, **tip._asdict()} for number, tip in enumerate(tips)]
    shape = {key: STRETCHES[key] for key in ("history", "source", "system", "timeline")}
    return Histories(
        pl.DataFrame(ends, schema=shape, orient="row"),
        pl.DataFrame(rows, schema=STRETCHES, orient="row"),
    )


def _split(
    rows: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, str, int], Reset]
) -> Iterator[dict[str, Any]]:
    """Stretches, in two where the log begins anew; what is before may be another history's."""
    for row in rows:
        reset = found.get((row["source"], row["system"], row["timeline"]))
        if reset is None or (row["until"] is not None and row["until"] <= reset.at):
            yield dict(row)
            continue
        yield {**row, "since": reset.at}
        yield {**row, "until": reset.at, "below": reset.next_xid, "maybe": True}


def _inherited(
    rows: Sequence[Mapping[str, Any]], links: Sequence[Upgrade]
) -> Iterator[dict[str, Any]]:
    """Stretches of the clusters that others were upgraded from, the oldest first."""
    gained: list[dict[str, Any]] = []
    for link in links:
        theirs = {
            row["history"]
            for row in rows
            if (row["source"], row["system"], row["timeline"]) == link.old and row["until"] is None
        }
        before = [row for row in (*rows, *gained) if row["history"] in theirs]
        heirs = {row["history"] for row in rows if (row["source"], row["system"]) == link.new}
        for heir in sorted(heirs):
            for row in before:
                below = link.below if row["below"] is None else min(link.below, row["below"])
                gained.append({**row, "history": heir, "below": below, "linked": True})
    yield from gained


def _tips(timeline: Timeline) -> list[Tip]:
    found = (
        timeline.events.filter(pl.col("stream").str.starts_with("pg:"))
        .select("source", "stream")
        .unique()
        .select("source", **stream_parts())
        .filter(pl.col("timeline").is_not_null())
        .unique()
        .collect(engine="streaming")
        .sort("source", "system", "timeline")
    )
    tips = {Tip(*row) for row in found.rows()}
    # A timeline has one before it, of which nothing else may be at hand.
    tips |= {
        Tip(tip.source, tip.system, lower)
        for tip in tips
        for lower in range(max(1, tip.timeline - _IMPLIED), tip.timeline)
    }
    return sorted(tips)


def _parents(timeline: Timeline) -> dict[tuple[str, str | None, int], tuple[int, int]]:
    """By source, cluster (None: not said) and timeline: its parent, and the LSN of the switch."""
    found: dict[tuple[str, str | None, int], tuple[int, int]] = {}
    ends = timeline.kind("timeline.end-of-recovery").filter(pl.col("stream").is_not_null())
    for source, system, child, parent, at in (
        ends.select(
            "source",
            **stream_parts(),
            parent=pl.col("value").str.extract(r"from=(\d+)").cast(pl.Int64, strict=False),
            at="position",
        )
        .drop_nulls()
        .collect()
        .rows()
    ):
        if parent != child:
            key = source, system, child
            found[key] = min(found.get(key, (parent, at)), (parent, at), key=lambda one: one[1])
    # A history file says the very LSN, and not of which cluster.
    forks = timeline.kind("timeline.fork").select(
        "source",
        child=pl.col("value").str.extract(r"timeline=(\d+)").cast(pl.Int64, strict=False),
        parent=pl.col("value").str.extract(r"parent=(\d+)").cast(pl.Int64, strict=False),
        high=pl.col("value").str.extract(r"switch=([0-9A-Fa-f]+)/"),
        low=pl.col("value").str.extract(r"switch=[0-9A-Fa-f]+/([0-9A-Fa-f]+)"),
    )
    for source, child, parent, high, low in forks.drop_nulls().collect().rows():
        found[source, None, child] = parent, (int(high, 16) << 32) | int(low, 16)
    return found


def _stretches(
    tip: Tip, parents: dict[tuple[str, str | None, int], tuple[int, int]], tips: list[Tip]
) -> Iterator[dict[str, object]]:
    """The tip's own stretch, then its ancestors'.

    Where a parent is not known, every lower timeline of the cluster may be one.
    """
    source, system, number = tip
    plain: dict[str, object] = {"source": source, "system": system, "since": None, "below": None}
    plain |= {"linked": False, "maybe": False}
    yield {**plain, "timeline": number, "until": None}
    end: int | None = None
    seen = {number}
    while number > 1:
        known = parents.get((source, system, number)) or parents.get((source, None, number))
        if known is None or known[0] in seen:
            for other in tips:
                if other[:2] == (source, system) and other.timeline < number:
                    yield {**plain, "timeline": other.timeline, "until": end, "maybe": True}
            return
        number, at = known
        seen.add(number)
        end = at if end is None else min(end, at)
        yield {**plain, "timeline": number, "until": end}
