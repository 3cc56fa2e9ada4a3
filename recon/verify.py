"""Check a case or a production from its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from recon import registry
from recon.errors import UsageError
from recon.evidence import Evidence


def verify(path: Path) -> tuple[str, Sequence[str]]:
    """What was checked (``case`` or the exhibitor's name), and a line for each mismatch.

    A case is checked without reading its ``case.toml``: evidence stands by itself.

    Raises:
        UsageError: the folder is neither.
    """
    if (path / "evidence").is_dir():
        return "case", list(Evidence(path).verify())
    for entry in sorted(entry_points(group=registry.EXHIBITORS), key=lambda one: one.name):
        exhibitor = registry.exhibitor(entry.name)
        if exhibitor.recognises(path):
            return f"production ({exhibitor.name})", list(exhibitor.verify(path))
    raise UsageError("a case or a production", "neither", str(path), "name its folder")
