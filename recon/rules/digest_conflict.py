"""Sources that state different digests for one attribute of one subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent
from recon.instants import say_interval, show_interval
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.doubtful import disputed, fetched
from recon.rules.views import claims


@rule("digest-conflict", needs=("claim",))
def digest_conflict(timeline: Timeline) -> Iterator[Draft]:
    """Two sources conflict iff neither ever gives the digest that the other gives today.

    Compared are digests of one attribute of one subject and of one kind (sha256, md5, git). What
    a source gives are all its statements: every version that a bucket lists, every line of a log;
    of a database the newest snapshot alone, as an older one shows what it said, not what it says.
    Undetermined where the subject is a file by a relative path alone (`file:model.bin`), as lists
    of files have it: two trees may each have one of that name. Where a source states no digest
    there is nothing to compare.
    Innocent: an artifact overwritten under its name, where the source that keeps versions still
    lists the one that the other source names.
    Source: NIST SP 800-86, 4.2.2 (verifying integrity by message digests).
    """
    about = disputed(timeline)
    if about.is_empty():
        return
    told = claims(timeline, of=fetched(timeline, about)).collect(engine="streaming").lazy()
    given = _given(told).collect()
    conflicting = _conflicting(given)
    if conflicting.is_empty():
        return
    earlier = _earlier(told, conflicting).collect()
    for group in conflicting.sort("subject", "attribute", "source", "digest", "row").partition_by(
        "subject", "attribute", "algorithm", maintain_order=True
    ):
        said = earlier.filter(
            (pl.col("subject") == group["subject"][0])
            & (pl.col("attribute") == group["attribute"][0])
        )
        yield _draft(
            list(group.iter_rows(named=True)), said.row(0, named=True) if len(said) else None
        )


_RELATIVE = re.compile(r"file:(?!/|[A-Za-z][A-Za-z0-9+.-]*:)")
"""A path that says not of which tree: neither a place on one host nor a URI (RFC 3986, 3.1)."""
_KEY = ["source", "subject", "attribute", "algorithm"]


def _given(told: pl.LazyFrame) -> pl.LazyFrame:
    """All that each source states today, with ``newest`` true on one statement per key."""
    stated = told.filter(pl.col("digest").is_not_null())
    stated = stated.with_columns(algorithm=pl.col("digest").str.extract(r"^([^:]+):"))
    # Where two clocks leave it open which snapshot is the newest, both count.
    newest_snapshot = (pl.col("at_to") >= pl.col("at_from").max().over(_KEY)).fill_null(value=True)
    return (
        stated.filter(pl.col("table").is_null() | pl.col("seen_to").is_null() | newest_snapshot)
        .sort(*_KEY, "latest", "row", nulls_last=False)
        .with_columns(newest=pl.col("row") == pl.col("row").last().over(_KEY))
        .select(*_KEY, "digest", "row", "clock", "newest")
    )


def _conflicting(given: pl.DataFrame) -> pl.DataFrame:
    """Newest statements that stand on either side of a conflict."""
    about = ["subject", "attribute", "algorithm"]
    newest = given.filter("newest")
    never = ["source_other", *about, "digest"]
    return (
        newest.join(newest, on=about, suffix="_other")
        .filter(pl.col("source") != pl.col("source_other"))
        .join(given.select(*about, "digest", source_other="source"), on=never, how="anti")
        .join(given.select(*_KEY, digest_other="digest"), on=[*_KEY, "digest_other"], how="anti")
        .select(newest.columns)
        .unique()
    )


def _earlier(told: pl.LazyFrame, conflicting: pl.DataFrame) -> pl.LazyFrame:
    """Newest older snapshot in which a source on one side gives the digest of the other side."""
    about = ["subject", "attribute"]
    sides = conflicting.lazy().select(*about, "source", newest_row="row")
    others = conflicting.lazy().select(*about, "digest", other="source")
    return (
        told.filter(pl.col("seen_to").is_not_null() & pl.col("table").is_not_null())
        .join(sides, on=[*about, "source"])
        .join(others, on=[*about, "digest"])
        .filter((pl.col("source") != pl.col("other")) & (pl.col("row") != pl.col("newest_row")))
        .sort(pl.coalesce("at_to", "seen_to"), "row", "other", descending=[True, False, False])
        .unique(about, keep="first", maintain_order=True)
        .select(*about, "source", "digest", "row", "seen_from", "seen_to")
    )


def _draft(rows: list[dict[str, Any]], earlier: dict[str, Any] | None) -> Draft:
    subject, attribute = rows[0]["subject"], rows[0]["attribute"]
    by_digest: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_digest.setdefault(row["digest"], []).append(row)
    ordered = sorted(by_digest.items(), key=lambda pair: (len(pair[1]), pair[0]))
    said = "; ".join(
        f"{digest} in {' and '.join(sorted(row['source'] for row in group))}"
        for digest, group in ordered
    )
    events = [(f"states-{row['source']}", row["row"]) for _, group in ordered for row in group]
    roles = {
        row["row"]: role
        for role, row in zip(
            (r for r, _ in events), (row for _, g in ordered for row in g), strict=True
        )
    }
    steps = [
        step("states", roles[row["row"]], attribute=attribute, value=digest)
        for digest, group in ordered
        for row in group
    ]
    first, last = ordered[0][1][0], ordered[-1][1][0]
    steps.append(
        step(
            "differs",
            roles[last["row"]],
            roles[first["row"]],
            attribute=attribute,
            was=last["digest"],
            now=first["digest"],
        )
    )
    sources = sorted({row["source"] for row in rows})
    alibi = f"Neither side of {', '.join(sources)} gives the other's digest for it today."
    if earlier:
        seen = (earlier["seen_from"], earlier["seen_to"])
        events.append(("earlier", earlier["row"]))
        steps.append(
            step(
                "states",
                "earlier",
                attribute=attribute,
                value=earlier["digest"],
                seen=show_interval(*seen),
            )
        )
        alibi = (
            f"{earlier['source']} itself gave {earlier['digest']} in the snapshot of "
            f"{say_interval(*seen)}."
        )
    return Draft(
        verdict="undetermined" if _RELATIVE.match(subject) else "conflict",
        subject=subject,
        statement=f"The {attribute} of {subject} is {said}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the sources would have to speak of different bytes under "
        f"the name {subject}, or one of them would have to hold a mistake of writing.",
        alibi=alibi,
        innocent=[
            Innocent(
                "The artifact was replaced under its name, and each source was right in its time.",
                True if any((row["clock"] or "").startswith("s3:") for row in rows) else None,
                "The bucket lists its versions, and none that it still lists has the other "
                "digest; a version deleted for good would leave no trace there."
                if any((row["clock"] or "").startswith("s3:") for row in rows)
                else "A source that keeps versions would say.",
            ),
            Innocent(
                "One source writes the digest of another form of the artifact, such as an "
                "archive of it.",
                None,
                "The bytes that the digest belongs to would say.",
            ),
        ],
    )
