"""All scenarios: found by their files, built, read by recon, judged.

A scenario is a function ``incident…`` or ``innocent…`` of a file in ``ideas/``.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recon
from tests.scenarios.compare import Result, judge
from tests.scenarios.stage import Stage
from tests.scenarios.truth import Truth, plain

IDEAS = Path(__file__).parent / "ideas"
MAJORS = (15,)
"""Versions that a scenario is played on where its file names none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story on one major version."""

    idea: str
    part: str
    """``incident`` or ``innocent``, and what tells several apart."""
    major: int
    build: Callable[[Stage], Truth]

    @property
    def name(self) -> str:
        """``recreated-incident-15``."""
        return f"{self.idea}-{self.part}-{self.major}".replace("_", "-")


def scenarios() -> list[Scenario]:
    """All, by file and part."""
    found = []
    for path in sorted(IDEAS.glob("*.py")):
        module = importlib.import_module(f"tests.scenarios.ideas.{path.stem}")
        parts = [name for name in vars(module) if name.startswith(("incident", "innocent"))]
        majors: Sequence[int] = getattr(module, "MAJORS", MAJORS)
        found += [
            Scenario(path.stem, part, major, getattr(module, part))
            for part in sorted(parts)
            for major in majors
        ]
    return found


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario, its truth, and what recon made of it."""

    scenario: Scenario
    truth: Truth
    result: Result
    build_seconds: float
    recon_seconds: float

    def to_json(self) -> dict[str, Any]:
        """One line of the results."""
        return {
            "scenario": self.scenario.name,
            "idea": self.scenario.idea,
            "innocent": self.scenario.part.startswith("innocent"),
            "major": self.scenario.major,
            "expected": plain(self.truth.findings),
            "gaps": plain(self.truth.gaps),
            "result": plain(self.result),
            "build_seconds": round(self.build_seconds, 2),
            "recon_seconds": round(self.recon_seconds, 2),
        }


def play(scenario: Scenario, folder: Path) -> Played:
    """Build it in a new folder, collect, build the timeline, run the rules, compare."""
    target = folder / scenario.name
    target.mkdir(parents=True)
    start = time.monotonic()
    truth = scenario.build(Stage(target, scenario.major))
    built = time.monotonic()
    case = recon.open(target)
    failures = [failure for done in case.collect() for failure in done.failures]
    if failures:
        raise AssertionError(f"{scenario.name}: {failures}")
    case.build(workers=1)
    result = judge(truth, case)
    return Played(scenario, truth, result, built - start, time.monotonic() - built)
