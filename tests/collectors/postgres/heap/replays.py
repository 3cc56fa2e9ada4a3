"""A story of writes on a real server, and its WAL replayed by this package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collectors.postgres import wal
from collectors.postgres.heap.model import Table
from collectors.postgres.heap.pages import File
from collectors.postgres.heap.records import Change, Replay
from collectors.postgres.heap.toast import Chunks
from collectors.postgres.heap.tuples import Decoder
from collectors.postgres.heap.whose import file_of
from collectors.postgres.wal.heaprecords import Chunk
from collectors.postgres.wal.model import Segment
from recon.collector import Sha256
from tests.collectors.postgres.heap.tables import shown
from tests.servers import Postgres

STORY = """
create table t (id int primary key, a text, b numeric, c text);
checkpoint;
insert into t select g, 'row '||g, g*1.5, repeat('c', g%50) from generate_series(1,300) g;
checkpoint;
update t set a = a || ' changed' where id % 3 = 0;
update t set b = b + 1 where id % 5 = 0;
update t set b = b + 1 where id % 5 = 0;
delete from t where id % 7 = 0;
begin; insert into t values (1000,'aborted',0,''); update t set c='aborted' where id=1; rollback;
begin; insert into t values (1001,'top',0,''); savepoint s;
insert into t values (1002,'undone',0,''); rollback to s; savepoint q;
insert into t values (1003,'kept',1,''); release q; commit;
vacuum t;
checkpoint;
update t set c = c || 'x' where id < 100;
update t set c = c || 'y' where id < 100;
insert into t values (2000, repeat(md5('x'),100), 1,
    (select string_agg(md5(g::text),'') from generate_series(1,400) g));
alter table t alter c set storage external;
insert into t values (2001, 'plain outside', 1, repeat('0123456789', 1000));
update t set b = 9 where id in (2000, 2001);
insert into t select g, 'late', 0, '' from generate_series(290,310) g on conflict do nothing;
alter table t add column d int default 42;
insert into t values (4000,'with d',1,'',43);
update t set a='d is stored now' where id=11;
alter table t add column e text[] default array['x', 'y "z"'];
alter table t drop column c;
update t set a='c dropped' where id=12;
vacuum t;
insert into t select g, 'filled', 0, g from generate_series(5000,5300) g;
select id from t where id < 20 for update;
"""

_FILES = """
select pg_relation_filepath(oid), pg_relation_filepath(reltoastrelid)
from pg_class where oid = '{table}'::regclass
"""


def run(server: Postgres) -> None:
    """The story, and rows by COPY, which are written many at a time."""
    server.psql(STORY)
    lines = "".join(f"{6000 + n}\tcopied {n}\t1.25\t{n}\t{{}}\n" for n in range(500))
    server.psql(f"copy t from stdin;\n{lines}\\.\n")


@dataclass
class Replayed:
    """What the records of a table did."""

    changes: list[tuple[int, Change]] = field(default_factory=list)
    """With their LSN."""
    standing: dict[tuple[int, int], Change] = field(default_factory=dict)
    """By place: what committed transactions left."""
    chunks: Chunks = field(default_factory=Chunks)

    def take(self, lsn: int, one: Change, main: File, committed: set[int]) -> None:
        """A change of the table, or of its TOAST table."""
        if one.file != main:
            if one.new is not None:
                self.chunks.add(one.file, one.new, lsn)
            return
        self.changes.append((lsn, one))
        if one.xid in committed and one.op != "unmade":
            if one.ended:
                self.standing.pop(one.ended, None)
            if one.made:
                self.standing[one.made] = one

    def rows(self, table: Table) -> list[list[str | None]]:
        """ctid, xmin and the values of each row that stands, as the server's COPY has them."""
        decoder = Decoder(table)
        out: list[list[str | None]] = []
        for (block, line), one in sorted(self.standing.items()):
            assert one.new is not None
            values = shown(list(decoder.row(one.new, self.chunks.fetch).values()))
            out.append([f"({block},{line})", str(one.xid), *values])
        return out


def segments(server: Postgres) -> list[Segment]:
    """Of the server's archive."""
    paths = sorted(path for path in server.archive.iterdir() if len(path.name) == 24)
    return [Segment(path.name, path, Sha256(path.name)) for path in paths]


def files_of(server: Postgres, table: str) -> tuple[str, str]:
    """Of a table and of its TOAST table, as WAL names them."""
    main, toast = server.psql(_FILES.format(table=table)).strip().split("|")
    return main.replace("base/", "1663/"), toast.replace("base/", "1663/")


def replayed(archive: Sequence[Segment], files: tuple[str, str], *, since: int = 0) -> Replayed:
    """All changes of a table, whatever became of their transactions; from an LSN on."""
    found = Replayed()
    read = wal.read(archive, source="test", prefer_tool=False)
    committed: set[int] = set()
    for xid, below, op in read.records.select("xid", "subxids", "op").iter_rows():
        if op == "COMMIT":
            committed |= {xid, *(below or [])}
    main, toast = (file_of(file) for file in files)
    replay = Replay([main[2], toast[2]], {main, toast}.__contains__)
    for stretch in read.stretches:
        for chunk in wal.records_of(stretch, files):
            for changes in replay.take(later(chunk, since)):
                assert not changes.unfit
                assert not changes.unread
                for at, one in changes.each():
                    found.take(int(changes.chunk.lsn[at]), one, main, committed)
    replay.close()
    return found


def later(chunk: Chunk, since: int) -> Chunk:
    """The chunk's records from an LSN on."""
    kept = chunk.lsn >= np.uint64(since)
    names = ("lsn", "xid", "timeline", "kind", "starts", "lengths")
    return replace(chunk, **{name: getattr(chunk, name)[kept] for name in names})
