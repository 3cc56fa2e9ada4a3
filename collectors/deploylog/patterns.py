"""Regular expressions of the case: checked as it is read, and never run by Python's own engine."""

from __future__ import annotations

import re
from functools import cache

HIT = "recon_hit"


@cache
def groups_of(pattern: str) -> tuple[str, ...]:
    """Names of the groups, in order."""
    return tuple(dict.fromkeys(re.findall(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>", pattern)))


def wrapped(pattern: str) -> str:
    """The same with an empty group before all, :data:`HIT`, which says whether it matched."""
    return f"(?P<{HIT}>)(?:{pattern})"


def check_pattern(pattern: str) -> str:
    """A pattern as it came, where it is one and names its groups.

    Raises:
        ValueError: it is none, or has no named group.
    """
    import polars as pl

    try:
        found = pl.select(pl.lit("").str.extract_groups(pattern)).to_series()
        # As it is used: a comment at its end would hide what is put behind it.
        pl.select(pl.lit("").str.extract_groups(wrapped(pattern)))
        names = [field.name for field in found.dtype.fields]  # type: ignore[attr-defined]
    except pl.exceptions.PolarsError as error:
        why = (str(error).strip().splitlines() or ["no reason given"])[-1]
        raise ValueError(
            f"expected a regular expression of Rust's syntax; found none ({why})"
        ) from error
    if sorted(names) != sorted(groups_of(pattern)) or not names:
        raise ValueError(f"expected groups that all have a name, (?P<time>…); found {pattern!r}")
    return pattern
