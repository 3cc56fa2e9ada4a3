"""PostgreSQL 14: where a table is followed by its files, and where that is not known.

Every step of the story is one or more transactions on a real server. A step is covered for a table
if each of its COMMITs lies within a stretch of ``table.*`` of that table.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.wal import Relation, Wal, read, wal_events
from collectors.postgres.wal.layout import read_lsn
from collectors.postgres.wal.model import Seen
from tests.collectors.postgres.wal.archives import segments
from tests.servers import Postgres, postgres

pytestmark = pytest.mark.live

TABLES = ("lineage", "other", "third", "fourth", "fifth", "sixth")

STORY: Sequence[tuple[str, str]] = (
    ("begin", "; ".join(map("insert into ml.{} values (1, 'a')".format, TABLES))),
    # Files that no record at hand will give to their tables, if the archive begins later.
    ("moved before", "vacuum full ml.fifth; vacuum full ml.sixth"),
    ("after that", "insert into ml.fifth values (2, 'b')"),
    ("switch", ""),
    (
        "recreate",
        (
            "begin; drop table ml.lineage;"
            "create table ml.lineage (id int primary key, model text);"
            "insert into ml.lineage values (1, 'z'); commit"
        ),
    ),
    ("rows", "insert into ml.lineage values (2, 'y'); update ml.lineage set model = 'x'"),
    ("truncate", "begin; truncate ml.lineage; insert into ml.lineage values (3, 'w'); commit"),
    ("vacuum full", "vacuum full ml.lineage"),
    ("alter", "alter table ml.lineage alter column id type bigint"),
    ("more", "insert into ml.lineage values (4, 'v'); insert into ml.third values (4, 'v')"),
    ("switch", ""),
    ("drop and create", "drop table ml.third; create table ml.third (id int, model text)"),
    ("idle for lineage", "insert into ml.third values (1, 't')"),
    ("truncate fifth", "truncate ml.fifth"),
    ("switch", ""),
    ("truncate and drop", "begin; truncate ml.lineage; drop table ml.other; commit"),
    ("after it", "insert into ml.lineage values (5, 'u')"),
    ("unlogged", "alter table ml.third set unlogged"),
    ("in silence", "update ml.third set model = 's'; insert into ml.sixth values (3, 'c')"),
    ("logged again", "alter table ml.third set logged"),
    ("in words", "insert into ml.third values (2, 'r')"),
    (
        "a table named like a copy",
        (
            "do $$ declare o oid := 'ml.third'::regclass; begin"
            " execute format('create table ml.pg_temp_%s (a int)', o);"
            " execute format('insert into ml.pg_temp_%s values (1)', o); end $$"
        ),
    ),
    ("in words again", "insert into ml.third values (3, 'q')"),
    (
        "a drop and a file that looks like its successor",
        (
            "begin; create table new (a int); alter table new set tablespace aside;"
            "drop table ml.fourth; commit"
        ),
    ),
    ("last", "insert into ml.third values (4, 'p')"),
    ("switch", ""),
)


@dataclass(frozen=True)
class Story:
    """The archive, and what the server said while it was made."""

    folder: Path
    relations: Sequence[Relation]
    """As dumps have them: OIDs."""
    files: Sequence[Relation]
    """As a capture at the end has them."""
    lsns: Mapping[str, tuple[int, int]]
    """Step to the LSNs before and after it."""

    def read(
        self,
        first: str | None = None,
        *,
        without: Sequence[str] = (),
        relations: Sequence[Relation] | None = None,
    ) -> Read:
        """From the segment in which a step begins on, without those in which some begin."""
        found = segments(self.folder)
        since = self.name(first) if first else ""
        gone = {self.name(step) for step in without}
        kept = [one for one in found if one.name >= since and one.name not in gone]
        known = self.relations if relations is None else relations
        wal = read(kept, source="db", relations=known, prefer_tool=False)
        return Read(self, wal, wal_events(wal, known, "db").collect())

    def name(self, step: str) -> str:
        """The segment (of 1 MB) in which a step begins."""
        return f"00000001{0:08X}{self.lsns[step][0] >> 20:08X}"


@dataclass(frozen=True)
class Read:
    """What recon makes of some of it."""

    story: Story
    wal: Wal
    events: pl.DataFrame

    def covered(self, table: str) -> list[str]:
        """Steps that are covered for a table."""
        stretches = self.wal.coverage.filter(
            (pl.col("kind") == "table.*") & (pl.col("subject") == f"pg:db/lineage/ml.{table}")
        ).rows(named=True)
        found = []
        for step in self.story.lsns:
            times = self.commits(step)["earliest"].to_list()
            if times and all(
                any(one["earliest"] <= time <= one["latest"] for one in stretches) for time in times
            ):
                found.append(step)
        return found

    def commits(self, step: str) -> pl.DataFrame:
        return self.between(step).filter(pl.col("kind") == "wal.commit")

    def between(self, step: str) -> pl.DataFrame:
        low, high = self.story.lsns[step]
        return self.events.filter((pl.col("position") >= low) & (pl.col("position") < high))

    def acts(self, step: str) -> list[tuple[str, str]]:
        """Acts on the tables, but what was written."""
        tables = self.between(step).filter(
            pl.col("kind").str.starts_with("table.")
            & (pl.col("kind") != "table.write")
            & pl.col("subject").str.contains("/ml.")
        )
        return [(kind, name.split("/ml.")[1]) for kind, name in tables["kind", "subject"].rows()]


STEPS = [name for name, _ in STORY if name != "switch"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("owned") / "archive"
    with postgres(None, {}, major=14, initdb=("--wal-segsize=1",)) as server:
        space = server.folder / "aside"
        space.mkdir()
        shutil.chown(space, "postgres", "postgres")
        server.psql(f"create tablespace aside location '{space}'")
        server.psql("create database lineage")
        dsn = server.dsn.replace("/postgres?", "/lineage?")
        server.psql("create schema ml", dsn=dsn)
        for name in TABLES:
            server.psql(f"create table ml.{name} (id int, model text)", dsn=dsn)
        known: dict[Relation, list[datetime]] = {}
        _look(server, dsn, known)
        server.switch_wal()
        lsns = {}
        for name, sql in STORY:
            if name == "switch":
                server.switch_wal()
                continue
            before = _lsn(server)
            server.psql(f"{sql};\n", dsn=dsn)
            lsns[name] = before, _lsn(server)
            _look(server, dsn, known)
        files = _relations(server, dsn)
        shutil.copytree(server.archive, folder)
    oids = [
        replace(one, seen=Seen((min(times), min(times)), (max(times), max(times))))
        for one, times in known.items()
    ]
    return Story(folder, oids, files, lsns)


def _look(server: Postgres, dsn: str, known: dict[Relation, list[datetime]]) -> None:
    """As a dump does: which OID has which name, and when."""
    now = datetime.now(UTC)
    for one in _relations(server, dsn):
        known.setdefault(replace(one, file=None), []).append(now)


def _lsn(server: Postgres) -> int:
    found = read_lsn(server.psql("select pg_current_wal_insert_lsn()").strip())
    assert found is not None
    return found


def _relations(server: Postgres, dsn: str) -> list[Relation]:
    text = server.psql(
        "select c.oid, relname, d.oid, c.relfilenode from pg_class c, pg_database d "
        "where datname = current_database() and relnamespace = 'ml'::regnamespace "
        "and relname not like 'pg_temp%' and relkind = 'r'",
        dsn=dsn,
    )
    rows = [line.split("|") for line in text.splitlines()]
    return [
        Relation(int(oid), f"pg:db/lineage/ml.{name}", f"1663/{db}/{file}", "r", int(db))
        for oid, name, db, file in rows
    ]


def until(step: str, first: str = "begin") -> list[str]:
    """The steps from one on, up to another and without that."""
    return STEPS[STEPS.index(first) : STEPS.index(step)]


def since(step: str) -> list[str]:
    """That step and those after it."""
    return STEPS[STEPS.index(step) :]


def test_a_table_is_followed_from_file_to_file_until_what_became_of_it_is_not_told(story: Story):
    """DROP and CREATE, TRUNCATE, VACUUM FULL, ALTER; then TRUNCATE beside the drop of another."""
    found = story.read()
    assert found.acts("recreate") == [
        *(("table.create", "lineage"), ("table.drop", "lineage"), ("table.recreate", "lineage")),
    ]
    assert found.acts("truncate") == [("table.truncate", "lineage")]
    assert found.acts("vacuum full") == found.acts("alter") == [("table.rewrite", "lineage")]
    assert found.acts("truncate and drop") == []
    assert found.covered("lineage") == until("truncate and drop")
    assert found.covered("other") == until("truncate and drop")


def test_nothing_is_covered_of_all_tables(story: Story):
    whole = story.read().wal.coverage.filter(pl.col("subject") == "pg:db/*")
    assert whole["kind"].to_list() == ["wal.*"]


def test_where_a_table_is_not_followed_is_said(story: Story):
    said = [one.message for one in story.read().wal.warnings]
    assert [one for one in said if "that of ml.lineage (PostgreSQL 14" in one]
    assert not [one for one in said if "that of ml.fifth" in one]


def test_a_table_is_followed_over_a_drop_and_a_create_and_not_while_it_is_unlogged(story: Story):
    found = story.read()
    assert found.acts("drop and create") == [
        *(("table.drop", "third"), ("table.create", "third"), ("table.recreate", "third")),
    ]
    assert found.acts("unlogged") == [("table.rewrite", "third"), ("table.unlogged", "third")]
    assert found.acts("logged again") == [("table.logged", "third"), ("table.rewrite", "third")]
    silent = {"in silence"}
    assert found.covered("third") == [one for one in STEPS if one not in silent]


def test_a_table_named_like_a_copy_takes_no_tables_place(story: Story):
    assert story.read().acts("a table named like a copy") == []


def test_a_drop_is_not_taken_for_a_move_to_another_tablespace(story: Story):
    found = story.read()
    step = "a drop and a file that looks like its successor"
    assert found.acts(step) == []
    assert found.covered("fourth") == until(step)


def test_an_archive_that_begins_mid_life(story: Story):
    """Tables are followed by their first files as soon as the log shows those: by what it holds."""
    found = story.read("recreate")
    assert found.covered("lineage") == until("truncate and drop", "recreate")
    # Its first file is written to, and then dropped.
    expected = [one for one in since("recreate") if one != "in silence"]
    assert found.covered("third") == expected


def test_a_file_from_before_the_archive_that_nothing_gives_to_its_table(story: Story):
    """VACUUM FULL came before: an OID does not lead to the file, and what befalls it is not told.

    The TRUNCATE of fifth has one old file and one new one, and nothing says whose.
    """
    found = story.read("recreate")
    assert found.acts("truncate fifth") == []
    assert found.covered("fifth") == []
    assert found.covered("sixth") == []


def test_a_file_that_a_capture_gives_to_a_table(story: Story):
    """Sixth has the file to the end, and writes to it; fifth's is made in the log."""
    known = [*story.relations, *story.files]
    found = story.read("recreate", relations=known)
    assert found.covered("sixth") == since("recreate")
    assert found.covered("fifth") == []


