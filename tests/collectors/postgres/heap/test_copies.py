"""Base backups read page by page: rows, columns, ghosts, and rows from before WAL changed them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres import collector
from collectors.postgres.base import BaseBackup, base_backups
from collectors.postgres.heap.catalogs import CATALOGS, PG_DATABASE, catalog
from collectors.postgres.heap.copied import read_copy
from collectors.postgres.heap.ghosts import ghosts
from collectors.postgres.heap.page import SIZE, checksum, intact
from collectors.postgres.heap.tuples import Decoder
from tests.collectors.postgres.conftest import Bench
from tests.collectors.postgres.heap.tables import copied, shown
from tests.servers import Postgres, needs, postgres, restored
from tests.versions import EACH

pytestmark = pytest.mark.live

CLAIM = {"table": "public.t", "subject": "model:{name}", "attributes": {"digest": "digest"}}
STORY = """
create type mood as enum ('good', 'bad'); create domain short as varchar(20);
create table t (name text primary key, digest text, unused int, mood mood, short short, big text);
insert into t select 'm'||g, md5(g::text), g, 'good', 'x' from generate_series(1, 500) g;
alter table t drop column unused;
alter table t add column late int default 5;
update t set mood = 'bad' where name = 'm7';
delete from t where name = 'm8';
begin; insert into t values ('undone'); rollback;
insert into t values ('wide', 'd', 'good', 'y',
    (select string_agg(md5(g::text), '') from generate_series(1, 2000) g), 6);
