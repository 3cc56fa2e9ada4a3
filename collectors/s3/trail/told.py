"""The chain of digests as events, and what does not hold of it as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.s3 import drafts
from collectors.s3.trail import chain
from recon.collector import Items, Source, Warn

if TYPE_CHECKING:
    import polars as pl

    from collectors.s3.trail.chain import Checked

_SEVERITY = {"altered": "error", "missing": "error", "gap": "warning", "unnamed": "warning"}


def events(_source: Source, items: Items, warnings: list[Warn]) -> pl.DataFrame:
    """``trail.digest`` a digest file; ``trail.valid``, ``trail.altered``, … as each is found.

    A digest's time is the hour that it spans, on its own clock; it came after every file whose
    hash it holds.
    """
    found, checked = chain.check(items, warnings)
    rows: list[dict[str, Any]] = [
        {
            "kind": "trail.digest",
            "subject": f"trail:{one.bucket}/{one.key}",
            "digest": f"sha256:{one.sha256}",
            "clock": "aws:cloudtrail-digest",
            "basis": "stamped",
            "earliest": one.ends,
            "latest": one.ends,
            "names": [
                *(f"sha256:{log.sha256}" for log in one.logs),
                *([f"sha256:{one.previous_sha256}"] if one.previous_sha256 else []),
            ],
            "item": one.item.sha256,
            "citation": "",
        }
        for one in found
    ]
    rows += [_row(one) for one in checked if one.by is not None]
    warnings += [
        Warn(
            (one.item or one.by.item).sha256 if one.by is not None else one.item.sha256,  # type: ignore[union-attr]  # one of both is there
            "",
            f"{one.what}: {one.why} ({one.status})",
            _SEVERITY[one.status],
        )
        for one in checked
        if one.status in _SEVERITY
    ]
    unsigned = [one for one in checked if one.status == "unsigned"]
    if unsigned and unsigned[0].item is not None:
        text = f"{len(unsigned)} digests are proved by no signature, such as {unsigned[0].what}:"
        warnings.append(Warn(unsigned[0].item.sha256, "", f"{text} {unsigned[0].why}"))
    return drafts.numbered(rows)


def _row(one: Checked) -> dict[str, Any]:
    """One finding about one file: cited where the digest says so, dated by that digest."""
    by = one.by
    if by is None:
        raise AssertionError("only what a digest shows is told")
    return {
        "kind": f"trail.{one.status}",
        "subject": f"trail:{by.bucket}/{one.what}",
        "value": one.why,
        "clock": "aws:cloudtrail-digest",
        "basis": "stamped",
        "earliest": by.begins,
        "latest": by.ends,
        "names": [],
        "item": by.item.sha256,
        "citation": "",
    }
