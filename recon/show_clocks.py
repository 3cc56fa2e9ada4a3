"""The clocks of a case for people: `recon clocks`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from recon.clocks_json import instant
from recon.instants import show_span
from recon.readings import TRUE_TIME
from recon.text import one_line
from recon.time.stretches import MOST_CLOCKS
from recon.time.words import span

if TYPE_CHECKING:
    from rich.console import Console

    from recon.time.anchors import Anchor
    from recon.time.clocks import Clocks, Dissent, Ground
    from recon.time.stretches import Stretch
    from recon.time.utc import Ahead

_SECOND = 1_000_000
_LISTED = 12
"""Dissenters, groups, and clocks that nothing bounds, that a table lists; JSON has all."""
_STATES = {
    "measured": "bold green",
    "bounded": "bold cyan",
    "at most": "bold yellow",
    "at least": "bold yellow",
    "unbounded": "bold red",
}
_SAID = {
    "measured": "measured",
    "bounded": "bounded",
    "at most": "one side alone",
    "at least": "one side alone",
    "unbounded": "unbounded",
}
BESIDE = "Written beside it: a norm of whoever writes, by which no clock is bounded"


def table(out: Console, found: Clocks) -> None:
    """Each two clocks with their stretches, then steps, dissenters and what is not bounded."""
    _utc(out, found)
    between = [one for one in found.stretches if TRUE_TIME not in {one.first, one.second}]
    ordered = sorted(between, key=_rank(between))
    for (first, second), own in groupby(ordered, lambda one: (one.first, one.second)):
        head = Text()
        head.append(one_line(second, 60), "bold")
        head.append(" − ")
        head.append(one_line(first, 60), "bold")
        out.print(head)
        for one in own:
            _stretch(out, found, one)
    if found.steps:
        out.print(Text("\nSteps: one of the two clocks was set, or one that bounds them", "bold"))
    for step in found.steps:
        when = f"between {_minute(step.after)} and {_minute(step.before)}"
        who = f"{one_line(step.second, 60)} − {one_line(step.first, 60)}"
        out.print(
            Padding(f"{when} by {span(step.low, step.high)}: {who}", (0, 0, 0, 2), expand=False)
        )
    _dissenters(out, found)
    _assumed(out, found)
    _beside(out, found)
    _groups(out, found)


def _rank(those: Sequence[Stretch]) -> Any:  # noqa: ANN401  (a sort key)
    order = list(_STATES)
    best: dict[tuple[str, str], int] = {}
    for one in those:
        key = (one.first, one.second)
        best[key] = min(best.get(key, len(order)), order.index(one.state))
    return lambda one: (best[one.first, one.second], one.first, one.second, one.since)


def _stretch(out: Console, found: Clocks, one: Stretch) -> None:
    line = Text(f"  {_when(one.since, one.until):<35}  {span(one.low, one.high):<30}  ")
    if one.direct:
        line.append(f"{f'{one.agreeing} of {one.pairs}':<13}", "dim" * (one.agreeing == one.pairs))
    else:
        line.append(f"{'by others':<13}", "dim")
    line.append(f"  {_SAID[one.state]}", _STATES[one.state])
    out.print(line)
    grounds = ", ".join(_ground(ground) for ground in found.rests.get(one, ()))
    if grounds:
        out.print(Padding(Text(grounds, "dim"), (0, 0, 0, 4), expand=False))


def _ground(one: Ground) -> str:
    said = {"law": "law {}", "declared": "{}, declared", "proposed": "{}, assumed"}
    return f"{said.get(one.basis, '{}').format(one_line(one.name, 160))} ({one.pairs})"


def _utc(out: Console, found: Clocks) -> None:
    """How far each clock is ahead of UTC, then the clocks that nothing binds to it."""
    ahead = found.ahead
    if bound := {name: own for name, own in ahead.items() if own}:
        out.print(Text("Ahead of UTC", "bold"))
        for name, own in bound.items():
            out.print(Padding(one_line(name, 60), (0, 0, 0, 2), expand=False))
            for each in own:
                _ahead(out, each)
    if left := [name for name, own in ahead.items() if not own]:
        out.print(Text("Not bound to UTC: no anchor reaches them", "bold"))
        out.print(Padding(_names(left), (0, 0, 0, 2), expand=False))
    for one in found.anchors:
        if note := _note(one):
            who = one_line(one.name, 160)
            out.print(Padding(f"{who}: {note}", (0, 0, 0, 2), expand=False))
    out.print()


def _ahead(out: Console, one: Ahead) -> None:
    line = Text(f"    {_when(one.since, one.until):<35}  {span(one.low, one.high):<28}  ")
    counted = f"{one.agreeing} of {one.pairs}" if one.direct else "by others"
    line.append(f"{counted:<13}", "dim")
    line.append(f"  {_SAID[one.state]}", _STATES[one.state])
    out.print(line)
    if grounds := ", ".join(_ground(two) for two in one.grounds):
        out.print(Padding(Text(grounds, "dim"), (0, 0, 0, 6), expand=False))


def _note(one: Anchor) -> str:
    """What a reader must know of a source of trust that binds less than it seems to."""
    if one.kind == "declared":
        return (
            "" if one.count else f"declared for {one_line(one.clocks[0], 60)}, which no record has"
        )
    if one.kind == "timestamp":
        said = f"{one.count} timestamps" if one.count > 1 else "a timestamp"
        if TRUE_TIME not in one.clocks:
            return f"{said}, not verified: no anchor"
        return f"{said}, verified" + (
            f"; {one.count - one.used} over bytes that are not in the case" * (one.used < one.count)
        )
    return ""


def _dissenters(out: Console, found: Clocks) -> None:
    if found.dissent:
        out.print(Text("\nRecords that the others exclude", "bold"))
    for one in found.dissent[:_LISTED]:
        out.print(Padding(_dissent(one), (0, 0, 0, 2), expand=False))
    if len(found.dissent) > _LISTED:
        out.print(f"  and {len(found.dissent) - _LISTED} more; --format json has all of them")
    for missed in found.missed[:_LISTED]:
        pairs = "; ".join(
            f"{one_line(found.ids[a])} before {one_line(found.ids[b])}" for a, b in missed.pairs
        )
        said = f"Through {len(missed.pairs)} clocks, by {show_span(missed.excess / _SECOND)}: "
        out.print(Padding(f"{said}{pairs}", (0, 0, 0, 2), expand=False))
    if left := len(found.settled.contested):
        said = (
            f"{left} stretches contradict each other through other clocks too often to tell which"
        )
        out.print(
            Padding(f"{said} records are wrong; they bound nothing", (0, 0, 0, 2), expand=False)
        )


def _dissent(one: Dissent) -> str:
    step = "" if one.bracketed else "; one step of a clock would explain it"
    return (
        f"{_minute(one.at)}  {one_line(one.second, 60)} − {one_line(one.first, 60)} would be "
        f"{span(one.low, one.high)}: {one_line(one.before)} before {one_line(one.after)} "
        f"({one_line(one.law, 160)}){step}"
    )


def _assumed(out: Console, found: Clocks) -> None:
    if found.proposals or found.declared:
        out.print(Text("\nTwo records of one act", "bold"))
    for proposal in found.proposals:
        said = (
            f"assumed: {one_line(proposal.name, 300)}, made within "
            f"{show_span(proposal.within / _SECOND)}: {proposal.close} of {proposal.pairs} pairs "
            f"lie within {show_span(proposal.spread / _SECOND)} of each other"
        )
        out.print(Padding(said, (0, 0, 0, 2), expand=False))
    for one in found.declared:
        least, most = (show_span(bound) for bound in one.correspondence.within)
        left = f"; {one.ambiguous} acts have more than one record and are left out"
        said = (
            f"declared: {one_line(one.correspondence.name, 300)}, the second {least} to {most} "
            f"after the first: {one.pairs} pairs{left * bool(one.ambiguous)}"
        )
        out.print(Padding(said, (0, 0, 0, 2), expand=False))


def _beside(out: Console, found: Clocks) -> None:
    if found.beside:
        out.print(Text(f"\n{BESIDE}", "bold"))
    for one in found.beside:
        low, high = round(one.low * _SECOND), round(one.high * _SECOND)
        said = (
            f"{one_line(one.second, 60)} − {one_line(one.first, 60)}: {span(low, high)}, "
            f"{one.agreeing} of {one.pairs} records"
        )
        out.print(Padding(said, (0, 0, 0, 2), expand=False))


def _groups(out: Console, found: Clocks) -> None:
    """Which clocks are bound together: between two groups nothing is known."""
    groups = found.groups
    several = [one for one in groups if len(one.clocks) > 1]
    alone = [one.clocks[0] for one in groups if len(one.clocks) == 1]
    others = {one.name for one in found.clocks}.difference(*(one.clocks for one in groups))
    if len(groups) > 1 or (groups and others):
        out.print(Text("\nNot bounded against each other: no record ties one to another", "bold"))
        said = [
            f"these, which are bound together: {_names(one.clocks)}" for one in several[:_LISTED]
        ]
        if len(several) > _LISTED:
            said.append(f"and {len(several) - _LISTED} more groups; --format json has all of them")
        if alone:
            said.append(f"each of these and all others: {_names(alone)}")
        for each in said:
            out.print(Padding(each, (0, 0, 0, 2), expand=False))
    loose = [two for one in several for two in one.unbounded or ()]
    if loose:
        out.print(Text("\nBound together, and yet from one side alone", "bold"))
    for first, second in loose[:_LISTED]:
        which = f"{one_line(second, 60)} − {one_line(first, 60)} is not bounded"
        out.print(Padding(which, (0, 0, 0, 2), expand=False))
    if len(loose) > _LISTED:
        out.print(f"  and {len(loose) - _LISTED} more pairs; --format json has all of them")
    if len(found.clocks) > MOST_CLOCKS:
        out.print(f"Of more than {MOST_CLOCKS} clocks, bounds through others are not looked for.")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2 * _LISTED} more" * (len(names) > 2 * _LISTED)
    return ", ".join(one_line(name, 60) for name in names[: 2 * _LISTED]) + more


def _minute(micros: int) -> str:
    at = instant(micros)
    return f"{at:%Y-%m-%d %H:%M}" if at else "out of all time"


def _when(since: int, until: int) -> str:
    first, last = _minute(since), _minute(until)
    return first if first == last else f"{first} … {last}"
