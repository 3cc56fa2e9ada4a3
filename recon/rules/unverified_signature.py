"""Signed commits and tags whose signature is not, or cannot be, verified with the given keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step

_VALUE = r"^status=(\S+) format=(\S+)(?: key=(\S+))?(?: because=([\s\S]*))?$"
_UNKNOWN = "its key is not given"


@rule("unverified-signature", needs=("git.signature",))
def unverified_signature(timeline: Timeline) -> Iterator[Draft]:
    """A signature is unverified iff it is not one of these bytes by a key that the case gives.

    A conflict where the key is given, or the signature holds it, and the signature is not of these
    bytes: the object says that a key signed it, and the key says no.
    Undetermined where the key is not given, or had expired or been revoked, or where the verifier
    gives no verdict. These are told once for each key and reason, and all whose key is not given
    once for each repository, with how many there are.
    Innocent: a tool that rewrote the object and carried its signature over; commits that a forge
    signed with a key of its own, which has to be given too; a key that expired since, as one that
    was valid when it signed is taken for valid.
    Source: git-verify-commit(1), git-verify-tag(1); gitformat-signature.
    """
    parts = pl.col("value").str.extract_groups(_VALUE).struct
    found = (
        timeline.kind("git.signature")
        .select(
            *("row", "source", "subject", "actor"),
            status=parts.field("1"),
            format=parts.field("2"),
            key=parts.field("3").fill_null("that it does not name"),
            because=parts.field("4").fill_null(_UNKNOWN),
        )
        .filter(pl.col("status") != "good")
        .sort("source", "subject", "row")
        .collect()
    )
    is_bad = pl.col("status") == "bad"
    for row in found.filter(is_bad).iter_rows(named=True):
        yield _draft(row, 1)
    group = [pl.col("source"), pl.when(pl.col("because") != _UNKNOWN).then("key"), "because"]
    rest = found.filter(~is_bad).with_columns(
        count=pl.len().over(group), keys=pl.col("key").n_unique().over(group)
    )
    first = rest.filter(pl.int_range(pl.len()).over(group) == 0)
    for row in first.iter_rows(named=True):
        yield _draft(row, row["count"], row["keys"])


def _draft(row: dict[str, Any], count: int, keys: int = 1) -> Draft:
    bad = row["status"] == "bad"
    verdict: Verdict = "conflict" if bad else "undetermined"
    because = "it is not of these bytes by that key" if bad else row["because"]
    whose = f", {row['actor']}" if row["actor"] else ""
    of_keys = f", of {keys} keys in all" if keys > 1 else ""
    others = f"; so it is with {count - 1} more objects{of_keys}" if count > 1 else ""
    given = row["because"] != _UNKNOWN or bad
    return Draft(
        verdict=verdict,
        subject=row["subject"],
        statement=f"{row['subject']} has a signature ({row['format']}) of the key {row['key']}"
        f"{whose}; {because}{others}",
        events=[("signature", row["row"])],
        steps=[
            step(
                "signature",
                "signature",
                format=row["format"],
                key=row["key"],
                because=because,
                count=count,
            )
        ],
        excuse="For this to be innocent the object would have had to be rewritten by a tool that "
        "carried its signature over."
        if bad
        else "For this to be innocent the key would have had to be its signer's, and valid then.",
        alibi="That the signature is not of these bytes follows from them and the key alone."
        if bad
        else "What the signature says cannot be held against a key.",
        innocent=[
            Innocent(
                "The object was rewritten by a tool that carried its signature over.",
                None,
                "An older clone that has the object that was signed would say.",
            ),
            Innocent(
                "The key is one of a forge, which signs what is made in its pages.",
                True if given else None,
                "The key is given, or the signature holds it."
                if given
                else "The forge publishes its keys; given in the case they would say.",
            ),
        ],
    )
