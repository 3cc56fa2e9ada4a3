"""Objects whose bytes are here: their SHA-256, against what S3 stored of them.

Of a version that was fetched by its id, the bytes are that version's. A file of a folder names its
key alone: it is the one listed version of the key whose checksum, MD5 or parts agree, if one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.reading import names
from collectors.s3 import attributes, claims, composite, details, drafts, sheets
from collectors.s3.kinds import ATTRIBUTES, CLI_ATTRIBUTES, OBJECT
from collectors.s3.listing import NotAListingError
from recon.collector import Item, Items, Source, Warn
from recon.schema import INSTANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from collectors.s3.attributes import Part

BODIES: dict[str, pl.DataType] = {
    "item": pl.String(),
    "key": pl.String(),
    "version": pl.String(),
    "sha256": pl.String(),
    "proof": pl.String(),
    "clock": pl.String(),
    "basis": pl.String(),
    "seen_from": INSTANT,
    "seen_to": INSTANT,
    "earliest": INSTANT,
    "latest": INSTANT,
    "holds": pl.List(pl.String()),
}
"""One row an object. ``proof`` says which stored checksum the bytes agree with; null: with none.

``earliest`` and ``latest`` are those of the version. ``holds`` are the digests that stand in the
bytes, of objects that are not :data:`LARGE`.
"""
LARGE = 1 << 20
"""Bytes above which an object is taken for no text, and no digests are looked for in it."""

_PROOFS = {
    "sha256": "the SHA-256 that S3 stored",
    "composite": "the checksum of the parts that S3 stored",
    "md5": "the ETag, which is an MD5",
    "parts": "the ETag of parts of {} bytes",
}


def table(
    source: Source,
    items: Items,
    listed: pl.DataFrame,
    headed: pl.DataFrame,
    warnings: list[Warn],
) -> pl.DataFrame:
    """Rows of :data:`BODIES`: objects whose version is known; what contradicts S3 is named."""
    parts = _parts(items, listed, warnings)
    rows = []
    for item in items.of(OBJECT):
        found = composite.whole(items.path(item))
        judged = [
            _judged(items.path(item), found, one, parts.get((one["key"], one["version"]), {}))
            for one in _candidates(item, listed, headed)
        ]
        row = _row(source, item, found, judged, warnings)
        if row is not None:
            holds = _digests(items.path(item)) if item.size <= LARGE else []
            rows.append(row | {"holds": holds})
    return pl.DataFrame(rows, schema=BODIES, orient="row")


def _parts(
    items: Items, listed: pl.DataFrame, warnings: list[Warn]
) -> dict[tuple[str, str], dict[int, Part]]:
    """Parts of each version, from all pages of its attributes."""
    found: dict[tuple[str, str], dict[int, Part]] = {}
    for item in items.of(ATTRIBUTES, CLI_ATTRIBUTES):
        reader = attributes.read if item.kind == ATTRIBUTES else attributes.cli
        try:
            said = reader(items.read(item))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read"))
            continue
        whose = details.of_item(item, listed)
        if whose is None:
            text = "expected a file name with the version id of one listed version, found none"
            warnings.append(Warn(item.sha256, "", f"{item.native}: {text}: not used"))
            continue
        found.setdefault(whose, {}).update({part.number: part for part in said.parts})
    return found


def _candidates(item: Item, listed: pl.DataFrame, headed: pl.DataFrame) -> list[dict[str, Any]]:
    """Listed versions that the bytes may be, with what S3 stored of them."""
    of_key = listed.filter(kind="object.put", key=str(item.meta.get("key")))
    if "version" in item.meta:
        of_key = of_key.filter(version=str(item.meta["version"]))
    stored = headed.filter(pl.col("copy") == 0).select(
        "key", "version", "etag", "composite", "sha256", "md5"
    )
    return (
        of_key.select("key", "version", "etag", "size", "earliest", "latest")
        .unique(["version", "etag", "earliest"], keep="first", maintain_order=True)
        .join(
            stored.unique(["key", "version", "etag"], keep="first", maintain_order=True),
            on=["key", "version", "etag"],
            how="left",
            maintain_order="left",
        )
        .to_dicts()
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A version that the bytes may be."""

    version: Mapping[str, Any]
    proof: str | None = None
    """What S3 stored that they agree with."""
    against: str = ""
    """What S3 stored that they contradict."""


