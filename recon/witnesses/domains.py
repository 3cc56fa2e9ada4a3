"""How far apart two sources are: whether anybody could have written, or deleted, both.

Levels are compared from the widest to the narrowest. One that either side does not declare does
not count as different, and is named as unknown: silence makes no witness.
Somebody who could write both makes them one witness, whatever their accounts.
Source: design, section 7.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.config import Domain
    from recon.findings import Witness

LEVELS = ("organisation", "account", "cluster", "team", "principal")
"""From the widest to the narrowest."""
_STRENGTH: Mapping[Witness, int] = {"none": 0, "self": 1, "account": 2, "organisation": 3}


@dataclass(frozen=True, slots=True)
class Principals:
    """Who could write a source's records, or may have."""

    known: Mapping[str, str] = field(default_factory=dict)
    """By name: what says so, ``declared`` or the id of an event that a medium stamped."""
    perhaps: Mapping[str, str] = field(default_factory=dict)
    """Likewise: names that writers supplied, or that mean something in one system alone."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two sources are apart."""

    witness: Witness
    """``self``, ``account`` or ``organisation``."""
    level: str | None
    """The widest of :data:`LEVELS` at which they are known to differ; None: at none."""
    unknown: tuple[str, ...] = ()
    """Levels that one side or both do not declare."""
    shared: tuple[str, ...] = ()
    """Principals who could write both: then the two are one witness."""
    perhaps: tuple[str, ...] = ()
    """Names on both sides that may be one principal, and may be two."""


def same(first: str, second: str) -> bool:
    """Whether two names of a level are one: spelling alone makes no other organisation."""
    return _plain(first) == _plain(second)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def apart(first: tuple[str, Domain, Principals], second: tuple[str, Domain, Principals]) -> Apart:
    """Two sources, each by the name of its domain, the domain, and who could write it."""
    (name, one, writers), (other_name, other, other_writers) = first, second
    if name == other_name:
        return Apart("self", None)
    shared = _common(writers.known, other_writers.known)
    every = _common(
        {**writers.perhaps, **writers.known}, {**other_writers.perhaps, **other_writers.known}
    )
    unknown, differing = [], []
    for level in LEVELS[:-1]:
        here, there = getattr(one, level), getattr(other, level)
        if not here or not there:
            unknown.append(level)
        elif not same(here, there):
            differing.append(level)
    if not one.writers or not other.writers:
        unknown.append("principal")
    elif not shared:
        differing.append("principal")
    witness: Witness = "self"
    if not shared and differing and differing[0] in {"organisation", "account"}:
        witness = "organisation" if differing[0] == "organisation" else "account"
    return Apart(
        witness,
        differing[0] if differing else None,
        tuple(unknown),
        shared,
        tuple(one for one in every if one not in shared),
    )


def _common(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    others = {_plain(name) for name in second}
    return tuple(sorted(name for name in first if _plain(name) in others))


def strongest(found: Iterable[Witness]) -> Witness:
    """The best of several; ``none`` of nothing."""
    return max(found, key=_STRENGTH.__getitem__, default="none")


def stronger(first: Witness, second: Witness) -> bool:
    """Whether the first is a better witness than the second."""
    return _STRENGTH[first] > _STRENGTH[second]
