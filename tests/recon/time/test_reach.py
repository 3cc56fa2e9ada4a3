"""What chains of laws deny, held against every pair of events looked at in turn."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import polars as pl
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from recon import schema
from recon.time.pairs import PAIRS
from recon.time.proofs import proofs
from recon.time.reach import SMALL, Allowed, Readings, connected, denied
from recon.time.settle import settle

CLOCKS = 3
FAR = 2**50


def story(seed: int, parts: list[int]) -> tuple[Readings, list[tuple[int, int]], Allowed]:
    """Parts of laws of the sizes given; every tenth event has no date."""
    rng = Random(seed)  # noqa: S311  (a story, no secret)
    laws, begin = [], 0
    for size in parts:
        for at in range(1, size):
            earlier = [rng.randrange(max(0, at - 6), at) for _ in range(rng.randint(1, 2))]
            laws += [(begin + one, begin + at) for one in earlier]
        begin += size
    clock = np.array([rng.choice([-1] + 3 * list(range(CLOCKS))) for _ in range(begin)], np.int32)
    low = np.array([rng.randrange(1000) + 15 * at for at in range(begin)])
    readings = Readings(np.arange(begin), clock, low, low + 1, np.zeros((3, begin), dtype=np.int64))
    table = np.array([[[rng.choice([0, 200, 500, FAR]) for _ in "abc"] for _ in "abc"]])
    table[0][np.diag_indices(CLOCKS)] = 0
    return readings, sorted(set(laws)), Allowed(np.concatenate([table, table]), FAR)


def slowly(readings: Readings, laws: list[tuple[int, int]], allowed: Allowed) -> dict[int, int]:
    """The widest excess by later event."""
    before: dict[int, set[int]] = {}
    for a, b in sorted(laws, key=lambda law: law[1]):
        before.setdefault(b, set()).update({a}, before.get(a, set()))
    found = {}
    for after, those in before.items():
        for one in those:
            clocks = (int(readings.clock[after]), int(readings.clock[one]))
            most = int(allowed.table[0][clocks])
            excess = int(readings.earliest[one] - readings.latest[after]) - most
            if min(clocks) >= 0 and most < FAR and excess > 0:
                found[after] = max(excess, found.get(after, 0))
    return found


@pytest.mark.parametrize("form", ["nothing", "scattered", "path", "shuffled path", "star", "rings"])
def test_parts_are_those_that_scipy_finds(form: str):
    count = 500
    row, shuffled = np.arange(count), np.random.default_rng(1).permutation(count)
    ends = {
        "nothing": (row[:0], row[:0]),
        "scattered": (shuffled[:150], shuffled[150:300]),
        "path": (row[1:], row[:-1]),
        "shuffled path": (shuffled[1:], shuffled[:-1]),
        "star": (np.full(count - 1, count - 1), row[:-1]),
        "rings": (row, row // 25 * 25 + (row + 1) % 25),
    }[form]
    links = coo_array((np.ones(len(ends[0])), ends), (count, count))
    assert np.array_equal(connected(count, *ends), connected_components(links, directed=False)[1])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "parts",
    [[2, 3, 5, 9, 17, 33, 60, 64, 2, 4], [SMALL + 30], [5, SMALL + 1, 7, 2 * SMALL]],
    ids=["small", "large", "both"],
)
def test_small_and_large_parts_deny_what_every_pair_in_turn_does(seed: int, parts: list[int]):
    readings, laws, allowed = story(seed, parts)
    before, after = (np.array(end) for end in zip(*laws, strict=True))
    part = connected(len(readings.row), before, after)
    found = denied(readings, before, after, allowed, part)
    assert dict(found.select("after", "excess").iter_rows()) == slowly(readings, laws, allowed)
    assert len(found) > 0


@pytest.mark.parametrize("behind", [0, 200], ids=["together", "one surely behind"])
def test_readings_in_the_order_of_laws_are_denied_only_where_a_clock_is_behind(behind: int):
    random, laws, _ = story(1, [SMALL + 30])
    low = 15 * np.arange(len(random.row))
    readings = replace(random, earliest=low, latest=low + 1)
    table = np.zeros((2, CLOCKS, CLOCKS), dtype=np.int64)
    table[:, 0, 1] = -behind
    before, after = (np.array(end) for end in zip(*laws, strict=True))
    part, allowed = connected(len(low), before, after), Allowed(table, FAR)
    found = denied(readings, before, after, allowed, part)
    assert dict(found.select("after", "excess").iter_rows()) == slowly(readings, laws, allowed)
    assert bool(len(found)) == bool(behind)


def chained(clock: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Five chains of six events a minute apart by one clock; the fourth of each reads an hour late.

    Rows of a part of a timeline, with gaps.
    """
    row = pl.int_range(30, eager=True)
    late = (row % 6 == 3).cast(pl.Int64) * 3_600_000_000
    read = (row * 60_000_000 + late).cast(schema.INSTANT)
    told = {"row": row * 3, "kind": "event", "clock": clock, "earliest": read, "latest": read}
    events = pl.DataFrame(told)
    types = schema.EVENTS.items()
    missing = [pl.lit(None, kind).alias(name) for name, kind in types if name not in told]
    events = events.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in types)
    laws = pl.DataFrame({"before": row * 3, "after": row * 3 + 3}).filter(row % 6 < 5)
    return events, laws.cast(pl.UInt64).with_columns(law=pl.lit("digest"))


def test_proofs_are_the_same_in_whatever_order_events_and_laws_come():
    events, laws = chained("a")
    none = pl.LazyFrame(schema=PAIRS)
    found = proofs(events.lazy(), laws.lazy(), none, settle(none))
    assert [one.aside for one in found] == [12 + 18 * number for number in range(5)]
    turned = pl.concat([laws, laws]).sample(fraction=1, shuffle=True, seed=1)
    shuffled = events.sample(fraction=1, shuffle=True, seed=2)
    assert proofs(shuffled.lazy(), turned.lazy(), none, settle(none)) == found


def test_nothing_is_denied_where_no_clock_is_known():
    events, laws = chained(None)
    none = pl.LazyFrame(schema=PAIRS)
    assert proofs(events.lazy(), laws.lazy(), none, settle(none)) == []
