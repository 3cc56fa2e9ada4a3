"""Logs that, acquired again, no longer begin as they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.names import named
from recon.rules.base import Draft, Timeline, rule, step

_PLACE = r"(line [0-9]+)$"
_RECORD = ("held", "stands")


@rule("log-rewritten", needs=("log.rewritten",))
def log_rewritten(timeline: Timeline) -> Iterator[Draft]:
    """A log was rewritten iff, acquired again, it no longer begins with the bytes that it had.

    Conflict where it begins as it did and then has other bytes; missing where it ends before it
    did. The record that stood at the first line that differs is named, and the one that stands
    there now.
    Undetermined where nothing of the earlier bytes is left, from the first line on: the log may
    have been begun anew, and its earlier part kept elsewhere.
    Innocent: a log that was rotated, whose earlier part no source of the case has; a log that its
    own program sorts or compacts; a listing that is made anew each time, which is no log.
    Source: NIST SP 800-92, 4.2 (log file integrity checking); the hashes of both acquisitions.
    """
    for row in _found(timeline).iter_rows(named=True):
        yield _draft(row)


def _found(timeline: Timeline) -> pl.DataFrame:
    """Each rewriting, with the record that stood where it begins and the one that stands there."""
    records = timeline.events.filter(
        (pl.col("kind") != "snapshot") & ~pl.col("kind").str.starts_with("log.re")
    )
    records = (
        records.sort("part")
        .unique(["source", "item", "citation"], keep="first", maintain_order=True)
        .select("source", "stream", "item", place="citation", record="row", about="subject")
    )
    lost = timeline.kind("log.rewritten").select(
        "row",
        "source",
        "subject",
        "value",
        "earliest",
        "latest",
        "item",
        before=named("item:").str.strip_prefix("item:"),
        place=pl.col("value").str.extract(_PLACE),
    )
    # What an item shares with an earlier one is told of that one: they have one stream.
    streams = records.select("source", "stream", before="item").unique()
    held = (
        lost.select("row", "source", "before", "place")
        .join(streams, on=["source", "before"])
        .join(records, on=["source", "stream", "place"])
        .sort("item", descending=False)
        .unique("row", keep="first", maintain_order=True)
        .select("row", held="record", held_about="about")
    )
    stands = records.select("source", "item", "place", stands="record", stands_about="about")
    return (
        lost.join(held, on="row", how="left")
        .join(stands, on=["source", "item", "place"], how="left")
        .sort("source", "earliest", "row")
        .collect()
    )


def _draft(row: Mapping[str, Any]) -> Draft:
    cut = row["value"].startswith("ends")
    anew = row["place"] == "line 1"
    verdict: Verdict = "undetermined" if anew else "missing" if cut else "conflict"
    found = [(name, row[name]) for name in _RECORD if row[name] is not None]
    if cut:
        found = [one for one in found if one[0] == "held"]
    now = "ends before it" if cut else "holds other bytes from there on"
    was = f"; a record of {row['held_about']} stood there" if row["held"] is not None else ""
    between = say_interval(row["earliest"], row["latest"])
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} held bytes at {row['place']} when it was acquired, and {now} "
        f"when it was acquired again ({between}){was}",
        events=[("rewritten", row["row"]), *found],
        steps=[
            step(
                "rewritten",
                "rewritten",
                place=row["place"],
                since=row["earliest"],
                until=row["latest"],
                cut=cut,
            ),
            *(
                step("stood-at", name, place=row["place"], now=name == "stands")
                for name, _ in found
            ),
        ],
        excuse="For this to be innocent the log would have had to be begun anew, and its earlier "
        "part to be kept in a file that is not part of the source.",
        alibi="Both acquisitions are kept whole, under the SHA-256 of their bytes.",
        innocent=[
            Innocent(
                "The log was rotated, and what it held before is elsewhere.",
                None if anew else True,
                "Nothing of what it held is left in it."
                if anew
                else "It begins with the very bytes that it began with.",
            ),
            Innocent(
                "The program that writes it sorts or compacts it.",
                None,
                "The documentation of that program would say.",
            ),
        ],
    )
