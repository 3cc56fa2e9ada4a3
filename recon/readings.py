"""Two clocks read at one instant: what binds clocks to each other, and to UTC, from outside.

A ``clock.reading`` says what one clock showed at an instant. Those of one source, item, citation
and ``value`` are of one instant, and so bound their clocks against each other from both sides.
The clock :data:`TRUE_TIME` is true time: a reading of it is the interval in which the instant
lay, as far as whoever told it is believed; ``actor`` names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

READING = "clock.reading"
"""Kind of the events."""
TRUE_TIME = "utc"
"""The clock that is never off."""
EXAMINER = "examiner"
"""The clock of the machine that acquired."""


def not_utc(clock: str) -> str:
    """A clock of a case as it came, where it is none that cannot be off.

    Raises:
        ValueError: as Pydantic's validators do.
    """
    if clock == TRUE_TIME:
        raise ValueError("a clock other than UTC itself")
    return clock


@dataclass(frozen=True, slots=True)
class Reading:
    """What one clock showed at an instant, as an interval."""

    clock: str
    earliest: datetime
    latest: datetime


def one_instant(
    readings: tuple[Reading, ...], *, item: str, citation: str, by: str, part: int = 0
) -> list[dict[str, Any]]:
    """Events of one instant, rows of :data:`recon.schema.DRAFT`.

    Args:
        readings: two or more, of different clocks; the first one's names the instant.
        item: the item's SHA-256.
        citation: where in it.
        by: who or what says so; the source of trust.
        part: number of the first event there; the others follow.
    """
    instant = readings[0].earliest.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return [
        {
            "kind": READING,
            "subject": f"clock:{one.clock}",
            "value": instant,
            "clock": one.clock,
            "basis": "stamped",
            "earliest": one.earliest,
            "latest": one.latest,
            "actor": by,
            "item": item,
            "citation": citation,
            "part": part + number,
        }
        for number, one in enumerate(readings)
    ]
