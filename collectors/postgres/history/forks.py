"""What a fork of the history left behind: transactions of the old timeline from the switch on.

A new timeline begins at the switch LSN of its parent. A COMMIT of the parent with an LSN at or
above it is not in the new history, whatever any clock says; those below it are.
(PostgreSQL documentation, 26.3.5 "Timelines"; ``timeline.c``.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from collectors.postgres.wal.layout import read_lsn
from recon.schema import BASIS, DRAFT, frame

_FORK = re.compile(
    r"timeline=(\d+) parent=(\d+) switch=([0-9A-Fa-f]+/[0-9A-Fa-f]+) reason=(.*)", re.DOTALL
)

_BEGUN = re.compile(r"timeline=(\d+) from=(\d+)")


@dataclass(frozen=True, slots=True)
class Fork:
    """One line of a ``.history`` file."""

    child: int
    parent: int
    switch: int
    shown: str
    """The switch LSN as the file has it."""
    reason: str
    item: str
    citation: str


def forks(events: Sequence[Mapping[str, Any]], logged: pl.LazyFrame) -> list[Fork]:
    """From ``timeline.fork`` events, each fork once: later files repeat earlier ones' lines.

    Where no file tells of a timeline, from the record that begins it: that stands at the switch.
    """
    found: dict[tuple[int, int, int], Fork] = {}
    for event in events:
        match = _FORK.match(event["value"]) if event["kind"] == "timeline.fork" else None
        switch = read_lsn(match[3]) if match else None
        if match and switch is not None:
            key = int(match[1]), int(match[2]), switch
            place = event["item"], event["citation"]
            found.setdefault(key, Fork(*key, match[3], match[4], *place))
    told = {child for child, _, _ in found}
    begun = logged.filter(pl.col("kind") == "timeline.end-of-recovery").collect()
    for event in begun.to_dicts():
        match = _BEGUN.fullmatch(event["value"] or "")
        if match and int(match[1]) not in told:
            key = int(match[1]), int(match[2]), event["position"]
            shown = event["citation"].removeprefix("lsn ")
            found.setdefault(key, Fork(*key, shown, "", event["item"], event["citation"]))
    return list(found.values())


def of_cluster(
    events: Sequence[Mapping[str, Any]], logged: pl.LazyFrame, system_id: int
) -> tuple[list[Fork], pl.LazyFrame]:
    """One cluster's forks, and its log: a history file does not say whose it is.

    A fork is taken for the cluster's if its log shows one of the two timelines.
    """
    own = logged.filter(pl.col("stream").str.starts_with(f"pg:{system_id}/"))
    held = set(own.select(pl.col("stream").unique()).collect(engine="streaming")["stream"])
    shown = [
        fork
        for fork in forks(events, own)
        if {f"pg:{system_id}/{fork.parent}", f"pg:{system_id}/{fork.child}"} & held
    ]
    return shown, own


def lost_events(
    found: Sequence[Fork], logged: pl.LazyFrame, system_id: int | None, source: str
) -> pl.DataFrame:
    """``timeline.lost`` for each fork, ``table.lost-write`` for each write that it left behind.

    ``logged``: the events of the WAL at hand. ``table.lost-write`` cites the COMMIT that was lost.
    """
    if not found:
        return pl.DataFrame(schema=DRAFT)
    parents = {f"pg:{system_id}/{fork.parent}" for fork in found}
    log = logged.filter(pl.col("stream").is_in(sorted(parents))).collect()
    rows, writes = [], [pl.DataFrame(schema=DRAFT)]
    for fork in found:
        old = log.filter(pl.col("stream") == f"pg:{system_id}/{fork.parent}")
        after = old.filter(pl.col("position") >= fork.switch)
        rows.append(_lost(fork, old, after, system_id, source))
        writes.append(
            after.filter(pl.col("kind") == "table.write").with_columns(
                kind=pl.lit("table.lost-write"),
                value=pl.format(
                    f"timeline={fork.child} parent={fork.parent} switch={fork.shown} {{}}", "value"
                ),
                # The write has its place in the log already.
                stream=pl.lit(None, dtype=pl.String),
                position=pl.lit(None, dtype=pl.UInt64),
            )
        )
    place = ["item", "citation"]
    last = log.group_by(place).agg(last=pl.col("part").max())
    lost = (
        pl.concat(writes)
        .join(last, on=place, how="left", maintain_order="left")
        .with_columns(part=(pl.col("last") + pl.int_range(1, pl.len() + 1).over(place)))
        .with_columns(pl.col("part").cast(pl.UInt32), pl.col("basis").cast(BASIS))
        .select(list(DRAFT))
    )
    return pl.concat([frame(rows, DRAFT), lost])


def _lost(
    fork: Fork, old: pl.DataFrame, after: pl.DataFrame, system_id: int | None, source: str
) -> dict[str, Any]:
    commits = after.filter(pl.col("kind") == "wal.commit")
    aborts = after.filter(pl.col("kind") == "wal.abort")
    before = old.filter((pl.col("position") < fork.switch) & (pl.col("kind") == "wal.commit"))
    return {
        "kind": "timeline.lost",
        "subject": f"pg:{source}",
        "value": f"timeline={fork.child} parent={fork.parent} switch={fork.shown} "
        f"commits={commits.height} aborts={aborts.height} kept={before.height} "
        f"reason={fork.reason}",
        "clock": f"pg:{source}/commit",
        "basis": "stamped",
        "earliest": commits["earliest"].min(),
        "latest": commits["latest"].max(),
        "names": [f"pg:{system_id}/{fork.parent}", f"pg:{system_id}/{fork.child}"],
        "item": fork.item,
        "citation": fork.citation,
        "part": 2,
    }
