"""All incidents of the corpus and their twins: found by their files, made, read by recon.

An incident is a function ``incident…`` or ``innocent…`` of a file in ``ideas/``, which is named
after the rule that it is about.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import s3_servers
from tests.incidents.stage import Found, Stage, Truth

IDEAS = Path(__file__).parent / "ideas"


@dataclass(frozen=True, slots=True)
class Incident:
    """One story."""

    idea: str
    part: str
    """``incident`` or ``innocent``, and what tells several apart."""
    build: Callable[[Stage], Truth]
    needs_bucket: bool
    is_slow: bool
    """Whether it is left to `make score` and `make thorough`."""

    @property
    def name(self) -> str:
        """``log-gap-incident``."""
        return f"{self.idea}-{self.part}".replace("_", "-")


def incidents() -> list[Incident]:
    """All, by file and part."""
    found = []
    for path in sorted(IDEAS.glob("*.py")):
        module = importlib.import_module(f"tests.incidents.ideas.{path.stem}")
        parts = [name for name in vars(module) if name.startswith(("incident", "innocent"))]
        bucket = bool(getattr(module, "NEEDS_BUCKET", False))
        long = bucket or bool(getattr(module, "IS_LONG", False))
        found += [
            Incident(path.stem, one, getattr(module, one), bucket, _is_slow(one, long=long))
            for one in sorted(parts)
        ]
    return found


def _is_slow(part: str, *, long: bool) -> bool:
    """The packaged case takes seconds; of buckets and forges one pair of twins is enough."""
    return part.endswith("march_8") or (long and part not in {"incident", "innocent"})


@dataclass(frozen=True, slots=True)
class Played:
    """What had to be found, and what was."""

    incident: Incident
    truth: frozenset[Found]
    found: frozenset[Found]


def play(incident: Incident, folder: Path, server: s3_servers.Server | None = None) -> Played:
    """Make it in a new folder, collect, run the rules."""
    target = folder / incident.name
    target.mkdir(parents=True)
    stage = Stage(target, server)
    truth = incident.build(stage)
    found = stage.collect().findings().findings
    said = frozenset((one.rule, one.verdict, one.subject) for one in found)
    return Played(incident, frozenset(truth), said)
