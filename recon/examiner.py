"""What is known of the examiner's own clock, from the items of the sources that measure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon import registry
from recon.evidence import CaseItems
from recon.instants import show
from recon.readings import EXAMINER, READING, TRUE_TIME
from recon.text import one_line
from recon.time.consensus import consensus
from recon.time.words import span

if TYPE_CHECKING:
    from recon.case import Case


def said(case: Case) -> str:
    """In one line: how far it was ahead of UTC when last measured, by whose word, against whose."""
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
    # The last measurement alone: what was so in spring says nothing of a clock in autumn.
    both = both.sort("earliest", *key)
    both = both.filter(pl.col("item") == both["item"][-1])
    low, high = (
        (pl.col(ours) - pl.col(utc)).dt.total_microseconds()
        for ours, utc in (("earliest", "latest_utc"), ("latest", "earliest_utc"))
    )
    bounds = both.select(low=low, high=high)
    agreed = consensus(bounds["low"].to_numpy(), bounds["high"].to_numpy())
    at = show(both["earliest"][-1])
    if not agreed.clear:
        who = ", ".join(one_line(name, 160) for name in both["actor"])
        return f"The examiner's clock at {at}: those who measure it exclude each other ({who})."
    by = [one_line(name, 160) for name in both["actor"].filter(~pl.Series(agreed.dissent))]
    told = f"The examiner's clock at {at}: ahead of UTC by {span(agreed.low, agreed.high)}"
    others = [one_line(name, 160) for name in both["actor"].filter(pl.Series(agreed.dissent))]
    against = f"; against {', '.join(others)}" if others else ""
    return f"{told}; {', '.join(by)}{against}."
