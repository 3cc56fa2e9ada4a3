"""Offsets between clocks in words."""

from __future__ import annotations

from recon.instants import show_span

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND


def span(low: int | None, high: int | None) -> str:
    """Bounds of an offset in µs for people: ``−0.4 s .. +2.1 s``, ``+6 h 00 m, ±…``."""
    if low is None or high is None:
        if low is None and high is None:
            return "not bounded"
        return f"at most {signed(high or 0)}" if low is None else f"at least {signed(low)}"
    middle = round((low + high) / 2 / _MINUTE) * _MINUTE
    if middle and high - low < 2 * _MINUTE:
        return f"{signed(middle)} and {signed(low - middle)} .. {signed(high - middle)}"
    return f"{signed(low)} .. {signed(high)}"


def signed(micros: int) -> str:
    """An offset in µs for people, with its sign."""
    seconds = micros / _SECOND
    # A thousandth of a second says nothing where there are whole ones.
    seconds = round(seconds, 1) if abs(seconds) >= 1 else round(seconds, 3)
    said = show_span(seconds)
    return said if seconds <= 0 else f"+{said}"


def within(low: int, high: int) -> str:
    """Both bounds of an offset in µs, in a sentence: ``−0.4 s to +2.1 s``, ``+6 h 00 m (±…)``."""
    middle, _, rest = span(low, high).partition(" and ")
    bounds = (rest or middle).replace(" .. ", " to ")
    return f"{middle} ({bounds})" if rest else bounds
