"""Transactions that were committed and are not in the history that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon import schema
from recon.findings import Innocent, Step, Verdict
from recon.instants import say_interval, show_interval
from recon.names import within
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.restores import Fork, Histories
from recon.rules.values import alike
from recon.rules.views import claims, logged, named, snapshots, versions
from recon.rules.writes import counted
from recon.time.corrected import Reading

_WRITTEN = Reading("written_clock", "written_from", "written_to")


@rule("lost-in-restore", needs=("claim", "wal.commit"))
def lost_in_restore(timeline: Timeline) -> Iterator[Draft]:
    """A write is lost iff its COMMIT is not in the history of the timeline that goes on.

    That is: it stands on the parent timeline at or above the LSN at which the child switched, the
    child is the timeline of the newest thing known of the cluster, or an ancestor of it, and the
    write was to a claimed table. Missing where the log holds that COMMIT and nothing shows the
    write made again: the newest complete snapshot after the switch has other values or none, or
    nothing was written to the table since.
    Undetermined where the history says that replay ended before a transaction that the log at hand
    does not hold; where rows were written to the table since and those lost cannot be read; and
    where nothing shows which timeline goes on.
    Observation where the newest snapshot gives the values that were lost: they were written again.
    Innocent: a failover after which nothing stands above the switch; a trial restore beside a
    cluster that goes on; a target chosen to undo a mistake, whose writes were meant to go; writes
    to tables that nobody claims.
    Source: PostgreSQL documentation, 26.3.5 "Timelines"; ``timeline.c`` (history files).
    """
    histories = Histories(timeline)
    for fork in histories.forks:
        state = histories.goes_on(fork)
        if state == "no":
            continue
        if fork.commits == 0:
            if state == "yes" and fork.stopped_early and fork.aborts == 0:
                yield _unseen(fork)
            continue
        lost = _Lost(timeline, fork, certain=state == "yes")
        yield from lost.drafts()


class _Lost:
    """What one fork left behind of the claimed tables."""

    def __init__(self, timeline: Timeline, fork: Fork, *, certain: bool) -> None:
        self.timeline, self.fork, self.certain = timeline, fork, certain
        parent, child = fork.numbers
        prefix = f"timeline={child} parent={parent} switch={fork.shown} "
        self.writes = (
            timeline.kind("table.lost-write")
            .filter((pl.col("source") == fork.source) & pl.col("value").str.starts_with(prefix))
            .with_columns(
                inserts=counted("insert"), updates=counted("update"), deletes=counted("delete")
            )
            .sort("earliest", "row")
            .collect()
        )

    def drafts(self) -> Iterator[Draft]:
        for (table,), writes in self.writes.group_by("subject", maintain_order=True):
            read = self._claims(str(table))
            snapshot = self._snapshot(str(table))
            if read.is_empty():
                yield self._of_table(str(table), writes, snapshot)
            for (subject,), rows in read.group_by("subject", maintain_order=True):
                yield self._of_subject(str(table), str(subject), rows, snapshot)

    def _claims(self, table: str) -> pl.DataFrame:
        """The last that the lost rows of a table state, where rows were read from the log."""
        columns = list(schema.EVENTS)
        place = (
            (pl.col("source") == self.fork.source)
            & (pl.col("stream") == self.fork.parent)
            & (pl.col("position") >= self.fork.switch)
        )
        changes = self.timeline.kind("row.insert", "row.update", "row.delete").filter(
            place & (named("pg:") == table)
        )
        # Claims share the place in the log of the change that made them.
        stated = (
            self.timeline.kind("claim")
            .drop("position")
            .join(
                changes.select("source", "item", "citation", "position"),
                on=["source", "item", "citation"],
            )
        )
        deletes = changes.filter(pl.col("kind") == "row.delete")
        rows = (
            pl.concat([stated.select(columns), deletes.select(columns)])
            .sort("position", "row")
            .collect()
        )
        last = rows.group_by("subject").agg(end=pl.col("kind").last())
        deleted = last.filter(pl.col("end") == "row.delete")["subject"]
        return (
            rows.filter((pl.col("kind") == "claim") & ~pl.col("subject").is_in(deleted.implode()))
            .unique(["subject", "attribute"], keep="last", maintain_order=True)
            .sort("subject", "attribute")
        )

    def _snapshot(self, table: str) -> dict[str, Any] | None:
        """The newest complete snapshot of a table after the switch."""
        fork = self.fork
        after = fork.at_from or fork.lost_to
        found = (
            self.timeline.coverage.filter(
                (pl.col("kind") == "claim") & (pl.col("subject") == table)
            )
            .select("source", "item")
            .unique()
            .join(snapshots(self.timeline), on=["source", "item"])
            .filter((pl.col("source") == fork.source) & (pl.col("at_from") > after))
            .sort("at_to", "item")
            .collect()
        )
        return found.row(-1, named=True) if found.height else None

    def _of_subject(
        self, table: str, subject: str, rows: pl.DataFrame, snapshot: dict[str, Any] | None
    ) -> Draft:
        fork, now = self.fork, self._now(table, subject, snapshot)
        said = dict(zip(rows["attribute"], rows["value"], strict=True))
        differing = [
            name
            for name, value in said.items()
            if alike(value, now.get(name, (None, 0))[0]) not in {"same", "spelling"}
        ]
        shown = rows.row(rows["attribute"].to_list().index((differing or [*said])[0]), named=True)
        again = snapshot is not None and not differing
        verdict: Verdict = "missing" if self.certain and snapshot else "undetermined"
        verdict = "observation" if again else verdict
        commit = self.writes.filter(pl.col("names").list.contains(_xid(shown) or ""))
        events = [("fork", fork.row), ("lost", shown["row"])]
        steps = [_forked(fork), _stated(shown)]
        if commit.height:
            events.append(("committed", int(commit["row"][0])))
            steps.append(step("left-behind", "fork", "committed", table=_short(table)))
        what = "no complete snapshot from after it says what the table holds now"
        if snapshot is not None:
            seen = show_interval(snapshot["seen_from"], snapshot["seen_to"])
            when = f"the snapshot of {say_interval(snapshot['seen_from'], snapshot['seen_to'])}"
            events.append(("seen", snapshot["snapshot"]))
            name = shown["attribute"]
            if not now:
                what = f"{when} has no row for it"
                steps.append(
                    step("absent", "seen", table=_short(table), subject=subject, seen=seen)
                )
            elif again:
                what = f"{when} gives the same"
                events.append(("again", now[name][1]))
                steps.append(
                    step("same-values", "lost", "again", attributes=", ".join(said), seen=seen)
                )
            elif name in now:
                what = f"{when} gives {now[name][0]}"
                events.append(("instead", now[name][1]))
                steps.append(
                    step(
                        "differs",
                        "lost",
                        "instead",
                        attribute=name,
                        was=shown["value"],
                        now=now[name][0],
                        seen=seen,
                    )
                )
            else:
                what = f"{when} gives no {name}"
        return self._draft(
            verdict,
            subject,
            f"A transaction on timeline {fork.numbers[0]} wrote {shown['attribute']} = "
            f"{shown['value']} of {subject} to {_short(table)}; it is not in timeline "
            f"{fork.numbers[1]}, which went on from LSN {fork.shown}; {what}",
            (events, steps),
            again=False if again else (True if snapshot else None),
        )

    def _now(
        self, table: str, subject: str, snapshot: dict[str, Any] | None
    ) -> dict[str, tuple[str, int]]:
        """By attribute: value and row of what the snapshot says of a subject."""
        if snapshot is None:
            return {}
        rows = (
            claims(self.timeline)
            .filter(
                (pl.col("source") == self.fork.source)
                & (pl.col("item") == snapshot["item"])
                & (pl.col("table") == table)
                & (pl.col("subject") == subject)
            )
            .sort("row")
            .select("attribute", "value", "row")
            .collect()
        )
        return {name: (value, row) for name, value, row in rows.iter_rows()}

    def _of_table(self, table: str, writes: pl.DataFrame, snapshot: dict[str, Any] | None) -> Draft:
        fork = self.fork
        quiet = self._quiet(table, snapshot)
        verdict: Verdict = "missing" if self.certain and quiet else "undetermined"
        first, last = writes.row(0, named=True), writes.row(-1, named=True)
        events = [("fork", fork.row), ("first", first["row"])]
        steps = [_forked(fork), step("left-behind", "fork", "first", table=_short(table))]
        if writes.height > 1:
            events.append(("last", last["row"]))
            steps.append(step("left-behind", "fork", "last", table=_short(table)))
        done = ", ".join(
            f"{writes[name].sum()} {name}" for name in ("inserts", "updates", "deletes")
        )
        since = (
            f"nothing was written to {_short(table)} since"
            if quiet
            else f"whether that was written to {_short(table)} again is not told"
        )
        many = "transactions" if writes.height > 1 else "transaction"
        return self._draft(
            verdict,
            table,
            f"{writes.height} {many} that wrote {_short(table)} on timeline {fork.numbers[0]} "
            f"({done}), committed on {say_interval(first['earliest'], last['latest'])}, "
            f"{'are' if writes.height > 1 else 'is'} not in timeline {fork.numbers[1]}, which went "
            f"on from LSN {fork.shown}; {since}",
            (events, steps),
            again=True if quiet else None,
        )

    def _quiet(self, table: str, snapshot: dict[str, Any] | None) -> bool:
        """Whether it is known that nothing was written to the table after the switch."""
        fork, source = self.fork, pl.col("source") == self.fork.source
        if snapshot is not None:
            of_table = versions(self.timeline).filter(
                source & (pl.col("item") == snapshot["item"]) & (pl.col("table") == table)
            )
            # As the clock shows them that stamps the commits, the lost ones among them.
            rows = logged(self.timeline, of_table, _WRITTEN, "wrote").collect()["wrote_to"]
            # A row without a time may be younger than the switch; one of after it surely is.
            if rows.len() and rows.null_count() == 0:
                return bool((rows < fork.lost_from).all())
        written = self.timeline.kind("table.write").filter(
            source & (pl.col("subject") == table) & (pl.col("stream") == fork.child)
        )
        covered = self.timeline.coverage.filter(
            source
            & pl.col("kind").str.starts_with("table.")
            & (pl.col("stream") == fork.child)
            & within(pl.lit(table), pl.col("subject"))
        )
        if snapshot is not None:
            covered = covered.filter(pl.col("latest") >= snapshot["at_from"])
        return written.collect().is_empty() and not covered.collect().is_empty()

    def _draft(
        self,
        verdict: Verdict,
        subject: str,
        statement: str,
        shown: tuple[list[tuple[str, int]], list[Step]],
        *,
        again: bool | None,
    ) -> Draft:
        doubt = "" if self.certain else "; nothing shows which of the two timelines goes on"
        return Draft(
            verdict=verdict,
            subject=subject,
            statement=f"{statement}{doubt}",
            events=shown[0],
            steps=shown[1],
            excuse="For this to be innocent the writes would have had to be meant to go, as by a "
            "restore to the time before a mistake, or to be of no consequence.",
            alibi="The log's own order says so, which needs no clock: the COMMIT stands on "
            f"timeline {self.fork.numbers[0]} at or above the LSN of the switch.",
            innocent=_innocent(self.fork, again=again, certain=self.certain),
        )


def _unseen(fork: Fork) -> Draft:
    return Draft(
        verdict="undetermined",
        subject=f"pg:{fork.source}",
        statement=f"Timeline {fork.numbers[1]} went on from LSN {fork.shown} of timeline "
        f"{fork.numbers[0]}, {fork.reason}: replay ended before the end of a transaction, and the "
        f"log of timeline {fork.numbers[0]} from there on is not at hand",
        events=[("fork", fork.row)],
        steps=[_forked(fork)],
        excuse="For this to be innocent that transaction, and those after it, would have had to "
        "be rolled back, to write nothing that is claimed, or to be meant to go.",
        alibi=f"The WAL of timeline {fork.numbers[0]} from LSN {fork.shown} on would say.",
        innocent=_innocent(fork, again=None, certain=True),
    )


def _forked(fork: Fork) -> Step:
    parent, child = fork.numbers
    return step("forked", "fork", parent=parent, child=child, lsn=fork.shown, reason=fork.reason)


def _stated(row: dict[str, Any]) -> Step:
    return step("states", "lost", attribute=row["attribute"], value=row["value"] or "")


def _short(table: str) -> str:
    return table.rsplit("/", 1)[-1]


def _xid(row: dict[str, Any]) -> str | None:
    return next((name for name in row["names"] or () if name.startswith("xid:")), None)


def _innocent(fork: Fork, *, again: bool | None, certain: bool) -> list[Innocent]:
    seen = fork.commits > 0
    return [
        Innocent(
            "A standby took over, and nothing was lost.",
            True if seen else None,
            "The log holds commits above the switch."
            if seen
            else "The log above the switch is not at hand.",
        ),
        Innocent(
            "The restore was a trial beside a cluster that goes on.",
            True if certain else None,
            "The newest thing known of the cluster is on the new timeline, or one that came of it."
            if certain
            else "Control data of the server that is in use would say which timeline it is on.",
        ),
        Innocent(
            "What was lost was written again afterwards.",
            again,
            "The newest snapshot gives the same values."
            if again is False
            else "Neither the newest snapshot nor the log shows it written again."
            if again
            else "Rows were written since, or no snapshot from after the restore says.",
        ),
        Innocent(
            "The target was chosen to undo a mistake, and the writes were meant to go.",
            None,
            f"The history file says why replay ended ({fork.reason or 'no reason'}), not why it "
            "was asked for.",
        ),
    ]
