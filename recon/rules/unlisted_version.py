"""Versions that a log saw being put or read and that no listing of the bucket shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recon.instants import say_interval, show_interval
from recon.rules.alibis import ordered
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import READ, UPLOADED, lifecycles
from recon.rules.endings import EXCUSE, ending, judged_unlisted
from recon.rules.gone import unlisted
from recon.time.between import BASES


@rule("unlisted-version", needs=("object.put", "snapshot", "|".join((*UPLOADED, *READ))))
def unlisted_version(timeline: Timeline) -> Iterator[Draft]:
    """A version is unlisted iff a log records it, and a later listing lacks it.

    That is: CloudTrail records its upload, or CloudTrail or the access log a read of it by its id
    that was answered. The listing is complete, covers the key, and was made after that; no other
    listing shows the version either. The first version of a key is said to be it.
    Undetermined where the bucket has a lifecycle configuration, which may have expired it: how
    long it was noncurrent no listing shows; and where two clocks date the record and the listing
    and leave it open which came later.
    Observation where S3's own log records its expiry. A delete or an expiry from after that listing
    is not the end of what it lacks, and is not named.
    Innocent: expiry by the bucket's own lifecycle; an upload or a read that failed, which is
    recorded with its error; a bucket whose versions have no ids.
    Source: AWS CloudTrail User Guide, "Logging data events"; Amazon S3 User Guide, "Amazon S3
    server access log format" (a version id stands there where the request names one), "Deleting
    object versions from a versioning-enabled bucket".
    """
    rows = unlisted(timeline)
    if rows.is_empty():
        return
    configured = lifecycles(timeline)
    for row in rows.sort("subject", "put").iter_rows(named=True):
        yield _draft(timeline, row, has_lifecycle=row["source"] in configured)


def _draft(timeline: Timeline, row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    verdict, innocent = judged_unlisted(row, has_lifecycle=has_lifecycle)
    gone = show_interval(row["listed_from"], row["listed_to"])
    end = ending(row)
    if not row["sure"]:
        verdict = "undetermined"
    is_read = row["told_as"] in READ
    act = "read" if is_read else "upload"
    alibi = f"The listing covers the key, is complete, and was made after the {act}."
    if row["later_basis"] != BASES[0]:
        clocks = (row["seen_clock"], row["listed_clock"])
        alibi += f" {ordered(timeline.measured, row, 'later', clocks, row['seen_from'])}"
    is_first = row["oldest"] is None or row["earliest"] < row["oldest"]
    which = "the first version known" if is_first else "a version"
    who, verb = ("CloudTrail", "the upload") if not is_read else (row["told_by"], "a read")
    seen = "in the access log" if row["told_as"].startswith("log.") else "in CloudTrail"
    # When it was put no read says, and so not whether it was the first.
    which = "a version" if is_read else which
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{who} records {verb} of {which} of {row['subject']}, {row['value']}, "
        f"at {say_interval(row['earliest'], row['latest'])}, and {row['source']} does not list it "
        f"in the snapshot of {say_interval(row['listed_from'], row['listed_to'])}{end.said}",
        events=[("put", row["put"]), ("absent", row["listing"]), *end.events],
        steps=[
            step("states", "put", attribute="version", value=row["value"] or "", seen=seen),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
            *end.steps,
        ],
        excuse=EXCUSE,
        alibi=alibi,
        innocent=[innocent],
    )
