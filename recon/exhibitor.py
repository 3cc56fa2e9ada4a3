"""The seam between the core and the reports: what writes a production, and what checks one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.case import Case

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Production:
    """What was written."""

    folder: Path
    """The production's folder."""
    documents: Sequence[Path]
    """Documents for people, the first one to open first."""
    notes: Sequence[str] = ()
    """What a reader must know of it, such as what was left out."""


@dataclass(frozen=True, slots=True)
class Exhibitor:
    """One way of writing a production."""

    name: str
    produce: Callable[[Case, Path, Progress], Production]
    """Writes the production into a folder that is not there yet, whole or not at all."""
    verify: Callable[[Path], Sequence[str]]
    """A line for each file that is missing, extra or other than its manifest says."""
    recognises: Callable[[Path], bool]
    """Whether a folder looks like one of its productions."""
