"""Rows that an earlier snapshot of a table holds and a later one does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.instants import say_interval, show_interval
from recon.rules.alibis import ordered
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.doubtful import fetched, lacking
from recon.rules.identity import identities
from recon.rules.renamed import renamed
from recon.rules.replaced import REPLACED, RESTORED
from recon.rules.views import claims, last_of, logged, rows_of_tables, snapshots
from recon.rules.writes import Log, log
from recon.schema import INSTANT
from recon.time.between import BASES
from recon.time.corrected import READING, Reading

_HELD = Reading("held_clock", "held_from", "held_to")
_AT = ("at_from", "at_to", "at_low", "at_high", "at_basis")
_ABSENT = Reading("absent_clock", "absent_from", "absent_to")


@rule("vanished-row", needs=("claim", "snapshot"))
def vanished_row(timeline: Timeline) -> Iterator[Draft]:
    """A row has vanished iff a snapshot holds its subject and a later, complete one does not.

    Missing where the table was recreated, truncated or restored between the two, or another took
    its place, and the log covers the time from the one to the other and records no delete from
    the table; after the act the server's counters of the table serve as well. Observation
    where it records deletes and no such act: deleting is what tables are for. Undetermined where
    it records both or has a gap, where the earlier snapshot is of another table than the log
    follows, as it is after a move, where nothing says what happened in between, where the later
    snapshot has a new subject with the values of the row (it may have been renamed), and where the
    clocks leave it open which snapshot is the later one, or whether the act lies between them.
    Innocent: retention that deletes old rows, or that writes the table anew without them; a job
    that loads the table whole from a place that has the row no more; a row whose subject was
    renamed.
    Source: PostgreSQL documentation, 26.1 "SQL Dump": a dump is a consistent snapshot.
    """
    about = lacking(timeline)
    if about.is_empty():
        return
    told = claims(timeline, of=fetched(timeline, about)).collect(engine="streaming").lazy()
    gone = _gone(timeline, about, told).collect()
    if gone.is_empty():
        return
    acts = _acts(timeline).collect()
    written = log(timeline)
    other_names = renamed(timeline, gone, told)
    undeleted = _undeleted(timeline)
    known = identities(timeline)
    for row in gone.sort("subject", "table").iter_rows(named=True):
        # As the clock shows them that stamps the acts in between.
        span = row["held_at_from"], row["absent_at_to"]
        replaced = acts.filter(
            (pl.col("source") == row["source"])
            & pl.col("table").is_in([row["table"], ""])
            & (pl.col("at_to") >= span[0])
            & (pl.col("at_from") <= span[1])
        )
        surely = replaced.filter(
            (pl.col("at_to") - _wide("at") >= span[0] + row["held_wide"])
            & (pl.col("at_from") + _wide("at") <= span[1] - row["absent_wide"])
        )
        changes = written.between(row["source"], row["table"], *span)
        between = _Between(
            replaced.to_dicts(),
            [one for one in changes if one["deletes"]],
            [one for one in changes if not one["deletes"]],
            # What the log follows is not what a snapshot of another cluster shows.
            is_logged=_is_logged(row, replaced, written, undeleted)
            and not known.differ(row["source"], row["table"], row["held_item"], span[0]),
            is_sure=row["sure"] and surely.height == replaced.height,
            renamed=other_names.get((row["source"], row["table"], row["subject"])),
        )
        yield _draft(timeline, row, between)


class _Between(NamedTuple):
    """What is known of the time between the two snapshots."""

    replaced: list[dict[str, Any]]
    """Acts that leave no earlier row in the table."""
    deleted: list[dict[str, Any]]
    """Transactions that deleted rows of it."""
    updated: list[dict[str, Any]]
    """Transactions that updated rows of it and deleted none."""
    is_logged: bool
    """Whether the log covers all of the time, or all but an end that the counters cover."""
    is_sure: bool
    """Whether it is so whatever the clocks within their bounds."""
    renamed: str | None
    """A new subject of the later snapshot that has the values of the row."""

    @property
    def verdict(self) -> Verdict:
        """By the rule's definition."""
        if not self.is_sure:
            return "undetermined"
        if self.renamed or not self.is_logged:
            deletes = self.deleted and not self.replaced and not self.renamed
            return "observation" if deletes else "undetermined"
        if self.replaced and self.deleted:
            return "undetermined"
        return "missing" if self.replaced else "observation" if self.deleted else "undetermined"


def _is_logged(
    row: dict[str, Any], replaced: pl.DataFrame, written: Log, undeleted: pl.DataFrame
) -> bool:
    """Whether a delete from the table in that time would be known.

    That is: the log follows the table all the time; or up to the last act, and the counters of a
    later capture, which has no such row either, know of no delete.
    """
    source, table, since = row["source"], row["table"], row["held_at_from"]
    acts = replaced["at_from"].to_list()
    if not written.follows(source, table, since, min([row["absent_at_to"], *acts])):
        return False
    if written.covers(source, table, since, row["absent_at_to"]):
        return True
    if not acts or not set(replaced["kind"]).isdisjoint(RESTORED):
        return False
    last = max(replaced["at_to"].to_list())
    counted = undeleted.filter(
        (pl.col("source") == source)
        & (pl.col("table") == table)
        & (pl.col("at_from") > max(row["held_at_to"], last))
    )
    return not counted.is_empty() and written.covers(source, table, since, last)


