"""Databases that are made, moved and dropped, and what that is to the tables in them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.wal import Relation, Wal, describe, read, wal_events
from collectors.postgres.wal.layout import read_lsn
from collectors.postgres.wal.waldump import find
from tests.collectors.postgres.wal.archives import segments
from tests.servers import Postgres, needs, postgres
from tests.versions import EACH

pytestmark = pytest.mark.live
SUBJECT, OTHER = "pg:db/lineage/ml.lineage", "pg:db/other/ml.lineage"
TABLE = (
    "create schema ml; create table ml.lineage (id int primary key, model text);"
    "insert into ml.lineage select g, 'm' || g from generate_series(1, 20) g"
)


@dataclass
class Story:
    """The archive, and what the server said."""

    folder: Path
    major: int
    relations: list[Relation] = field(default_factory=list)
    lsns: dict[str, tuple[int, int]] = field(default_factory=dict)
    databases: dict[str, list[int]] = field(default_factory=dict)


class Telling:
    def __init__(self, server: Postgres, story: Story) -> None:
        self.server, self.story = server, story

    def dsn(self, database: str) -> str:
        return self.server.dsn.replace("/postgres?", f"/{database}?")

    def step(self, name: str, sql: str, database: str = "postgres") -> None:
        where = "select pg_current_wal_insert_lsn()"
        before = self.server.psql(where).strip()
        self.server.psql(sql, dsn=self.dsn(database))
        after = self.server.psql(where).strip()
        self.story.lsns[name] = read_lsn(before) or 0, read_lsn(after) or 0

    def captured(self, database: str) -> None:
        """What a capture of the database's catalogue says of its table."""
        text = self.server.psql(
            "select c.oid, d.oid, pg_relation_filepath(c.oid) from pg_class c, pg_database d "
            "where datname = current_database() and c.oid = 'ml.lineage'::regclass",
            dsn=self.dsn(database),
        )
        oid, number, path = text.strip().split("|")
        file = path.replace("base/", "1663/")
        subject = f"pg:db/{database}/ml.lineage"
        self.story.relations.append(Relation(int(oid), subject, file, "r", int(number)))
        self.story.databases.setdefault(database, []).append(int(number))


@pytest.fixture(scope="module", params=EACH, ids=lambda major: f"pg{major}")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    needs(request.param)
    told = Story(tmp_path_factory.mktemp("databases") / "archive", request.param)
    copying = " strategy = file_copy" if request.param >= 15 else ""
    with postgres(None, {}, major=request.param, initdb=["--wal-segsize=1"]) as server:
        one = Telling(server, told)
        space = server.folder / "aside"
        space.mkdir()
        shutil.chown(space, "postgres", "postgres")
        server.psql(f"create tablespace aside location '{space}'")
        server.psql("create table done (); drop table done")
        one.step("lineage made", "create database lineage")
        one.step("other made", f"create database other{copying}")
        for name in ("lineage", "other"):
            server.psql(TABLE, dsn=one.dsn(name))
            one.captured(name)
        one.step("moved", "alter database other set tablespace aside")
        one.step("copied", "create database copied template lineage")
        one.step("written", "update ml.lineage set model = 'x' where id = 3", "lineage")
        one.step("other dropped", "drop database other")
        one.step("dropped", "drop database lineage")
        one.step("made again", "create database lineage")
        one.step("table made again", TABLE, "lineage")
        one.captured("lineage")
        server.psql("create table last (); drop table last")
        server.switch_wal()
        shutil.copytree(server.archive, told.folder)
    return told


@pytest.fixture(params=[True, False], ids=["tool", "own"])
def wal(request: pytest.FixtureRequest, story: Story) -> Wal:
    found = read(
        segments(story.folder), source="db", relations=story.relations, prefer_tool=request.param
    )
    assert not [one for one in found.warnings if one.severity != "note"]
    return found


