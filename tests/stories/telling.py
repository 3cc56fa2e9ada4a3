"""A story: what is told, in that order, and what recon makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

import polars as pl

from recon import schema
from recon.config import Norm
from recon.rules import Draft, Rule, Timeline
from recon.time.anchors import DeclaredAnchor
from recon.time.declared import Correspondence, Side
from recon.time.relations import relations

DAY = "2026-03-08"
TABLE = "pg:lineage-db/ml/ml.lineage"


def at(time: str) -> datetime:
    text = time if " " in time else f"{DAY} {time}"
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


class Telling:
    """Whatever medium its records are in."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.covered: list[dict[str, Any]] = []
        self.lsn = 0
        self.items = 0
        self.paired: list[Correspondence] = []
        self.tolerance: dict[str, float] = {}
        self.anchors: tuple[DeclaredAnchor, ...] = ()
        self.system = "1"
        """The cluster that is told of, and the timeline that it is on."""
        self.line = 1
        self.laws: list[dict[str, Any]] = []

    def event(
        self, source: str, kind: str, subject: str, time: str | None = None, **more: Any
    ) -> Self:
        moment = at(time) if time else None
        item = more.pop("item", None) or self.item()
        self.rows.append(
            {
                "source": source,
                "domain": "platform",
                "kind": kind,
                "subject": subject,
                "earliest": moment,
                "latest": moment,
                "item": item,
                "citation": more.pop("citation", f"line {len(self.rows) + 1}"),
                "part": more.pop("part", 0),
                "names": more.pop("names", []),
                **more,
            }
        )
        return self

    def measured(
        self,
        first: str,
        second: str,
        ahead: float,
        *,
        since: str = "2026-02-01 00:00",
        until: str = "2026-04-10 00:00",
        wide: float = 2.0,
        every: int = 6,
    ) -> Self:
        """Records of one act by two clocks, every so many hours by the first one.

        ``ahead``: seconds by which the second clock is ahead of the first. ``wide``: seconds by
        which the two records may lie apart, as the case declares it.
        """
        number = len(self.paired)
        sides = [Side(source=f"acts{number}-{end}", kind="act") for end in (1, 2)]
        self.paired.append(
            Correspondence(first=sides[0], second=sides[1], within=(-wide / 2, wide / 2), by="run")
        )
        moment, run = at(since), 0
        while moment <= at(until):
            for side, clock, shift in zip(sides, (first, second), (0.0, ahead), strict=True):
                self.event(
                    *(side.source, "act", f"run:{number}-{since}-{run}"),
                    clock=clock,
                    basis="stamped",
                )
                reading = moment + timedelta(seconds=shift)
                self.rows[-1] |= {"earliest": reading, "latest": reading}
            moment, run = moment + timedelta(hours=every), run + 1
        return self

    def ahead(self, clock: str, seconds: float, since: str | None = None) -> Self:
        """All that was told so far, with what a clock read moved by as much, from a time on."""
        for row in self.rows:
            if row.get("clock") == clock and (since is None or row["earliest"] >= at(since)):
                for end in ("earliest", "latest"):
                    row[end] = row[end] and row[end] + timedelta(seconds=seconds)
        return self

    def item(self) -> str:
        self.items += 1
        # Distinct in the digits that an event's id has of it.
        return f"{self.items:016x}" * 4

    def cover(
        self,
        source: str,
        kind: str,
        subject: str,
        since: str | None = None,
        until: str | None = None,
        item: str | None = None,
    ) -> Self:
        self.covered.append(
            {
                "source": source,
                "kind": kind,
                "subject": subject,
                "earliest": at(since) if since else None,
                "latest": at(until) if until else None,
                "item": item,
            }
        )
        return self

    def law(self, before: int, after: int, because: str) -> Self:
        """A law between two events, by their places in the story (−1: the last told)."""
        count = len(self.rows)
        ends = {"before": before % count, "after": after % count}
        self.laws.append({**ends, "law": "receipt", "because": because})
        return self

    def timeline(self, *norms: Norm) -> Timeline:
        rows = [{"row": i, **row} for i, row in enumerate(self.rows)]
        events = schema.frame(rows, schema.EVENTS).lazy()
        coverage = schema.frame(self.covered, schema.COVERAGE).lazy()
        more = schema.frame(self.laws, schema.RELATIONS).lazy()
        laws = pl.concat([relations(events, coverage), more]).sort("before", "after", "law")
        known = laws, self.paired, self.anchors
        return Timeline(events, coverage, norms, self.tolerance, *known)

    def judged(self, rule: Rule, *norms: Norm) -> list[Draft]:
        return list(rule.check(self.timeline(*norms)))