def _undeleted(timeline: Timeline) -> pl.DataFrame:
    """Tables of captures from which, by the server's own counters, no row was ever deleted.

    Counters that were reset know of fewer inserts than there are rows, and do not count.
    """
    counters = timeline.kind("table.statistics").collect()
    if counters.is_empty():
        return pl.DataFrame(schema={"source": pl.String, "table": pl.String, "at_from": INSTANT})
    rows = (
        rows_of_tables(timeline)
        .filter(pl.col("kind") == "row.version")
        .group_by("source", "item", "table")
        .agg(rows=pl.len())
        .join(snapshots(timeline), on=["source", "item"])
        .select("source", "table", "rows", "at_from", earliest="seen_from")
    )

    def number(name: str) -> pl.Expr:
        return pl.col("value").str.extract(rf"\b{name}=(\d+)").cast(pl.Int64)

    return (
        counters.lazy()
        .select(
            "source",
            "earliest",
            table="subject",
            inserts=number("n_tup_ins"),
            deletes=number("n_tup_del"),
        )
        .join(rows, on=["source", "table", "earliest"])
        .filter((pl.col("deletes") == 0) & (pl.col("inserts") >= pl.col("rows")))
        .select("source", "table", "at_from")
        .collect()
    )


def _gone(timeline: Timeline, about: pl.DataFrame, told: pl.LazyFrame) -> pl.LazyFrame:
    """Per subject and table: the last snapshot that holds it, the first complete one that lacks it.

    Only where no later snapshot holds it again.
    """
    complete = (
        timeline.coverage.filter((pl.col("kind") == "claim") & pl.col("item").is_not_null())
        .select("source", "item", table="subject")
        .unique()
        .join(snapshots(timeline), on=["source", "item"])
    )
    held = (
        told.filter(pl.col("table").is_not_null() & pl.col("seen_to").is_not_null())
        .sort("part")
        .group_by("source", "table", "subject", "item")
        .agg(
            claim=pl.col("row").first(),
            attribute=pl.col("attribute").first(),
            value=pl.col("value").first(),
            held_from=pl.col("seen_from").first(),
            held_to=pl.col("seen_to").first(),
            held_clock=pl.col("seen_clock").first(),
            **{f"held_{name}": pl.col(name).first() for name in _AT},
            seen=pl.col("snapshot").first(),
        )
        .with_columns(held_item="item")
    )
    subjects = held.select("source", "table", "subject").unique()
    absent = (
        complete.join(subjects, on=["source", "table"])
        .join(
            _standing(timeline, about, told), on=["source", "table", "subject", "item"], how="anti"
        )
        .select(
            "source",
            "table",
            "subject",
            absent_item="item",
            absent_from="seen_from",
            absent_to="seen_to",
            absent_clock="seen_clock",
            **{f"absent_{name}": pl.col(name) for name in _AT},
            absent="snapshot",
        )
    )
    ends = pl.col("held_at_from", "held_at_to", "absent_at_from", "absent_at_to")
    key = ["source", "table", "subject"]
    # By each clock the last that holds it: which of them is the last, readings do not say.
    return (
        held.sort("held_to", "item")
        .unique([*key, "held_clock"], keep="last", maintain_order=True)
        .join(absent, on=key)
        .pipe(timeline.clocks.apart, _HELD, _ABSENT, "later")
        .pipe(last_of, "later", [*key, "absent_item"], ("held_to", "absent_from"))
        .with_columns(
            sure=pl.col("sure") & pl.all_horizontal(ends.is_not_null()),
            held_wide=_wide("held_at"),
            absent_wide=_wide("absent_at"),
        )
        # What is not bounded is taken as it reads, and is not sure.
        .with_columns(
            pl.coalesce(f"{side}_at_{end}", f"{side}_{end}").alias(f"{side}_at_{end}")
            for side in ("held", "absent")
            for end in ("from", "to")
        )
        .sort("sure", "absent_at_from", "absent_item", descending=[True, False, False])
        .unique(key, keep="first", maintain_order=True)
    )


def _wide(name: str) -> pl.Expr:
    """By how much the ends of a time are not known, on the clock that stamps the records."""
    wide = pl.col(f"{name}_high") - pl.col(f"{name}_low")
    return pl.duration(microseconds=wide.fill_null(0))


def _standing(timeline: Timeline, about: pl.DataFrame, told: pl.LazyFrame) -> pl.LazyFrame:
    """Subjects that an item has a row for, be it one without a value to claim."""
    key = ["source", "table", "subject", "item"]
    rows = rows_of_tables(timeline).filter(pl.col("subject").is_in(about["subject"].implode()))
    return pl.concat([told.select(key), rows.select(key)]).unique()


