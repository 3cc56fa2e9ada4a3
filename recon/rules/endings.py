"""How a version of an object ended, as far as records say it: what rules of its absence share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.rules.base import Timeline, step
from recon.rules.buckets import deletions, expirations
from recon.time.corrected import Reading

EXCUSE = (
    "For this to be innocent the version would have had to be expired by a rule of the bucket, or "
    "deleted as intended by someone who may."
)
_LISTED = Reading("listed_clock", "listed_from", "listed_to")


def ended(timeline: Timeline, gone: pl.LazyFrame) -> pl.LazyFrame:
    """With the record of a version's delete and of its expiry; null where there is none.

    A record of what was done after the listing that already lacks the version is of no end of it,
    and is left out; one that may be from before counts.

    Args:
        timeline: with its clocks.
        gone: with ``version``, and of the listing that lacks it ``listed_clock``, ``listed_from``
            and ``listed_to``.
    """
    for name, records in (("deleted", deletions(timeline)), ("expired", expirations(timeline))):
        reading = Reading(f"{name}_clock", f"{name}_from", f"{name}_to")
        in_time = (pl.col(f"{name}_apart_most") >= 0).fill_null(value=True)
        columns = [one for one in records.collect_schema() if one != "version"]
        gone = (
            timeline.clocks.apart(
                gone.join(records, on="version", how="left"), reading, _LISTED, f"{name}_apart"
            )
            .with_columns(pl.when(in_time).then(one).alias(one) for one in columns)
            .drop(pl.selectors.starts_with(f"{name}_apart_"))
        )
    return gone


class Ending(NamedTuple):
    """What a finding says of a version's end."""

    events: Sequence[tuple[str, int]]
    steps: Sequence[Step]
    said: str
    """As the end of a sentence; empty where nothing is known."""


def ending(row: Mapping[str, Any], *, was_due: bool = False) -> Ending:
    """The end of a version in words: who deleted it, or that it expired, or was due to.

    Args:
        row: with what :func:`ended` added, and, where ``was_due``, what
            :func:`recon.rules.buckets.due` gives.
        was_due: whether a rule that was due is taken for its end, where no record says of one.
    """
    if row["deleted"] is not None:
        who = row["deleted_by"]
        return Ending(
            [("deleted", row["deleted"])],
            [step("deleted", "deleted", actor=who)],
            f"; {row['deleted_source']} records that {who} deleted it",
        )
    if row["expired"] is not None:
        return Ending(
            [("expired", row["expired"])],
            [step("expired", "expired")],
            f"; {row['expired_source']} records that S3 expired it",
        )
    if was_due:
        return Ending(
            [("due", row["due"])],
            [step("due", "due", why=row["due_why"] or "")],
            f", as was due by the bucket's own {row['due_why']}",
        )
    return Ending((), (), "")


def judged(row: Mapping[str, Any], *, has_lifecycle: bool) -> tuple[Verdict, Innocent]:
    """The verdict on a version that a listing showed, and what is known of expiry by a rule."""
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


def judged_unlisted(row: Mapping[str, Any], *, has_lifecycle: bool) -> tuple[Verdict, Innocent]:
    """The same of one that no listing showed: how long it was noncurrent is not known."""
    cause = "A lifecycle rule of the bucket expired it."
    if row["deleted"] is not None:
        return "missing", Innocent(cause, True, "A record names who deleted it.")
    if row["expired"] is not None:
        return "observation", Innocent(cause, False, "S3's own log records it.")
    if has_lifecycle:
        return "undetermined", Innocent(cause, None, "The bucket has a lifecycle configuration.")
    return "missing", Innocent(cause, None, "No lifecycle configuration is among the evidence.")
