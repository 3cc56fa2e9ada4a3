"""What a finding of ``re-registered`` says for and against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from recon.findings import Innocent, Verdict
from recon.instants import show, show_interval, show_span
from recon.rules.alibis import resting
from recon.rules.earlier import Compared, Earlier
from recon.rules.updates import Change
from recon.time.agreement import Agreement
from recon.time.between import BASES


class Neighbours(NamedTuple):
    """Commit records that stand just before and after the act in the log."""

    before: tuple[datetime, int] | None
    after: tuple[datetime, int] | None


_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Case:
    """One row, the act before it, what it was, and what the log says of the time in between."""

    rows: Mapping[str, Mapping[str, Any]]
    """Its claims, by attribute."""
    first: Mapping[str, Any]
    before: Earlier | None
    compared: Compared | None
    covered: bool
    """Whether the log follows the table from the snapshot to the row's transaction."""
    changes: Sequence[Mapping[str, Any]]
    """Transactions that updated rows of the table, or deleted some, in that time."""
    near: Sequence[Mapping[str, Any]]
    """The same, so shortly before the time of the snapshot that they may have come after it."""
    ahead: float | None = None
    """Seconds that the clock of a dump would have had to be ahead, for the dump to be older than a
    change of the row that the log records, or than the log; None where no such clock is involved.
    """
    explained: Change | None = None
    """The update that made the values that differ what they are now, before the act."""

    @property
    def table(self) -> str:
        """``schema.table``."""
        return str(self.first["table"]).rsplit("/", 1)[-1]

    @property
    def values(self) -> dict[str, str]:
        """By attribute."""
        return {name: row["value"] for name, row in self.rows.items()}

    @property
    def differing(self) -> Sequence[str]:
        """Attributes whose values are other ones now, or may be."""
        if self.compared is None or not self.compared.any("other", "unclear"):
            return ()
        return [
            name for name in self.compared.differing if self.compared.likeness[name] != "spelling"
        ]

    @property
    def name(self) -> str:
        """The attribute that the finding shows."""
        differing = self.compared.differing if self.compared else ()
        return next((name for name in differing if name in self.rows), next(iter(self.rows)))

    @property
    def shown(self) -> Mapping[str, Any]:
        """The claim of that attribute."""
        return self.rows[self.name]

    @property
    def margin(self) -> float:
        """Seconds: of the clocks that the argument rests on, the one that may be least wrong."""
        apart = float(self.first["margin"])
        return apart if self.ahead is None else min(apart, self.ahead)

    @property
    def reverted(self) -> bool:
        """Whether older snapshots give all that is another value now."""
        older = self.before.older if self.before else {}
        return bool(self.differing) and all(
            self.values.get(name) in older.get(name, ()) for name in self.differing
        )

    @property
    def doubts(self) -> list[str]:
        """Why a value that differs may have changed in the ordinary way."""
        if not self.differing or self.compared is None or self.explained:
            return []
        doubts = []
        if self.first["unsure"]:
            doubts.append("the clocks may be so far apart that the order of these times is another")
        if self.first["guessed"]:
            doubts.append("when the row was written is an estimate")
        elif self.first["wrote_from"] < self.first["act_from"]:
            doubts.append("the row may have been written before that act")
        if self.changes:
            doubts.append("an update or a delete that the log records in between may have done it")
        elif not self.covered:
            doubts.append("the log does not follow the table all of the time in between")
        if self.near and self.before:
            early = (self.before.at_from - self.near[-1]["latest"]).total_seconds()
            doubts.append(
                f"an update or a delete that the log records {show_span(early)} before the time of "
                "the snapshot came after it if the clock that dated the snapshot was that far ahead"
            )
        if self.reverted:
            doubts.append("an older snapshot gives what it is now")
        if not self.compared.alone:
            doubts.append("it has several rows of that time, and which of them it was is not told")
        return doubts

    @property
    def verdict(self) -> Verdict:
        """By the rule's definition."""
        if self.compared is None:
            return "undetermined"
        if not self.differing or self.explained:
            return "observation"
        certain = self.compared.any("other") and not self.doubts
        return "conflict" if certain else "undetermined"


def dated_by(row: Mapping[str, Any]) -> str:
    """What says when the row was written, in a sentence; nothing where its own record does."""
    xid = str(row["xid"]).rsplit("/", 1)[-1]
    return {
        "commit record": f" by the COMMIT record of its transaction {xid} in the log",
        "checkpoints": f" by the checkpoints about its transaction {xid}",
        "captures": " by the captures that lack it and show it",
        "dumps": " as an estimate from the dumps that lack it and show it",
        "number given out": f" as an estimate from when its transaction {xid} got its number",
        "dated neighbours": " as an estimate from the transactions before and after its own",
        "asserted neighbours": " as an estimate from what the rows of the transactions before and "
        "after its own assert",
    }.get(row["written_basis"], "")


