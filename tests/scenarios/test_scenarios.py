"""What recon says of real clusters is what happened on them, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.scenarios.play import Scenario, play, scenarios

ALL = scenarios()
OLDEST = {(one.idea, one.part): one.major for one in reversed(ALL)}
PLAYED = [
    # Each on the oldest version that it is told of; the others are for `make thorough`.
    pytest.param(
        one,
        id=one.name,
        marks=[pytest.mark.thorough] if one.major > OLDEST[one.idea, one.part] else [],
    )
    for one in ALL
]


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("scenario", PLAYED)
def test_recon_tells_what_happened_and_nothing_else(scenario: Scenario, tmp_path: Path):
    assert play(scenario, tmp_path).result.wrong == {}


def test_every_incident_has_an_innocent_twin():
    parts: dict[str, set[str]] = defaultdict(set)
    for one in ALL:
        parts[one.idea].add(one.part[:8])
    assert [idea for idea, found in parts.items() if "innocent" not in found] == []
