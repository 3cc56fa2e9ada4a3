"""Forks of a database's history: which timeline goes on, and when it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import polars as pl

from recon.rules.base import Timeline
from recon.rules.views import logged, snapshots
from recon.time.corrected import READING

GoesOn = Literal["yes", "no", "unknown"]
_PLACED = (
    "control.checkpoint",
    "timeline.end-of-recovery",
    "wal.checkpoint",
    "wal.commit",
)
"""Kinds that show a timeline in use at a time."""
_NO_TARGET = "no recovery target"


@dataclass(frozen=True, slots=True)
class Fork:
    """A switch from one timeline to the next, with what it left behind."""

    source: str
    row: int
    """Of ``timeline.lost``."""
    parent: str
    child: str
    """Streams: ``pg:SYSTEM-ID/TIMELINE``."""
    switch: int
    shown: str
    """The switch LSN, as the source has it."""
    reason: str
    """Why replay ended there, in the server's words."""
    commits: int
    """Commit records of the parent at or above the switch, in the log at hand."""
    aborts: int
    lost_from: datetime | None
    lost_to: datetime | None
    began_from: datetime | None
    began_to: datetime | None
    """When the child began to be written, as an interval; None: not known."""
    at_from: datetime | None
    """The same as the clock shows it that stamps the database's commits."""
    at_to: datetime | None
    began_clock: str | None
    began: int
    """Row of the event that says so; the fork's own where there is none."""

    @property
    def numbers(self) -> tuple[str, str]:
        """Parent's and child's number."""
        return self.parent.rsplit("/", 1)[-1], self.child.rsplit("/", 1)[-1]

    @property
    def stopped_early(self) -> bool:
        """Whether replay ended before the end of a transaction that it had before it."""
        return self.reason.startswith("before ")

    @property
    def is_restore(self) -> bool:
        """Whether it went back: to a target, or without what was committed. Else a failover."""
        return self.commits > 0 or bool(self.reason and not self.reason.startswith(_NO_TARGET))


class Histories:
    """All forks of a timeline, and the newest evidence of each stream."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    @cached_property
    def forks(self) -> list[Fork]:
        """By source, switch and child."""
        value = pl.col("value")
        lost = self._timeline.kind("timeline.lost").select(
            "source",
            "row",
            parent=pl.col("names").list.get(0, null_on_oob=True),
            child=pl.col("names").list.get(1, null_on_oob=True),
            shown=value.str.extract(r"switch=([0-9A-Fa-f]+/[0-9A-Fa-f]+)"),
            commits=value.str.extract(r"commits=(\d+)").cast(pl.Int64),
            aborts=value.str.extract(r"aborts=(\d+)").cast(pl.Int64),
            reason=value.str.extract(r"(?s)reason=(.*)$").fill_null(""),
            lost_from="earliest",
            lost_to="latest",
            lost_clock="clock",
        )
        found = lost.drop_nulls(["parent", "child", "shown", "commits"]).sort("row").collect()
        out = [self._fork(row) for row in found.iter_rows(named=True)]
        return sorted(out, key=lambda one: (one.source, one.switch, one.child))

    def _fork(self, row: Mapping[str, Any]) -> Fork:
        high, low = row["shown"].split("/")
        began = self.first.get((row["source"], row["child"]), {})
        lost = {name: value for name, value in row.items() if name != "lost_clock"}
        return Fork(
            **lost,
            switch=int(high, 16) << 32 | int(low, 16),
            began_from=began.get("began_from") or row["lost_to"],
            began_to=began.get("earliest"),
            at_from=began.get("at_began") or row["lost_to"],
            at_to=began.get("at_earliest"),
            began_clock=began.get("clock", row["lost_clock"]),
            began=began.get("row", row["row"]),
        )

    @cached_property
    def _placed(self) -> pl.DataFrame:
        # Control data that a server was asked for shows its timeline in use as it was asked.
        asked = pl.when(pl.col("kind") == "control.checkpoint").then(pl.col("at_to"))
        placed = self._timeline.kind(*_PLACED).filter(
            pl.col("stream").str.starts_with("pg:") & pl.col("latest").is_not_null()
        )
        seen = snapshots(self._timeline).select("source", "item", "at_to")
        return (
            logged(self._timeline, placed, READING, "own")
            .join(seen, on=["source", "item"], how="left")
            .select(
                *("source", "stream", "kind", "row", "earliest", "clock"),
                at_earliest="own_from",
                at_latest=pl.max_horizontal("own_to", asked),
            )
            .collect()
        )

    @cached_property
    def first(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By source and stream: the record that begins it, else the first thing known of it."""
        is_end = pl.col("kind") == "timeline.end-of-recovery"
        ordered = self._placed.sort(is_end.not_(), "at_earliest", "row")
        firsts = ordered.unique(["source", "stream"], keep="first", maintain_order=True)
        # Only the record itself dates the beginning; anything else came at some time after it.
        dated = firsts.with_columns(
            began_from=pl.when(is_end).then("earliest"),
            at_began=pl.when(is_end).then("at_earliest"),
        )
        return {(row["source"], row["stream"]): row for row in dated.to_dicts()}

    @cached_property
    def _newest(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By source and system: the newest thing known of any of its timelines."""
        system = pl.col("stream").str.extract(r"^(.*)/\d+$")
        ordered = self._placed.with_columns(system=system).sort("at_latest", "row")
        newest = ordered.unique(["source", "system"], keep="last", maintain_order=True)
        return {(row["source"], row["system"]): row for row in newest.to_dicts()}

    def goes_on(self, fork: Fork) -> GoesOn:
        """Whether the history that goes on is that of the fork's child.

        It is the one of the newest thing known of the cluster. A trial restore beside a cluster
        that goes on is no loss of anything: there the newest is the parent's.
        """
        newest = self._newest.get((fork.source, fork.child.rpartition("/")[0]))
        if newest is None or (fork.source, fork.child) not in self.first:
            return "unknown"
        if fork.child in self.line(fork.source, newest["stream"]):
            return "yes"
        # The data of a running server says which one it is; two logs may both go on.
        return "no" if newest["kind"] == "control.checkpoint" else "unknown"

    def line(self, source: str, stream: str) -> list[str]:
        """The timeline and those that it came from, newest first."""
        parents = {one.child: one.parent for one in self.forks if one.source == source}
        out = [stream]
        while out[-1] in parents and parents[out[-1]] not in out:
            out.append(parents[out[-1]])
        return out
