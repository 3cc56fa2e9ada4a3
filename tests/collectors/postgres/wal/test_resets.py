"""A log that begins anew says so: pg_resetwal, as pg_upgrade runs it."""

from __future__ import annotations

import polars as pl
import pytest

from collectors.postgres.wal import read, wal_events
from tests.collectors.postgres.wal.archives import segments
from tests.servers import postgres

pytestmark = pytest.mark.live


@pytest.mark.parametrize("prefer_tool", [False, True])
def test_the_first_checkpoint_after_pg_resetwal_has_nothing_before_it(*, prefer_tool: bool):
    with postgres(None, initdb=("--wal-segsize=1",)) as server:
        server.psql("create table before (); checkpoint")
        server.switch_wal()
        server.stop()
        server.run("pg_resetwal", "-x", "5000", "-D", server.data)
        server.start()
        server.psql("create table after (); checkpoint")
        server.switch_wal()
        wal = read(segments(server.archive), source="db", relations=[], prefer_tool=prefer_tool)
        events = wal_events(wal, [], "db").collect()
    found = events.filter(pl.col("kind") == "wal.checkpoint").sort("position")
    anew = found.filter(pl.col("value").str.ends_with(" shutdown prev=0/0"))
    assert "next_xid=5000 " in anew["value"][-1]
    ordinary = found.filter(pl.col("value").str.contains("online"))
    assert len(ordinary) > 1
    assert not ordinary["value"].str.contains("prev=").any()