def test_a_lost_segment_leaves_open_what_came_in_it(story: Story):
    """The segment with the TRUNCATE, VACUUM FULL and ALTER of lineage is missing."""
    found = story.read(without=["recreate"])
    assert "recreate" not in found.events["kind"].unique()
    before, after = until("recreate"), since("drop and create")
    # Its last file was made in the gap: nothing gives it to the table.
    assert found.covered("lineage") == before
    # This one kept its file across the gap, which the log shows on both sides.
    assert found.covered("third") == [*before, *(one for one in after if one != "in silence")]


def test_a_lost_segment_that_hides_how_a_table_lost_its_file(story: Story):
    """The segment with the drop of third is missing; its new table is known by a later rewrite."""
    found = story.read(without=["drop and create"])
    assert found.covered("third") == [*until("drop and create"), *since("logged again")]


def test_a_table_that_lost_the_name_before_the_archive_begins(story: Story):
    """A dump still knows it: another one has the name since, and nothing befalls it in the log."""
    found = story.read("truncate and drop")
    assert found.covered("third") == since("logged again")


def test_a_table_that_may_still_have_the_name_counts(story: Story):
    """The same where it is not known which of the two had the name later."""
    undated = [replace(one, seen=None) for one in story.relations]
    found = story.read("truncate and drop", relations=undated)
    assert found.covered("third") == []
