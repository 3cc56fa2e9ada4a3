"""What an NTP daemon says of its host's clock, in the words of its own program.

``chronyc -c tracking`` (one line there)::

    7F000001,127.0.0.1,2,1795625013.863918687,-2.499996185,0.000000627,0.000002573,
    -0.215,0.008,0.862,0.000041339,0.000003907,1.0,Normal

Field 5 is what the clock lacks to NTP time, in seconds: here it is 2.5 s fast. It is off from
that by root delay / 2 + root dispersion (fields 11 and 12) at most, says chronyc(1).
``ntpq -c rv`` has the same as ``offset``, ``rootdelay`` and ``rootdisp``, in milliseconds.
A daemon that serves its own clock (``local`` reference) measures nothing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_TRACKING = 14
_LOCAL = "7F7F0101"
"""chronyd's reference id of its own clock."""
_MOST_STRATUM = 15
_LONGEST = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Status:
    """What an NTP daemon says of the clock of its host."""

    lacks: float
    """Seconds; UTC less the clock."""
    within: float
    """Seconds by which that may be wrong."""


def tracking(text: str) -> Status | str:
    """``chronyc -c tracking``."""
    fields = text.strip().split(",")
    if len(fields) != _TRACKING:
        return f"expected {_TRACKING} fields of `chronyc -c tracking`; found {len(fields)}"
    reference, stratum, leap = fields[0], fields[2], fields[13]
    if reference == _LOCAL:
        return "expected a daemon that follows others; found chronyd serving its own clock"
    if leap not in {"Normal", "Insert second", "Delete second"}:
        return f"expected chronyd to be synchronised; found leap status {leap[:40]!r}"
    numbers = _numbers(fields[4], fields[10], fields[11])
    if numbers is None or not _followed(stratum):
        return "expected numbers in `chronyc -c tracking`; found others"
    lacks, delay, dispersion = numbers
    return Status(lacks, abs(delay) / 2 + abs(dispersion))


def variables(text: str) -> Status | str:
    """``ntpq -c rv``."""
    flat = " ".join(text.split())
    found = dict(re.findall(r"\b(\w+)=([^,\s]+)", flat))
    head = flat.partition("version=")[0]
    if "leap_alarm" in head or "sync_unspec" in head or "sync_local" in head or not found:
        return "expected ntpd to be synchronised; found that it is not, or follows its own clock"
    if found.get("refid") in {"LOCL", "LOCAL(0)", "127.127.1.0", "127.127.1.1", "INIT"}:
        return "expected a daemon that follows others; found ntpd serving its own clock"
    numbers = _numbers(*(found.get(name, "") for name in ("offset", "rootdelay", "rootdisp")))
    if numbers is None or not _followed(found.get("stratum", "")):
        return "expected offset, rootdelay, rootdisp and stratum of `ntpq -c rv`; found not all"
    offset, delay, dispersion = (number / 1000 for number in numbers)
    return Status(offset, abs(delay) / 2 + abs(dispersion))


def _followed(stratum: str) -> bool:
    return stratum.isascii() and stratum.isdigit() and 0 < int(stratum[:3]) <= _MOST_STRATUM


def _numbers(*texts: str) -> tuple[float, ...] | None:
    try:
        found = tuple(float(text) for text in texts)
    except ValueError:
        return None
    return found if all(math.isfinite(one) and abs(one) < _LONGEST for one in found) else None
