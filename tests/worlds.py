"""Worlds whose truth is known: clocks that are off, drift and step, late records, and lies.

A world has true times, clocks that read them, laws between its events, records of one act in two
sources, and a few planted falsehoods. The tool sees the readings, the laws and the acts alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import polars as pl

from recon import schema
from recon.readings import READING
from recon.rules import Timeline
from recon.time.declared import Correspondence
from recon.time.pairs import CORRESPONDENCES

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
START = 1_772_323_200 * SECOND  # 2026-03-01
LATENCY = 3 * SECOND
Constraint = tuple[dict[int, int], int]
"""Coefficients by variable, and what their sum is at most, µs."""


@dataclass
class Clock:
    """What it shows is the true time, its offset, its drift since the start, and its step."""

    name: str
    offset: int = 0
    drift: float = 0.0
    step_at: int = 0
    step: int = 0
    grain: int = 1

    def off(self, true: int) -> int:
        stepped = self.step if self.step and true >= self.step_at else 0
        return self.offset + int(self.drift * (true - START)) + stepped

    def read(self, true: int) -> tuple[int, int]:
        shown = true + self.off(true)
        low = shown - shown % self.grain
        return low, low + self.grain - 1


@dataclass
class Event:
    """One record: when it came to be, and by which clock it says so."""

    true: int
    clock: Clock
    shift: int = 0
    """µs by which its reading is false."""
    room: tuple[int, int] = (0, 0)
    """µs by which the reading is wider than the clock's grain, before and after."""

    def reading(self) -> tuple[int, int]:
        low, high = self.clock.read(self.true)
        return low + self.shift - self.room[0], high + self.shift + self.room[1]


@dataclass
class World:
    """Events by number, laws and acts between them."""

    clocks: list[Clock]
    events: list[Event] = field(default_factory=list)
    laws: set[tuple[int, int]] = field(default_factory=set)
    acts: list[tuple[int, int]] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    anchors: list[tuple[int, int]] = field(default_factory=list)
    """Readings of one instant by two clocks, the second of them UTC."""

    def add(self, true: int, clock: Clock, room: tuple[int, int] = (0, 0)) -> int:
        self.events.append(Event(true, clock, room=room))
        return len(self.events) - 1

    def anchor(self, true: int, clock: Clock, utc: Clock, room: tuple[int, int]) -> int:
        """The clock is read at an instant of which UTC is known to some room: the UTC event."""
        self.anchors.append((self.add(true, clock), self.add(true, utc, room)))
        return self.anchors[-1][1]

    def frames(self) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
        """Events, relations and correspondences as the tool gets them."""
        rows: list[dict[str, Any]] = []
        instants = {number: str(at) for at, pair in enumerate(self.anchors) for number in pair}
        for number, event in enumerate(self.events):
            low, high = event.reading()
            rows.append(
                {
                    "row": number,
                    "source": "s",
                    "kind": READING if number in instants else "event",
                    "subject": "s",
                    "value": instants.get(number),
                    "actor": "anchor" if number in instants else None,
                    "clock": event.clock.name,
                    "earliest": low,
                    "latest": high,
                    "item": "0" * 64,
                    "citation": "" if number in instants else str(number),
                    "part": 0,
                    "basis": "stamped",
                }
            )
        types = {
            name: pl.Int64() if name in {"earliest", "latest"} else dtype
            for name, dtype in schema.EVENTS.items()
        }
        events = pl.DataFrame(rows, schema=types, orient="row").with_columns(
            pl.col("earliest", "latest").cast(schema.INSTANT)
        )
        relations = pl.DataFrame(
            [
                {"before": a, "after": b, "law": "digest", "because": "contains it"}
                for a, b in sorted(self.laws)
            ],
            schema=schema.RELATIONS,
        )
        acts = pl.DataFrame(
            [
                {"before": a, "after": b, "least": 0, "most": LATENCY, "name": "one act"}
                for a, b in self.acts
            ],
            schema=CORRESPONDENCES,
        )
        return events.lazy(), relations.lazy(), acts.lazy()


def world(  # one way in which worlds differ each
    seed: int,
    *,
    steps: bool = False,
    drift: bool = True,
    lies: int = 0,
    size: int = 12,
    anchored: int | None = None,
    false_anchors: int = 0,
) -> World:
    """One of any number of worlds; the same seed gives the same one.

    ``anchored``: anchors to UTC of each clock that has any; None: there is no UTC.
    """
    rng = random.Random(seed)  # noqa: S311  (a story, no secret)
    clocks = [_clock(rng, f"c{number}", steps=steps, drift=drift) for number in range(3)]
    out = World(clocks)
    span = 3 * DAY
    for _ in range(size):
        begin = START + rng.randrange(span)
        numbers = []
        for _ in range(rng.randint(2, 6)):
            begin += rng.randrange(1, rng.choice([2 * SECOND, MINUTE, 2 * HOUR]))
            numbers.append(out.add(begin, rng.choice(clocks)))
            if len(numbers) > 1:
                out.laws.add((rng.choice(numbers[:-1]), numbers[-1]))
    for first, second in ((0, 1), (1, 2), (0, 2)):
        for _ in range(rng.choice([0, 2, 3 * size])):
            at = START + rng.randrange(span)
            a = out.add(at, clocks[first])
            out.acts.append((a, out.add(at + rng.randrange(LATENCY), clocks[second])))
    for clock in clocks:
        if rng.random() < 0.7:
            own = [n for n, event in enumerate(out.events) if event.clock is clock]
            own.sort(key=lambda n: out.events[n].true)
            out.laws |= set(pairwise(own))
    lied = rng.sample(range(len(out.events)), lies)
    for number in lied:
        shift = rng.choice([-1, 1]) * rng.randrange(MINUTE, rng.choice([2 * HOUR, 20 * DAY]))
        out.events[number].shift = shift
    out.false = sorted(lied)
    if anchored is not None:
        _anchor(rng, out, anchored, false_anchors)
    return out


