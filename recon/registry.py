"""Collectors and exhibitors are found by entry points; the core imports none of them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from recon.errors import UsageError

if TYPE_CHECKING:
    from recon.collector import Collector
    from recon.exhibitor import Exhibitor

COLLECTORS = "recon.collectors"
EXHIBITORS = "recon.exhibitors"


def collector_names() -> list[str]:
    """Names of the collectors that are installed, sorted."""
    return _names(COLLECTORS)


@cache
def collector(name: str) -> Collector:
    """The collector of that name.

    Raises:
        UsageError: none is installed under the name.
    """
    loaded: Collector = _installed(COLLECTORS, name, "collector")
    return loaded


@cache
def exhibitor(name: str) -> Exhibitor:
    """The exhibitor of that name.

    Raises:
        UsageError: none is installed under the name.
    """
    loaded: Exhibitor = _installed(EXHIBITORS, name, "exhibitor")
    return loaded


def _installed(group: str, name: str, what: str) -> Any:  # noqa: ANN401  (what an entry point names)
    for entry in entry_points(group=group, name=name):
        return entry.load()
    known = ", ".join(_names(group)) or "none"
    article = "an" if what[0] in "aeiou" else "a"
    raise UsageError(f"{article} {what} that is installed ({known})", name, what, "install it")


def _names(group: str) -> list[str]:
    return sorted({entry.name for entry in entry_points(group=group)})
