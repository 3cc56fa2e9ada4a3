"""What is known of the examiner's own clock, from the items of the sources that measure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon import registry
from recon.evidence import CaseItems
from recon.instants import show
from recon.readings import EXAMINER, READING, TRUE_TIME
from recon.show_clocks import span
from recon.text import one_line

if TYPE_CHECKING:
    from recon.case import Case

_SECOND = 1_000_000


def said(case: Case) -> str:
    """In one line: how far it was ahead of UTC when last measured and by whose word, or not."""
    sources = [one for one in case.sources if registry.collector(one.collector).each_run]
    if not sources:
        return (
            "The examiner's clock is unmeasured: no source of the case measures it "
            '(collector = "clock", docs/anchors.md).'
        )
    frames = [pl.DataFrame(schema={"clock": pl.String()})]
    for source in sources:
        parsed = registry.collector(source.collector).parse(
            source, CaseItems(case.evidence, source.id)
        )
        frames.append(parsed.events.filter(pl.col("kind") == READING).collect())
    readings = pl.concat(frames, how="diagonal")
    if readings.is_empty():
        return (
            "The examiner's clock is unmeasured: no NTP daemon here is synchronised, and no "
            "Roughtime server gave a valid answer."
        )
    key = ["item", "citation", "value", "actor"]
    ours = readings.filter(pl.col("clock") == EXAMINER)
    both = ours.join(readings.filter(pl.col("clock") == TRUE_TIME), on=key, suffix="_utc")
    last = both.sort("earliest", *key).row(-1, named=True)
    low = (last["earliest"] - last["latest_utc"]).total_seconds()
    high = (last["latest"] - last["earliest_utc"]).total_seconds()
    return (
        f"The examiner's clock at {show(last['earliest'])}: ahead of UTC by "
        f"{span(round(low * _SECOND), round(high * _SECOND))}; {one_line(last['actor'], 160)}."
    )
