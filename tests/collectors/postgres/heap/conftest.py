"""One server of each major version, for reading what it stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Postgres, needs, postgres
from tests.versions import EACH


@pytest.fixture(scope="session", params=EACH, ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of each major version that is at hand."""
    needs(request.param)
    settings = {"wal_level": "replica", "min_wal_size": "2MB"}
    with postgres(None, settings, major=request.param, initdb=["--wal-segsize=1"]) as running:
        running.psql("create extension pageinspect")
        yield running
