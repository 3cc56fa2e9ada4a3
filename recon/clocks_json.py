"""The clocks of a case for programs: `recon clocks --format json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recon.instants import show

if TYPE_CHECKING:
    from recon.time.clocks import Clocks
    from recon.time.utc import Ahead

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


def to_json(found: Clocks) -> dict[str, Any]:
    """All of it; times in RFC 3339, offsets in seconds, null where there is no bound."""
    return {
        "clocks": [
            {
                "clock": one.name,
                "events": one.events,
                "stamped": one.stamped,
                "since": _time(one.since),
                "until": _time(one.until),
            }
            for one in found.clocks
        ],
        "utc": [
            {"clock": name, "bound": bool(own), "ahead": [_ahead(one) for one in own]}
            for name, own in found.ahead.items()
        ],
        "anchors": [asdict(one) for one in found.anchors],
        "offsets": list(_offsets(found)),
        "steps": [
            {
                "first": one.first,
                "second": one.second,
                "after": _time(one.after),
                "before": _time(one.before),
                "low": _seconds(one.low),
                "high": _seconds(one.high),
            }
            for one in found.steps
        ],
        "dissent": [
            {
                **asdict(one),
                "at": _time(one.at),
                "low": _seconds(one.low),
                "high": _seconds(one.high),
            }
            for one in found.dissent
        ],
        "missed": [
            {
                "pairs": [
                    {"before": found.ids[a], "after": found.ids[b], "set_aside": n in one.set_aside}
                    for n, (a, b) in enumerate(one.pairs)
                ],
                "excess": _seconds(one.excess),
            }
            for one in found.missed
        ],
        "proposals": [
            {
                "name": one.name,
                "first": one.first,
                "second": one.second,
                "pairs": one.pairs,
                "close": one.close,
                "spread": _seconds(one.spread),
                "offset": _seconds(one.offset),
                "within": _seconds(one.within),
            }
            for one in found.proposals
        ],
        "declared": [
            {
                **one.correspondence.model_dump(mode="json"),
                "name": one.correspondence.name,
                "pairs": one.pairs,
                "ambiguous": one.ambiguous,
            }
            for one in found.declared
        ],
        "beside": [{**asdict(one), "measured": one.measured} for one in found.beside],
        "contested": len(found.settled.contested),
        "groups": [
            {
                "clocks": list(one.clocks),
                "unbounded": one.unbounded and [list(two) for two in one.unbounded],
            }
            for one in found.groups
        ],
    }


def _ahead(one: Ahead) -> dict[str, Any]:
    return {
        "since": _time(one.since),
        "until": _time(one.until),
        "low": _seconds(one.low),
        "high": _seconds(one.high),
        "state": one.state,
        "pairs": one.pairs,
        "agreeing": one.agreeing,
        "through_others": not one.direct,
        "rests_on": [asdict(ground) for ground in one.grounds],
    }


def _offsets(found: Clocks) -> Iterator[dict[str, Any]]:
    for one in found.stretches:
        yield {
            "first": one.first,
            "second": one.second,
            "state": one.state,
            "since": _time(one.since),
            "until": _time(one.until),
            "low": _seconds(one.low),
            "high": _seconds(one.high),
            "certain_low": _seconds(one.certain[0]),
            "certain_high": _seconds(one.certain[1]),
            "pairs": one.pairs,
            "agreeing": one.agreeing,
            "both_sides": one.held,
            "clear": one.clear,
            "through_others": not one.direct,
            "rests_on": [asdict(ground) for ground in found.rests.get(one, ())],
        }


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / _SECOND


def _time(micros: int) -> str | None:
    at = instant(micros)
    return None if at is None else show(at)


def instant(micros: int) -> datetime | None:
    """µs since 1970 as an instant; None where no calendar reaches."""
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None
