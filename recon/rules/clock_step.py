"""Clocks that were set: an observation, never an accusation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from recon.clocks_json import instant
from recon.findings import Innocent
from recon.instants import say_interval, show_span
from recon.rules.alibis import as_data, turned
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.clock_skew import size
from recon.rules.denial_words import events as denied_events
from recon.rules.denials import Denial, told
from recon.rules.inversions import PROMPT
from recon.time.held import Held, held
from recon.time.stretches import Step

_HOUR = 3_600_000_000


@rule("clock-step", needs=("*",))
def clock_step(timeline: Timeline) -> Iterator[Draft]:
    """A clock stepped iff its offset to another one was measured before and after, and differs.

    By more than a minute beyond what drift can do, so that no one offset fits both stretches; the
    last pair before and the first pair after bracket the step. Where one clock's offsets to two
    others change in one bracket, it is named; else either of the two may have been set. Told as
    well: a log whose own lines, in the order in which they stand, go back by more than a minute
    and no more than zones can differ. It is an observation: every order in the case is judged with
    the offset of its own time.
    Undetermined never: what cannot be told from one record that is wrong is not told as a step.
    Innocent: NTP came back after days of lag; an hour of daylight saving; a zone that was set
    right; a line that a queue delivered late, with the time of what it tells.
    Source: design, section 5; RFC 5905, section 12 (clock discipline: step and slew).
    """
    steps = [one for one in timeline.measured.steps if one.low > PROMPT or one.high < -PROMPT]
    for those in _together(steps):
        yield _stepped(timeline, those)
    for one in told(timeline, "clock-step"):
        yield _went_back(one)


def _together(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps whose brackets meet and that share a clock: one setting of it makes them all."""
    out: list[list[Step]] = []
    for one in sorted(steps, key=lambda one: (one.after, one.first, one.second)):
        for those in out:
            shared = set.intersection(*({other.first, other.second} for other in those))
            meets = all(one.after <= other.before and other.after <= one.before for other in those)
            if meets and shared & {one.first, one.second} and _alike([*those, one]):
                those.append(one)
                break
        else:
            out.append([one])
    return out


def _alike(those: Sequence[Step]) -> bool:
    """Whether one jump of the clock that all share explains each of them."""
    clock = set.intersection(*({one.first, one.second} for one in those))
    if len(clock) != 1:
        return False
    (who,) = clock
    jumps = [_jump(one, who) for one in those]
    return max(low for low, _ in jumps) <= min(high for _, high in jumps)


def _jump(one: Step, who: str) -> tuple[int, int]:
    """µs by which the clock jumped, if it was that one."""
    return (one.low, one.high) if one.second == who else (-one.high, -one.low)


def _stepped(timeline: Timeline, those: Sequence[Step]) -> Draft:
    best = min(those, key=lambda one: (one.before - one.after, one.first, one.second))
    counted = Counter(name for one in those for name in (one.first, one.second))
    who = [name for name, count in sorted(counted.items()) if count == len(those) > 1]
    reference, clock = turned(timeline.measured, best.first, best.second)
    if who:
        clock, reference = who[0], next(one for one in (best.first, best.second) if one != who[0])
    low, high = _jump(best, clock)
    way = "ahead" if low > 0 else "back"
    named = (
        f"The clock {clock} was set {way} by {size(low, high)}"
        if who
        else f"The offset of {clock} against {reference} changed by {size(low, high)}, "
        f"{way} if it was {clock} that was set"
    )
    since, until = instant(best.after), instant(best.before)
    events = _bracket(timeline, best)
    sides = [
        as_data(known)
        for at in (best.after, best.before)
        if (known := _held(timeline, best, reference, at))
    ]
    return Draft(
        verdict="observation",
        subject=f"clock:{clock}",
        statement=f"{named}, between {say_interval(since, since)} and "
        f"{say_interval(until, until)} as {best.first} reads",
        events=events,
        steps=[
            *(step("offset", **data) for data in sides),
            step(
                "stepped",
                clock=clock if who else None,
                first=reference,
                second=clock,
                after=since,
                before=until,
                low=low / 1e6,
                high=high / 1e6,
                others=len(those) - 1,
            ),
        ],
        excuse="Nothing disagrees: a clock that is set right is no false record.",
        alibi=" and ".join(
            f"{one['agreeing']} of {one['pairs']} pairs of records {side} it agree with one offset"
            for side, one in zip(("before", "after"), sides, strict=False)
        )
        + ".",
        innocent=[
            Innocent(
                "An hour of daylight saving, or a zone that was set right.",
                False if abs(low) <= _HOUR <= abs(high) or abs(high) <= _HOUR <= abs(low) else None,
                "The configuration of the host would say.",
            ),
            Innocent(
                "NTP came back after a time without it.", None, "The host's own log would say."
            ),
        ],
    )


def _held(timeline: Timeline, one: Step, reference: str, at: int) -> Held | None:
    known = held(timeline.measured, one.first, one.second, at)
    return known.turned() if known and known.one != reference else known


def _bracket(timeline: Timeline, one: Step) -> list[tuple[str, int]]:
    """The last pair before the step and the first pair after it, each row once."""
    both = pl.col("low").is_not_null() & pl.col("high").is_not_null()
    own = (
        timeline.measured.pairs.filter(
            (pl.col("first") == one.first) & (pl.col("second") == one.second) & both
        )
        .filter(pl.col("at").is_in([one.after, one.before]))
        .sort("at", "before", "after")
        .unique("at", keep="first", maintain_order=True)
        .select("at", "before", "after")
        .collect(engine="streaming")
    )
    found: dict[int, str] = {}
    for at, *pair in own.iter_rows():
        side = "last before" if at == one.after else "first after"
        for number, row in enumerate(pair, 1):
            found.setdefault(row, f"{side} {number}")
    return [(role, row) for row, role in found.items()]


def _went_back(one: Denial) -> Draft:
    before, after = one.before, one.after
    more = f"; so do {one.alike} more records" * bool(one.alike)
    return Draft(
        verdict="observation",
        subject=f"clock:{after.by}",
        statement=f"{after.source} holds a record of "
        f"{say_interval(after.earliest, after.latest)} after one of "
        f"{say_interval(before.earliest, before.latest)}, {show_span(one.apart)} later{more}: the "
        "clock was set back, or the record was written late",
        events=denied_events(one),
        steps=[
            step("before", "earlier", "later", law="order", because=one.laws[-1].because)
            if len(one.chain) == 2  # noqa: PLR2004  (the two ends)
            else step("between-them", "earlier", "later", count=len(one.chain) - 2),
            step("later", "later", "earlier", seconds=one.apart),
        ],
        excuse="Nothing disagrees: where a record stands says when it was written, and its time "
        "may be of what it tells.",
        alibi="Records of one act in another source would say which it was.",
        innocent=[
            Innocent(
                "A queue delivered the line late, with the time of what it tells.",
                None,
                "The documentation of the program that writes it would say.",
            ),
            Innocent(
                "The clock was set back: NTP, or an hour of daylight saving.",
                None,
                "The host's own log would say.",
            ),
        ],
        margin_seconds=one.excess / 1e6,
    )
