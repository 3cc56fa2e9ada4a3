"""Versions that CloudTrail saw being put and that no listing of the bucket shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recon.instants import say_interval, show_interval
from recon.rules.alibis import resting
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import lifecycles
from recon.rules.endings import EXCUSE, ending, judged_unlisted
from recon.rules.gone import unlisted
from recon.time.between import BASES


@rule("unlisted-version", needs=("object.put", "snapshot", "trail.PutObject"))
def unlisted_version(timeline: Timeline) -> Iterator[Draft]:
    """A version is unlisted iff CloudTrail records its upload and a later listing lacks it.

    The listing is complete, covers the key, and was made after the upload; no other listing shows
    the version either. The first version of a key is said to be it.
    Undetermined where the bucket has a lifecycle configuration, which may have expired it: how
    long it was noncurrent no listing shows; and where two clocks date the record and the listing
    and leave it open which came later.
    Observation where S3's own log records its expiry. A delete or an expiry from after that listing
    is not the end of what it lacks, and is not named.
    Innocent: expiry by the bucket's own lifecycle; an upload that failed, which CloudTrail records
    with its error; a bucket whose versions have no ids.
    Source: AWS CloudTrail User Guide, "Logging data events"; Amazon S3 User Guide, "Deleting object
    versions from a versioning-enabled bucket".
    """
    rows = unlisted(timeline)
    if rows.is_empty():
        return
    configured = lifecycles(timeline)
    for row in rows.sort("subject", "put").iter_rows(named=True):
        yield _draft(row, has_lifecycle=row["source"] in configured)


def _draft(row: dict[str, Any], *, has_lifecycle: bool) -> Draft:
    verdict, innocent = judged_unlisted(row, has_lifecycle=has_lifecycle)
    gone = show_interval(row["listed_from"], row["listed_to"])
    end = ending(row)
    if not row["sure"]:
        verdict = "undetermined"
    alibi = "The listing covers the key, is complete, and was made after the upload."
    if row["later_basis"] != BASES[0]:
        alibi += f" {resting(row, 'later', row['seen_clock'], row['listed_clock'])}."
    is_first = row["oldest"] is None or row["earliest"] < row["oldest"]
    which = "the first version known" if is_first else "a version"
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"CloudTrail records the upload of {which} of {row['subject']}, {row['value']}, "
        f"at {say_interval(row['earliest'], row['latest'])}, and {row['source']} does not list it "
        f"in the snapshot of {say_interval(row['listed_from'], row['listed_to'])}{end.said}",
        events=[("put", row["put"]), ("absent", row["listing"]), *end.events],
        steps=[
            step(
                "states", "put", attribute="version", value=row["value"] or "", seen="in CloudTrail"
            ),
            step("absent", "absent", table=row["source"], subject=row["version"], seen=gone),
            *end.steps,
        ],
        excuse=EXCUSE,
        alibi=alibi,
        innocent=[innocent],
    )
