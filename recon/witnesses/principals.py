"""Who could have written each source: as the case declares it, and as records name them.

A record's actor is known to write a system where the medium itself stamped the act (CloudTrail, the
owner of an object, a server's reflog) and the name says where it belongs (an ARN, an address, an
account). A name that the writer supplied, or a role that every database has, is only *perhaps* the
same principal elsewhere. An author of commits writes no repository, and a reader writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon import schema
from recon.witnesses.domains import Principals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.config import CaseConfig

_OWN = r"^(?:object|wal|table|row|git|backup|timeline|control|bucket)\."
"""Kinds that a system's own medium gives: who gives them holds the system."""
_NO_WRITE = (
    r"^(?:git\.(?:commit|author|tag)|snapshot|examiner|timestamp\.token|clock\..*|trail\.failed"
    r"|trail\.(?:Get|List|Head|Describe|Lookup)[A-Za-z]*|access\.failed"
    r"|[a-z]+\.REST\.(?:GET|HEAD)\..*|log\.(?:connection|disconnection|failed))$"
)
"""Kinds whose actor wrote nothing in the system, or not there."""
_PLACED = r"^arn:|@|^owner:|^https?://| of [0-9]{12}$"
"""Names that say where they belong, so that two of them are one principal."""
SYSTEM = r"^((?:s3|pg|git|log|records|trail):[^/?]+)"
"""The system that a subject lies in: a bucket, a cluster, a repository, a log."""
_MOST = 1000
"""Names kept of one source and basis; hostile evidence can name any number."""


def systems(events: pl.LazyFrame) -> dict[str, frozenset[str]]:
    """By system (``s3:acme-models``) the sources that hold it, by kinds of its own medium."""
    kinds = _kinds(events, _OWN)
    found = (
        events.filter(pl.col("kind").is_in(kinds))
        .select("source", system=pl.col("subject").str.extract(SYSTEM))
        .drop_nulls()
        .unique()
        .collect(engine="streaming")
    )
    held: dict[str, set[str]] = {}
    for source, system in found.iter_rows():
        held.setdefault(system, set()).add(source)
    return {system: frozenset(sources) for system, sources in sorted(held.items())}


def _kinds(events: pl.LazyFrame, pattern: str) -> list[str]:
    """Kinds that match: few, so that the pattern is not run on every event."""
    found = events.select(pl.col("kind").unique()).collect(engine="streaming")["kind"]
    return sorted(found.filter(found.str.contains(pattern)))


def principals(
    config: CaseConfig,
    events: pl.LazyFrame | None = None,
    held: Mapping[str, frozenset[str]] | None = None,
) -> dict[str, Principals]:
    """By source who could write it, and who perhaps.

    Args:
        config: the case, with the writers that its domains declare.
        events: :data:`recon.schema.EVENTS`; None: what is declared alone.
        held: :func:`systems`, where they are known already.
    """
    known: dict[str, dict[str, str]] = {
        one.id: dict.fromkeys(config.domains[one.domain].writers, "declared")
        for one in config.sources
    }
    perhaps: dict[str, dict[str, str]] = {one.id: {} for one in config.sources}
    if events is not None:
        if held is None:
            held = systems(events)
        for row in _named(events, sorted(held)).iter_rows(named=True):
            # The actor of a record about a system wrote that system, not the trail that tells it.
            for source in held.get(row["system"]) or {row["source"]}:
                into = known if row["certain"] else perhaps
                if source in into and len(into[source]) < _MOST:
                    into[source].setdefault(row["actor"], row["id"])
    return {
        source: Principals(
            known[source],
            {name: by for name, by in perhaps[source].items() if name not in known[source]},
        )
        for source in known
    }


def _named(events: pl.LazyFrame, held: list[str]) -> pl.DataFrame:
    """Each actor once by source, system and whether it is known: with the first event."""
    system = pl.col("subject").str.extract(SYSTEM) if held else pl.lit(None, pl.String)
    certain = (pl.col("basis") == "stamped").fill_null(value=False)
    rows = (
        events.filter(
            pl.col("actor").is_not_null(), ~pl.col("kind").is_in(_kinds(events, _NO_WRITE))
        )
        .select("source", "actor", "basis", "row", system=pl.when(system.is_in(held)).then(system))
        .group_by("source", "system", "basis", "actor")
        .agg(pl.col("row").min())
        .with_columns(certain=certain & pl.col("actor").str.contains(_PLACED))
        .sort("row")
        .group_by("source", "system", "certain", maintain_order=True)
        .head(_MOST)
        .collect(engine="streaming")
    )
    ids = (
        events.join(rows.lazy().select("row"), on="row", how="semi")
        .select("row", id=schema.event_id())
        .collect(engine="streaming")
    )
    return rows.join(ids, on="row").sort("row")