def acts(wal: Wal, story: Story, step: str) -> list[tuple[str, str, str | None]]:
    """What befell databases and the tables of the story in a step."""
    low, high = story.lsns[step]
    events = wal_events(wal, story.relations, "db").filter(
        pl.col("position").is_between(low, high)
        & pl.col("kind").str.contains(r"^(table|database|relation)\.")
        & (pl.col("kind") != "table.write")
    )
    return sorted(events.select("kind", "subject", "value").collect().rows())


def test_a_database_that_is_made_is_told_with_how(wal: Wal, story: Story):
    copied = "file_copy" if story.major < 15 else "wal_log"
    # Before 15 the record names what is copied: template1. Of a copy page by page none does.
    (one,) = acts(wal, story, "lineage made")
    assert one[:2] == ("database.create", "pg:db/lineage") or one[1].startswith("pg:db/oid/")
    assert one[2] == f"strategy={copied}" + (" template=1" if copied == "file_copy" else "")
    (other,) = acts(wal, story, "other made")
    assert other == ("database.create", "pg:db/other", "strategy=file_copy template=1")


def test_a_database_that_is_dropped_takes_its_tables_along(wal: Wal, story: Story):
    assert acts(wal, story, "dropped") == [
        ("database.drop", "pg:db/lineage", None),
        ("table.drop", SUBJECT, "with its database"),
    ]


def test_the_twins_one_that_is_moved_and_another_that_is_dropped(wal: Wal, story: Story):
    assert acts(wal, story, "moved") == []
    assert acts(wal, story, "other dropped") == [
        ("database.drop", "pg:db/other", None),
        ("table.drop", OTHER, "with its database"),
    ]


def test_a_table_of_the_same_name_in_a_database_of_the_same_name_is_recreated(
    wal: Wal, story: Story
):
    (one,) = acts(wal, story, "made again")
    assert one[0] == "database.create"
    old, _, new = (one.oid for one in story.relations)
    assert acts(wal, story, "table made again") == [
        ("table.create", SUBJECT, "name=lineage"),
        ("table.recreate", SUBJECT, f"oid {old} to {new}"),
    ]


def test_a_copy_of_a_database_with_tables_is_read_without_a_complaint(wal: Wal, story: Story):
    (one,) = acts(wal, story, "copied")
    assert one[0] == "database.create"
    # All that befell tables is known throughout.
    ends = wal.coverage.filter(pl.col("kind") == "table.*")
    assert ends.height > 0
    if story.major >= 15:
        assert ends.height == 1


def test_dumps_alone_do_not_say_in_which_database_a_table_is(story: Story):
    bare = [Relation(one.oid + 50_000, one.subject) for one in story.relations[:1]]
    for tool in (True, False):
        wal = read(segments(story.folder), source="db", relations=bare, prefer_tool=tool)
        said = [one for one in wal.warnings if "database dropped" in one.message]
        assert len(said) == 2
        low, high = story.lsns["dropped"]
        (lsn,) = [at for one in said if low <= (at := read_lsn(one.citation[4:]) or 0) <= high]
        because = wal.coverage.filter(pl.col("kind") == "table.*")["because"]
        for text in because:
            first, last = (read_lsn(one) or 0 for one in text.split(", ")[1].split(" to "))
            assert not first <= lsn <= last
        assert "with its database" not in wal_events(wal, bare, "db").collect()["value"].to_list()


def test_records_of_databases_in_the_words_of_pg_waldump(story: Story):
    tool = find(story.major)
    assert tool
    given = segments(story.folder)
    text = subprocess.run(
        [tool, "-p", story.folder, "--rmgr=Database", given[0].name, given[-1].name],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    lines = text.splitlines()
    assert len(lines) >= 7
    for line in lines:
        lsn = read_lsn(line.split("lsn: ")[1].split(",")[0]) or 0
        (item,) = [one.sha256 for one in given if int(one.name[16:], 16) == lsn // 2**20]
        said = describe(given, item, lsn)
        assert said is not None
        assert said[0] == line.rstrip()
