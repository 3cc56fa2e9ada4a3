"""In words: what an order of two readings rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recon.instants import show_span
from recon.time.between import BASES

_SECOND = 1_000_000
MEASURED = BASES[:2]
"""What needs no assumption: one clock, or two that the evidence measures at that time."""


def resting(row: Mapping[str, Any], name: str, first: str | None, second: str | None) -> str:
    """A sentence without its full stop: what the comparison called ``name`` of a row rests on.

    Args:
        row: with what :meth:`recon.time.corrected.Corrected.bound` added.
        name: as it was called there.
        first: clock of the first reading; None where no clock is named.
        second: of the second.
    """
    return rests(row[f"{name}_basis"], (row[f"{name}_low"], row[f"{name}_high"]), first, second)


def rests(
    basis: str, bounds: tuple[int | None, int | None], first: str | None, second: str | None
) -> str:
    """The same, of bounds in µs."""
    one, other = (clock or "a clock that no record names" for clock in (first, second))
    if basis == BASES[0]:
        return f"Both times are of one clock, {one}"
    held = _held(*bounds, one)
    if basis == BASES[1]:
        return f"Records of the case hold {other} {held} at that time"
    if basis == BASES[2]:
        within = "" if bounds == (0, 0) else f", within {show_span((bounds[1] or 0) / _SECOND)}"
        return (
            f"Nothing in the case bounds {other} against {one} at that time; they are compared as "
            f"they read, as if the two agreed{within}"
        )
    return (
        f"Nothing in the case measures {other} against {one} at that time, and other records tell "
        f"the two apart; {other} is taken to be {held}"
    )


def _held(low: int | None, high: int | None, one: str) -> str:
    """Where a clock is held that is ``low`` to ``high`` µs ahead of another one."""
    if low is None and high is None:
        return f"by an unknown time ahead of or behind {one}"
    if low is None or high is None:
        end, words = (high, "at most") if low is None else (low, "at least")
        return f"{words} {show_span((end or 0) / _SECOND)} ahead of {one}"
    if low <= 0 <= high:
        return f"within {show_span(low / _SECOND)} to {show_span(high / _SECOND)} of {one}"
    middle, half = abs(low + high) / 2 / _SECOND, (high - low) / 2 / _SECOND
    side = "ahead of" if low > 0 else "behind"
    return f"{show_span(middle)} {side} {one}, give or take {show_span(half)},"
