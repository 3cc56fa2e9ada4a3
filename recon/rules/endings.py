"""How a version of an object ended, as far as records say it: what rules of its absence share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Step
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
