"""What the write-ahead log says of the writes to a table in a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import polars as pl

from recon.names import named, within
from recon.rules.alibis import MEASURED
from recon.rules.base import Timeline
from recon.rules.updates import Updates
from recon.rules.views import snapshots

_UNMEASURED = 3600.0
"""Seconds."""


class Stretch(NamedTuple):
    """What the log says of the writes to one table in a stretch."""

    covered: bool
    """Whether it follows the table all the time."""
    changes: list[dict[str, Any]]
    """Updates and deletes, in order."""


@dataclass(frozen=True, slots=True)
class Log:
    """What the log covers, and the writes in it that change or remove rows that were there.

    Answers on stretches are kept: the rows of one migration all ask the same.
    """

    covered: pl.DataFrame
    """``source``, ``subject``, ``earliest``, ``latest``."""
    changes: pl.DataFrame
    """``source``, ``table``, ``earliest``, ``latest``, ``row``, ``clock``, ``value``,
    ``updates``, ``deletes``."""
    seen: pl.DataFrame
    """What it records of tables at all: ``source``, ``table``, ``kind``, ``earliest``; of writes
    the first of each table."""
    rows_covered: pl.DataFrame
    """Where it tells which rows were changed: ``source``, ``table``, ``earliest``, ``latest``."""
    rows_changed: pl.DataFrame
    """Rows that it shows updated or deleted: ``source``, ``table``, ``subject``, ``earliest``,
    ``latest``."""
    updates: Updates
    """What they were updated to."""

    _kept: dict[tuple[object, ...], Stretch] = field(default_factory=dict)
    _own: dict[tuple[str, str, str], pl.DataFrame] = field(default_factory=dict)

    def _of(self, source: str, table: str, what: Literal["changes", "seen"]) -> pl.DataFrame:
        """Rows of one table; of each row of it the same is asked."""
        key = source, table, what
        if key not in self._own:
            whole = self.changes if what == "changes" else self.seen.sort("earliest", _FIRST)
            self._own[key] = whole.filter((pl.col("source") == source) & (pl.col("table") == table))
        return self._own[key]

    def stretch(
        self, source: str, table: str, since: datetime, until: datetime, act: datetime
    ) -> Stretch:
        """All that it says of a table in a stretch in which an act replaced it."""
        key = source, table, since, until, act
        if key not in self._kept:
            followed = self.follows(source, table, since, act)
            self._kept[key] = Stretch(
                followed and self.covers(source, table, since, until),
                self.between(source, table, since, until),
            )
        return self._kept[key]

    def follows(self, source: str, table: str, since: datetime, until: datetime) -> bool:
        """Whether it is known to tell the writes to the table that had that name in a stretch.

        A record names a file, and a table's file may be one that no record at hand gives to it,
        after a VACUUM FULL from before the log begins. Then the log is silent of all its writes.
        So it must have something to say of the table before that one was replaced. And the table
        must stand at the beginning of the stretch: where the log has dropped it by then, a snapshot
        that holds it is of another cluster, such as the one that it moved from.
        """
        here = self._of(source, table, "seen")
        if not _stands(here, since):
            return False
        new = here.filter((pl.col("kind") == "table.create") & (pl.col("earliest") >= since))
        until = min([until, *new["earliest"]])
        return not here.filter(pl.col("earliest") < until).is_empty()

    def covers(self, source: str, table: str, since: datetime, until: datetime) -> bool:
        """Whether it would tell all that befalls a table from one time to the other."""
        return not self._stretches(source, table, since, until).is_empty()

    def _stretches(self, source: str, table: str, since: datetime, until: datetime) -> pl.DataFrame:
        if self._unlogged(source, table, since, until):
            return self.covered.clear()
        return self.covered.filter(
            (pl.col("source") == source)
            & within(pl.lit(table), pl.col("subject"))
            & (pl.col("earliest") <= since)
            & (pl.col("latest") >= until)
        )

    def _unlogged(self, source: str, table: str, since: datetime, until: datetime) -> bool:
        """Whether it was unlogged at any time of a stretch: its rows' fate then is nowhere."""
        here = self._of(source, table, "seen")
        ended = here.filter(pl.col("kind").is_in(_LOGGED_ANEW))["earliest"].to_list()
        for start in here.filter(pl.col("kind") == "table.unlogged")["earliest"].to_list():
            end = min((one for one in ended if one > start), default=until)
            if start <= until and end >= since:
                return True
        return False

    def silent_since(
        self, source: str, table: str, subject: str, at: datetime, until: datetime
    ) -> datetime | None:
        """From when on it is known to tell of no change of a subject's row up to ``at``.

        That is the last such change before, or where the stretch begins that holds ``until`` too;
        None where none does.
        """
        begin = self._stretches(source, table, at, until)["earliest"].min()
        if not isinstance(begin, datetime):
            return None
        changes = self.shortly_before(source, table, subject, at, at - begin)
        last: list[datetime] = [one["latest"] for one in changes]
        return max([begin, *last])

    def between(
        self, source: str, table: str, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """Updates of, and deletes from, a table that may fall into the stretch, in order."""
        own = self._of(source, table, "changes")
        return own.filter((pl.col("latest") >= since) & (pl.col("earliest") <= until)).to_dicts()

    def shortly_before(
        self, source: str, table: str, subject: str, at: datetime, slack: timedelta
    ) -> list[dict[str, Any]]:
        """Updates and deletes up to ``slack`` before a time that may be of the subject's row.

        Where the log tells which rows they changed, only those that changed the subject's.
        """
        since = at - slack
        changes = [one for one in self.between(source, table, since, at) if one["latest"] < at]
        here = (pl.col("source") == source) & (pl.col("table") == table)
        told = self.rows_covered.filter(here).select("earliest", "latest").rows()
        own = self.rows_changed.filter(here & (pl.col("subject") == subject))
        times = set(own["latest"].to_list())
        return [
            one
            for one in changes
            if one["latest"] in times
            or not any(begin <= one["earliest"] and one["latest"] <= end for begin, end in told)
        ]


def slacks(timeline: Timeline) -> dict[tuple[str, str], timedelta]:
    """By source and item: how far off the clock may be that dates the snapshot.

    A database that is asked gives its own time, by the clock that stamps its log. A dump's time is
    that of the machine that made it, which nobody measured: an hour, unless the case declares a
    wider tolerance for that clock. Where records measure it, that is counted already.
    """
    found = (
        snapshots(timeline)
        .filter(pl.col("seen_clock").str.ends_with("/dump") & ~pl.col("at_basis").is_in(MEASURED))
        .select("source", "item", "seen_clock")
        .collect()
    )
    return {
        (source, item): timedelta(seconds=timeline.allowed(clock, _UNMEASURED))
        for source, item, clock in found.iter_rows()
    }


def log(timeline: Timeline) -> Log:
    """The log as far as the case has it."""
    covered = timeline.coverage.filter(
        pl.col("kind").str.starts_with("table.") & pl.col("earliest").is_not_null()
    ).select("source", "subject", "earliest", "latest")
    written = pl.col("kind") == "table.write"
    told = (
        timeline.events.filter(
            pl.col("kind").str.starts_with("table.") & pl.col("earliest").is_not_null()
        )
        .select(
            *("source", "kind", "earliest", "latest", "row", "clock", "stream"),
            # Most only insert, and are not taken to pieces.
            value=pl.when(pl.col("value").str.contains("(?:update|delete)=[0-9]*[1-9]")).then(
                "value"
            ),
            table="subject",
        )
        .collect(engine="streaming")
    )
    columns = ("source", "earliest", "latest", "row", "clock", "value", "table")
    changes = (
        told.filter(written & pl.col("value").is_not_null())
        .select(*columns, updates=counted("update"), deletes=counted("delete"))
        .filter((pl.col("updates") > 0) | (pl.col("deletes") > 0))
        .sort("earliest", "row")
    )
    told = told.filter(pl.col("stream").is_not_null())
    first = told.filter(written).group_by("source", "kind", "table").agg(pl.col("earliest").min())
    kept = ("source", "kind", "earliest", "table")
    seen = pl.concat([told.filter(~written).select(kept), first.select(kept)])
    rows_covered = timeline.coverage.filter(
        (pl.col("kind") == "row.*") & pl.col("earliest").is_not_null()
    ).select("source", "earliest", "latest", table="subject")
    rows_changed = (
        timeline.kind("row.update", "row.delete")
        .filter(pl.col("earliest").is_not_null())
        .select("source", "subject", "earliest", "latest", table=named("pg:"))
    )
    return Log(
        covered.collect(),
        changes,
        seen.unique(),
        rows_covered.collect(),
        rows_changed.unique().collect(),
        Updates(timeline),
    )


_FIRST = pl.col("kind").replace_strict(
    {"table.recreate": 0, "table.create": 1}, default=2, return_dtype=pl.UInt8
)
"""In the order in which one transaction does it: what is recreated stood, and is then filled."""


_LOGGED_ANEW = ("table.logged", "table.drop", "table.create", "table.recreate")
"""After the transaction in which a table was unlogged: its rows are logged, or it is another."""


def _stands(seen: pl.DataFrame, at: datetime) -> bool:
    """Whether the log, as far as it tells, has a table of the name at a time; in order of time."""
    kinds = seen.filter(pl.col("earliest") <= at)["kind"]
    began = kinds.is_empty() or kinds[0] != "table.create"
    return bool(began + (kinds == "table.create").sum() > (kinds == "table.drop").sum())


def counted(what: str) -> pl.Expr:
    """How many rows a ``table.write`` inserted, updated or deleted."""
    return pl.col("value").str.extract(rf"{what}=(\d+)").cast(pl.Int64)
