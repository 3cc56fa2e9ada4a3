"""Where the tests' own builds of PostgreSQL are, and what holds for all generated input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# Whoever says where they are means them to be there: see tests.programs.needs. The workers of a run
# in parallel inherit both.
os.environ.setdefault("RECON_POSTGRES_NEEDED", "1" if "RECON_POSTGRES" in os.environ else "")
os.environ.setdefault("RECON_POSTGRES", str(Path(__file__).parent.parent / ".tools" / "postgres"))

# Workers of a run in parallel take a processor each: their small frames cost a quarter more among
# several threads. That threads change no byte is tested by itself.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    # Evidence of a test need not outlive the machine's power, and a disk that several wait for
    # takes milliseconds for each item. Tests of durability put their own in its place.
    os.fsync = lambda _file: None

# A loaded machine is slow, and that is no fault of what is tested: benchmarks look at time.
# `make thorough` generates many times as much as is made in passing.
settings.register_profile(
    "recon",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("RECON_EXAMPLES", "40")),
)
settings.load_profile("recon")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of slow tests first, then those that start servers: no worker is left with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    live = {item.path for item in items if item.get_closest_marker("live")}
    items.sort(key=lambda item: (item.path not in slow, item.path not in live))
