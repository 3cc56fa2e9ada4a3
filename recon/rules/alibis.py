"""Excuse and alibi of a finding about order: what a clock would have to be, and what holds it.

The one place that words them, so that all rules say the same of the same clocks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recon.clocks_json import instant
from recon.instants import show_span
from recon.readings import TRUE_TIME
from recon.time.anchors import AS_THE_CASE_SAYS
from recon.time.between import BASES
from recon.time.held import Held, held, micros
from recon.time.words import signed, within

if TYPE_CHECKING:
    from datetime import datetime

    from recon.time.clocks import Clocks, Ground

MEASURED = BASES[:2]
"""What needs no assumption: one clock, or two that the evidence measures at that time."""
_SECOND = 1_000_000
_NAMED = 3
"""Dissenters that are named; the others are counted."""


def excuse(later: str, earlier: str, seconds: float) -> str:
    """What would have to be so for the order of two readings to be innocent.

    Args:
        later: clock of the record that by law or norm comes later, and reads earlier.
        earlier: clock of the other one.
        seconds: by how much it reads earlier; below 0 where it reads later, and by the offset of
            the two clocks should read later still.
    """
    if later == earlier:
        return (
            f"For this to be innocent the clock {later} would have had to be set back by "
            f"{show_span(seconds)} between the two readings."
        )
    if seconds < 0:
        return (
            f"For this to be innocent the clock {later} would have had to be no more than "
            f"{show_span(-seconds)} ahead of {earlier}."
        )
    return (
        f"For this to be innocent the clock {later} would have had to be {show_span(seconds)} "
        f"behind {earlier}."
    )


def alibi(found: Clocks, earlier: str, later: str, at: datetime) -> str:
    """What the other records say about that excuse.

    Args:
        found: the clocks of the case.
        earlier: clock of the record that comes first.
        later: clock of the other one.
        at: what the first one reads.
    """
    utc = against_utc(found, (earlier, later), at)
    if earlier == later:
        return f"{_one_clock(found, earlier, at)}{utc}"
    known = held(found, earlier, later, micros(at))
    if known is None:
        return f"Nothing in the case bounds {later} against {earlier}.{utc}"
    return f"{_capital(holds(known))}.{_near(known)}{rests(known.rests)}{utc}{_dissent(known)}"


def ordered(
    found: Clocks,
    row: Mapping[str, Any],
    name: str,
    clocks: tuple[str | None, str | None],
    at: datetime,
) -> str:
    """What the order of two readings rests on: the records that measure their clocks, or what not.

    Args:
        found: the clocks of the case.
        row: with what :meth:`recon.time.corrected.Corrected.bound` added.
        name: as it was called there.
        clocks: of the record that comes first, and of the other one; None where none is named.
        at: what the first one reads.
    """
    first, second = clocks
    if row[f"{name}_basis"] == BASES[1] and first is not None and second is not None:
        # Of very many clocks, what is had through others is not told two by two.
        if first == second or held(found, first, second, micros(at)) is not None:
            return alibi(found, first, second, at)
        return f"{resting(row, name, *clocks)}.{against_utc(found, (first, second), at)}"
    return f"{resting(row, name, *clocks)}."


def resting(row: Mapping[str, Any], name: str, first: str | None, second: str | None) -> str:
    """A sentence without its full stop: what the comparison called ``name`` of a row rests on.

    Args:
        row: with what :meth:`recon.time.corrected.Corrected.bound` added.
        name: as it was called there.
        first: clock of the first reading; None where no clock is named.
        second: of the second.
    """
    return compared(row[f"{name}_basis"], (row[f"{name}_low"], row[f"{name}_high"]), first, second)


def compared(
    basis: str, bounds: tuple[int | None, int | None], first: str | None, second: str | None
) -> str:
    """The same, of bounds in µs."""
    one, other = (clock or "a clock that no record names" for clock in (first, second))
    if basis == BASES[0]:
        return f"Both times are of one clock, {one}"
    held = _apart(*bounds, one)
    if basis == BASES[1]:
        return f"Records of the case hold {other} {held} at that time"
    if basis == BASES[2]:
        within = "" if bounds == (0, 0) else f", within {show_span((bounds[1] or 0) / _SECOND)}"
        return (
            f"Nothing in the case bounds {other} against {one} at that time; they are compared as "
            f"they read, as if the two agreed{within}"
        )
    return (
        f"Nothing in the case measures {other} against {one} at that time, and other records tell "
        f"the two apart; {other} is taken to be {held}"
    )


def _apart(low: int | None, high: int | None, one: str) -> str:
    """Where a clock is held that is ``low`` to ``high`` µs ahead of another one."""
    if low is None and high is None:
        return f"by an unknown time ahead of or behind {one}"
    if low is None or high is None:
        end, words = (high, "at most") if low is None else (low, "at least")
        return f"{words} {show_span((end or 0) / _SECOND)} ahead of {one}"
    if low <= 0 <= high:
        return f"within {show_span(low / _SECOND)} to {show_span(high / _SECOND)} of {one}"
    middle, half = abs(low + high) / 2 / _SECOND, (high - low) / 2 / _SECOND
    side = "ahead of" if low > 0 else "behind"
    return f"{show_span(middle)} {side} {one}, give or take {show_span(half)},"


def holds(known: Held) -> str:
    """``412 of 413 pairs of records from … to … hold Y within −0.4 s to +2.1 s of X``."""
    who = (
        f"{known.agreeing} of {known.pairs} pairs of records {_when(known)}"
        if known.pairs
        else f"records of other clocks, {_when(known)},"
    )
    if known.low is not None and known.high is not None:
        bounds = within(known.low, known.high)
        return f"{who} hold {known.other} within {bounds} of {known.one}"
    if known.low is None:
        bound, side = signed(known.high or 0), "at most"
    else:
        bound, side = signed(known.low), "at least"
    return (
        f"{who} hold {known.other} {side} {bound} from {known.one}, and nothing bounds it on the "
        "other side"
    )


def turned(found: Clocks, first: str, second: str) -> tuple[str, str]:
    """The two with the one first that a medium stamped with, if the other's writers supplied it."""
    stamped = {one.name: bool(one.stamped) for one in found.clocks}
    if stamped.get(second) and not stamped.get(first):
        return second, first
    return first, second


