"""What a source that keeps things under keys held at an instant, what keeps them, how it was set.

The collector answers, from the timeline alone (:attr:`recon.collector.Collector.held`, ``kept``,
``settings``):
the core knows neither buckets nor locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import polars as pl

from recon import registry
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from recon.case import Case
    from recon.collector import Collector

T = TypeVar("T")


def held(case: Case, source: str, instant: datetime, prefix: str = "") -> pl.DataFrame:
    """The newest version of each key, or its delete marker, sorted by key.

    Raises:
        UsageError: no such source, or one that keeps nothing under keys.
    """
    answer = _of(case, source, lambda one: one.held)
    rows = answer(case.judged(), case.config.source(source), instant)
    return _sorted(rows, prefix)


def kept(case: Case, source: str, prefix: str = "") -> pl.DataFrame:
    """What keeps each version, and until when, sorted by key.

    Raises:
        UsageError: as :func:`held`.
    """
    answer = _of(case, source, lambda one: one.kept)
    return _sorted(answer(case.judged(), case.config.source(source)), prefix)


def settings(case: Case, source: str) -> pl.DataFrame:
    """What the source was set to over time, by setting and time.

    Raises:
        UsageError: as :func:`held`.
    """
    answer = _of(case, source, lambda one: one.settings)
    found = answer(case.judged(), case.config.source(source)).collect()
    return found.sort(found.columns, nulls_last=True)


def _sorted(rows: pl.LazyFrame, prefix: str) -> pl.DataFrame:
    chosen = rows.filter(pl.col("key").str.starts_with(prefix)).collect()
    return chosen.sort(chosen.columns[:3], nulls_last=True)


def _of(case: Case, source: str, part: Callable[[Collector], T | None]) -> T:
    """What the source's collector answers with."""
    chosen = case.config.source(source)
    found = part(registry.collector(chosen.collector))
    if found is None:
        able = [one.id for one in case.sources if part(registry.collector(one.collector))]
        raise UsageError(
            f"a source that keeps things under keys ({', '.join(able) or 'the case has none'})",
            f"{source}, of collector {chosen.collector}",
            "SOURCE",
        )
    return found
