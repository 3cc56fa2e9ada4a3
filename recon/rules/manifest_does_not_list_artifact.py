"""Norm: the manifest of a release names the digest of its artifact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.acts import judged, parameter
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.buckets import version_name

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "manifest-does-not-list-artifact"


@rule(_NAME, needs=("claim",), is_norm=True)
def manifest_does_not_list_artifact(timeline: Timeline) -> Iterator[Draft]:
    """A manifest does not list an artifact iff no manifest of its subject holds its digest.

    An artifact is what a bucket or a log of deploys gives by SHA-256. A manifest is an object whose
    bytes are at hand, or a record of a table or log of a kind of that name; what it lists are the
    digests that stand in it. Every version of the manifest counts, so that one that was corrected
    later lists what it lists.
    Parameters of the norm: `artifact` (attribute, by default that word), `manifest` (attribute of
    the objects and kind of the records, by default that word), `since` (of artifacts).
    Undetermined where the bytes of a version of the manifest are not at hand. Silent where the
    subject has no manifest at all.
    Innocent: a manifest that names files by another digest, or holds it in another spelling
    (Base64), where it holds none in hexadecimal digits; one that names an archive's digest.
    Source: in-toto, Statement v1 (subjects are named by digest); SLSA 1.0, provenance; the case's
    own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME:
            for row in _unlisted(timeline, norm).iter_rows(named=True):
                yield _draft(row)


def _manifests(timeline: Timeline, name: str) -> pl.LazyFrame:
    """Each manifest: ``subject``, ``manifest`` (row), and the digests that it ``lists``.

    Null: its bytes are not at hand.
    """
    claimed = (
        timeline.kind("claim")
        .filter(pl.col("attribute") == name)
        .select("source", "subject", manifest="row", version=version_name())
        .filter(pl.col("version").is_not_null())
    )
    read = (
        timeline.kind("object.bytes")
        .select("source", "digest", version=version_name(), lists="names")
        .with_columns(lists=pl.col("lists").list.filter(pl.element().str.starts_with("sha256:")))
        # Its own digest is among its names, and not in it.
        .with_columns(lists=pl.col("lists").list.set_difference(pl.concat_list("digest")))
        .select("source", "version", "lists")
        .unique(["source", "version"], keep="first", maintain_order=True)
    )
    objects = (
        claimed.join(read, on=["source", "version"], how="left")
        .sort("manifest")
        .unique(["source", "subject", "version"], keep="first", maintain_order=True)
    )
    records = timeline.events.filter((pl.col("kind") == name) & pl.col("attribute").is_null())
    records = records.select(
        "subject",
        manifest="row",
        lists=pl.col("names").list.filter(pl.element().str.starts_with("sha256:")),
    )
    return pl.concat([objects.select("subject", "manifest", "lists"), records])


def _unlisted(timeline: Timeline, norm: Norm) -> pl.DataFrame:
    """Artifacts that no manifest lists, each with the first manifest of its subject."""
    manifests = _manifests(timeline, parameter(norm, "manifest", "manifest"))
    stored = (
        timeline.kind("claim")
        .filter(
            (pl.col("attribute") == parameter(norm, "artifact", "artifact"))
            & pl.col("digest").str.starts_with("sha256:")
            & judged(norm)
            & (version_name().is_not_null() | pl.col("clock").str.starts_with("log:"))
        )
        .with_columns(pl.col("digest").str.to_lowercase())
        .sort(version_name().is_null(), "earliest", "row", nulls_last=True)
        .unique(["subject", "digest"], keep="first", maintain_order=True)
        .select("subject", "attribute", "digest", "source", "row")
    )
    listed = manifests.select("subject", digest="lists").explode("digest").drop_nulls().unique()
    known = manifests.group_by("subject").agg(
        pl.col("manifest").min(),
        versions=pl.len(),
        read=pl.col("lists").is_not_null().sum(),
        digests=pl.col("lists").list.len().sum(),
    )
    return (
        stored.join(listed, on=["subject", "digest"], how="anti")
        .join(known, on="subject")
        .sort("subject", "row")
        .collect()
    )


def _draft(row: Mapping[str, Any]) -> Draft:
    whole = row["read"] == row["versions"]
    verdict: Verdict = "breach" if whole and row["digests"] else "undetermined"
    read = f"{row['read']} of {row['versions']} known"
    said = (
        f"the bytes of the manifest ({read}) hold other digests alone"
        if row["digests"]
        else "the manifest holds no SHA-256 in hexadecimal digits"
        if whole
        else f"the bytes of the manifest are not at hand ({read})"
    )
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['source']} gives {row['attribute']} of {row['subject']} as "
        f"{row['digest']}; {said}",
        events=[("artifact", row["row"]), ("manifest", row["manifest"])],
        steps=[
            step("norm", rule=_NAME, promises="the manifest names the digest of the artifact"),
            step("states", "artifact", attribute=row["attribute"], value=row["digest"]),
            step("not-listed", "manifest", digest=row["digest"], read=read),
        ],
        excuse="For this to be innocent the manifest would have had to name it otherwise.",
        alibi="The digests are read from the manifest's own bytes."
        if row["read"]
        else "What the manifest lists is not known.",
        innocent=[
            Innocent(
                "Another version of the manifest lists it.",
                True if whole else None,
                "The bytes of every version that is known are at hand."
                if whole
                else f"The bytes of the others would say: {read}.",
            ),
            Innocent(
                "It names the artifact by another digest, or in another spelling.",
                None,
                "The documentation of the program that writes it would say.",
            ),
        ],
    )
