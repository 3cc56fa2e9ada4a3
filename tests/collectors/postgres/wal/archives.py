"""A real archive with two timelines, small segments, and everything that could befall a table."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collectors.postgres.wal import Relation, Segment, read, records_of
from collectors.postgres.wal.crc import record_crc
from collectors.postgres.wal.record import split
from recon.collector import Sha256
from tests.servers import Postgres, postgres

SUBJECT = "pg:db/lineage/ml.lineage"
OTHER = "pg:db/lineage/ml.other"
_LZ4_SINCE = 15
SETTINGS = {"max_prepared_transactions": "5", "track_commit_timestamp": "on"}

FORGED = (
    "rmgr: Transaction len (rec/tot):     34/    34, tx:        777, lsn: 0/00C00030, "
    "prev 0/00C00000, desc: COMMIT 2020-01-01 00:00:00.000000 UTC"
)
"""A line break and this, as the name of a prepared transaction, is what pg_waldump then prints."""

STORY: Sequence[tuple[str, str]] = (
    ("insert", "insert into ml.lineage (model) select 'm' || g from generate_series(1, 50) g"),
    ("update", "update ml.lineage set model = 'x' where id = 3"),
    ("delete", "delete from ml.lineage where id in (4, 5)"),
    ("copy", "copy ml.lineage (model) from stdin;\na\nb\nc\n\\."),
    (
        "recreate",
        (
            "begin; drop table ml.lineage;"
            "create table ml.lineage (id serial primary key, model text);"
            "insert into ml.lineage (model) values ('z'); commit"
        ),
    ),
    (
        "truncate and copy",
        "begin; truncate ml.lineage;\ncopy ml.lineage (model) from stdin;\na\nb\n\\.\ncommit",
    ),
    ("vacuum full", "vacuum full ml.lineage"),
    ("after vacuum full", "insert into ml.lineage (model) values ('v')"),
    ("cluster", "cluster ml.lineage using lineage_pkey"),
    ("alter", "alter table ml.lineage alter column id type bigint"),
    ("after alter", "insert into ml.lineage (model) values ('w')"),
    ("reindex", "reindex table ml.lineage"),
    ("grant", "grant select on ml.lineage to public"),
    ("analyze", "analyze ml.lineage"),
    ("plain alter", "alter table ml.lineage add column note text"),
    ("set tablespace", "alter table ml.lineage set tablespace aside"),
    ("after set tablespace", "insert into ml.lineage (model) values ('t')"),
    (
        "subtransactions",
        (
            "begin; savepoint a; insert into ml.lineage (model) values ('s'); savepoint b;"
            "insert into ml.lineage (model) values ('gone'); rollback to b; commit"
        ),
    ),
    ("aborted drop", "begin; drop table ml.lineage; rollback"),
    ("aborted truncate", "begin; truncate ml.lineage; rollback"),
    (
        "prepared",
        (
            "begin; insert into ml.lineage (model) values ('p'); prepare transaction 'one';"
            "commit prepared 'one'"
        ),
    ),
    (
        "prepared and rolled back",
        "begin; truncate ml.lineage; prepare transaction 'two'; rollback prepared 'two'",
    ),
    (
        "forged line",
        (
            f"begin; truncate ml.lineage; prepare transaction E'x\\n{FORGED}';"
            f"rollback prepared E'x\\n{FORGED}'"
        ),
    ),
    ("truncate two", "truncate ml.lineage, ml.other restart identity"),
    (
        "after truncate two",
        (
            "begin; insert into ml.lineage (model) values ('1'), ('2');"
            "insert into ml.other values (1); commit"
        ),
    ),
    ("empty truncate", "truncate ml.other"),
    ("came and went", "create table fleeting (a int); drop table fleeting"),
    ("came and went at once", "begin; create table passing (a int); drop table passing; commit"),
    # The first change of a page after a checkpoint is logged as an image of it.
    ("vacuum full, by image", "checkpoint; vacuum full ml.lineage"),
    (
        "vacuum full, by packed image",
        "checkpoint; set wal_compression = on; vacuum full ml.lineage",
    ),
    (
        "vacuum full, by an image that is not unpacked",
        "checkpoint; set wal_compression = lz4; vacuum full ml.lineage",
    ),
    ("after images", "insert into ml.lineage (model) values ('i')"),
    (
        "create, by packed image",
        "checkpoint; set wal_compression = on; create table packed (a int)",
    ),
    ("index", "create index on ml.lineage (model); drop index ml.lineage_model_idx"),
    ("sequence", "create sequence counter; drop sequence counter"),
    ("drop, then create", "drop table ml.other; create table ml.other (a int, b text)"),
    ("view", "create materialized view seen as select 1 a; refresh materialized view seen"),
    ("restore point", "select pg_create_restore_point('before')"),
    ("lost by the restore", "insert into ml.lineage (model) values ('lost')"),
    ("truncated and lost", "truncate ml.lineage"),
)
"""What happens on timeline 1, each with its name; the restore goes back to ``before``."""

AFTER: Sequence[tuple[str, str]] = (
    ("on timeline 2", "insert into ml.lineage (model) values ('new'), ('newer')"),
    ("updated on timeline 2", "update ml.lineage set model = 'u'"),
)


@dataclass(frozen=True)
class Archive:
    """The archive and what the server said while it was made."""

    folder: Path
    relations: Sequence[Relation]
    lsns: Mapping[str, tuple[str, str]]
    """Name of a step to the LSN before and after it."""

    def segments(self, *names: str) -> list[Segment]:
        """Those of the names, or all."""
        return segments(self.folder, *names)


def segment(path: Path, name: str | None = None) -> Segment:
    """A file as an item."""
    return Segment(name or path.name, path, Sha256(hashlib.sha256(path.read_bytes()).hexdigest()))


def segments(folder: Path, *names: str) -> list[Segment]:
    """The segments in a folder: those of the names, or all."""
    return [
        segment(path)
        for path in sorted(folder.iterdir())
        if len(path.name) == 24 and (not names or path.name in names)
    ]


def make(folder: Path, major: int = 15) -> Archive:
    """Run the story on a server of a major version and copy its archive."""
    with postgres(None, SETTINGS, major=major, initdb=("--wal-segsize=1",)) as server:
        dsn, relations = _begin(server)
        space = server.folder / "aside"
        server.backup("base", "-T", f"{space}={space}-copy")
        lsns = {}
        for name, sql in STORY:
            if "lz4" in sql and major < _LZ4_SINCE:
                continue
            lsns[name] = _step(server, dsn, sql)
            relations |= _relations(server, dsn)
        server.switch_wal()
        server.stop()
        _restore(server)
        for name, sql in AFTER:
            lsns[name] = _step(server, dsn, sql)
        server.psql("checkpoint")
        server.switch_wal()
        shutil.copytree(server.archive, folder)
    return Archive(folder, sorted(relations, key=lambda one: (one.oid, one.file or "")), lsns)


def _begin(server: Postgres) -> tuple[str, set[Relation]]:
    space = server.folder / "aside"
    space.mkdir()
    shutil.chown(space, "postgres", "postgres")
    server.psql(f"create tablespace aside location '{space}'")
    server.psql("create database lineage")
    dsn = server.dsn.replace("/postgres?", "/lineage?")
    server.psql(
        "create schema ml; create table ml.lineage (id serial primary key, model text);"
        "create table ml.other (a int, b text)",
        dsn=dsn,
    )
    return dsn, _relations(server, dsn)


def _step(server: Postgres, dsn: str, sql: str) -> tuple[str, str]:
    where = "select pg_current_wal_insert_lsn()"
    before = server.psql(where, dsn=dsn).strip()
    server.psql(f"{sql}\n" if sql.endswith("\\.") else f"{sql};\n", dsn=dsn)
    return before, server.psql(where, dsn=dsn).strip()


def _relations(server: Postgres, dsn: str) -> set[Relation]:
    """As a dump's table of contents has them: OIDs, and no files."""
    text = server.psql(
        "select c.oid, relname, d.oid from pg_class c, pg_database d "
        "where datname = current_database() and relnamespace = 'ml'::regnamespace "
        "and relkind = 'r'",
        dsn=dsn,
    )
    return {
        Relation(int(oid), f"pg:db/lineage/ml.{name}", None, "r", int(database))
        for oid, name, database in (line.split("|") for line in text.splitlines())
    }


