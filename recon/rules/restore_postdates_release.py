"""Releases of which a database speaks from a state that was restored after them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from recon import schema
from recon.findings import Innocent, Step
from recon.instants import say_interval, show_interval
from recon.rules.alibis import ordered
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.reloads import EMPTYING, reloads
from recon.rules.restores import Histories
from recon.rules.values import alike
from recon.rules.views import claims, logged
from recon.time.corrected import READING, Reading, certainly_before, possibly_before

_RESTORED = Reading("restored_clock", "restored_from", "restored_to")
_WRITTEN = Reading("written_clock", "written_from", "written_to")


@rule("restore-postdates-release", needs=("claim", "snapshot"))
def restore_postdates_release(timeline: Timeline) -> Iterator[Draft]:
    """What a database says of a release postdates it iff it comes from a later restore alone.

    That is: the cluster went back to an earlier state, or the database was loaded anew elsewhere,
    after the release; the newest snapshot was taken after that; and the row was not written after
    it. Or: a table was emptied or made anew after the release and loaded by INSERT or COPY, and all
    its rows about the subject are such as say that they are older than the release.
    A release is the first finished deploy of a subject; where no deploy is on record, the
    first time that another source asserts of it.
    Undetermined where no snapshot and no log from before the restore gives the same values: then
    the restored copy is the only witness of what stood there at the release; and where the clocks
    leave it open whether the release or the restore came first. This accuses nobody:
    restores are ordinary, and a copy is mostly true.
    Observation where a snapshot or the log from before the restore gives the same values. Of one
    table that was loaded, nothing is said where the last record from before the release gives them.
    Innocent: a restore of an honest backup; a standby that took over, and pg_upgrade, which go on
    from the state that was there, are not counted; nor is a table that one transaction makes and
    fills, as a migration does, which re-registered compares with what it was; a row written
    after the restore speaks for itself.
    Source: design, section 1: each record trusts the one below it; NIST SP 800-86, 4.2 (copies
    are verified against an original).
    """
    restores = _restores(timeline)
    if not restores and not timeline.has(*EMPTYING):
        return
    released = _released(timeline)
    if released.is_empty():
        return
    told = set()
    # Of several restores the last one is what the state of today came through.
    for one in {one.source: one for one in restores}.values():
        for draft in _judge(timeline, one, released):
            told.add(draft.subject)
            yield draft
    yield from (draft for draft in reloads(timeline, released) if draft.subject not in told)


class _Restore(NamedTuple):
    source: str
    since: datetime
    """It happened at this time or later."""
    until: datetime
    clock: str | None
    at_since: datetime
    """The same as the clock shows it that stamps the database's commits."""
    at_until: datetime
    shown: datetime
    """Snapshots from after this time show what was restored."""
    row: int
    database: str
    """``pg:SOURCE`` or ``pg:SOURCE/DATABASE``."""
    words: str
    stream: str | None
    """Timeline that was left, where the log tells."""
    switch: int


def _restores(timeline: Timeline) -> list[_Restore]:
    histories = Histories(timeline)
    found = [
        _Restore(
            fork.source,
            fork.began_from,
            fork.began_to or fork.began_from,
            fork.began_clock,
            fork.at_from,
            fork.at_to or fork.at_from,
            fork.at_to or fork.at_from,
            fork.began,
            f"pg:{fork.source}",
            f"the cluster went on from an earlier state ({fork.reason})",
            fork.parent,
            fork.switch,
        )
        for fork in histories.forks
        if fork.is_restore and fork.began_from and fork.at_from and histories.goes_on(fork) == "yes"
    ]
    moves = timeline.kind("database.moved").filter(pl.col("earliest").is_not_null())
    moved = logged(timeline, moves, READING, "at").drop_nulls(["at_from", "at_to"]).collect()
    found += [
        _Restore(
            *(row["source"], row["earliest"], row["latest"], row["clock"]),
            *(row["at_from"], row["at_to"]),
            # The later of the two views that show it is of the new place, and so is all since.
            row["at_from"],
            row["row"],
            row["subject"],
            "the database was loaded into another one",
            None,
            0,
        )
        for row in moved.iter_rows(named=True)
    ]
    return sorted(found, key=lambda one: (one.source, one.at_since, one.row))


def _released(timeline: Timeline) -> pl.DataFrame:
    """By subject (and source that does not count): row, interval and clock of its release."""
    columns = ["subject", "row", "source", "clock", "earliest", "latest"]
    dated = timeline.events.filter(pl.col("latest").is_not_null())
    deployed = dated.filter(pl.col("kind") == "deploy.finish").select(columns)
    said = (
        dated.filter((pl.col("kind") == "claim") & (pl.col("basis") == "asserted"))
        .join(deployed.select("subject").unique(), on="subject", how="anti")
        .select(columns)
    )
    return (
        pl.concat([deployed, said])
        .sort("latest", "row")
        .unique(["subject", "source"], keep="first", maintain_order=True)
        .collect()
    )


