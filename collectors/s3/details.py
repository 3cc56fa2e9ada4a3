"""What is said of single versions beside their bytes: locks, expiration, the writer's metadata.

From HEADs, from retention and legal hold as they were asked for, and from the AWS CLI's files of
these, which name no version: their file names must (``get-object-retention-VERSIONID.json``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3 import clierror, drafts, locks, sheets, times
from collectors.s3.kinds import (
    CLI_ERROR,
    CLI_LEGAL_HOLD,
    CLI_RETENTION,
    LEGAL_HOLD,
    RETENTION,
)
from collectors.s3.listing import NotAListingError
from recon.collector import Item, Items, Source, Warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.locks import Lock

_SHORTEST = 8
"""Characters of a version id that a file's name can be trusted to hold by no accident."""
_HEADER_KINDS = {
    "x-amz-object-lock-legal-hold": ("object.legal-hold", "legal-hold"),
    "x-amz-expiration": ("object.expiration", "expiration"),
    "x-amz-replication-status": ("object.replication", "replication"),
    "x-amz-restore": ("object.restore", "restore"),
}
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
_META = "x-amz-meta-"


def events(
    source: Source, items: Items, listed: pl.DataFrame, headed: pl.DataFrame, warnings: list[Warn]
) -> pl.DataFrame:
    """``object.retention``, ``object.legal-hold``, ``object.metadata``, … of single versions.

    Read when they were read: since when a lock holds, no answer says. Where nobody was allowed to
    see a lock, that is ``object.unseen``, and no retention of none.
    """
    rows = [*_asked(source, items, listed, warnings), *_headed(source, headed)]
    return drafts.numbered(rows)


def _asked(
    source: Source, items: Items, listed: pl.DataFrame, warnings: list[Warn]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    refused: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Item] = {}
    for item in items.of(RETENTION, LEGAL_HOLD, CLI_RETENTION, CLI_LEGAL_HOLD, CLI_ERROR):
        try:
            lock = _lock(item, items.read(item))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        if lock is None:
            continue
        if lock.refused:
            refused[lock.what, lock.refused] += 1
            first.setdefault((lock.what, lock.refused), item)
        whose = of_item(item, listed)
        if whose is None and lock.refused:
            continue
        if whose is None:
            warnings.append(
                Warn(
                    item.sha256,
                    "",
                    f"{item.native}: expected a file name with the version id of one listed"
                    " version, found none: not used",
                )
            )
            continue
        rows.append(_row(source, item, lock, whose))
    warnings += [
        Warn(
            first[key].sha256,
            "",
            f"refused with {key[1]!r} for {count} versions: whether they have a {key[0]} is not"
            " known (not allowed to see is not the same as not locked)",
        )
        for key, count in sorted(refused.items())
    ]
    return rows


def _lock(item: Item, data: bytes) -> Lock | None:
    if item.kind != CLI_ERROR:
        return locks.read(item.kind, data)
    said = clierror.find(data)
    what = locks.OF_OPERATION.get(said.operation) if said else None
    return locks.from_error(what, said.code, said.message, "") if said and what else None


def of_item(item: Item, listed: pl.DataFrame) -> tuple[str, str] | None:
    """Key and version that an item speaks of: by its ``meta``, else by its file's name.

    Null where the name holds no listed version id, or those of several.
    """
    key, version = item.meta.get("key"), item.meta.get("version")
    if isinstance(key, str) and isinstance(version, str):
        return key, version
    name = item.native.rsplit("/", 1)[-1]
    known = listed.filter(
        pl.col("version").str.len_bytes() >= _SHORTEST,
        pl.lit(name).str.contains(pl.col("version"), literal=True),
    )
    found = list(known.select("key", "version").unique().iter_rows())
    return found[0] if len(found) == 1 else None


def _row(source: Source, item: Item, lock: Lock, whose: tuple[str, str]) -> dict[str, Any]:
    seen = sheets.seen(source, item)
    bucket = source.options.bucket
    return {
        "kind": "object.unseen" if lock.refused else f"object.{lock.what}",
        "subject": f"s3:{bucket}/{whose[0]}",
        "attribute": lock.what,
        "value": lock.refused or lock.value,
        "clock": seen.clock,
        "basis": seen.basis,
        "earliest": seen.earliest,
        "latest": seen.latest,
        "names": [f"s3:{bucket}/{whose[0]}?versionId={whose[1]}"],
        "item": item.sha256,
        "citation": lock.citation,
    }


def _headed(source: Source, headed: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a header. Few: only versions that the case selects are asked for."""
    rows: list[dict[str, Any]] = []
    for head in headed.filter(pl.col("copy") == 0).iter_rows(named=True):
        said = {one["name"]: one for one in head["said"] or []}
        common = {
            "subject": f"s3:{source.options.bucket}/{head['key']}",
            "names": [f"s3:{source.options.bucket}/{head['key']}?versionId={head['version']}"],
            "item": head["item"],
        }
        seen = {
            "clock": head["clock"],
            "basis": head["basis"],
            "earliest": head["seen_from"],
            "latest": head["seen_to"],
        }
        if _MODE in said or _UNTIL in said:
            mode, until = said.get(_MODE), said.get(_UNTIL)
            value = locks.say(mode and mode["value"], until and until["value"])
            rows.append(
                {
                    **common,
                    **seen,
                    "kind": "object.retention",
                    "attribute": "retention",
                    "value": value,
                    "citation": (mode or until or {})["at"],
                }
            )
        for name, one in said.items():
            if name in _HEADER_KINDS:
                kind, attribute = _HEADER_KINDS[name]
                more = {"kind": kind, "attribute": attribute, "value": one["value"]}
                rows.append({**common, **seen, **more, "citation": one["at"]})
        rows += _written(
            source, [one for one in said.values() if one["name"].startswith(_META)], common
        )
    return rows


def _written(
    source: Source, said: Sequence[dict[str, str]], common: dict[str, Any]
) -> list[dict[str, Any]]:
    """Metadata that the writer gave: what looks like a time is one, asserted."""
    if not said:
        return []
    dated = times.modified(pl.Series([one["value"] for one in said], dtype=pl.String))
    return [
        {
            **common,
            "kind": "object.metadata",
            "attribute": one["name"],
            "value": one["value"],
            "clock": f"s3:{source.id}/metadata",
            "basis": "asserted",
            "earliest": earliest,
            "latest": latest,
            "citation": one["at"],
        }
        for one, (earliest, latest) in zip(said, dated.iter_rows(), strict=True)
    ]
