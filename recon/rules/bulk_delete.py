"""Delete markers put over many keys within a short time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent
from recon.instants import say_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import DELETED, MARKED_BY_S3, locked, version_name

MANY = 10
"""Keys: fewer are ordinary work."""
APART = pl.duration(seconds=60)
"""Markers of one act follow one another at most so far apart; S3 deletes 1,000 keys a request."""


@rule("bulk-delete", needs=("object.delete",))
def bulk_delete(timeline: Timeline) -> Iterator[Draft]:
    """Markers were put in bulk iff ten or more keys got one, each within a minute of the last.

    Observation: a delete marker removes nothing, and who may delete may do so; the reader must
    know when, over how many keys and, of those that a log says it of, by whom. Versions under the
    markers that retention or a legal hold keeps are counted: they are there still, and are not
    current.
    Said to be expected where S3's own log, or a rule of the bucket due that day, put the markers.
    Undetermined is never said: the markers are stamped.
    Innocent: expiry by the bucket's own lifecycle, a clean-up that was meant; one key that is put
    and deleted again and again, as a lock is.
    Source: Amazon S3 User Guide, "Working with delete markers"; "How S3 Object Lock works": a lock
    does not prevent a delete marker.
    """
    markers = (
        timeline.kind("object.delete")
        .filter(pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        .unique(["source", "subject", "value", "earliest"], keep="first", maintain_order=True)
        .with_columns(version=version_name())
        .sort("source", "earliest", "row")
        .with_columns(
            burst=(pl.col("earliest") - pl.col("earliest").shift(1) > APART)
            .fill_null(True)
            .cum_sum()
            .over("source")
        )
        .filter(pl.col("subject").n_unique().over("source", "burst") >= MANY)
        .collect()
    )
    if markers.is_empty():
        return
    told = _told(timeline, markers)
    for _, group in told.group_by("source", "burst", maintain_order=True):
        yield _draft(group)


def _told(timeline: Timeline, markers: pl.DataFrame) -> pl.DataFrame:
    """Markers with who put each, whether a rule did, and whether a locked version lies under it."""
    near = [pl.col("at") >= pl.col("earliest") - APART, pl.col("at") <= pl.col("latest") + APART]

    def first(kinds: tuple[str, ...], **columns: pl.Expr | str) -> pl.LazyFrame:
        records = timeline.kind(*kinds).select(
            "subject", at="earliest", of=version_name(), **columns
        )
        return (
            markers.lazy()
            .select("subject", "version", "earliest", "latest", "row")
            .join(records, on="subject")
            .filter(near)
            # A delete that names another version removes that one, and puts no marker.
            .filter(pl.col("of").is_null() | (pl.col("of") == pl.col("version")))
            .sort("at")
            .unique("row", keep="first", maintain_order=True)
            .select("row", *columns)
        )

    by = first(DELETED, record="row", by="actor")
    by_s3 = first(MARKED_BY_S3, s3_record="row")
    due = (
        timeline.kind("object.expires-under-marker")
        .select("subject", due_from="earliest", due="row")
        .join(markers.lazy().select("subject", "latest", "row"), on="subject")
        .filter(pl.col("due_from") <= pl.col("latest"))
        .sort("due")
        .unique("row", keep="first", maintain_order=True)
        .select("row", "due")
    )
    under = (
        timeline.kind("object.put")
        .select("subject", version=version_name())
        .unique()
        .join(locked(timeline), on="version")
        .group_by("subject")
        .agg(pl.col("lock").min())
    )
    return (
        markers.lazy()
        .join(by, on="row", how="left")
        .join(by_s3, on="row", how="left")
        .join(due, on="row", how="left")
        .join(under, on="subject", how="left")
        .sort("source", "burst", "earliest", "row")
        .collect()
    )


def _draft(group: pl.DataFrame) -> Draft:
    count = group.height
    begins, ends = group.row(0, named=True), group.row(-1, named=True)
    expected = group.filter(pl.col("s3_record").is_not_null() | pl.col("due").is_not_null())
    expected = expected.filter(pl.col("record").is_null())
    recorded = group.drop_nulls("record")
    who = recorded["by"].drop_nulls().unique().sort().to_list()
    kept = group.filter(pl.col("lock").is_not_null())
    events = [("first", begins["row"]), ("last", ends["row"])]
    span = say_interval(begins["earliest"], ends["latest"])
    steps = [step("bulk", "first", "last", count=count, span=span)]
    said = _over(group["subject"].to_list())
    statement = f"{begins['source']} records {count} delete markers over keys of {said}, {span}"
    if who:
        record = recorded.drop_nulls("by").row(0, named=True)
        events.append(("deleted", record["record"]))
        steps.append(step("deleted", "deleted", actor=record["by"]))
        named = recorded.drop_nulls("by").height
        some = "" if named == count else f"{named} of them on record as "
        statement += f", {some}put by {', '.join(who)}"
    if not expected.is_empty():
        row = expected.row(0, named=True)
        events.append(
            ("expected", row["s3_record"] if row["s3_record"] is not None else row["due"])
        )
        steps.append(step("by-rule", "expected", count=expected.height))
        statement += f"; {expected.height} of them by the bucket's own lifecycle"
    if not kept.is_empty():
        events.append(("locked", kept.row(0, named=True)["lock"]))
        steps.append(step("locked-under", "locked", count=kept.height))
        statement += (
            f"; under {kept.height} of them locked versions are there still and are not "
            f"current, under {count - kept.height} none is known to be locked"
        )
    by_rule = expected.height == count
    return Draft(
        verdict="observation",
        subject=said,
        statement=statement,
        events=events,
        steps=steps,
        excuse="For this to be innocent the keys would have had to be meant to be deleted.",
        alibi="S3 stamps a delete marker when it is put.",
        innocent=[
            Innocent(
                "A lifecycle rule of the bucket put the markers.",
                False if by_rule else True if recorded.height == count else None,
                f"{expected.height} of {count} are by its record or were due by its rules.",
            )
        ],
    )


def _over(subjects: list[Any]) -> str:
    """The longest prefix of all keys that ends at a slash, with what was left open as ``*``."""
    low, high = min(subjects), max(subjects)
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return f"{low[: low.rfind('/', 0, same) + 1]}*"
