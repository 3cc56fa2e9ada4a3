"""What the latest snapshot before an act says of a row that was written in or after it.

A subject may have several rows (a table of history). A row is compared with the row that asserts
the same time; where a subject has one row before and one now, with that one, unless it says that
it is younger than the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from recon.rules.base import Timeline
from recon.rules.values import Likeness, alike
from recon.rules.views import claims, snapshots

Key = tuple[str, str, str, int]
"""Source, subject, table, and the act's row of the timeline."""
_KEY = ["source", "subject", "table", "act"]


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table in one item."""

    values: Mapping[str, str]
    """By attribute; one that is null is not there."""
    rows: Mapping[str, int]
    """By attribute: the claim's row of the timeline."""
    asserted: tuple[datetime | None, datetime | None]
    told: datetime | None
    """The beginning of that time, as the clock shows it that stamps what the database stores."""
    attributes: frozenset[str]
    """That any row of the table in this item has: others may be columns that are not there."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The latest snapshot before the act that holds the subject, or one that lacks it."""

    records: Sequence[Record]
    """Empty where the snapshot is complete and has no row of the subject."""
    seen_from: datetime
    seen_to: datetime
    at_from: datetime
    """The same as the clock shows it that stamps what the database stores."""
    at_to: datetime
    snapshot: int
    """Row of the event that dates the snapshot."""
    item: str
    """That the snapshot was read from."""
    older: Mapping[str, frozenset[str]]
    """By attribute: values in snapshots before this one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A row now, beside the one that it was."""

    was: Record
    likeness: Mapping[str, Likeness]
    """By attribute, in the order of the claims; null in both left out."""
    alone: bool
    """Whether no other row could be the one that it was."""
    differing: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        differing = [name for name, like in self.likeness.items() if like != "same"]
        # What differs most comes first.
        differing.sort(key=lambda name: ("other", "unclear", "spelling").index(self.likeness[name]))
        object.__setattr__(self, "differing", differing)

    def any(self, *likeness: Likeness) -> bool:
        """Whether an attribute is as like as that."""
        return any(one in likeness for one in self.likeness.values())


def record(rows: Sequence[Mapping[str, Any]], attributes: frozenset[str]) -> Record:
    """A record from the claims of one row."""
    return Record(
        {row["attribute"]: row["value"] for row in rows},
        {row["attribute"]: row["row"] for row in rows},
        (rows[0]["earliest"], rows[0]["latest"]),
        rows[0].get("told_from", rows[0]["earliest"]),
        attributes,
    )


def attributes_of(timeline: Timeline) -> dict[tuple[str, str], frozenset[str]]:
    """By item and table: the attributes that any of its rows has."""
    found = (
        claims(timeline)
        .filter(pl.col("table").is_not_null())
        .group_by("item", "table")
        .agg(pl.col("attribute").unique())
        .collect()
    )
    return {(item, table): frozenset(names) for item, table, names in found.rows()}


def earlier(
    timeline: Timeline, rows: pl.DataFrame, attributes: Mapping[tuple[str, str], frozenset[str]]
) -> dict[Key, Earlier]:
    """By key of the candidates: what was before. A key is missing where no snapshot tells."""
    keys = rows.select(*_KEY, "act_from", "act_read", "act_seen").unique().lazy()
    before = (
        claims(timeline)
        .join(keys, on=["source", "subject", "table"])
        .filter(_before_act())
        .collect()
    )
    found = {
        (row["source"], row["subject"], row["table"], row["act"]): Earlier(
            [],
            *(row["seen_from"], row["seen_to"], row["at_from"], row["at_to"]),
            *(row["snapshot"], row["item"]),
            {},
        )
        for row in _lacking(timeline, keys).iter_rows(named=True)
    }
    # Row by row: a frame for each subject would take a hundred times as long.
    rows_by_key = groupby(before.sort(*_KEY, "row").iter_rows(named=True), itemgetter(*_KEY))
    for key, group in rows_by_key:
        found[key] = _held(list(group), attributes)
    return found


def _before_act() -> pl.Expr:
    """An act that is known from two snapshots alone lies between them: the first is before it."""
    before = (pl.col("at_to") < pl.col("act_from")) | (
        (pl.col("seen_from") == pl.col("act_read")) & pl.col("act_seen")
    )
    return before & pl.col("at_from").is_not_null() & pl.col("at_to").is_not_null()


def _held(
    group: Sequence[Mapping[str, Any]],
    attributes: Mapping[tuple[str, str], frozenset[str]],
) -> Earlier:
    """From all claims of one key: the latest snapshot's rows, and what older ones gave."""
    # Of snapshots of one time, one: a row is not to be counted twice.
    last = max(group, key=itemgetter("at_to", "item"))
    records: dict[str, list[Mapping[str, Any]]] = {}
    older: dict[str, set[str]] = {}
    for row in group:
        if row["item"] == last["item"]:
            records.setdefault(row["citation"], []).append(row)
        elif row["at_to"] < last["at_from"]:
            older.setdefault(row["attribute"], set()).add(row["value"])
    held = attributes[last["item"], last["table"]]
    return Earlier(
        [record(rows, held) for rows in records.values()],
        *(last["seen_from"], last["seen_to"], last["at_from"], last["at_to"]),
        last["snapshot"],
        last["item"],
        {name: frozenset(values) for name, values in older.items()},
    )


def _lacking(timeline: Timeline, keys: pl.LazyFrame) -> pl.DataFrame:
    """By key: the latest complete snapshot of the table before the act."""
    return (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"])
        .join(keys, on=["source", "table"])
        .filter(_before_act())
        .sort("at_to", "item")
        .unique(_KEY, keep="last", maintain_order=True)
        .collect()
    )


def compare(now: Sequence[Record], before: Earlier | None) -> list[Compared | None]:
    """For each row of a subject that stands in one item, how it is like what it was."""
    if before is None:
        return [None] * len(now)
    was = before.records
    # A row that says it is younger than the snapshot is not the one that the snapshot shows.
    since = [one for one in now if one.told and one.told > before.at_to]
    if len(now) == len(was) == 1 and not since:
        return [Compared(was[0], _likeness(was[0], now[0]), alone=True)]
    out: list[Compared | None] = []
    for one in now:
        then = [other for other in was if other.asserted == one.asserted]
        likes = [_likeness(other, one) for other in then]
        equal = [i for i, like in enumerate(likes) if set(like.values()) <= {"same"}]
        # A row that stands there unchanged is not what another one was.
        left = equal or [
            i for i, other in enumerate(then) if not any(_equal(other, third) for third in now)
        ]
        if not left:
            out.append(None)
            continue
        nearest = max(left, key=lambda i: sum(like == "same" for like in likes[i].values()))
        out.append(Compared(then[nearest], likes[nearest], alone=bool(equal) or len(left) == 1))
    return out


def _equal(was: Record, now: Record) -> bool:
    return was.asserted == now.asserted and set(_likeness(was, now).values()) <= {"same"}


def _likeness(was: Record, now: Record) -> dict[str, Likeness]:
    known = was.attributes & now.attributes
    names = [*now.values, *(name for name in was.values if name not in now.values)]
    return {
        name: alike(was.values.get(name), now.values.get(name)) for name in names if name in known
    }
