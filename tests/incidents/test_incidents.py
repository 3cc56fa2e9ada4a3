"""What recon says of each incident is what happened, and of its innocent twin nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recon.rules import rule_names
from tests import s3_servers
from tests.incidents.play import Incident, incidents, play

ALL = incidents()
CLOCK = datetime(2026, 3, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    """One S3 server for all."""
    with (
        s3_servers.moto(tmp_path_factory.mktemp("moto"), CLOCK) as started,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in s3_servers.credentials().items():
            patch.setenv(name, value)
        yield started


def chosen(*, bucket: bool) -> list[object]:
    """Those that need a bucket, or the others."""
    return [
        pytest.param(one, id=one.name, marks=[pytest.mark.thorough] if one.is_slow else [])
        for one in ALL
        if one.needs_bucket == bucket
    ]


@pytest.mark.parametrize("incident", chosen(bucket=False))
def test_all_is_found_and_nothing_else(incident: Incident, tmp_path: Path):
    played = play(incident, tmp_path)
    assert played.found == played.truth


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("incident", chosen(bucket=True))
def test_all_is_found_in_a_bucket_and_nothing_else(
    incident: Incident, tmp_path: Path, server: s3_servers.Server
):
    played = play(incident, tmp_path, server)
    assert played.found == played.truth


def test_every_incident_is_of_a_rule_and_has_an_innocent_twin():
    parts: dict[str, set[str]] = defaultdict(set)
    for one in ALL:
        parts[one.idea].add(one.part[:8])
    assert set(parts) <= {name.replace("-", "_") for name in rule_names()}
    assert [idea for idea, found in parts.items() if found != {"incident", "innocent"}] == []
