"""Claims that rules look at closer: no subject that differs is left out, whatever its number."""

from __future__ import annotations

import polars as pl
import pytest

from recon import beside
from recon.rules import Timeline, doubtful
from recon.rules.doubtful import disputed, lacking, varying
from tests.stories import BAD, GOOD, Story

THEN = "2026-02-14 10:00"
NOW = "2026-04-02 09:00"


def story() -> Story:
    """m1 differs in the row alone, m2 in the log alone, m3 nowhere, m4 is gone."""
    rows = [(name, GOOD, THEN, THEN, 700) for name in ("m2", "m3")]
    return (
        Story()
        .snapshot("02:00", asserted=THEN, m1=GOOD, m2=GOOD, m3=GOOD, m4=GOOD)
        .capture(NOW, ("m1", BAD, THEN, "19:12", 800), *rows)
        .deployed(THEN, "m2", artifact=BAD)
        .deployed(THEN, "m3", artifact=GOOD)
    )


@pytest.mark.parametrize("is_beside", [False, True])
@pytest.mark.parametrize("odd", ["as it is", "equal numbers", "in parts", "many"])
def test_all_that_differs_is_found(odd: str, is_beside: bool, monkeypatch: pytest.MonkeyPatch):  # noqa: FBT001
    timeline = story().timeline()
    if odd == "equal numbers":
        monkeypatch.setattr(pl.Expr, "hash", lambda _of, _seed=0: pl.lit(0, pl.UInt64))
    if odd == "in parts":
        monkeypatch.setattr(beside, "_AT_ONCE", 2)
    if odd == "many":
        monkeypatch.setattr(doubtful, "FEW", 0)
    if is_beside:
        own = beside.beside(timeline.events.collect()).lazy()
        timeline = Timeline(own, timeline.coverage, relations=timeline.relations)
    found = [set(one(timeline)["subject"]) for one in (varying, disputed, lacking)]
    assert found == [{"model:m1@1"}, {"model:m1@1", "model:m2@1"}, {"model:m4@1"}]