def as_data(known: Held) -> dict[str, Any]:
    """The same as data of a step."""
    return {
        "one": known.one,
        "other": known.other,
        "low": None if known.low is None else known.low / _SECOND,
        "high": None if known.high is None else known.high / _SECOND,
        "agreeing": known.agreeing,
        "pairs": known.pairs,
        "since": instant(known.since),
        "until": instant(known.until),
        "state": known.state,
        "rests": [
            {"name": one.name, "basis": one.basis, "pairs": one.pairs} for one in known.rests
        ],
        "dissent": [f"{one.before} before {one.after}" for one in known.dissent],
    }


def witnessed(found: Clocks, clock: str, at: datetime) -> str | None:
    """What holds a clock most closely about a reading, in sentences; None: no other measures it."""
    others = {
        name
        for one in found.stretches
        if one.measured and clock in {one.first, one.second}
        for name in (one.first, one.second)
    }
    near = [
        known
        for other in sorted(others - {clock})
        if (known := held(found, clock, other, micros(at))) and known.state == "measured"
    ]
    if not near:
        return None
    known = min(near, key=lambda one: (not one.covers, -one.agreeing, one.other)).turned()
    return f"{_capital(holds(known))}.{_near(known)}{rests(known.rests)}{_dissent(known)}"


def _one_clock(found: Clocks, clock: str, at: datetime) -> str:
    said = witnessed(found, clock, at)
    return said or f"No other clock measures {clock}: whether it was set back is not known."


def _when(known: Held) -> str:
    since, until = instant(known.since), instant(known.until)
    if since is None or until is None:
        return "of a time out of all bounds"
    first, last = f"{since:%Y-%m-%d}", f"{until:%Y-%m-%d}"
    return f"of {first}" if first == last else f"from {first} to {last}"


def _near(known: Held) -> str:
    return "" if known.covers else " None of them is of the very time that this is about."


def rests(grounds: Sequence[Ground]) -> str:
    """On laws, on readings of both clocks, or on records of one act, and on whose word."""
    if not grounds:
        return ""
    if all(one.basis == "law" for one in grounds):
        return " They rest on laws alone."
    acts = {"declared": "that the case declares", "proposed": "that this tool assumes"}
    own = [one for one in grounds if not _is_anchor(one)]
    said = [words for basis, words in acts.items() if any(one.basis == basis for one in own)]
    parts = [f"two records of one act, {' and '.join(said)}"] if said else []
    parts += [f"anchors ({words})"] if (words := _anchors(grounds)) else []
    parts += ["laws"] if any(one.basis == "law" for one in own) else []
    return f" They rest on {', and on '.join(parts)}."


def _is_anchor(one: Ground) -> bool:
    return one.basis == "anchor" or one.name.startswith(AS_THE_CASE_SAYS)


def _anchors(grounds: Sequence[Ground]) -> str:
    """By whose word a clock is bound from outside the records."""
    return "; ".join(dict.fromkeys(one.name for one in grounds if _is_anchor(one)))


def against_utc(found: Clocks, clocks: Collection[str], at: datetime) -> str:
    """Which of the clocks are bound to UTC about a reading, how far and by what; else nothing."""
    said, loose = [], []
    for clock in dict.fromkeys(clocks):
        known = None if clock == TRUE_TIME else held(found, clock, TRUE_TIME, micros(at))
        if known is None or not known.covers:
            loose.append(clock)
            continue
        by = _anchors(known.rests) or "through other clocks" * (not known.pairs)
        said.append(f"{clock} is {_off_utc(known.turned())}{f' ({by})' if by else ''}")
    if not said:
        return ""
    rest = f"; nothing binds {' or '.join(loose)} to UTC at that time" if loose else ""
    return f" Against UTC, {', and '.join(said)}{rest}."


def _off_utc(known: Held) -> str:
    if known.low is not None and known.high is not None:
        return f"ahead by {within(known.low, known.high)}"
    bound, side = (known.high, "at most") if known.low is None else (known.low, "at least")
    return f"ahead by {side} {signed(bound or 0)}"


def _dissent(known: Held) -> str:
    if not known.dissent:
        return ""
    pairs = list(dict.fromkeys(f"{one.before} before {one.after}" for one in known.dissent))
    more = f"; and {len(pairs) - _NAMED} more" * (len(pairs) > _NAMED)
    return f" Excluded by them: {'; '.join(pairs[:_NAMED])}{more}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
