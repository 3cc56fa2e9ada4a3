"""Where things stand on a figure's axis: marks, the spans shown, round instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

US = 1_000_000
# A group of marks narrower than this share of the axis gets a panel of its own.
_CLOSE = 1 / 40
_PANELS = 2
_STEPS = [
    *(US * n for n in (1, 2, 5, 10, 15, 30)),
    *(60 * US * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * US * n for n in (1, 2, 3, 6, 12)),
    *(86400 * US * n for n in (1, 2, 4, 7, 14, 28, 56, 91, 182, 364, 728, 1820, 3640)),
]


@dataclass(frozen=True, slots=True)
class Mark:
    """An event that the figure points at."""

    label: str
    """The letter it has in the argument."""
    source: str
    earliest: datetime | None
    latest: datetime | None
    stamped: bool


def us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * US)


def ends(mark: Mark) -> tuple[int, int]:
    """A dated mark's earliest and latest."""
    if mark.earliest is None or mark.latest is None:
        raise AssertionError("an undated mark has no place on an axis")
    return us(mark.earliest), us(mark.latest)


def span(
    events: pl.DataFrame, dated: Sequence[Mark], instant: datetime | None
) -> tuple[float, float]:
    """First and last instant shown: those of the marks, else of the events, with a margin."""
    points = [end for mark in dated for end in ends(mark)]
    if not points:
        bounds = events.select(
            first=pl.col("earliest").min().dt.epoch("us"),
            last=pl.col("latest").max().dt.epoch("us"),
        ).row(0)
        points = [bound for bound in bounds if bound is not None]
    if instant is not None:
        points.append(us(instant))
    if not points:
        points = [0]
    margin = max((max(points) - min(points)) * 0.07, 30 * US)
    return min(points) - margin, max(points) + margin


def close_ups(dated: Sequence[Mark], span: float) -> list[tuple[float, float]]:
    """Spans of the groups in which a lane has marks that the whole axis cannot tell apart."""
    groups: list[list[Mark]] = []
    for mark in sorted(dated, key=ends):
        if groups and ends(mark)[0] - max(ends(m)[1] for m in groups[-1]) <= span * _CLOSE:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    spans = []
    for group in groups:
        points = {(mark.source, ends(mark)) for mark in group}
        if len(points) == len({source for source, _ in points}):
            continue
        low, high = ends(group[0])[0], max(ends(mark)[1] for mark in group)
        if high - low <= span / 4:
            margin = max((high - low) * 0.15, US / 2)
            spans.append((low - margin, high + margin))
    return spans[:_PANELS]


def ticks(low: float, high: float) -> tuple[list[int], list[str]]:
    """At most seven round instants, and how they are written: always UTC."""
    step = next((s for s in _STEPS if (high - low) / s <= 7), _STEPS[-1])  # noqa: PLR2004
    step = max(step, int((high - low) / 7 / step) * step)
    places = list(range(int(-(-low // step) * step), int(high) + 1, step))
    form = "%Y-%m-%d" if step >= 86400 * US else "%m-%d %H:%M" if step >= 60 * US else "%H:%M:%S"
    return places, [datetime.fromtimestamp(p / US, UTC).strftime(form) for p in places]
