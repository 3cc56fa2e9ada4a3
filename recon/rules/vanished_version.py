"""Object versions that an earlier listing of a bucket shows and a later one does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import due, first_absence, lifecycles, relisted, version_name
from recon.rules.endings import EXCUSE, ended, ending
from recon.rules.resting import resting
from recon.rules.views import snapshots
from recon.time.between import BASES


@rule("vanished-version", needs=("object.put", "snapshot"))
def vanished_version(timeline: Timeline) -> Iterator[Draft]:
    """A version has vanished iff an earlier listing shows it and a later, complete one does not.

    Where an access log or CloudTrail records who deleted it, the record is named with it; a delete
    or an expiry from after the listing that lacks it is not its end, and is not named.
    Undetermined where another version or a delete marker of the key followed it, before or after
    the listing that shows it, and the bucket has a lifecycle configuration that may have expired
    it: it asks for tags, or may have been another before; and where two clocks date the listings
    and leave it open which is the later one.
    Observation where S3's own log records its expiry, or a rule of the bucket, as it was read, was
    due to remove it by then, and no record has a principal deleting it.
    Innocent: expiry of noncurrent versions by the bucket's own lifecycle; a listing of another
    prefix, which does not cover the key. A current version of a versioned bucket is never expired
    by a rule: the rule puts a delete marker over it.
    Source: Amazon S3 User Guide, "Deleting object versions from a versioning-enabled bucket":
    a delete that names a version id leaves no trace in the listing; "Lifecycle configuration
    elements".
    """
    again = relisted(timeline)
    gone = _gone(timeline, again) if again else pl.DataFrame()
    if gone.is_empty():
        return
    configured = lifecycles(timeline)
    for row in gone.sort("subject", "put").iter_rows(named=True):
        yield _draft(row, has_lifecycle=row["source"] in configured)


def _gone(timeline: Timeline, again: Sequence[str]) -> pl.DataFrame:
    """Versions with the last listing that shows them and the first complete one that does not.

    With what is recorded of their end.
    """
    acts = (
        timeline.kind("object.put", "object.delete")
        .filter(pl.col("source").is_in(again))
        .join(snapshots(timeline), on=["source", "item"])
    )
    # Also a delete marker, and also what a later listing alone shows: what was current when it was
    # listed was noncurrent from then on.
    newest = acts.select("source", "subject", newer="earliest")
    shown = (
        acts.filter(pl.col("kind") == "object.put")
        .with_columns(version=version_name())
        .filter(pl.col("version").is_not_null())
        .sort("seen_to", "row")
        .unique(["source", "version", "seen_clock"], keep="last", maintain_order=True)
    )
    gone = first_absence(timeline, shown)
    if gone.is_empty():
        return gone
    newer = (
        gone.lazy()
        .select("source", "subject", "version", "earliest", "listed_to")
        .join(newest, on=["source", "subject"])
        .filter((pl.col("newer") > pl.col("earliest")) & (pl.col("newer") <= pl.col("listed_to")))
        .select("source", "version", is_newest=pl.lit(False))
        .unique()
    )
    return (
        gone.lazy()
        .join(newer, on=["source", "version"], how="left")
        .with_columns(
            is_newest=pl.col("is_newest").fill_null(True)
            # Without versioning a rule removes the current object itself.
            & ~pl.col("version").str.ends_with("?versionId=null")
        )
        .join(due(timeline), on=["source", "version"], how="left")
        .pipe(lambda rows: ended(timeline, rows))
        .collect()
    )


def _draft(row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    seen = show_interval(row["seen_from"], row["seen_to"])
    gone = show_interval(row["listed_from"], row["listed_to"])
    verdict, cause = _judged(row, has_lifecycle=has_lifecycle)
    if not row["sure"]:
        verdict = "undetermined"
    alibi = "Both listings cover the key, and the later one is complete."
    if row["later_basis"] != BASES[0]:
        alibi += f" {resting(row, 'later', row['seen_clock'], row['listed_clock'])}."
    end = ending(row, was_due=verdict == "observation")
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} listed version {row['value']} of {row['subject']} in the "
        f"snapshot of {say_interval(row['seen_from'], row['seen_to'])}, and does not in that of "
        f"{say_interval(row['listed_from'], row['listed_to'])}{end.said}",
        events=[("listed", row["put"]), ("absent", row["listing"]), *end.events],
        steps=[
            step("states", "listed", attribute="version", value=row["value"] or "", seen=seen),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
            *end.steps,
        ],
        excuse=EXCUSE,
        alibi=alibi,
        innocent=[cause],
    )


def _judged(row: dict[str, Any], *, has_lifecycle: bool) -> tuple[Verdict, Innocent]:
    """The verdict, and what the evidence says of expiry by a rule."""
    due = row["due_from"]
    cases: list[tuple[bool, Verdict, bool | None, str]] = [
        (row["deleted"] is not None, "missing", True, "A record names who deleted it."),
        (row["expired"] is not None, "observation", False, "S3's own log records it."),
        (
            # By a rule that puts a marker over it and one that removes what is under a marker.
            row["is_newest"] and (due is None or due > row["listed_to"]),
            "missing",
            True,
            "It was current, as far as is known, and no rule removes that from a versioned bucket.",
        ),
        (
            not has_lifecycle,
            "missing",
            None,
            "No lifecycle configuration of the bucket is among the evidence.",
        ),
        (
            due is None,
            "undetermined",
            None,
            "It was noncurrent; no rule of the bucket, as they were read, is known to be due.",
        ),
        (
            due is not None and due > row["listed_to"],
            "missing",
            True,
            "By the rules as they were read, it was not due before it was gone.",
        ),
        (
            not row["due_sure"],
            "undetermined",
            None,
            "The rule that was due asks for tags, which no listing shows.",
        ),
        (True, "observation", False, f"It was due by then: {row['due_why']}."),
    ]
    _, verdict, ruled_out, why = next(case for case in cases if case[0])
    text = "A lifecycle rule of the bucket expired the noncurrent version."
    return verdict, Innocent(text, ruled_out, why)
