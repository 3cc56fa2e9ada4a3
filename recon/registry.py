"""Collectors and exhibitors are found by entry points; the core imports none of them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from recon.errors import UsageError

if TYPE_CHECKING:
    from recon.collector import Collector
    from recon.exhibitor import Exhibitor

COLLECTORS = "recon.collectors"
EXHIBITORS = "recon.exhibitors"


def collector_names() -> list[str]:
    """Names of the collectors that are installed, sorted."""
    return sorted({entry.name for entry in entry_points(group=COLLECTORS)})


@cache
def collector(name: str) -> Collector:
    """The collector of that name.

    Raises:
        UsageError: none is installed under the name.
    """
    for entry in entry_points(group=COLLECTORS, name=name):
        loaded: Collector = entry.load()
        return loaded
    known = ", ".join(collector_names()) or "none"
    raise UsageError(f"a collector that is installed ({known})", name, "collector", "install it")


@cache
def exhibitor(name: str) -> Exhibitor:
    """The exhibitor of that name.

    Raises:
        UsageError: none is installed under the name.
    """
    for entry in entry_points(group=EXHIBITORS, name=name):
        loaded: Exhibitor = entry.load()
        return loaded
    known = ", ".join(sorted({entry.name for entry in entry_points(group=EXHIBITORS)})) or "none"
    raise UsageError(f"an exhibitor that is installed ({known})", name, "exhibitor", "install it")
