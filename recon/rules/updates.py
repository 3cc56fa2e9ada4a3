"""What the write-ahead log says a row was updated to, where it is read row by row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import polars as pl

from recon.names import named
from recon.rules.base import Timeline
from recon.rules.values import alike

_RECORD = ["source", "item", "citation"]
_OF = ["source", "table", "subject"]


class Change(NamedTuple):
    """One change of a row, by a committed transaction."""

    kind: str
    """``row.insert``, ``row.update`` or ``row.delete``."""
    earliest: datetime
    latest: datetime
    row: int
    """Of the timeline."""
    asserted: tuple[datetime | None, datetime | None]
    """The time that the new row gives."""
    values: Mapping[str, str]
    """Of the new row, by attribute."""


class Updates:
    """Changes of rows, by subject; nothing is read before the first question."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def explain(
        self,
        of: tuple[str, str, str],
        since: datetime,
        act: datetime,
        asserted: tuple[datetime | None, datetime | None],
        values: Mapping[str, str | None],
    ) -> Change | None:
        """The last update of a subject's row before an act, if it gave the values of today.

        Only where the log tells each change of the table's rows from the first of them on to the
        act, and all that it tells of the subject since ``since`` are updates of that one row: then
        what the act found is what the row is now.

        Args:
            of: source, table and subject.
            since: changes before it do not count.
            act: those at it or later do not.
            asserted: the time that the row gives.
            values: of today, by attribute; all of those that the snapshot has otherwise.
        """
        found = [one for one in self._by.get(of, ()) if one.latest >= since and one.earliest < act]
        if not found or any(
            one.kind != "row.update" or one.latest >= act or one.asserted != asserted
            for one in found
        ):
            return None
        if not any(
            place == of[:2] and first <= found[0].earliest and last >= act
            for place, first, last in self._covered
        ):
            return None
        last = found[-1]
        given = (alike(last.values.get(name), value) for name, value in values.items())
        return last if all(like in {"same", "spelling"} for like in given) else None

    @cached_property
    def _covered(self) -> list[tuple[tuple[str, str], datetime, datetime]]:
        found = self._timeline.coverage.filter(
            (pl.col("kind") == "row.*") & pl.col("earliest").is_not_null()
        ).select("source", "subject", "earliest", "latest")
        return [((row[0], row[1]), row[2], row[3]) for row in found.collect().rows()]

    @cached_property
    def _by(self) -> dict[tuple[str, str, str], list[Change]]:
        """Of subjects that were updated at all."""
        changes = (
            self._timeline.kind("row.insert", "row.update", "row.delete")
            .filter(pl.col("earliest").is_not_null())
            .select(
                *(*_RECORD, "subject", "kind", "earliest", "latest", "row", "position"),
                table=named("pg:"),
            )
        )
        updated = changes.filter(pl.col("kind") == "row.update").select(_OF).unique()
        said = (
            self._timeline.kind("claim")
            .join(changes.select(_RECORD).unique(), on=_RECORD, how="semi")
            .group_by(_RECORD)
            .agg(
                asserted_from=pl.col("earliest").filter(pl.col("basis") == "asserted").min(),
                asserted_to=pl.col("latest").filter(pl.col("basis") == "asserted").max(),
                values=pl.struct("attribute", "value"),
            )
        )
        rows = (
            changes.join(updated, on=_OF, how="semi")
            .join(said, on=_RECORD, how="left")
            .sort(*_OF, "latest", "position", "row")
            .collect(engine="streaming")
        )
        return {
            key: [_change(row) for row in group]
            for key, group in groupby(rows.iter_rows(named=True), itemgetter(*_OF))
        }


def _change(row: Mapping[str, Any]) -> Change:
    return Change(
        row["kind"],
        row["earliest"],
        row["latest"],
        row["row"],
        (row["asserted_from"], row["asserted_to"]),
        {one["attribute"]: one["value"] for one in row["values"] or ()},
    )