def _judge(timeline: Timeline, one: _Restore, released: pl.DataFrame) -> Iterator[Draft]:
    beside = released.lazy().with_columns(
        # Where nothing is known of any clock, all compare as they read.
        restored_clock=pl.lit(timeline.stamping.get(one.source, one.clock), pl.String),
        restored_from=pl.lit(one.at_since, schema.INSTANT),
        restored_to=pl.lit(one.at_until, schema.INSTANT),
    )
    reads = pl.col("latest") < one.since
    before = (
        timeline.clocks.apart(beside, READING, _RESTORED, "told")
        .filter(certainly_before("told") | (possibly_before("told") & reads))
        .filter(pl.col("source") != one.source)
        .sort(pl.col("told_least"), "row", descending=[True, False], nulls_last=True)
        .unique("subject", keep="first", maintain_order=True)
        .select(
            *("subject", "told_least", "told_low", "told_high", "told_basis", "restored_clock"),
            sure=certainly_before("told"),
            released="row",
            released_clock="clock",
            released_from="earliest",
            released_to="latest",
        )
        .collect()
    )
    mine = claims(timeline).filter(
        (pl.col("source") == one.source) & pl.col("table").str.starts_with(f"{one.database}/")
    )
    own = logged(timeline, mine, _WRITTEN, "wrote").join(before.lazy(), on="subject")
    key = ["subject", "table", "attribute"]
    after = own.filter(pl.col("at_from") > one.shown)
    now = (
        after.filter(pl.col("at_to") == pl.col("at_to").max().over("table"))
        .filter((pl.col("wrote_from") > one.at_until).fill_null(False).not_())
        .sort("row")
        .unique(key, keep="first", maintain_order=True)
        .collect()
    )
    in_log = (
        (pl.col("stream") == one.stream) & (pl.col("position") < one.switch)
        if one.stream
        else pl.lit(False)
    )
    then = (
        own.filter((pl.col("at_to") < one.at_since) | in_log.fill_null(False))
        .sort("at_to", "position", "row", nulls_last=False)
        .unique(key, keep="last", maintain_order=True)
        .select(
            *key,
            was="value",
            was_row="row",
            was_from="seen_from",
            was_to="seen_to",
        )
        .collect()
    )
    both = now.join(then, on=key, how="left").sort("subject", "table", "part", "row")
    for _, group in both.group_by("subject", "table", maintain_order=True):
        yield _draft(timeline, one, group.to_dicts())


def _draft(timeline: Timeline, one: _Restore, rows: list[dict[str, Any]]) -> Draft:
    unlike = [row for row in rows if alike(row["was"], row["value"]) not in {"same", "spelling"}]
    shown = (unlike or rows)[0]
    table = shown["table"].rsplit("/", 1)[-1]
    agreed = not unlike and shown["sure"]
    known = shown["was_row"] is not None
    restored = say_interval(one.since, one.until)
    events = [("released", shown["released"]), ("restored", one.row), ("states", shown["row"])]
    steps: list[Step] = [
        step("released", "released", released=show_interval(*_pair(shown, "released"))),
        step("restored", "restored", "released", when=show_interval(one.since, one.until)),
        step("states", "states", attribute=shown["attribute"], value=shown["value"] or ""),
    ]
    if known:
        events.append(("earlier", shown["was_row"]))
        if not unlike:
            names = ", ".join(row["attribute"] for row in rows)
            steps.append(step("same-values", "earlier", "states", attributes=names))
        else:
            steps.append(
                step(
                    "differs",
                    "earlier",
                    "states",
                    attribute=shown["attribute"],
                    was=shown["was"] or "empty",
                    now=shown["value"] or "empty",
                )
            )
    what = (
        "a record from before that gives the same"
        if not unlike
        else f"a record from before that gives {shown['attribute']} = {shown['was']}"
        if known
        else "no record from before that says what it held"
    )
    return Draft(
        verdict="observation" if agreed else "undetermined",
        subject=shown["subject"],
        statement=f"What {table} says of {shown['subject']} ({shown['attribute']} = "
        f"{shown['value']}) comes from a state that is younger than the release of "
        f"{say_interval(*_pair(shown, 'released'))}: {one.words} on {restored}; {what}",
        events=events,
        steps=steps,
        margin_seconds=shown["told_least"] / 1_000_000
        if shown["sure"]
        else (one.since - shown["released_to"]).total_seconds(),
        excuse="For the records to be those of the release the backup would have had to hold them "
        "as they were, and nobody to have changed them before, in or after the restore.",
        alibi=(
            "A record from before the restore gives the same values. "
            if not unlike
            else "The backup itself, or the log that was replayed, would say. "
        )
        + ordered(
            timeline.measured,
            shown,
            "told",
            (shown["released_clock"], shown["restored_clock"]),
            shown["released_from"],
        )
        + ("" if shown["sure"] else " So the release may be the later of the two."),
        innocent=[
            Innocent(
                "The backup was honest, and was restored as it was.",
                False if not unlike else None,
                "A record from before the restore gives the same values."
                if not unlike
                else "The row as it stood before the restore would say.",
            ),
            Innocent(
                "A standby took over, or the cluster was upgraded, and nothing was restored.",
                True,
                "The history was left at a target or with commits above the switch, or the "
                "database has other OIDs.",
            ),
            Innocent(
                "The value was changed in the ordinary way, before the restore or after it.",
                None if unlike else True,
                "The values are the same."
                if not unlike
                else "The log of the table, or a snapshot from just before the restore, would say.",
            ),
        ],
    )


def _pair(row: dict[str, Any], name: str) -> tuple[datetime, datetime]:
    return row[f"{name}_from"], row[f"{name}_to"]
