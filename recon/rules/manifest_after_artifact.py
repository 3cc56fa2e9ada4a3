"""Norm: the manifest of a release is not newer than its artifact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_span
from recon.rules.alibis import MEASURED, ordered
from recon.rules.base import Draft, Timeline, rule, seconds, step
from recon.rules.buckets import UPLOADED, version_key, version_name
from recon.time.consensus import OPEN
from recon.time.corrected import READING, Reading

if TYPE_CHECKING:
    from recon.config import Norm

_SECOND = 1_000_000
_MANIFEST = Reading("clock_manifest", "earliest_manifest", "latest_manifest")
_SAME_ACT = 1.0
"""Seconds: the precision of ``LastModified``, below which two stamps have no order."""


@rule("manifest-after-artifact", needs=("claim",), is_norm=True)
def manifest_after_artifact(timeline: Timeline) -> Iterator[Draft]:
    """The norm is broken iff a subject's first manifest was stored after its first artifact.

    Compared are stamped times alone, of versions that a bucket lists and of uploads to their keys
    that CloudTrail records: what was stored first may not be listed any more.
    Parameters of the norm: ``artifact`` and ``manifest`` (names of the attributes, by default those
    words), ``since`` (earlier artifacts are not judged).
    Undetermined where the two times overlap once the clocks' offset is taken off, or where two
    clocks are compared whose offset the evidence does not bound.
    Innocent: a manifest corrected later, where an earlier version of it is listed; seconds
    between two uploads of one job that the declared tolerance covers.
    Source: design, section 2 (norm); the case's own ``case.toml`` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == "manifest-after-artifact":
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    parameters = norm.model_extra or {}
    names = {
        "artifact": str(parameters.get("artifact", "artifact")),
        "manifest": str(parameters.get("manifest", "manifest")),
    }
    stored = (
        pl.concat([_claimed(timeline), _uploaded(timeline)])
        .filter(pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        # The first by each clock: which of them came first of all, readings alone do not say.
        .unique(["subject", "attribute", "clock"], keep="first", maintain_order=True)
        .select("subject", "attribute", "earliest", "latest", "clock", "row")
    )
    artifact = stored.filter(pl.col("attribute") == names["artifact"])
    if norm.since is not None:
        artifact = artifact.filter(pl.col("earliest") >= norm.since)
    manifest = stored.filter(pl.col("attribute") == names["manifest"])
    both = artifact.join(manifest, on="subject", suffix="_manifest")
    least, most = pl.col("apart_least").fill_null(-OPEN), pl.col("apart_most").fill_null(OPEN)
    late = (
        timeline.clocks.apart(both, READING, _MANIFEST, "apart")
        .with_columns(least=least, most=most)
        # Of an artifact the manifest that can have come first, of these the artifact that did.
        .sort("least", "earliest_manifest", "row_manifest")
        .with_columns(most=pl.col("most").min().over("subject", "row"))
        .unique(["subject", "row"], keep="first", maintain_order=True)
        .sort("least", "row", descending=[True, False])
        .with_columns(most=pl.col("most").max().over("subject"))
        .unique("subject", keep="first", maintain_order=True)
        .with_columns(margin=(pl.col("earliest_manifest") - pl.col("latest")).pipe(seconds))
        .sort("subject")
        .collect()
    )
    for row in late.iter_rows(named=True):
        one_clock = row["clock"] == row["clock_manifest"]
        allowed = timeline.allowed(row["clock"]) if one_clock else 0.0
        tolerance = max(norm.tolerance, allowed)
        if row["most"] / _SECOND > _SAME_ACT + tolerance:
            yield _draft(timeline, row, tolerance)


_STORED = ("subject", "attribute", "earliest", "latest", "clock", "row")


def _claimed(timeline: Timeline) -> pl.LazyFrame:
    return timeline.kind("claim").filter(pl.col("basis") == "stamped").select(_STORED)


def _uploaded(timeline: Timeline) -> pl.LazyFrame:
    """Uploads that CloudTrail records, to keys of which the case claims something."""
    keys = (
        timeline.kind("claim")
        .select("subject", "attribute", version=version_name())
        .filter(pl.col("version").is_not_null())
        .select("subject", "attribute", key=version_key())
        .unique()
    )
    uploads = timeline.kind(*UPLOADED).rename({"subject": "key"})
    return uploads.drop("attribute").join(keys, on="key").select(_STORED)


def _draft(timeline: Timeline, row: dict[str, Any], tolerance: float) -> Draft:
    one_clock = row["clock"] == row["clock_manifest"]
    known = row["apart_basis"] in MEASURED
    clocks = row["clock"], row["clock_manifest"]
    margin = row["least"] / _SECOND if known and row["least"] > -OPEN else row["margin"]
    verdict: Verdict = "breach" if margin > tolerance and known else "undetermined"
    artifact = say_interval(row["earliest"], row["latest"])
    manifest = say_interval(row["earliest_manifest"], row["latest_manifest"])
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"The manifest of {row['subject']} was stored on {manifest}, and the artifact "
        f"on {artifact}; the case's norm promises a manifest that is not newer",
        events=[("artifact", row["row"]), ("manifest", row["row_manifest"])],
        steps=[
            step(
                "norm",
                rule="manifest-after-artifact",
                promises="the manifest is not newer than the artifact",
            ),
            step(
                "reads",
                "artifact",
                earliest=row["earliest"],
                latest=row["latest"],
                clock=row["clock"],
                basis="stamped",
            ),
            step(
                "reads",
                "manifest",
                earliest=row["earliest_manifest"],
                latest=row["latest_manifest"],
                clock=row["clock_manifest"],
                basis="stamped",
            ),
            step("later", "artifact", "manifest", seconds=margin),
        ],
        margin_seconds=margin,
        excuse=f"For the norm to be kept, {row['clock_manifest']} would have had to read "
        f"{show_span(max(margin, 0.0))} further ahead of {row['clock']} than it is known to be."
        if known and not one_clock
        else f"For the norm to be kept, {row['clock_manifest']} would have had to read "
        f"{show_span(max(margin, 0.0))} ahead of {row['clock']}.",
        alibi="Both times are of one clock, which would have had to be set back between them."
        if one_clock
        else ordered(timeline.measured, row, "apart", clocks, row["earliest"]),
        innocent=[
            Innocent(
                "An earlier version of the manifest was stored in time and then removed.",
                None,
                "An earlier listing of the bucket would say.",
            ),
        ],
    )
