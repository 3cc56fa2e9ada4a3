"""Norm: before a schema migration there is a read-only copy, and a sign-off by the owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.views import snapshots
from recon.subjects import glob
from recon.time.corrected import READING, Reading

if TYPE_CHECKING:
    from recon.config import Norm

_MIGRATIONS = ("table.recreate", "table.truncate", "table.replaced")
_COPY_HOURS, _DAYS = 24.0, 30.0
_LAST = r"([^/:]+)$"
"""The table's own name in a subject: ``pg:db/lineage/ml.lineage``, ``table:ml.lineage``."""


@rule("migration-signed-off", needs=("table.*",), is_norm=True)
def migration_signed_off(timeline: Timeline) -> Iterator[Draft]:
    """The norm is broken iff a table was migrated without a copy or a sign-off from before it.

    A migration: a table recreated, emptied or replaced, or rewritten by ALTER TABLE. A copy: a
    snapshot of the table, or a base backup of its cluster, of the ``copy_hours`` before. A
    sign-off: a record of kind ``signoff`` about the table (by its name at the end of the subject)
    whose actor matches ``owner``, of the ``days`` before.
    Parameters of the norm: ``table`` (glob), ``signoff`` (glob of kinds, by default ``signoff``),
    ``owner`` (glob of actors), ``copy_hours`` (24), ``days`` (30), ``complete`` (``yes``: the case
    answers for it that all sign-offs and copies are among the evidence), ``since``.
    Undetermined where ``complete`` is not declared: what is missed may exist elsewhere. A record
    that may have come before counts as one that did, whatever its clock.
    Innocent: a sign-off by word of mouth; a copy that another tool made; VACUUM FULL, CLUSTER and
    an UPDATE, which migrate nothing.
    Source: the case's own ``case.toml`` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == "migration-signed-off":
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    parameters = norm.model_extra or {}
    acts = migrations(timeline.events, parameters)
    if norm.since is not None:
        acts = acts.filter(pl.col("earliest") >= norm.since)
    found = acts.collect()
    if found.is_empty():
        return
    hours = float(parameters.get("copy_hours", _COPY_HOURS))
    copied = _before(timeline, found, _copies(timeline), timedelta(hours=hours))
    signed = _before(
        timeline, found, _signoffs(timeline, parameters), timedelta(days=_days(parameters))
    )
    for row in found.iter_rows(named=True):
        lacking = []
        if row["row"] not in copied:
            lacking.append(f"a read-only copy of the {hours:g} hours before")
        if row["row"] not in signed:
            lacking.append(f"a sign-off by the owner of the {_days(parameters):g} days before")
        if lacking:
            yield _draft(row, lacking, complete=str(parameters.get("complete", "no")) == "yes")


def _days(parameters: Mapping[str, Any]) -> float:
    return float(parameters.get("days", _DAYS))


def migrations(events: pl.LazyFrame, parameters: Mapping[str, Any]) -> pl.LazyFrame:
    """Each migration once, by table and time, of tables that match the norm's glob."""
    table = pl.col("subject").str.extract(_LAST)
    altered = (pl.col("kind") == "table.rewrite") & pl.col("value").str.starts_with("ALTER TABLE")
    # A table that stays where it is, but for its tablespace, keeps every row and column.
    moved = pl.col("value").str.contains("SET TABLESPACE", literal=True).fill_null(value=False)
    return (
        events.filter(
            pl.col("kind").is_in(_MIGRATIONS) | (altered & ~moved),
            pl.col("earliest").is_not_null(),
        )
        .filter(table.str.contains(glob(str(parameters.get("table", "*")))))
        .with_columns(table=table)
        .sort("earliest", "row")
        .unique(["source", "subject", "earliest"], keep="first", maintain_order=True)
    )


def _copies(timeline: Timeline) -> pl.LazyFrame:
    """Complete snapshots by table, and base backups, which hold all tables of their source."""
    whole = timeline.coverage.filter(
        (pl.col("kind") == "claim") & pl.col("subject").str.starts_with("pg:")
    ).select("source", "item", table=pl.col("subject").str.extract(_LAST))
    seen = (
        snapshots(timeline)
        .join(whole, on=["source", "item"])
        .select("source", "table", by_clock="seen_clock", by_from="seen_from", by_to="seen_to")
    )
    backups = (
        timeline.kind("backup.stop")
        .filter(pl.col("earliest").is_not_null())
        .select("source", by_clock="clock", by_from="earliest", by_to="latest")
    )
    tables = whole.select("source", "table").unique()
    return pl.concat(
        [seen, backups.join(tables, on="source").select(seen.collect_schema().names())]
    )


def _signoffs(timeline: Timeline, parameters: Mapping[str, Any]) -> pl.LazyFrame:
    """Records of sign-offs by table, of any source."""
    return (
        timeline.events.filter(
            pl.col("kind").str.contains(glob(str(parameters.get("signoff", "signoff")))),
            pl.col("actor").fill_null("").str.contains(glob(str(parameters.get("owner", "*")))),
            pl.col("earliest").is_not_null(),
        )
        .select(
            table=pl.col("subject").str.extract(_LAST),
            by_clock="clock",
            by_from="earliest",
            by_to="latest",
        )
        .unique()
    )


def _before(
    timeline: Timeline, found: pl.DataFrame, those: pl.LazyFrame, within: timedelta
) -> set[int]:
    """Rows of migrations before which one of those may have come, within so much time."""
    keys = ["source", "table"] if "source" in those.collect_schema() else ["table"]
    both = found.lazy().select("row", "source", "table", *READING).join(those, on=keys)
    most = round(within.total_seconds() * 1_000_000)
    near = timeline.clocks.apart(both, Reading("by_clock", "by_from", "by_to"), READING, "late")
    kept = near.filter(
        (pl.col("late_most") > 0).fill_null(value=True)
        & (pl.col("late_least") <= most).fill_null(value=True)
    )
    return set(kept.select("row").unique().collect()["row"])


def _draft(row: Mapping[str, Any], lacking: list[str], *, complete: bool) -> Draft:
    verdict: Verdict = "breach" if complete else "undetermined"
    when = say_interval(row["earliest"], row["latest"])
    what = " and no ".join(one.removeprefix("a ") for one in lacking)
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['table']} was migrated on {when} ({row['kind']}), and the evidence holds "
        f"no {what}; the case's norm promises both",
        events=[("migration", row["row"])],
        steps=[
            step(
                "norm",
                rule="migration-signed-off",
                promises="a read-only copy and a sign-off by the owner come before a migration",
            ),
            step(
                "reads",
                "migration",
                earliest=row["earliest"],
                latest=row["latest"],
                clock=row["clock"],
                basis=row["basis"],
            ),
            step("lacking", "migration", what=what, complete="yes" if complete else "no"),
        ],
        excuse="For the norm to be kept, what is missed would have to exist, of an earlier time.",
        alibi="The case declares that all copies and sign-offs are among the evidence."
        if complete
        else "Nothing says that all copies and sign-offs are among the evidence.",
        innocent=[
            Innocent(
                "The copy or the sign-off was made elsewhere, or is recorded under another name.",
                False if not complete else None,
                "The owner's own records would say.",
            ),
        ],
    )
