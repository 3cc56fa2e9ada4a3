"""What the bucket's own lifecycle will do or has done: rules, versions and locks put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.s3 import configuration, expiry, lifecycle, times
from collectors.s3.kinds import CLI_CONFIGURATION, CONFIGURATION
from collectors.s3.listing import NotAListingError
from recon.schema import DRAFT

if TYPE_CHECKING:
    from recon.collector import Item, Items, Source

_LOCKS = ["key", "version", "until", "held"]


def events(source: Source, items: Items, listed: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Days on which versions go, by each lifecycle configuration among the items.

    Args:
        source: the bucket.
        items: of it.
        listed: rows of :data:`collectors.s3.versions.LISTED`.
        said: events of single versions, retention and legal holds among them.
    """
    parts = [pl.DataFrame(schema=DRAFT)]
    configured = {item.sha256: item for item in _of(items, "lifecycle")}
    held = locks(said)
    for sha256 in sorted(configured):
        try:
            rules = lifecycle.read(items.read(configured[sha256]))
        except NotAListingError:
            # What is no configuration is named where configurations are read.
            continue
        if not rules:
            continue
        due = expiry.table(listed, rules, _versioning(items))
        parts.append(expiry.events(source, sha256, expiry.kept(due, held)))
    return pl.concat(parts)


def _of(items: Items, name: str) -> list[Item]:
    found = items.of(CONFIGURATION, CLI_CONFIGURATION)
    return [item for item in found if item.meta.get("resource") == name]


def _versioning(items: Items) -> str | None:
    """The newest that was said of versioning."""
    resource = configuration.by_name("versioning")
    found = sorted(_of(items, "versioning"), key=lambda item: (item.acquisition, item.acquired))
    if not found or resource is None:
        return None
    data = items.read(found[-1])
    if found[-1].kind == CONFIGURATION:
        return configuration.read_answer(resource, data)[1]
    try:
        return configuration.read_cli(resource, data)
    except NotAListingError:
        return None


def locks(said: pl.DataFrame) -> pl.DataFrame:
    """``key``, ``version``, ``until`` (latest date of retention) and ``held`` (a legal hold)."""
    mine = said.filter(pl.col("kind").is_in(["object.retention", "object.legal-hold"]))
    version = (
        pl.col("names").list.first().str.strip_prefix(pl.format("{}?versionId=", pl.col("subject")))
    )
    date = mine["value"].str.extract(r" until (.+)$")
    return (
        mine.with_columns(
            key=pl.col("subject").str.splitn("/", 2).struct.field("field_1"),
            version=version,
            until=times.modified(date)["earliest"],
            is_held=(pl.col("kind") == "object.legal-hold")
            & (pl.col("value").str.to_uppercase() == "ON"),
        )
        .group_by("key", "version", maintain_order=True)
        .agg(pl.col("until").max(), held=pl.col("is_held").any())
        .select(_LOCKS)
    )
