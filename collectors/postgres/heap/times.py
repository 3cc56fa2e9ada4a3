"""Dates and times as the server prints them with DateStyle ISO and time zone UTC.

Source: ``datetime.c`` (``j2date``, ``EncodeDateTime``, ``EncodeInterval``), ``timestamp.h``.
"""

from __future__ import annotations

import struct
from functools import lru_cache

_J2000 = 2451545
_DAY = 86_400_000_000
_INFINITE_DAY = {0x7FFFFFFF: "infinity", -0x80000000: "-infinity"}
_INFINITE = {0x7FFFFFFFFFFFFFFF: "infinity", -0x8000000000000000: "-infinity"}
_LAST_MONTH = 0x7FFFFFFF


def date(data: bytes) -> str:
    """Days from 2000-01-01."""
    (days,) = struct.unpack("<i", data)
    if days in _INFINITE_DAY:
        return _INFINITE_DAY[days]
    day, era = _day(days)
    return day + era


def time(data: bytes) -> str:
    """Microseconds from midnight."""
    (micros,) = struct.unpack("<q", data)
    return _clock(micros)


def timetz(data: bytes) -> str:
    """The same, and seconds west of UTC."""
    micros, west = struct.unpack("<qi", data)
    return _clock(micros) + _offset(-west)


def timestamp(data: bytes) -> str:
    """Microseconds from 2000-01-01."""
    return _moment(data, "")


def timestamptz(data: bytes) -> str:
    """The same, in UTC."""
    return _moment(data, "+00")


def interval(data: bytes) -> str:
    """Microseconds, days and months, in IntervalStyle postgres."""
    micros, days, months = struct.unpack("<qii", data)
    if (days, months) == (_LAST_MONTH, _LAST_MONTH) and micros in _INFINITE:
        return "infinity"
    if (days, months) == (-_LAST_MONTH - 1, -_LAST_MONTH - 1) and micros in _INFINITE:
        return "-infinity"
    years, months = int(months / 12), months - 12 * int(months / 12)
    parts: list[str] = []
    before = False
    for value, word in ((years, "year"), (months, "mon"), (days, "day")):
        if value:
            sign = "+" if before and value > 0 else ""
            parts.append(f"{sign}{value} {word}{'' if value == 1 else 's'}")
            before = value < 0
    if micros or not parts:
        sign = "-" if micros < 0 else "+" if before else ""
        parts.append(sign + _clock(abs(micros)))
    return " ".join(parts)


def _moment(data: bytes, zone: str) -> str:
    (micros,) = struct.unpack("<q", data)
    if micros in _INFINITE:
        return _INFINITE[micros]
    days, rest = divmod(micros, _DAY)
    day, era = _day(days)
    return f"{day} {_clock(rest)}{zone}{era}"


def _clock(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    part = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f"{hour:02d}:{minute:02d}:{second:02d}{part}"


def _offset(east: int) -> str:
    sign, east = ("-", -east) if east < 0 else ("+", east)
    hour, minute, second = east // 3600, east // 60 % 60, east % 60
    out = f"{sign}{hour:02d}"
    if minute or second:
        out += f":{minute:02d}"
    return f"{out}:{second:02d}" if second else out


@lru_cache(4096)
def _day(days: int) -> tuple[str, str]:
    """``2026-03-08``, and `` BC`` where it is: in the proleptic Gregorian calendar."""
    # Years of 400 have 146097 days; from 1 March 0000 on.
    shifted = days + _J2000 - 1721120
    era, of_era = divmod(shifted, 146097)
    of_era_year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * of_era_year + of_era_year // 4 - of_era_year // 100)
    shifted_month = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9  # noqa: PLR2004
    year = of_era_year + era * 400 + (month <= 2)  # noqa: PLR2004  (the year begins in March)
    return (f"{year:04d}" if year > 0 else f"{1 - year:04d}") + f"-{month:02d}-{day:02d}", (
        "" if year > 0 else " BC"
    )
