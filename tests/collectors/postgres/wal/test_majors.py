"""WAL of every major version: both readers give the same records, events and rows written."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from collectors.postgres.wal import Relation, read, wal_events
from collectors.postgres.wal.layout import RMGRS, read_lsn
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.stream import parts
from collectors.postgres.wal.waldump import find, linked
from tests.collectors.postgres.wal.archives import segments
from tests.servers import needs, postgres
from tests.versions import EACH

pytestmark = pytest.mark.live
STORY = """
create table t (id int primary key, a text);
insert into t select g, 'x' || g from generate_series(1, 40) g;
update t set a = 'y' where id < 4;
delete from t where id = 5;
begin; savepoint a; insert into t values (100); rollback to a;
insert into t values (101); commit;
begin; insert into t values (102); prepare transaction 'p'; commit prepared 'p';
truncate t;
copy t from stdin;
1	a
2	b
\\.
checkpoint; set wal_compression = on; vacuum full t;
drop table t;
"""


@pytest.mark.parametrize("major", EACH)
def test_both_readers_agree(major: int, tmp_path: Path):
    needs(major)
    settings = {"max_prepared_transactions": "5"}
    with postgres(None, settings, major=major, initdb=("--wal-segsize=1",)) as server:
        server.psql("create table t (id int primary key, a text)")
        oid = int(server.psql("select 't'::regclass::oid"))
        database = int(server.psql("select oid from pg_database where datname = 'postgres'"))
        server.psql(STORY.replace("create table t (id int primary key, a text);\n", "", 1))
        server.switch_wal()
        shutil.copytree(server.archive, tmp_path / "archive")
    known = [Relation(oid, "pg:db/postgres/public.t", None, "r", database)]
    tool, own = (
        read(segments(tmp_path / "archive"), source="db", relations=known, prefer_tool=prefer)
        for prefer in (True, False)
    )
    _every_record(tmp_path / "archive", major)
    assert (tool.warnings, own.warnings) == ([], [])
    assert tool.method.startswith(f"pg_waldump (PostgreSQL) {major}")
    for name in ("records", "writes", "defined", "files", "coverage"):
        assert_frame_equal(getattr(tool, name), getattr(own, name))
    events = [wal_events(wal, known, "db").collect() for wal in (tool, own)]
    assert_frame_equal(*events)
    assert own.records.height > 20
    written = events[0].filter(events[0]["kind"] == "table.write")["value"].to_list()
    assert written[:3] == [
        "delete=0 insert=40 update=0",
        "delete=0 insert=0 update=3",
        "delete=1 insert=0 update=0",
    ]


_LINE = re.compile(
    r"^rmgr: (\w+) +len \(rec/tot\): +\d+/ *(\d+), tx: +(\d+), lsn: (\w+/\w+), prev \w+/\w+,",
    re.MULTILINE,
)


def _every_record(archive: Path, major: int) -> None:
    """Resource manager, length, transaction and place of each record, whether kept or not."""
    (run,) = order(segments(archive)).runs
    tool = find(major)
    assert tool
    with linked(run) as folder:
        command = [tool, "-p", folder, run[0].name, run[-1].name]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs = [
        (name, int(length), int(xid), read_lsn(lsn))
        for name, length, xid, lsn in _LINE.findall(text)
    ]
    ours = [
        (RMGRS[rmgr], length, xid, lsn)
        for part in parts(run)
        for rmgr, length, xid, lsn in zip(
            *(part.rmgr.tolist(), part.lengths.tolist(), part.xid.tolist(), part.lsn.tolist()),
            strict=True,
        )
    ]
    assert ours == theirs
    assert len(ours) > 300