def _acts(timeline: Timeline) -> pl.LazyFrame:
    """What leaves no earlier row in a table: acts on it, and restores of all (table empty)."""
    acts = timeline.kind(*REPLACED, *RESTORED, "table.drop").filter(
        pl.col("earliest").is_not_null()
    )
    return (
        logged(timeline, acts, READING, "at")
        .select(
            "source",
            "clock",
            *("at_from", "at_to", "at_low", "at_high"),
            "row",
            "kind",
            "earliest",
            "latest",
            "value",
            table=pl.when(pl.col("kind").is_in(RESTORED)).then(pl.lit("")).otherwise("subject"),
        )
        # A recreation is a drop and a creation as well; the fuller word is the one to use.
        .sort(
            pl.col("kind").replace_strict({"table.drop": 2, "table.create": 1}, default=0),
            "earliest",
            "row",
        )
    )


def _draft(timeline: Timeline, row: dict[str, Any], between: _Between) -> Draft:
    table = row["table"].rsplit("/", 1)[-1]
    held = show_interval(row["held_from"], row["held_to"])
    absent = show_interval(row["absent_from"], row["absent_to"])
    act = next(iter(between.replaced or between.deleted), None)
    events = [("held", row["claim"]), ("seen", row["seen"]), ("absent", row["absent"])]
    steps: list[Step] = [
        step("states", "held", attribute=row["attribute"], value=row["value"] or ""),
        step("seen", "held", "seen", seen=held),
        step("absent", "absent", table=table, subject=row["subject"], seen=absent),
    ]
    if act is not None:
        role = "replaced" if between.replaced else "deleted"
        events.append((role, act["row"]))
        steps.append(step("between", "seen", role, "absent"))
    return Draft(
        verdict=between.verdict,
        subject=row["subject"],
        statement=f"{table} held a row for {row['subject']} in the snapshot of "
        f"{say_interval(row['held_from'], row['held_to'])}, and holds none in that of "
        f"{say_interval(row['absent_from'], row['absent_to'])}; {_what(act, table, between)}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the row would have had to be taken out, left out or "
        "renamed as intended between the two snapshots.",
        alibi=_alibi(timeline, row, act),
        innocent=_innocent(between),
    )


def _alibi(timeline: Timeline, row: dict[str, Any], act: dict[str, Any] | None) -> str:
    """What the order of the two snapshots, and of the act between them, rests on."""
    text = ["Both snapshots cover the whole table."]
    if row["later_basis"] != BASES[0]:
        clocks = (row["held_clock"], row["absent_clock"])
        text.append(ordered(timeline.measured, row, "later", clocks, row["held_from"]))
    if act is not None and act["clock"] not in {row["held_clock"], row["absent_clock"]}:
        clocks = (row["held_clock"], act["clock"])
        text.append(ordered(timeline.measured, row, "held_at", clocks, row["held_from"]))
    return " ".join(text)


def _what(act: dict[str, Any] | None, table: str, between: _Between) -> str:
    if act is None and between.updated:
        return f"in between the log records updates of {table}, and no act that takes rows away"
    if act is None and between.is_logged:
        return (
            f"the log covers the time in between, and records no write that could have taken a "
            f"row of {table} away"
        )
    if act is None:
        return f"no record at hand says what happened to {table} in between"
    when = say_interval(act["earliest"], act["latest"])
    if between.deleted and not between.replaced:
        return f"in between a transaction deleted rows of it, on {when} ({act['value']})"
    done = {
        "table.recreate": "the table was recreated",
        "table.truncate": "the table was truncated",
        "table.create": "the table that has that name now was created",
        "table.drop": "the table was dropped",
    }.get(act["kind"], "the cluster went on from an earlier state, as by a restore or a failover")
    return f"in between {done}, on {when}"


def _innocent(between: _Between) -> list[Innocent]:
    return [
        Innocent(
            "An ordinary DELETE, such as a retention job's, took the row out.",
            False if between.deleted else (True if between.is_logged else None),
            "The log records deletes from the table between the two snapshots."
            if between.deleted
            else "The log follows the table from the earlier snapshot on and records no delete; "
            "where it ends before the later one, the server's counters know of none."
            if between.is_logged
            else "No delete from the table is on record; the log does not follow it all of the "
            "time between the two snapshots.",
        ),
        Innocent(
            "The row was left out as intended as the table was written anew: by retention, or by a "
            "load from a place that has it no more.",
            None,
            "The job or the people who wrote the table would say.",
        ),
        Innocent(
            "The subject was renamed: the row is there under another name.",
            False if between.renamed else None,
            f"The later snapshot has {between.renamed}, which the earlier one has not, with the "
            "same values."
            if between.renamed
            else "No new subject of the later snapshot has all of its values.",
        ),
    ]
