"""The argument of a denied order: laws, readings, bounds, and what would restore consistency."""

from __future__ import annotations

from itertools import pairwise

from recon.findings import Innocent, Step
from recon.instants import say_interval, show_span
from recon.rules.alibis import alibi as measured_alibi
from recon.rules.alibis import as_data
from recon.rules.base import Timeline, step
from recon.rules.denials import Denial, Event
from recon.time.held import Held, held, micros


def roles(one: Denial) -> list[str]:
    """Names of the chain's events: ``earlier``, those between, ``later``."""
    middle = len(one.chain) - 2
    between_them = ["between"] if middle == 1 else [f"between {n}" for n in range(1, middle + 1)]
    return ["earlier", *between_them, "later"]


def events(one: Denial) -> list[tuple[str, int]]:
    """The events of a finding."""
    return [(role, event.row) for role, event in zip(roles(one), one.chain, strict=True)]


def statement(one: Denial) -> str:
    """Who records what."""
    before, after = one.before, one.after
    more = (
        f"; likewise {one.alike} more of its records"
        if one.alike > 1
        else "; likewise one more of its records" * one.alike
    )
    return (
        f"{after.source} dates {_what(after)} on {say_interval(after.earliest, after.latest)}, and "
        f"{before.source} dates {_what(before)}, which by law came before it, on "
        f"{say_interval(before.earliest, before.latest)}: {_short(one)}{more}"
    )


def _short(one: Denial) -> str:
    margin = show_span(one.excess / 1e6)
    if one.before.by == one.after.by:
        return f"{margin} later, by one clock"
    return f"{margin} more than the clocks can be apart" if one.measured else f"{margin} later"


def argument(timeline: Timeline, one: Denial) -> list[Step]:
    """Steps: let, before, reads, bounded-by, denies, restores."""
    names = roles(one)
    out = [
        step(
            "let",
            *names,
            what=[f"{_what(event)} in {event.source}{_where(event)}" for event in one.chain],
        )
    ]
    for (first, second), law, after in zip(pairwise(names), one.laws, one.chain[1:], strict=True):
        out.append(
            step(
                "before",
                first,
                second,
                law=law.law,
                because=law.because,
                citation=after.citation,
            )
        )
    for name, event in ((names[0], one.before), (names[-1], one.after)):
        out.append(
            step(
                "reads",
                name,
                earliest=event.earliest,
                latest=event.latest,
                clock=event.clock,
                basis=event.basis,
                but=name == names[0],
            )
        )
    known = _held(timeline, one)
    if known is not None:
        data = as_data(known)
        out.append(step("bounded-by", **data))
    elif one.before.by == one.after.by:
        out.append(step("one-clock", names[0], names[-1], clock=one.before.by))
    else:
        out.append(step("unbounded", one=one.before.by, other=one.after.by))
    out.append(
        step(
            "denies",
            names[0],
            names[-1],
            apart=one.apart,
            excess=one.excess / 1e6,
            measured=one.measured,
            firm=one.certain,
            one_clock=one.before.by == one.after.by,
        )
    )
    alone = [
        name for name, event in zip(names, one.chain, strict=True) if event.row in one.restores
    ]
    out.append(
        step(
            "restores",
            *alone,
            against=one.against,
            bound=one.before.by != one.after.by,
            firm=one.firm,
        )
    )
    return out


def alibi(timeline: Timeline, one: Denial) -> str:
    """What the other records say of the two clocks."""
    if one.measured:
        return measured_alibi(timeline.measured, one.before.by, one.after.by, one.before.at)
    count = f"{one.straight} other pair{'s' * (one.straight != 1)} of records of the two clocks"
    return (
        f"{count} read{'s' * (one.straight == 1)} in the order that laws give. "
        if one.straight
        else ""
    ) + f"Nothing bounds {one.after.by} against {one.before.by} from below just then."


def innocent(timeline: Timeline, one: Denial) -> list[Innocent]:
    """Known causes that look the same."""
    known = _held(timeline, one)
    off = Innocent(
        "The clock was off all along, by a zone or by minutes.",
        True if known is not None and known.state == "measured" else None,
        "Other records of the time measure the offset, and it is taken off."
        if known is not None and known.state == "measured"
        else "Records of one act in both sources would measure the offset.",
    )
    stepped = Innocent(
        "A clock was set once, or NTP came back.",
        True if one.firm else None,
        "Records of both clocks before and after agree with one offset."
        if one.firm
        else "Records of both clocks from before and after would say.",
    )
    out = [off, stepped]
    if one.placed:
        out.append(
            Innocent(
                "A queue delivered the record late, with the time of what it tells.",
                None,
                "Records of the same act in another source would say.",
            )
        )
    if one.after.meant:
        out.append(
            Innocent(
                "The row was updated, and its time is that of its first writing.",
                None,
                "The log of the row's changes would say.",
            )
        )
    else:
        out.append(
            Innocent(
                "The later record's time is of the beginning of what it tells.",
                True if one.after.closes else None,
                "It is of when the record was made, or of what its own word calls an end."
                if one.after.closes
                else "The documentation of the program that writes it would say.",
            )
        )
    return out


def _held(timeline: Timeline, one: Denial) -> Held | None:
    if one.before.by == one.after.by or not one.measured:
        return None
    return held(timeline.measured, one.before.by, one.after.by, micros(one.before.at))


def _where(event: Event) -> str:
    """The citation, unless the subject has it: a commit is cited by its id."""
    return "" if event.citation.split(" ")[-1] in event.subject else f" ({event.citation})"


def _what(event: Event) -> str:
    said = event.kind if event.attribute is None else f"{event.attribute} of"
    return f"{said} {event.subject}"
