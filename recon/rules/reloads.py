"""Releases of which a table speaks by rows that were loaded into it after they were made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from recon.findings import Innocent, Step
from recon.instants import say_interval, show_interval
from recon.names import by_xid, xids
from recon.rules.alibis import ordered
from recon.rules.base import Draft, Timeline, step
from recon.rules.values import alike
from recon.rules.views import claims, logged
from recon.rules.writes import counted
from recon.time.corrected import READING, Reading, certainly_before, possibly_before

EMPTYING = ("table.truncate", "table.recreate", "table.create")
_RELEASED = Reading("released_clock", "released_from", "released_to")
_WRITTEN = Reading("written_clock", "written_from", "written_to")
_ACT = Reading("act_clock", "act_from", "act_to")
_ROW = ["source", "item", "citation"]
_SAME = ["source", "table", "subject", "attribute", "asserted"]
"""What one value of one row is known by, before and after it was loaded."""


def reloads(timeline: Timeline, released: pl.DataFrame) -> Iterator[Draft]:
    """By subject and table whose rows were all loaded after the release into an emptied table.

    Silent where the last record from before the release gives the values of today.

    Args:
        timeline: all of it.
        released: ``subject``, ``row``, ``source``, ``earliest``, ``latest``.
    """
    acts = _acts(timeline).collect()
    if acts.is_empty():
        return
    said = _said(timeline)
    rows = _loaded(timeline, released, acts, said)
    if rows.is_empty():
        return
    then = _before(said, rows)
    key = itemgetter("subject", "source", "table")
    for _, group in groupby(rows.sort("subject", "source", "table", "row").to_dicts(), key):
        values = list(group)
        told = [then.get(tuple(one[name] for name in _SAME), []) for one in values]
        at_release = [
            _last(records, one["at_released"]) for one, records in zip(values, told, strict=True)
        ]
        if all(_agrees(*pair) for pair in zip(values, at_release, strict=True)):
            continue
        since = [_same(records, one) for one, records in zip(values, told, strict=True)]
        yield _draft(timeline, values, at_release, since)


def _acts(timeline: Timeline) -> pl.LazyFrame:
    """Acts on record that leave a table empty, or in place of another one."""
    # Two snapshots alone do not say which transaction it was.
    acts = timeline.kind(*EMPTYING).filter(
        pl.col("stream").is_not_null() & pl.col("earliest").is_not_null()
    )
    return logged(timeline, acts, READING, "act").select(
        *("source", pl.col("subject").alias("table")),
        act="row",
        act_clock=pl.coalesce("log_clock", "clock"),
        act_kind="kind",
        # By the clock that stamps what the database stores, as all that is compared with it.
        act_from="act_from",
        act_to="act_to",
        act_xids=xids(),
    )


def _said(timeline: Timeline) -> pl.LazyFrame:
    """What snapshots, and the log as it was written, say of rows, and when: ``read``, ``at``.

    ``read_from`` to ``read_to`` as it was read, ``at`` as the clock shows it that stamps commits.
    """
    return (
        claims(timeline, logged=True)
        .filter(pl.col("version").is_null() | (pl.col("version") != "row.before"))
        .with_columns(
            asserted=pl.when(pl.col("basis") == "asserted").then("latest"),
            read_from=pl.coalesce("logged_from", "seen_from"),
            read_to=pl.coalesce("logged_to", "seen_to"),
            at=pl.coalesce("logged_to", "at_to"),
        )
    )


def _loaded(
    timeline: Timeline, released: pl.DataFrame, acts: pl.DataFrame, said: pl.LazyFrame
) -> pl.DataFrame:
    """Values of today in rows that say they are older than an act that emptied their table.

    Columns of :data:`_SAME`, ``row``, ``value``, ``act…``, ``written_…``, ``released…``.
    A table that is made counts where one of its name stood before it.
    """
    stood = said.group_by("source", "table").agg(stood=pl.col("at").min()).collect()
    writes = timeline.kind("table.write")
    changed = (
        by_xid(writes.filter((counted("update") > 0) | (counted("delete") > 0)))
        .select("source", "xid", table="subject", changed=pl.lit(True))
        .unique()
    )
    today = (
        claims(timeline)
        .filter(pl.col("table").is_not_null() & pl.col("xid").is_not_null())
        .filter(pl.col("at_to") == pl.col("at_to").max().over("source", "table"))
        .with_columns(asserted=pl.when(pl.col("basis") == "asserted").then("latest"))
        .with_columns(rows=pl.col("citation").n_unique().over("source", "table", "subject"))
        .collect(engine="streaming")
    )
    # One that was released in another source's word alone, by the first of those.
    own = today.join(
        released.select(
            *("subject", pl.col("source").alias("by")),
            released="row",
            released_clock="clock",
            released_from="earliest",
            released_to="latest",
        ),
        on="subject",
    ).filter(pl.col("by") != pl.col("source"))
    dated = logged(timeline, own.lazy(), _WRITTEN, "wrote")
    dated = timeline.clocks.on(dated, READING, _RELEASED, "own")
    beside = dated.join(acts.lazy(), on=["source", "table"])
    beside = timeline.clocks.on(beside, _RELEASED, _ACT, "told")
    beside = timeline.clocks.apart(beside, _RELEASED, _ACT, "apart").with_columns(
        sure=certainly_before("apart")
    )
    reads = pl.col("released_to") < pl.col("act_from")
    found = (
        beside.filter(pl.col("sure") | (possibly_before("apart") & reads))
        .collect()
        # One that several sources speak of, by the first of those.
        .with_columns(first=pl.col("told_to").min().over("row"))
        .filter((pl.col("told_to") == pl.col("first")) | pl.col("first").is_null())
        .join(stood, on=["source", "table"])
        .filter((pl.col("act_kind") != "table.create") | (pl.col("stood") < pl.col("act_from")))
        .filter(
            (pl.col("own_to") <= pl.col("released_to"))
            & (pl.col("act_from") <= pl.col("wrote_from"))
        )
        .filter(pl.col("act_from") == pl.col("act_from").max().over(_ROW))
        # What one transaction makes and fills is a migration sooner than a restore.
        .filter(
            (pl.col("act_kind") == "table.truncate")
            | ~pl.col("xid").is_in(pl.col("act_xids")).fill_null(False)
        )
        .join(changed.collect(), on=["source", "table", "xid"], how="left")
        .filter(pl.col("changed").is_null())
        .sort("row", "released", "act")
        .unique("row", keep="first", maintain_order=True)
    )
    whole = pl.col("citation").n_unique().over("source", "table", "subject") == pl.col("rows")
    return found.filter(whole).select(
        *(*_SAME, "row", "value", "act", "act_kind", "act_from", "act_clock", "part"),
        *("sure", "apart_low", "apart_high", "apart_basis", "released_clock"),
        pl.coalesce("told_from", "released_from").alias("at_released"),
        *("written", "written_from", "written_to", "released", "released_from", "released_to"),
    )


def _before(said: pl.LazyFrame, rows: pl.DataFrame) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """By :data:`_SAME`: what snapshots and the log gave before the act, in order of time."""
    of = rows.select("source", "table", "subject", "act_from").unique().lazy()
    return {
        key: list(records)
        for key, records in groupby(
            said.join(of, on=["source", "table", "subject"])
            .filter(pl.col("at") < pl.col("act_from"))
            .select(*_SAME, "value", "read_from", "read_to", "at", record="row")
            .sort(*_SAME, "at", "record")
            .collect(engine="streaming")
            .to_dicts(),
            itemgetter(*_SAME),
        )
    }


def _last(records: list[dict[str, Any]], until: datetime) -> dict[str, Any] | None:
    return next((one for one in reversed(records) if one["at"] <= until), None)


def _same(records: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, Any] | None:
    """The first record since the release that gives the value of today."""
    later = (one for one in records if one["at"] > row["at_released"])
    return next((one for one in later if _agrees(row, one)), None)


def _agrees(row: dict[str, Any], record: dict[str, Any] | None) -> bool:
    return record is not None and alike(record["value"], row["value"]) in {"same", "spelling"}


def _draft(
    timeline: Timeline,
    values: list[dict[str, Any]],
    at_release: list[dict[str, Any] | None],
    since: list[dict[str, Any] | None],
) -> Draft:
    # What the release's own time gives another value for is shown, else the first that it lacks.
    order = sorted(
        (_agrees(*pair), pair[1] is None, number)
        for number, pair in enumerate(zip(values, at_release, strict=True))
    )
    number = order[0][-1]
    shown, then, first = values[number], at_release[number], since[number]
    known = all(
        _agrees(value, one) or later is not None
        for value, one, later in zip(values, at_release, since, strict=True)
    )
    agreed = known and first is not None and shown["sure"]
    table = shown["table"].rsplit("/", 1)[-1]
    name, value = shown["attribute"], shown["value"] or "empty"
    released = (shown["released_from"], shown["released_to"])
    clocks = (shown["released_clock"], shown["act_clock"])
    loaded = (shown["written_from"], shown["written_to"])
    emptied = "emptied" if shown["act_kind"] == "table.truncate" else "made anew"
    events = [
        ("released", shown["released"]),
        ("emptied", shown["act"]),
        ("restored", shown["written"]),
        ("states", shown["row"]),
    ]
    steps: list[Step] = [
        step("released", "released", released=show_interval(*released)),
        step("restored", "restored", "released", when=show_interval(*loaded)),
        step("states", "states", attribute=name, value=shown["value"] or ""),
    ]
    what = ["no record from before the release says what it held"]
    if then:
        events.append(("at-release", then["record"]))
        was = then["value"] or "empty"
        steps.append(step("differs", "at-release", "states", attribute=name, was=was, now=value))
        what = [f"the last record from before the release gives {name} = {was}"]
    if known and first:
        events.append(("earlier", first["record"]))
        steps.append(step("same-values", "earlier", "states", attributes=name))
        what.append(f"one from {say_interval(first['read_from'], first['read_to'])} gives the same")
    else:
        what.append("none from before the load gives all that it says now")
    return Draft(
        verdict="observation" if agreed else "undetermined",
        subject=shown["subject"],
        statement=f"What {table} says of {shown['subject']} ({name} = {value}) comes from rows "
        f"that were loaded on {say_interval(*loaded)} into a table that had been {emptied}, after "
        f"the release of {say_interval(*released)}; {'; '.join(what)}",
        events=events,
        steps=steps,
        margin_seconds=(shown["written_from"] - shown["released_to"]).total_seconds(),
        excuse="For the rows to be those of the release, what they were loaded from would have had "
        "to hold them as they were then.",
        alibi=(
            "A record from before the load gives the same values. "
            if known and first
            else "What the rows were loaded from would say. "
        )
        + ordered(timeline.measured, shown, "apart", clocks, shown["released_from"])
        + ("" if shown["sure"] else " So the release may be the later of the two."),
        innocent=[
            Innocent(
                "The table was restored from an honest backup that is younger than the release.",
                None,
                "The backup itself would say.",
            ),
            Innocent(
                "The value was changed in the ordinary way, after the release.",
                None,
                "The log of the table between the release and the load would say.",
            ),
        ],
    )
