"""Norm: what is recorded of a system has a witness outside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent
from recon.rules.acts import judged, parameter
from recon.rules.base import Draft, Timeline, rule, step
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "self-recorded"


@rule(_NAME, needs=("claim",), is_norm=True)
def self_recorded(timeline: Timeline) -> Iterator[Draft]:
    """A record is self-recorded iff only the domain of the system that it tells of tells of it.

    The norm promises that what is recorded of some subjects has a witness outside the domain that
    runs them. Counted are subjects by attribute: those of which no source of another domain says
    anything under that attribute. One finding an attribute.
    Parameters of the norm: `subjects` (glob, by default all), `domain` (of `case.toml`, that runs
    them), `attribute` (by default each by itself), `since`.
    Undetermined never: what the case's sources say is counted; what others would say is not known.
    Innocent: a witness that was not asked to the case; an attribute that the others call otherwise.
    Source: NIST SP 800-53, AC-5 (separation of duties) and AU-9(2) (audit records on separate
    systems); design, section 7; the case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME and parameter(norm, "domain", ""):
            for row in _alone(timeline, norm).iter_rows(named=True):
                yield _draft(row, norm)


def _alone(timeline: Timeline, norm: Norm) -> pl.DataFrame:
    """By attribute: how many subjects there are, how many have no other witness, and the first."""
    domain = parameter(norm, "domain", "")
    told = timeline.kind("claim").filter(
        pl.col("subject").str.contains(glob(parameter(norm, "subjects", "*"))) & judged(norm)
    )
    if attribute := parameter(norm, "attribute", ""):
        told = told.filter(pl.col("attribute") == attribute)
    own = pl.col("domain") == domain
    return (
        told.group_by("attribute", "subject")
        .agg(
            inside=own.any(),
            outside=(~own).any(),
            row=pl.col("row").filter(own).min(),
            sources=pl.col("source").filter(own).unique(),
        )
        .filter("inside")
        .group_by("attribute")
        .agg(
            subjects=pl.len(),
            alone=(~pl.col("outside")).sum(),
            row=pl.col("row").filter(~pl.col("outside")).min(),
            first=pl.col("subject")
            .filter(~pl.col("outside"))
            .min_by(pl.col("row").filter(~pl.col("outside"))),
            sources=pl.col("sources").filter(~pl.col("outside")).explode().unique().sort(),
        )
        .filter(pl.col("alone") > 0)
        .sort("attribute")
        .collect()
    )


def _draft(row: Mapping[str, Any], norm: Norm) -> Draft:
    subjects, domain = parameter(norm, "subjects", "*"), parameter(norm, "domain", "")
    sources = ", ".join(row["sources"])
    one = f", such as {row['first']}" if row["first"] != subjects else ""
    return Draft(
        verdict="breach",
        subject=subjects,
        statement=f"What is said of {row['attribute']} of {row['alone']} of {row['subjects']} "
        f"subjects {subjects}{one}, is said by {sources} alone, of the domain {domain} that runs "
        "them",
        events=[("said", row["row"])],
        steps=[
            step("norm", rule=_NAME, promises=f"{subjects} has a witness outside {domain}"),
            step(
                "self-said",
                "said",
                attribute=row["attribute"],
                alone=row["alone"],
                subjects=row["subjects"],
                sources=sources,
                domain=domain,
            ),
        ],
        excuse="For the norm to be kept a source of another domain would have had to say it too.",
        alibi="All sources of the case are counted.",
        innocent=[
            Innocent(
                "There is a witness that the case did not ask.",
                None,
                "Whoever runs another system that saw it would say.",
            )
        ],
    )