def _row(
    source: Source,
    item: Item,
    found: composite.Whole,
    judged: Sequence[_Judged],
    warnings: list[Warn],
) -> dict[str, Any] | None:
    proven = [one for one in judged if one.proof]
    is_fetched = "version" in item.meta
    if not is_fetched and len({one.version["version"] for one in proven}) != 1:
        text = f"expected one listed version of {item.meta.get('key')!r} with these bytes"
        text = f"{text}, found {len(proven)}: they are tied to no version"
        warnings.append(Warn(item.sha256, "", f"{item.native}: {text}"))
        return None
    if not proven:
        warnings += [
            Warn(item.sha256, "", f"{item.native}: {one.against}", "error")
            for one in judged
            if one.against
        ]
    best = (proven or list(judged) or [_Judged({})])[0]
    seen = sheets.seen(source, item)
    return {
        "item": item.sha256,
        "key": str(item.meta["key"]),
        "version": best.version.get("version") or str(item.meta.get("version")),
        "sha256": found.sha256,
        "proof": best.proof,
        "clock": seen.clock,
        "basis": seen.basis,
        "seen_from": seen.earliest,
        "seen_to": seen.latest,
        "earliest": best.version.get("earliest"),
        "latest": best.version.get("latest"),
    }


def _digests(path: Path) -> list[str]:
    """Digests in hexadecimal digits that a small file holds, whatever else it is."""
    text = path.read_bytes().decode("latin-1")
    found: list[str | None] = pl.select(names(pl.lit(text)).explode()).to_series().to_list()
    return [one for one in found if one is not None]


def _judged(
    path: Path, found: composite.Whole, one: Mapping[str, Any], known: Mapping[int, Part]
) -> _Judged:
    """The strongest that S3 stored of the version, against the bytes."""
    etag = one["etag"] or ""
    sizes = [known[number].size or 0 for number in sorted(known)]
    checks: list[tuple[str, str | None, str]] = [("sha256", one["sha256"], found.sha256)]
    if one["composite"] and str(len(sizes)) == one["composite"].rpartition("-")[2]:
        checks.append(("composite", one["composite"], composite.composite(path, sizes)))
    checks.append(("md5", one["md5"], found.md5))
    for name, stored, made in checks:
        if stored and stored == made:
            return _Judged(one, _PROOFS[name])
        if stored:
            return _Judged(one, None, f"expected {_PROOFS[name]}, {stored}, found {made}")
    if one["size"] not in (None, found.size):
        return _Judged(one, None, f"expected {one['size']} bytes, found {found.size}")
    if "-" in etag:
        size = composite.etag_of_parts(path, etag)
        return _Judged(one, _PROOFS["parts"].format(size) if size else None)
    # Without a HEAD nobody says how it is encrypted: an ETag that agrees is an MD5 all the same.
    return _Judged(one, _PROOFS["md5"] if etag == found.md5 else None)


def events(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    """Per object a snapshot (part 0), ``object.bytes`` (1) and claims (2 …), as of a HEAD."""
    bucket = source.options.bucket
    frame = frame.with_columns(
        subject=pl.format("s3:{}/{}", pl.lit(bucket), "key"),
        whole=pl.format("sha256:{}", "sha256"),
        names=pl.concat_list(pl.format("sha256:{}", "sha256"), drafts.version(bucket)),
    )
    # A version's own time may be from before what it holds was stored: only the bytes hold it.
    held = pl.concat_list("names", "holds").list.unique(maintain_order=True)
    seen = {
        "clock": pl.col("clock"),
        "basis": pl.col("basis"),
        "earliest": pl.col("seen_from"),
        "latest": pl.col("seen_to"),
    }
    parts = [
        drafts.draft(frame, kind=pl.lit("snapshot"), subject=pl.col("subject"), **seen),
        drafts.draft(
            frame,
            part=pl.lit(1),
            **seen,
            kind=pl.lit("object.bytes"),
            subject=pl.col("subject"),
            attribute=pl.lit("proof"),
            value=pl.col("proof"),
            digest=pl.col("whole"),
            names=held,
        ),
    ]
    parts += [
        drafts.draft(
            frame.filter(claims.matches(claim)),
            part=pl.lit(number),
            clock=pl.lit(f"s3:{source.id}"),
            basis=pl.lit("stamped"),
            earliest=pl.col("earliest"),
            latest=pl.col("latest"),
            kind=pl.lit("claim"),
            subject=claims.subject(claim),
            attribute=pl.lit(claim.attribute),
            value=pl.col("sha256"),
            digest=pl.col("whole"),
            names=pl.col("names"),
        )
        for number, claim in enumerate(source.claims, 2)
    ]
    return pl.concat(parts).unique(["item", "citation", "part"], keep="first", maintain_order=True)


def join(listed: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Listed versions with the SHA-256 of their bytes where no HEAD gave one."""
    known = frame.select("key", "version", "earliest", own="sha256").unique(
        ["key", "version", "earliest"], keep="first", maintain_order=True
    )
    return (
        listed.join(known, on=["key", "version", "earliest"], how="left", maintain_order="left")
        .with_columns(sha256=pl.coalesce("sha256", "own"))
        .drop("own")
    )
