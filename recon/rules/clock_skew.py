"""Clocks that are apart: an observation, never an accusation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import polars as pl

from recon.clocks_json import instant
from recon.findings import Innocent
from recon.instants import show_span
from recon.rules.alibis import as_data, holds, rests, turned
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.inversions import PROMPT, ZONES, inverted, steady
from recon.time.clocks import Clocks
from recon.time.held import Held, held
from recon.time.stretches import Stretch
from recon.time.words import within

_SECOND = 1_000_000
_QUARTER = 900 * _SECOND
"""µs; zones differ by whole quarters of an hour."""
_ZONE = 120 * _SECOND
_ASSUMED = 600 * _SECOND
"""µs; where the tool itself assumes which records are of one act, minutes may be latency."""
_ENOUGH = 3


@rule("clock-skew", needs=("*",))
def clock_skew(timeline: Timeline) -> Iterator[Draft]:
    """Two clocks are skewed iff pairs of their records hold them more than a minute apart.

    That is: at least three pairs agree, and the bounds that hold as long as less than half of the
    pairs are false leave out every offset of a minute or less; ten minutes where the tool alone
    assumes that the two records of a pair are of one act. Or: by laws alone one clock reads
    earlier than the other throughout, or for three and more neighbouring pairs, by no more than
    zones can differ. It is an observation: every order in the case is judged with the offset
    taken off.
    Undetermined never: what is bounded by less is not told.
    Innocent: a host that is set to another zone; a clock that no one set for months; a job that
    writes its second record late, where the two are taken for records of one act.
    Source: design, section 5; RFC 5905, 11.2.1 (clock selection).
    """
    found = timeline.measured
    told: set[tuple[str, str]] = set()
    direct = sorted(
        (one for one in found.stretches if one.direct),
        key=lambda one: (one.first, one.second, one.since),
    )
    for clocks, own in groupby(direct, lambda one: (one.first, one.second)):
        those = list(own)
        off = [one for one in those if _apart(found, one)]
        if off:
            told.add(clocks)
            yield _draft(timeline, off, all_along=len(off) == len(those))
    yield from _one_way(timeline, told)


def _apart(found: Clocks, one: Stretch) -> bool:
    if not one.direct or one.agreeing < _ENOUGH or not one.clear:
        return False
    least = PROMPT
    if any(ground.basis == "proposed" for ground in found.rests.get(one, ())):
        least = _ASSUMED
    low, high = one.certain
    if not one.measured and max(one.low or 0, -(one.high or 0)) > ZONES:
        return False  # from one side alone that is no zone: what denies an order tells it
    ahead = low is not None and low > least and one.low is not None and one.low > least
    behind = high is not None and high < -least and one.high is not None and one.high < -least
    return ahead or behind


def _draft(timeline: Timeline, off: Sequence[Stretch], *, all_along: bool) -> Draft:
    """One finding for two clocks: the stretch with the most pairs, and the others as steps."""
    found = timeline.measured
    best = max(off, key=lambda one: (one.agreeing, -one.since))
    one, other = turned(found, best.first, best.second)
    known = _held(found, best, one)
    rows = tightest(timeline, best)
    when = "all along" if all_along else f"from {_day(best.since)} to {_day(best.until)}"
    side = "ahead of" if (known.low or known.high or 0) > 0 else "behind"
    return Draft(
        verdict="observation",
        subject=f"clock:{other}",
        statement=f"The clock {other} reads {size(known.low, known.high)} {side} {one} "
        f"{when}{zone(best.low, best.high)}; every order is judged with that taken off",
        events=[(f"record {number}", row) for number, row in enumerate(rows, 1)],
        steps=[step("offset", **as_data(_held(found, each, one))) for each in off],
        excuse="Nothing disagrees: a clock that is off is no false record. Which of the two is "
        "off, if not both, their difference does not tell.",
        alibi=f"{holds(known)[:1].upper()}{holds(known)[1:]}.{rests(known.rests)}",
        innocent=[
            Innocent(
                "The host is set to another zone, or its clock was never set.",
                False if zone(best.low, best.high) else None,
                "The offset is one that zones have."
                if zone(best.low, best.high)
                else "The configuration of the host would say.",
            )
        ],
    )


def _one_way(timeline: Timeline, told: set[tuple[str, str]]) -> Iterator[Draft]:
    """By laws alone one clock reads earlier than the other, for a run of pairs or throughout."""
    runs = (
        inverted(timeline)
        .filter(steady())
        .sort("first", "second", "forward", "by", "at", descending=[False] * 3 + [True, False])
        .unique(["first", "second", "forward"], keep="first", maintain_order=True)
    )
    measured = {(one.first, one.second) for one in timeline.measured.stretches if one.measured}
    for row in runs.iter_rows(named=True):
        if (row["first"], row["second"]) in told | measured:
            continue
        earlier, later = row["first"], row["second"]
        if not row["forward"]:
            earlier, later = later, earlier
        by = row["by"] / _SECOND
        some = "all along" if row["all"] else f"about {_day(row['at'])}"
        yield Draft(
            verdict="observation",
            subject=f"clock:{later}",
            statement=f"The clock {later} reads at least {show_span(by)} behind {earlier} {some}: "
            f"by the law {row['law']} its records came later, and "
            + (
                f"{row['size']} of them in a row read earlier"
                if row["size"] > 1
                else "the one at hand reads earlier"
            ),
            events=[("earlier", row["before"]), ("later", row["after"])],
            steps=[step("one-way", "earlier", "later", seconds=by, law=row["law"])],
            excuse="Nothing disagrees: a clock that is off is no false record.",
            alibi=f"No record of one act in both sources measures {later} against {earlier}.",
            innocent=[
                Innocent(
                    "The host is set to another zone, or its clock was never set.",
                    None,
                    "The configuration of the host would say.",
                )
            ],
        )


def tightest(timeline: Timeline, one: Stretch) -> list[int]:
    """Rows of the pairs that give a stretch its bounds; each once, in their order."""
    found = timeline.measured
    own = (
        found.pairs.filter(
            (pl.col("first") == one.first)
            & (pl.col("second") == one.second)
            & pl.col("at").is_between(one.since, one.until)
        )
        .join(found.settled.dissent.lazy(), on=["before", "after", "law"], how="anti")
        .sort("before", "after")
    )
    ends = pl.concat(
        [
            own.filter(pl.col(side).is_not_null())
            .sort(side, descending=side == "low", maintain_order=True)
            .head(1)
            for side in ("low", "high")
        ]
    ).collect(engine="streaming")
    rows = [row for pair in ends.select("before", "after").iter_rows() for row in pair]
    return sorted(set(rows))


def _held(found: Clocks, one: Stretch, reference: str) -> Held:
    """A stretch seen from either of its two clocks."""
    known = held(found, one.first, one.second, one.since)
    if known is None:
        raise AssertionError(f"{one} bounds nothing")
    return known if reference == one.first else known.turned()


def size(low: int | None, high: int | None) -> str:
    """How far apart, without its sign."""
    if low is not None and low > 0:
        return _plain(low, high) if high is not None else f"at least {show_span(low / _SECOND)}"
    if high is not None and low is None:
        return f"at least {show_span(-high / _SECOND)}"
    return _plain(-(high or 0), -(low or 0))


def _plain(low: int, high: int) -> str:
    return within(low, high).removeprefix("+")


def zone(low: int | None, high: int | None) -> str:
    """A remark where the offset is one that a zone would make."""
    if low is None or high is None or high - low > _ZONE:
        return ""
    middle = (low + high) / 2
    near = round(middle / _QUARTER) * _QUARTER
    if near == 0 or abs(middle - near) > _ZONE:
        return ""
    return ", as a host set to another zone does"


def _day(micros: int) -> str:
    at = instant(micros)
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "a time out of all bounds"
