"""When a source changed its story, and which record shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import schema
from recon.asof_exports import gone
from recon.rules.base import Timeline
from recon.rules.views import claims, snapshots

if TYPE_CHECKING:
    from recon.asof import Answer


@dataclass(frozen=True, slots=True)
class Change:
    """Between which readings a source came to say something else, and the record that shows it."""

    earliest: datetime | None
    """Aware UTC, as ``clock`` reads; None: nothing at hand says since when it may have been."""
    latest: datetime | None
    """None: nothing at hand says by when."""
    clock: str | None
    event: str | None
    """Id of the event that shows it: the record that is said now, or the state without it."""
    because: str
    """What that event is."""


def changes(timeline: Timeline, answers: Sequence[Answer]) -> dict[tuple[str, str, str], Change]:
    """By subject, attribute and source: of each answer whose story is another now.

    What is said now changed when its record was stored; where nothing stamps that, after the
    state that still held what was said then, and by the state that holds what is said now. What is
    said no more ended between the last state that holds it and the next one that does not.
    """
    told = [one for one in answers if one.changed]
    if not told:
        return {}
    rows = _rows(timeline, [said.event for a in told for said in (a.said_then, a.says_now) if said])
    out = {}
    for one in told:
        key = one.subject, one.attribute, one.source
        then = rows.get((one.source, one.said_then.event)) if one.said_then else None
        now = rows.get((one.source, one.says_now.event)) if one.says_now else None
        out[key] = _stored(then, now) if now else _ended(timeline, one.source, then)
    return out


def _rows(timeline: Timeline, events: Sequence[str]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Claims by source and id, with what is known of when they were stored and seen."""
    items = sorted({event.split(":", 1)[0] for event in events})
    wanted = (
        claims(timeline, logged=True)
        .filter(pl.col("item").str.slice(0, 16).is_in(items))
        .with_columns(id=schema.event_id())
        .filter(pl.col("id").is_in(sorted(set(events))))
        .join(gone(timeline).lazy(), on="row", how="left")
    )
    return {
        (row["source"], row["id"]): row
        for row in wanted.collect(engine="streaming").sort("row").iter_rows(named=True)
    }


def _stored(then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Change:
    stamps = (
        (now["logged_from"], now["logged_to"], now["logged_clock"], "written then, by the log"),
        (
            *(now["written_from"], now["written_to"], now["written_clock"]),
            f"written then, by its {now['written_basis']}",
        ),
        (
            *(now["earliest"], now["latest"], now["clock"]),
            "stored then, as its medium stamped it",
        ),
    )
    for number, (first, last, clock, because) in enumerate(stamps):
        if first is not None and (number + 1 < len(stamps) or now["basis"] == "stamped"):
            return Change(first, last, clock, now["id"], because)
    since = then["seen_from"] if then else None
    if then and then["gone_from"] is not None:
        return Change(
            *(since, then["gone_to"], now["seen_clock"], now["id"]),
            "in the state taken last, and not in the one before",
        )
    if now["seen_to"] is not None and now["seen_to"] != since:
        return Change(since, now["seen_to"], now["seen_clock"], now["id"], "held when it was taken")
    return Change(None, None, None, now["id"], "nothing stamps when it was written")


def _ended(timeline: Timeline, source: str, then: Mapping[str, Any] | None) -> Change:
    nothing = Change(None, None, None, None, "nothing at hand says when it ended")
    if then is None:
        return nothing
    marked = _marker(timeline, source, then)
    if marked is not None:
        return marked
    since = then["seen_from"]
    if then["gone_from"] is not None:
        event = _id(timeline, then["gone"])
        return Change(
            since, then["gone_to"], then["gone_by"], event, "taken then, and does not hold it"
        )
    if then["table"] is None or then["seen_to"] is None:
        return nothing
    again = snapshots(timeline).join(
        timeline.coverage.filter(pl.col("kind") == "claim")
        .filter((pl.col("source") == source) & (pl.col("subject") == then["table"]))
        .select("source", "item"),
        on=["source", "item"],
        how="semi",
    )
    later = again.filter(pl.col("seen_from") > then["seen_to"]).sort("seen_from", "snapshot")
    first = later.limit(1).collect()
    if first.is_empty():
        return nothing
    row = first.row(0, named=True)
    event = _id(timeline, row["snapshot"])
    return Change(
        since, row["seen_to"], row["seen_clock"], event, "the next complete state, without it"
    )


def _marker(timeline: Timeline, source: str, then: Mapping[str, Any]) -> Change | None:
    """The first delete marker that was put over an object since."""
    names = [name for name in then["names"] or [] if "?versionId=" in name]
    if not names or then["latest"] is None:
        return None
    found = (
        timeline.kind("object.delete")
        .filter(
            (pl.col("source") == source)
            & (pl.col("subject") == names[0].rpartition("?versionId=")[0])
            & (pl.col("earliest") >= then["latest"])
        )
        .sort("earliest", "row")
        .limit(1)
        .with_columns(id=schema.event_id())
        .collect()
    )
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    return Change(
        *(row["earliest"], row["latest"], row["clock"], row["id"]),
        "a delete marker was put over it",
    )


def _id(timeline: Timeline, row: int | None) -> str | None:
    if row is None:
        return None
    found = timeline.events.filter(pl.col("row") == row).select(id=schema.event_id()).collect()
    return str(found.item())