def _restore(server: Postgres) -> None:
    """Point-in-time restore of the base backup, in the server's place, to ``before``."""
    server.data.rename(server.folder / "discarded")
    (server.folder / "base").rename(server.data)
    with (server.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write(
            f"restore_command = 'cp {server.archive}/%f %p'\n"
            "recovery_target_name = 'before'\nrecovery_target_action = 'promote'\n"
        )
    (server.data / "recovery.signal").touch()
    server.start()
    for _ in range(300):
        if server.psql("select pg_is_in_recovery()").strip() == "f":
            return
        time.sleep(0.1)
    raise RuntimeError("the restore did not end")


def break_image(archive: Path, file: str, since: int = 0) -> int:
    """Make a file's first packed image one that does not unpack; the LSN of the record.

    In segments of 1 MB, from an LSN on.
    """
    stretch, *_ = read(segments(archive), source="t", prefer_tool=False).stretches
    for chunk in records_of(stretch, {file}):
        for lsn, text in zip(chunk.lsn.tolist(), chunk.records, strict=True):
            record = split(text, chunk.major)
            image = record.blocks[0].image if record and record.blocks else None
            if not record or not image or not record.blocks[0].packed or lsn < since:
                continue
            at = text.index(image)
            new = bytearray(text)
            # Every item of pglz then points back to before the beginning.
            new[at : at + len(image)] = b"\xff" * len(image)
            new[20:24] = record_crc(bytes(new)).to_bytes(4, "little")
            (path,) = [
                one.segment.path for one in stretch.run if one.start <= lsn < one.start + one.size
            ]
            place = lsn % 2**20
            assert place // 8192 == (place + len(new) - 1) // 8192
            raw = bytearray(path.read_bytes())
            raw[place : place + len(new)] = new
            path.write_bytes(raw)
            return lsn
    raise AssertionError("no packed image")
