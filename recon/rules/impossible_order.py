"""Orders that laws force and clocks deny."""

from __future__ import annotations

from collections.abc import Iterator

from recon.findings import Innocent
from recon.rules.alibis import excuse
from recon.rules.base import Draft, Timeline, rule
from recon.rules.denial_words import alibi, argument, events, innocent, statement
from recon.rules.denials import Denial, told


@rule("impossible-order", needs=("*",))
def impossible_order(timeline: Timeline) -> Iterator[Draft]:
    """An order is impossible iff laws force it and readings deny it beyond any offset of clocks.

    That is: by a chain of laws A came before B, and A reads later than B by more than a minute
    beyond all that the clocks of the two can be apart at that time. It is a negative cycle of the
    network of events and clocks; its weight is the margin. A contradiction where the bound was
    measured before and after by records of both clocks, six hours apart at most, so that no one
    step of a clock explains it.
    Undetermined where a step would, where nothing measures the two clocks and a reading runs the
    other way while its neighbours do not, or by more than any zone, and where a time is a column
    of a row, which an update keeps. Of those that nothing decides, two sources have one finding.
    Of several records of one time that would do, the first is named: by its source's name, its
    place in its stream, its subject, and only then its id.
    Where the later record's time was supplied by its writer and the earlier one's stamped, the
    rule backdated-record speaks; where the lines of a log alone deny their order, clock-step does.
    Innocent: a host whose clock is off all along, by hours or by the minutes until NTP came back,
    an hour of daylight saving, whole seconds about one instant: these are offsets, and are taken
    off. Author dates, which no law ties to anything. A record written late, whose time is of what
    it tells. A rebase that keeps its commits' dates.
    Source: R. Dechter, I. Meiri, J. Pearl, Temporal Constraint Networks, Artificial Intelligence
    49 (1991); L. Lamport, Time, Clocks, and the Ordering of Events, CACM 21 (1978);
    design, section 5.
    """
    for one in told(timeline, "impossible-order"):
        yield _draft(timeline, one)


def _draft(timeline: Timeline, one: Denial) -> Draft:
    seconds = one.excess / 1e6
    kept = Innocent(
        "A tool kept or set dates: a rebase with its commits' dates, an import of history.",
        None,
        "The server's reflog or the forge's push events would say.",
    )
    is_git = one.after.kind.startswith("git.")
    return Draft(
        verdict="contradiction" if one.certain else "undetermined",
        subject=one.after.subject,
        statement=statement(one),
        events=events(one),
        steps=argument(timeline, one),
        excuse=excuse(one.after.by, one.before.by, one.apart),
        alibi=alibi(timeline, one),
        innocent=[*innocent(timeline, one), *([kept] if is_git else [])],
        margin_seconds=seconds,
    )