"""

_COLUMNS = """
select attname, attlen, attalign from pg_attribute
where attrelid = {oid} and attnum > 0 order by attnum
"""


@pytest.fixture(scope="module", params=EACH, ids=lambda major: f"pg{major}")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Postgres, Bench, list[list[str | None]]]]:
    """A backup, then writes without page images; what the table held at the backup."""
    needs(request.param)
    settings = {"full_page_writes": "off"}
    initdb = ["--wal-segsize=1", "--data-checksums"]
    with postgres(None, settings, major=request.param, initdb=initdb) as server:
        server.psql(STORY)
        server.psql("checkpoint")
        held = copied(server, "select ctid, xmin, * from t order by ctid")
        server.switch_wal()
        before = {path.name for path in server.archive.iterdir()}
        server.backup("base", "-X", "none")
        server.psql("update t set digest = 'after' where name in ('m3', 'wide')")
        server.psql("delete from t where name = 'm4'")
        server.switch_wal()
        folder = tmp_path_factory.mktemp(f"copies{request.param}")
        shutil.copytree(server.folder / "base", folder / "base")
        shutil.copytree(server.archive, folder / "archive")
        # Not even how the table was made is in the archive.
        for name in before:
            (folder / "archive" / name).unlink()
        bench = Bench(folder, {"wal": ["archive"], "backups": ["base"]}, [CLAIM])
        bench.acquire()
        yield server, bench, held


def backup(bench: Bench) -> BaseBackup:
    (found,) = base_backups(bench.items)
    return found


def test_the_rows_of_a_copy_are_those_that_the_server_had(
    case: tuple[Postgres, Bench, list[list[str | None]]],
) -> None:
    server, bench, held = case
    copy = read_copy(backup(bench), ["public.t"])
    (table,) = copy.tables
    decoder = Decoder(table.described, ["name", "digest", "mood", "short", "late"])
    ours = [
        [f"({one.block},{one.line})", str(one.xmin), *shown(list(decoder.row(one.tuple).values()))]
        for one in copy.rows(table.file)
        if copy.visible(one)
    ]
    assert ours == [[*row[:6], *row[7:]] for row in held]
    assert copy.major == int(server.psql("show server_version_num").strip()) // 10000
    assert table.described.columns[2].dropped
    copy.close()


def test_tuples_are_those_of_pageinspect(
    case: tuple[Postgres, Bench, list[list[str | None]]],
) -> None:
    server, bench, _ = case
    copy = read_copy(backup(bench), ["public.t"])
    (table,) = copy.tables
    server.psql("create extension if not exists pageinspect")
    # A page that nothing changed since.
    theirs = copied(
        server,
        "select lp, t_xmin, t_infomask2, t_infomask, t_hoff, t_ctid from "
        "heap_page_items(get_raw_page('t', 2)) where lp_flags = 1 order by lp",
    )
    ours = [
        [
            *map(str, (one.line, one.xmin, one.infomask2, one.infomask, one.tuple.hoff)),
            f"({one.ctid[0]},{one.ctid[1]})",
        ]
        for one in copy.rows(table.file)
        if one.block == 2
    ]
    assert ours == theirs
    copy.close()


def test_an_update_without_a_page_image_finds_the_row_before_in_the_copy(
    case: tuple[Postgres, Bench, list[list[str | None]]],
) -> None:
    _, bench, _ = case
    events = bench.events()
    rows = events.filter(pl.col("kind").is_in(["row.update", "row.delete", "row.before"]))
    by_kind = {
        kind: rows.filter(pl.col("kind") == kind)["subject"].sort().to_list()
        for kind in ("row.before", "row.update", "row.delete")
    }
    assert by_kind == {
        "row.before": ["model:m3", "model:m4", "model:wide"],
        "row.update": ["model:m3", "model:wide"],
        "row.delete": ["model:m4"],
    }
    assert "not in the archive" not in "".join(rows["value"])
    claims = events.filter(pl.col("kind") == "claim").select("subject", "value").rows()
    assert ("model:m3", "eccbc87e4b5ce2fe28308fd9f2a7baf3") in claims
    assert ("model:m3", "after") in claims
    assert events.filter(pl.col("kind") == "row.ghost").is_empty()


def test_a_page_that_was_changed_by_other_means_is_not_read_and_named(
    case: tuple[Postgres, Bench, list[list[str | None]]], tmp_path: Path
) -> None:
    _, bench, _ = case
    copy = read_copy(backup(bench), ["public.t"])
    path = copy.path(copy.tables[0].file)
    copy.close()
    shutil.copytree(bench.folder / "base", tmp_path / "base")
    data = bytearray((tmp_path / "base" / path).read_bytes())
    assert intact(bytes(data[SIZE : 2 * SIZE]), 1)
    assert checksum(bytes(data[SIZE : 2 * SIZE]), 1) == int.from_bytes(
        data[SIZE + 8 : SIZE + 10], "little"
    )
    data[2 * SIZE - 5] ^= 1
    (tmp_path / "base" / path).chmod(0o600)
    (tmp_path / "base" / path).write_bytes(data)
    changed = Bench(tmp_path, {"backups": ["base"]}, [CLAIM])
    changed.acquire()
    (said,) = [one for one in changed.parse().warnings if "checksum" in one.message]
    assert f"{path}, block 1:" in said.message


def test_the_catalogue_is_laid_out_as_the_server_says(
    case: tuple[Postgres, Bench, list[list[str | None]]],
) -> None:
    server, _, _ = case
    major = int(server.psql("show server_version_num").strip()) // 10000
    for oid in (*CATALOGS, PG_DATABASE):
        theirs = copied(server, _COLUMNS.format(oid=oid))
        ours = [
            [one.name, str(one.type.length), one.type.align]
            for one in catalog(oid, major).columns
            if one.name != "attmissingval"
        ]
        assert ours == theirs[: len(ours)]


def test_rows_that_a_restore_left_behind_are_ghosts(tmp_path: Path) -> None:
    """Replayed up to a target before their commit; a rollback's leftovers are none."""
    with postgres(None, {}, initdb=["--wal-segsize=1"]) as server:
        server.psql("create table t (name text, digest text); insert into t values ('kept', 'a')")
        base = server.backup("base")
        server.psql("begin; insert into t values ('undone', 'b'); rollback")
        lsn = server.psql(
            "begin; insert into t values ('lost', 'c');"
            "select pg_create_restore_point('before'); insert into t values ('later', 'd'); commit"
        )
        assert lsn
        server.switch_wal()
        target = {"recovery_target_name": "before", "recovery_target_timeline": "current"}
        with restored(server, base, target) as again:
            assert again.psql("select name from t").split() == ["kept"]
            again.psql("checkpoint")
            again.backup("copy")
            shutil.copytree(again.folder / "copy", tmp_path / "copy")
    bench = Bench(tmp_path, {"backups": ["copy"]}, [CLAIM])
    bench.acquire()
    events = bench.events("row.ghost", "claim")
    assert events.select("kind", "subject").rows() == [("row.ghost", "model:lost")]
    assert "not ended" in events["value"][0]
    (item,) = [one for one in bench.items if one.sha256 == events["item"][0]]
    quote = collector.quote(bench.source, bench.items, item, events["citation"][0])
    assert "model:lost" in quote.text
    page, _, shown = quote.how.replace("ITEM", str(bench.items.path(item))).partition(" | od")
    assert b"lost" in subprocess.run(["sh", "-c", page], check=True, capture_output=True).stdout
    subprocess.run(["sh", "-c", f"{page} | od{shown}"], check=True, capture_output=True)
    copy = read_copy(backup(bench), ["public.t"])
    fates = {one.values["name"]: one.fate for one in ghosts(copy, copy.tables[0])}
    copy.close()
    assert fates == {"undone": "aborted", "lost": "not ended"}
