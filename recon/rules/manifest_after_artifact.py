"""Norm: the manifest of a release is not newer than its artifact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval, show_span
from recon.rules.base import Draft, Timeline, rule, seconds, step

if TYPE_CHECKING:
    from recon.config import Norm

_SAME_ACT = 1.0
"""Seconds: the precision of ``LastModified``, below which two stamps have no order."""


@rule("manifest-after-artifact", needs=("claim",), is_norm=True)
def manifest_after_artifact(timeline: Timeline) -> Iterator[Draft]:
    """The norm is broken iff a subject's first manifest was stored after its first artifact.

    Compared are stamped times alone. Parameters of the norm: ``artifact`` and ``manifest`` (names
    of the attributes, by default those words), ``since`` (earlier artifacts are not judged).
    Undetermined where the two times overlap, or where two clocks are compared whose offset the
    evidence does not bound.
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
        timeline.kind("claim")
        .filter((pl.col("basis") == "stamped") & pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        .unique(["subject", "attribute"], keep="first", maintain_order=True)
        .select("subject", "attribute", "earliest", "latest", "clock", "row")
    )
    artifact = stored.filter(pl.col("attribute") == names["artifact"])
    if norm.since is not None:
        artifact = artifact.filter(pl.col("earliest") >= norm.since)
    late = (
        artifact.join(
            stored.filter(pl.col("attribute") == names["manifest"]),
            on="subject",
            suffix="_manifest",
        )
        .with_columns(margin=seconds(pl.col("earliest_manifest") - pl.col("latest")))
        .filter(pl.col("latest_manifest") > pl.col("earliest"))
        .sort("subject")
        .collect()
    )
    for row in late.iter_rows(named=True):
        tolerance = max(timeline.allowed(row["clock"]), timeline.allowed(row["clock_manifest"]))
        apart = (row["latest_manifest"] - row["earliest"]).total_seconds()
        if apart > _SAME_ACT + tolerance and apart > tolerance:
            yield _draft(row, tolerance)


def _draft(row: dict[str, Any], tolerance: float) -> Draft:
    one_clock = row["clock"] == row["clock_manifest"]
    verdict: Verdict = "breach" if row["margin"] > tolerance and one_clock else "undetermined"
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
            step("later", "artifact", "manifest", seconds=row["margin"]),
        ],
        margin_seconds=row["margin"],
        excuse=f"For the norm to be kept, {row['clock_manifest']} would have had to read "
        f"{show_span(max(row['margin'], 0.0))} ahead of {row['clock']}.",
        alibi="Both times are of one clock, which would have had to be set back between them."
        if one_clock
        else f"Nothing in the case bounds {row['clock_manifest']} against {row['clock']}.",
        innocent=[
            Innocent(
                "An earlier version of the manifest was stored in time and then removed.",
                None,
                "An earlier listing of the bucket would say.",
            ),
        ],
    )