def _anchor(rng: random.Random, out: World, count: int, false: int) -> None:
    """Anchors of some clocks, over the whole span, and timestamps over some events of any."""
    clocks, utc = list(out.clocks), Clock("utc")
    out.clocks.append(utc)
    plain = len(out.events)
    for clock in clocks:
        if rng.random() < 0.6:
            made = []
            for _ in range(count):
                room = (rng.randrange(2 * SECOND), rng.randrange(2 * SECOND))
                made.append(out.anchor(START + rng.randrange(3 * DAY), clock, utc, room))
            for number in rng.sample(made, false):
                out.events[number].shift = rng.choice([-1, 1]) * rng.randrange(MINUTE, 2 * HOUR)
                out.false.append(number)
    for number in rng.sample(range(plain), rng.choice([0, 4])):
        later = out.events[number].true + rng.randrange(HOUR)
        out.laws.add((number, out.add(later, utc, (SECOND, SECOND))))
    out.false.sort()


def _clock(rng: random.Random, name: str, *, steps: bool, drift: bool) -> Clock:
    clock = Clock(name, offset=rng.choice([0, rng.randrange(-2 * SECOND, 2 * SECOND), 6 * HOUR]))
    clock.grain = rng.choice([1, SECOND])
    if drift and rng.random() < 0.5:
        clock.drift = rng.uniform(-5e-6, 5e-6)
    if steps and rng.random() < 0.6:
        clock.step_at = START + rng.randrange(3 * DAY)
        clock.step = rng.choice([-1, 1]) * rng.randrange(2 * MINUTE, HOUR)
    return clock


def together(worlds: Sequence[World]) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    """Worlds as one timeline: their clocks have names of their own, and rows run on."""
    parts: list[list[pl.LazyFrame]] = [[], [], []]
    begin = 0
    for number, one in enumerate(worlds):
        events, relations, acts = one.frames()
        ends = (pl.col("before") + begin, pl.col("after") + begin)
        parts[0].append(
            events.with_columns(
                row=pl.col("row") + begin,
                clock=pl.format("w{}:{}", pl.lit(number), "clock"),
                source=pl.format("w{}:{}", pl.lit(number), "source"),
            )
        )
        parts[1].append(relations.with_columns(ends))
        parts[2].append(acts.with_columns(ends))
        begin += len(one.events)
    events, relations, acts = (pl.concat(part) for part in parts)
    return events, relations, acts


def told(of: World) -> Timeline:
    """A world as rules see it: each clock is a source, and its acts are declared."""
    events, relations, _ = of.frames()
    runs = {row: f"run:{number}" for number, act in enumerate(of.acts) for row in act}
    frame = events.collect().with_columns(
        source="clock",
        subject=pl.Series([runs.get(row, f"event:{row}") for row in range(len(of.events))]),
        names=pl.lit([], pl.List(pl.String)),
    )
    names = [clock.name for clock in of.clocks]
    declared = [
        Correspondence.model_validate(
            {
                "first": {"source": one, "kind": "event"},
                "second": {"source": other, "kind": "event"},
                "within": [0, LATENCY / SECOND],
                "by": "run",
            }
        )
        for one, other in combinations(names, 2)
    ]
    coverage = pl.LazyFrame(schema=schema.COVERAGE)
    return Timeline(frame.lazy(), coverage, (), {}, relations, declared)


def feasible(of: World, numbers: Sequence[int] | None = None) -> bool:
    """Whether constant offsets and true times exist that fit the readings of these events.

    The oracle: linear programming over all events and clocks at once.
    """
    chosen = list(range(len(of.events))) if numbers is None else list(numbers)
    place = {number: at for at, number in enumerate(chosen)}
    names = {clock.name: len(chosen) + at for at, clock in enumerate(of.clocks)}
    rows: list[Constraint] = []
    for number in chosen:
        low, high = of.events[number].reading()
        both = {place[number]: 1, names[of.events[number].clock.name]: 1}
        rows += [(both, high - START), (dict.fromkeys(both, -1), START - low)]
    for clock in of.clocks:
        if clock.name == "utc":
            rows += [({names["utc"]: sign}, 0) for sign in (1, -1)]
    for a, b in of.anchors:
        if a in place and b in place:
            rows += [({place[a]: sign, place[b]: -sign}, 0) for sign in (1, -1)]
    # As the tool is told: laws, and acts with their latency.
    for a, b in of.laws:
        if a in place and b in place:
            rows.append(({place[a]: 1, place[b]: -1}, 0))
    for a, b in of.acts:
        if a in place and b in place:
            rows.append(({place[b]: 1, place[a]: -1}, LATENCY))
            rows.append(({place[a]: 1, place[b]: -1}, 0))
    return solvable(rows, len(chosen) + len(of.clocks))


def solvable(rows: Sequence[Constraint], width: int) -> bool:
    """Whether numbers exist whose weighted sums keep every limit (µs), by linear programming."""
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    cells = [
        (at, column, sign) for at, (terms, _) in enumerate(rows) for column, sign in terms.items()
    ]
    down, across, signs = zip(*cells, strict=True)
    matrix = coo_array((signs, (down, across)), (len(rows), width)).tocsr()
    bound = np.array([limit for _, limit in rows]) / SECOND
    done = linprog(np.zeros(width), matrix, bound, bounds=[(None, None)] * width)
    return bool(done.status == 0)
