"""Object versions that an earlier listing of a bucket shows and a later one does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recon.instants import say_interval, show_interval
from recon.rules.alibis import ordered
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import lifecycles
from recon.rules.endings import EXCUSE, ending, judged
from recon.rules.gone import vanished
from recon.time.between import BASES


@rule("vanished-version", needs=("object.put", "snapshot"))
def vanished_version(timeline: Timeline) -> Iterator[Draft]:
    """A version has vanished iff an earlier listing shows it and a later, complete one does not.

    Two sources list one bucket where both show a version of one id under one name of a bucket: what
    one of them lists and the other, later, does not is gone too.
    Where an access log or CloudTrail records who deleted it, the record is named with it; a delete
    or an expiry from after the listing that lacks it is not its end, and is not named.
    Undetermined where another version or a delete marker of the key followed it, before or after
    the listing that shows it, and the bucket has a lifecycle configuration that may have expired
    it: it asks for tags, or may have been another before; and where two clocks date the listings
    and leave it open which is the later one; and where two sources are of two domains, of which one
    may hold a replica.
    Observation where S3's own log records its expiry, or a rule of the bucket, as it was read, was
    due to remove it by then, and no record has a principal deleting it.
    Innocent: expiry of noncurrent versions by the bucket's own lifecycle; a listing of another
    prefix, which does not cover the key. A current version of a versioned bucket is never expired
    by a rule: the rule puts a delete marker over it.
    Source: Amazon S3 User Guide, "Deleting object versions from a versioning-enabled bucket":
    a delete that names a version id leaves no trace in the listing; "Lifecycle configuration
    elements".
    """
    gone = vanished(timeline)
    if gone.is_empty():
        return
    configured = lifecycles(timeline)
    for row in gone.sort("subject", "put").iter_rows(named=True):
        has_lifecycle = not configured.isdisjoint((row["source"], row["shown_by"]))
        yield _draft(timeline, row, has_lifecycle=has_lifecycle)


def _draft(timeline: Timeline, row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    seen = show_interval(row["seen_from"], row["seen_to"])
    gone = show_interval(row["listed_from"], row["listed_to"])
    verdict, cause = judged(row, has_lifecycle=has_lifecycle)
    if not row["sure"]:
        verdict = "undetermined"
    alibi = "Both listings cover the key, and the later one is complete."
    if row["later_basis"] != BASES[0]:
        clocks = (row["seen_clock"], row["listed_clock"])
        alibi += f" {ordered(timeline.measured, row, 'later', clocks, row['seen_from'])}"
    other = ""
    if row["shown_by"] != row["source"]:
        other = f"{row['source']} "
        alibi += " The two sources list one bucket: they have versions in common."
    end = ending(row, was_due=verdict == "observation")
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['shown_by']} listed version {row['value']} of {row['subject']} in the "
        f"snapshot of {say_interval(row['seen_from'], row['seen_to'])}, "
        f"and {other}does not in that of "
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