def excuse(case: Case) -> str:
    """What would have to be so for the finding to be innocent."""
    row = case.first
    text = (
        f"For the asserted time to be when this row was stored, the clock {row['written_clock']} "
        f"would have had to read {show_span(row['margin'])} ahead of {row['clock']} for this "
        "transaction"
    )
    if case.ahead is not None and not case.doubts:
        text += (
            "; or, for the log to miss an ordinary change, the clock that dated the snapshot would "
            f"have had to read {show_span(case.ahead)} ahead of it"
        )
    if case.differing:
        names = " and ".join(case.differing)
        have = "were" if len(case.differing) > 1 else "was"
        on_the_way = (
            "before it was copied, as it was copied or after"
            if case.doubts
            else "before it was copied"
            if case.explained
            else "while it was copied, or in the place that it was loaded from"
        )
        return (
            f"{text}; or the row copies an earlier registration time, and its {names} {have} "
            f"meant to change {on_the_way}."
        )
    return f"{text}; or the row copies an earlier registration and its time with it."


def alibi(
    agreement: Agreement | None, near: Neighbours, row: Mapping[str, Any], held: str | None = None
) -> str:
    """What the other records say about the clock.

    ``held``: what the measured clocks say of the one that stamped the row.
    """
    parts = []
    if agreement and agreement.measured:
        parts.append(
            f"{agreement.agreeing} of {agreement.pairs} rows written by other transactions hold "
            f"{agreement.second} within {show_span(agreement.low)} to "
            f"{show_span(agreement.high)} of {agreement.first}"
        )
    if near.before and near.after:
        parts.append(
            "in the write-ahead log, whose order needs no clock, the commit before it reads "
            f"{show(near.before[0])} and the commit after it {show(near.after[0])}"
        )
    if row["stored_basis"] != BASES[2]:
        parts.append(resting(row, "stored", row["clock"], row["written_clock"]))
    if not parts:
        if held:
            return held
        return f"No other record of the case bounds the clock {row['written_clock']}."
    text = "; ".join(f"{one[0].lower()}{one[1:]}" for one in parts)
    more = f" {held}" if held else ""
    return f"{text[0].upper()}{text[1:]}.{more}"


def innocent(case: Case) -> list[Innocent]:
    """Known causes that look the same."""
    causes = [_copied(case), _moved(case), _changed(case)]
    if case.differing:
        causes += [_older(case), _loaded()]
    if case.compared is None:
        causes.append(
            Innocent(
                "A long transaction stored the row, and the time is that of its beginning.",
                True if case.first["same_transaction"] and case.first["margin"] > _DAY else None,
                "It took more than a day, and replaced the table."
                if case.first["same_transaction"] and case.first["margin"] > _DAY
                else "The log holds no transaction's beginning.",
            )
        )
    causes.append(
        Innocent(
            "An honest back-fill entered history with the dates of the history.",
            None,
            "The people who ran the transaction, or its change ticket, would say.",
        )
    )
    return causes


def _copied(case: Case) -> Innocent:
    cause = "A migration copied the rows with their values and times."
    if case.before is None or case.compared is None:
        return Innocent(cause, None, "A snapshot of the row from before that act would say.")
    seen = show_interval(case.before.seen_from, case.before.seen_to)
    if not case.compared.differing:
        return Innocent(cause, False, f"All values compared are those of {seen}.")
    if not case.differing:
        return Innocent(cause, False, f"All values compared say what they said in {seen}.")
    differing = ", ".join(case.differing)
    if case.explained:
        because = f"An update that the log records had made what it is now of: {differing}."
        return Innocent(cause, False, because)
    if case.doubts:
        because = f"The values differ from those of {seen} in: {differing}; {case.doubts[0]}."
        return Innocent(cause, None, because)
    return Innocent(cause, True, f"The values differ from those of {seen} in: {differing}.")


def _moved(case: Case) -> Innocent:
    because = (
        "Those keep the table's identity and replace no table; the log records that this act did."
    )
    if str(case.first["act_kind"]).startswith("timeline."):
        because = "Those begin no timeline; the log records that this act did."
    elif case.first["act_stream"] is None:
        because = (
            "Those keep a table's OID and its rows; two views show another OID, or fewer rows "
            "while none was deleted."
        )
    return Innocent("VACUUM FULL, CLUSTER or ALTER TABLE gave the table a new file.", True, because)


def _changed(case: Case) -> Innocent:
    cause = "The row was changed in the ordinary way, before the act or after it."
    if case.before is None:
        return Innocent(
            cause, None, "A snapshot from before the act, and the log since, would say."
        )
    if case.explained:
        return Innocent(cause, False, "The log records an update of it that gave what it is now.")
    if case.changes:
        count = f"{len(case.changes)} transaction{'s' * (len(case.changes) > 1)}"
        because = f"The log records {count} with updates of the table, or deletes from it."
        return Innocent(cause, False if case.differing else None, because)
    if case.covered:
        return Innocent(
            cause,
            True,
            "The log covers the time from the snapshot to the row's transaction, and records no "
            "update of the table and no delete from it.",
        )
    because = "The log does not follow the table from the snapshot to the row's transaction."
    return Innocent(cause, None, because)


def _older(case: Case) -> Innocent:
    cause = "A reload from an older copy brought back what that copy held."
    if case.reverted:
        return Innocent(cause, False, "An older snapshot of the table gives what it is now.")
    return Innocent(cause, None, "No older snapshot at hand gives what it is now.")


def _loaded() -> Innocent:
    return Innocent(
        "A job loads the table whole from another place, where the value was corrected.",
        None,
        "The place that it loads from would say.",
    )
