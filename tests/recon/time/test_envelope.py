"""Bounds that hold throughout are the worst that pairs and drift leave at any moment."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from recon.time.envelope import throughout
from recon.time.stretches import stretches
from tests.judged import judged
from tests.recon.time.test_worlds import inside, within
from tests.worlds import world

DRIFT = 0.01
LONG = 1000


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_every_moment_would_say(seed: int):
    """Moments one by one: at each the least of all bounds, opened by drift from where they are."""
    rng = Random(seed)  # noqa: S311  (made-up pairs, no secret)
    at = sorted({0, LONG, *(rng.randrange(LONG) for _ in range(rng.randrange(8)))})
    high = [rng.choice([None, rng.randrange(40)]) for _ in at]
    low = [None if rng.random() < 0.3 else -rng.randrange(40) for _ in at]
    rows = [("a", "b", 0, one, one, *ends) for one, *ends in zip(at, low, high, strict=True)]
    columns = ["first", "second", "group", "since", "until", "low", "high"]
    held = pl.DataFrame(rows, schema=columns, orient="row").cast(dict.fromkeys(columns[3:], int))
    (found,) = throughout(held, DRIFT).iter_rows(named=True)
    for side, sign, bounds in (("high", 1, high), ("low", -1, low)):
        told = [(t, sign * one) for t, one in zip(at, bounds, strict=True) if one is not None]
        if not told:
            assert found[side] is None
            continue
        worst = max(
            min(one + DRIFT * abs(where - moment) for where, one in told)
            for moment in range(LONG + 1)
        )
        assert worst <= sign * found[side] <= worst + 3


def test_what_holds_somewhere_in_an_hour_is_opened_by_the_drift_of_all_of_it():
    rows = [("a", "b", 0, 0, 400, 5), ("a", "b", 0, 500, 500, 3)]
    columns = ["first", "second", "group", "since", "until", "high"]
    held = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        low=pl.lit(None, pl.Int64())
    )
    (found,) = throughout(held, DRIFT).iter_rows(named=True)
    # At its beginning the second one says 3 and the drift of 500; the first 5 and that of 400.
    assert (found["low"], found["high"]) == (None, 9)


@pytest.mark.parametrize("seed", [1592, 3994])
def test_clocks_that_drift_against_each_other_are_within_at_both_ends_of_a_day(seed: int):
    """Nine millionths: a second a day, by which bounds of noon are not those of midnight."""
    (one,) = judged([world(seed)]).each
    clocks = {clock.name: clock for clock in one.world.clocks}
    assert within(one, "low", "high") > 0
    for found in stretches(one.offsets):
        inside(clocks, found)
