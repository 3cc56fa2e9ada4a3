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
from recon.rules.registries import distinct, registries
from recon.rules.views import claims


@rule("digest-conflict", needs=("claim",))
def digest_conflict(timeline: Timeline) -> Iterator[Draft]:
    """Two sources conflict iff neither ever gives the digest that the other gives today.

    Compared are digests of one attribute of one subject and of one kind (sha256, md5, git). What
    a source gives are all its statements: every version that a bucket lists, every line of a log;
    of a database the newest snapshot alone, as an older one shows what it said, not what it says.
    Undetermined where the subject is a file by a relative path alone (`file:model.bin`), as lists
    of files have it: two trees may each have one of that name. So is a version of a model that two
    MLflow registries have, where these agree on when and by which run it was made for no version at
    all: two registries may each have a model of that name; who else gives the digest of one of them
    conflicts with no other. Where a source states no digest
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
    pairs = _conflicting(given)
    if pairs.is_empty():
        return
    conflicting = _one_side(_apart(timeline, given, pairs))
    earlier = _earlier(told, conflicting).collect()
    for group in conflicting.sort("subject", "attribute", "source", "digest", "row").partition_by(
        "subject", "attribute", "algorithm", maintain_order=True
    ):
        said = earlier.filter(
            (pl.col("subject") == group["subject"][0])
            & (pl.col("attribute") == group["attribute"][0])
        )
        rows = list(group.iter_rows(named=True))
        yield _draft(
            rows, said.row(0, named=True) if len(said) else None, apart=group["apart"].all()
        )


_RELATIVE = re.compile(r"file:(?!/|[A-Za-z][A-Za-z0-9+.-]*:)")
"""A path that says not of which tree: neither a place on one host nor a URI (RFC 3986, 3.1)."""
_ABOUT = ["subject", "attribute", "algorithm"]
_KEY = ["source", *_ABOUT]


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
    """Newest statements with those that conflict with them: ``source_other``, ``digest_other``."""
    newest = given.filter("newest")
    never = ["source_other", *_ABOUT, "digest"]
    return (
        newest.join(newest, on=_ABOUT, suffix="_other")
        .filter(pl.col("source") != pl.col("source_other"))
        .join(given.select(*_ABOUT, "digest", source_other="source"), on=never, how="anti")
        .join(given.select(*_KEY, digest_other="digest"), on=[*_KEY, "digest_other"], how="anti")
    )


def _apart(timeline: Timeline, given: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """``apart``: whether the two may speak of models of one name in two registries."""
    others = distinct(timeline)
    if others.is_empty():
        return pairs.with_columns(apart=pl.lit(value=False))
    words = pl.col("source", "source_other", "subject").cast(pl.String)
    told, pairs = pairs, pairs.with_columns(words).with_row_index("pair")
    made = registries(timeline)
    gives = given.with_columns(pl.col("source", "subject").cast(pl.String))
    gives = gives.join(made, on=["source", "subject"], how="semi")
    both = pairs.join(made, on=["source", "subject"], how="semi").join(
        made.rename({"source": "source_other"}), on=["source_other", "subject"], how="semi"
    )
    apart = [both.join(others, on=["source", "source_other"], how="semi")["pair"]]
    for registry, digest, none in (
        ("source", "digest_other", "source_other"),
        ("source_other", "digest", "source"),
    ):
        # Another registry gives the digest of one that is no registry.
        by_another = (
            gives.select(*_ABOUT, digest_of="digest", by="source")
            .join(others.rename({"source": "by"}), on="by")
            .select(*_ABOUT, pl.col("digest_of").alias(digest), registry_of="source_other")
        )
        apart.append(
            pairs.join(made.rename({"source": none}), on=[none, "subject"], how="anti")
            .join(made.rename({"source": registry}), on=[registry, "subject"], how="semi")
            .rename({registry: "registry_of"})
            .join(by_another, on=[*_ABOUT, digest, "registry_of"], how="semi")["pair"]
        )
    return told.with_columns(apart=pairs["pair"].is_in(pl.concat(apart).implode()))


def _one_side(pairs: pl.DataFrame) -> pl.DataFrame:
    """Statements on either side; of those that may speak of two models none where others do not."""
    firm = ~pl.col("apart").all().over(_ABOUT)
    return (
        pairs.filter(~pl.col("apart") | ~firm)
        .select(*_KEY, "digest", "row", "clock", "newest", "apart")
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


def _draft(rows: list[dict[str, Any]], earlier: dict[str, Any] | None, *, apart: bool) -> Draft:
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
    if apart:
        alibi += (
            " Registries among them agree on when and by which run it was made for no version:"
            " they may be two, each with a model of that name."
        )
    return Draft(
        verdict="undetermined" if apart or _RELATIVE.match(subject) else "conflict",
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
