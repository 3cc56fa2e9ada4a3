"""The finding of ``re-registered``: what it states, and the steps of its argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recon.findings import Step
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, step
from recon.rules.earlier import Compared
from recon.rules.re_registered_words import Case, Neighbours, alibi, dated_by, excuse, innocent
from recon.time.agreement import Agreement
from recon.written import BASES

_VERB = {
    "table.recreate": "recreated the table",
    "table.truncate": "truncated the table",
    "table.create": "created the table that has that name now",
    "timeline.fork": "went on from an earlier state",
    "timeline.end-of-recovery": "went on from an earlier state",
}


def draft(
    case: Case,
    agreed: Mapping[tuple[str, str], Agreement],
    near: Neighbours,
    held: str | None,
) -> Draft:
    """The finding of a case.

    ``agreed``: how asserted and commit clocks agree on other rows; ``held``: what the measured
    clocks say of the one that stamped the row.
    """
    first, shown, before, compared = case.first, case.shown, case.before, case.compared
    events = [("asserted", shown["row"]), ("written", first["written"]), ("replaced", first["act"])]
    steps = _steps(shown, first, near)
    if before and compared:
        name = case.name if case.name in compared.was.rows else next(iter(compared.was.rows))
        events += [("earlier", compared.was.rows[name]), ("seen", before.snapshot)]
        seen = show_interval(before.seen_from, before.seen_to)
        steps.append(step("seen", "earlier", "seen", seen=seen))
        steps += _compare(case, compared, seen)
    elif before:
        events.append(("seen", before.snapshot))
        if not before.records:
            seen = show_interval(before.seen_from, before.seen_to)
            table = first["table"].rsplit("/", 1)[-1]
            steps.append(step("absent", "seen", table=table, subject=first["subject"], seen=seen))
    if case.explained:
        events.append(("updated", case.explained.row))
        names = ", ".join(case.differing)
        steps.append(step("same-values", "updated", "asserted", attributes=names))
    late = [one for one in case.changes if one["earliest"] < first["written_from"]]
    if before and late and case.differing and not case.explained:
        events.append(("changed", late[-1]["row"]))
        steps.append(step("between", "seen", "changed", "written"))
    if first["written_basis"] != BASES[0] and first["written_by"] is not None:
        events.append(("dated", first["written_by"]))
    agreement = agreed.get((first["clock"], first["written_clock"]))
    if agreement and agreement.measured:
        steps.append(_bounded(agreement))
    return Draft(
        verdict=case.verdict,
        subject=first["subject"],
        statement=_statement(case),
        events=events,
        steps=steps,
        margin_seconds=case.margin,
        excuse=excuse(case),
        alibi=alibi(agreement, near, first, held),
        innocent=innocent(case),
    )


def _statement(case: Case) -> str:
    row, before, compared = case.first, case.before, case.compared
    where = "in the transaction that" if row["same_transaction"] else "after an act that"
    text = (
        f"The row of {case.table} for {row['subject']} asserts "
        f"{say_interval(row['earliest'], row['latest'])}, and was written on "
        f"{say_interval(row['written_from'], row['written_to'])}{dated_by(row)}, {where} "
        f"{_VERB[row['act_kind']]}"
    )
    if before is None:
        return f"{text}; no snapshot from before that act says what the row held"
    seen = f"the snapshot of {say_interval(before.seen_from, before.seen_to)}"
    if compared is None:
        lacks = "has no row for it that asserts that time"
        if not before.records:
            lacks = "which holds the whole table, has no row for it"
        return f"{text}; {seen}{' ' if before.records else ', '}{lacks}"
    if not compared.differing:
        return f"{text}; its values are those of {seen}"
    changes = "; ".join(
        f"its {name} was {compared.was.values.get(name) or 'empty'} in {seen} and is "
        f"{case.values.get(name) or 'empty'} now"
        for name in compared.differing
    )
    if case.explained:
        when = say_interval(case.explained.earliest, case.explained.latest)
        return f"{text}; {changes}, as the log records that an update of {when} made it"
    if case.verdict == "observation":
        return f"{text}; its values are those of {seen} but for how they are written: {changes}"
    doubt = f", though {case.doubts[0]}" if case.doubts else ""
    return f"{text}; {changes}{doubt}"


def _steps(shown: Mapping[str, Any], row: Mapping[str, Any], near: Neighbours) -> list[Step]:
    steps = [
        step(
            "reads",
            "asserted",
            earliest=shown["earliest"],
            latest=shown["latest"],
            clock=shown["clock"],
            basis="asserted",
        ),
        step("same-record", "asserted", "written"),
        _written(row),
    ]
    if row["same_transaction"]:
        steps.append(
            step("one-transaction", "written", "replaced", xid=row["xid"].rsplit("/", 1)[-1])
        )
    steps.append(
        step(
            "replaced",
            "replaced",
            act=_VERB[row["act_kind"]],
            table=row["table"].rsplit("/", 1)[-1],
        )
    )
    if near.before and near.after:
        steps.append(step("in-log", "replaced", previous=near.before[0], next=near.after[0]))
    steps.append(step("later", "asserted", "written", seconds=row["margin"]))
    return steps


def _written(row: Mapping[str, Any]) -> Step:
    """When the row was written: as its record reads, or by what else dates its transaction."""
    when = {"earliest": row["written_from"], "latest": row["written_to"]}
    clock = row["written_clock"]
    if row["written_basis"] == BASES[0]:
        return step("reads", "written", **when, clock=clock, basis="stamped")
    roles = ("written", "dated") if row["written_by"] is not None else ("written",)
    xid = row["xid"].rsplit("/", 1)[-1]
    return step("dated", *roles, **when, clock=clock, basis=row["written_basis"], xid=xid)


def _compare(case: Case, compared: Compared, seen: str) -> list[Step]:
    if not compared.differing:
        same = ", ".join(compared.likeness)
        return [step("same-values", "earlier", "asserted", attributes=same, seen=seen)]
    return [
        step(
            "differs",
            "earlier",
            "asserted",
            attribute=name,
            was=compared.was.values.get(name) or "empty",
            now=case.values.get(name) or "empty",
            seen=seen,
        )
        for name in compared.differing
    ]


def _bounded(agreement: Agreement) -> Step:
    return step(
        "bounded",
        first=agreement.first,
        second=agreement.second,
        low=agreement.low,
        high=agreement.high,
        agreeing=agreement.agreeing,
        pairs=agreement.pairs,
    )
