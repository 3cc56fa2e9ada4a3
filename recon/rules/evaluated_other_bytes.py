"""Norm: what is deployed is what was evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.names import named
from recon.rules.acts import FINISHED, deployed, judged, parameter
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.copies import later_copies
from recon.rules.views import RECORD

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "evaluated-other-bytes"


@rule(_NAME, needs=("claim",), is_norm=True)
def evaluated_other_bytes(timeline: Timeline) -> Iterator[Draft]:
    """Other bytes were evaluated iff evaluations of a deployed subject name other digests alone.

    That is: a log records a deploy of the subject with a digest, at least one evaluation of the
    subject names the digest of what it evaluated, and none names that one.
    Parameters of the norm: `evaluated` (attribute by which an evaluation names what it evaluated,
    by default that word), `artifact` (attribute of what was deployed, by default that word),
    `deployed` (glob of kinds, by default `deploy.finish`), `since`.
    Undetermined where no complete snapshot of the table of evaluations is at hand from after the
    deploy, as one of the deployed bytes may be in it. Silent where no evaluation of the subject
    names any digest.
    Innocent: a candidate that was evaluated before it was trained again, where the evaluation of
    the later one is kept elsewhere; a digest of an archive beside that of the file in it.
    Source: ISO/IEC 42001:2023, A.6.2.4 (verification and validation of what is released); the
    case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME:
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    kinds = parameter(norm, "deployed", FINISHED)
    done = (
        deployed(timeline, parameter(norm, "artifact", "artifact"), kinds)
        .filter(judged(norm))
        .with_columns(algorithm=pl.col("digest").str.extract(r"^([^:]+):"))
        .sort("earliest", "row")
        .unique(["subject", "digest"], keep="first", maintain_order=True)
    )
    tables = timeline.kind("row.version", "row.dumped", "row.insert", "row.update").select(
        *RECORD, table=named("pg:")
    )
    evaluations = (
        timeline.kind("claim")
        .filter(
            (pl.col("attribute") == parameter(norm, "evaluated", "evaluated"))
            & pl.col("digest").is_not_null()
        )
        .with_columns(pl.col("digest").str.to_lowercase())
        .with_columns(algorithm=pl.col("digest").str.extract(r"^([^:]+):"))
        .join(tables, on=RECORD, how="left")
        .sort("earliest", "row", nulls_last=True)
    )
    other = evaluations.unique(["subject", "algorithm"], keep="last", maintain_order=True)
    found = (
        done.join(evaluations, on=["subject", "digest"], how="anti")
        .join(other, on=["subject", "algorithm"], suffix="_evaluated")
        .sort("subject", "row")
        .collect()
    )
    copies = later_copies(timeline, "claim")
    for row in found.iter_rows(named=True):
        reads = row["clock"], row["earliest"], row["latest"]
        whole = copies.after(row["source_evaluated"], row["table"], reads)
        yield _draft(row, whole=whole)


def _draft(row: Mapping[str, Any], *, whole: bool) -> Draft:
    verdict: Verdict = "breach" if whole else "undetermined"
    when = say_interval(row["earliest"], row["latest"]) if row["earliest"] else "a time not known"
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} records a deploy of {row['subject']} with {row['digest']} on "
        f"{when}; {row['source_evaluated']} holds an evaluation of {row['digest_evaluated']}, and "
        "none of what was deployed" + ("" if whole else ", as far as it is at hand"),
        events=[("deployed", row["row"]), ("evaluated", row["row_evaluated"])],
        steps=[
            step("norm", rule=_NAME, promises="what is deployed is what was evaluated"),
            step("states", "deployed", attribute=row["attribute"], value=row["digest"]),
            step(
                "states",
                "evaluated",
                attribute=row["attribute_evaluated"],
                value=row["digest_evaluated"],
            ),
        ],
        excuse="For this to be innocent what was deployed would have had to be evaluated as well, "
        "and the record of that to be elsewhere.",
        alibi="Both are digests of one kind."
        + (" The table of evaluations is at hand whole, from after the deploy." if whole else ""),
        innocent=[
            Innocent(
                "An evaluation of what was deployed is kept elsewhere.",
                None,
                "Whoever evaluated it would say.",
            )
        ],
    )
