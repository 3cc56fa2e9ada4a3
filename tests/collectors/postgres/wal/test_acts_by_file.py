"""PostgreSQL 14, whose COMMIT lists no tables: the same acts by the files alone."""

from __future__ import annotations

import polars as pl
import pytest

from collectors.postgres.wal import Wal, read, wal_events
from tests.collectors.postgres.wal import archives
from tests.collectors.postgres.wal.archives import OTHER, SUBJECT, Archive
from tests.collectors.postgres.wal.test_acts import EXPECTED, acts_of

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return archives.make(tmp_path_factory.mktemp("wal14") / "archive", 14)


@pytest.fixture(scope="module")
def wal(archive: Archive) -> Wal:
    return read(archive.segments(), source="db", relations=archive.relations, prefer_tool=False)


def test_every_step_does_to_tables_what_it_does_later(wal: Wal, archive: Archive):
    events = wal_events(wal, archive.relations, "db").collect()
    found = {step: acts_of(events, archive, step) for step in archive.lsns}
    assert found == {step: EXPECTED[step] for step in archive.lsns}


def test_both_tables_are_followed_to_the_end_of_both_timelines(wal: Wal):
    """What befell them on timeline 1 after the fork is not of timeline 2."""
    whole = wal.coverage.filter(pl.col("kind") == "wal.*").select("stream", "earliest", "latest")
    assert whole.height == 2
    for table in (SUBJECT, OTHER):
        theirs = wal.coverage.filter((pl.col("kind") == "table.*") & (pl.col("subject") == table))
        assert theirs.select("stream", "earliest", "latest").equals(whole)
    assert wal.warnings == []


def test_both_readers_follow_alike(wal: Wal, archive: Archive):
    tool = read(archive.segments(), source="db", relations=archive.relations)
    assert tool.method.startswith("pg_waldump (PostgreSQL) 14")
    assert tool.coverage.equals(wal.coverage)
