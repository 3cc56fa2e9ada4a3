"""What befell the tables, step by step, as the server was told to do it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from collectors.postgres.wal import read, wal_events
from collectors.postgres.wal.layout import read_lsn
from tests.collectors.postgres.wal.archives import OTHER, SUBJECT, Archive

pytestmark = pytest.mark.live

ALTER = "ALTER TABLE or REFRESH MATERIALIZED VIEW"
VACUUM = "VACUUM FULL or CLUSTER"

EXPECTED: dict[str, list[tuple[str, str, str | None]]] = {
    "insert": [("table.write", SUBJECT, "delete=0 insert=50 update=0")],
    "update": [("table.write", SUBJECT, "delete=0 insert=0 update=1")],
    "delete": [("table.write", SUBJECT, "delete=2 insert=0 update=0")],
    "copy": [("table.write", SUBJECT, "delete=0 insert=3 update=0")],
    "recreate": [
        ("table.create", SUBJECT, "name=lineage"),
        ("table.drop", SUBJECT, None),
        ("table.recreate", SUBJECT, "oid OLD to NEW"),
        ("table.write", SUBJECT, "delete=0 insert=1 update=0"),
    ],
    "truncate and copy": [
        ("table.truncate", SUBJECT, None),
        ("table.write", SUBJECT, "delete=0 insert=2 update=0"),
    ],
    "vacuum full": [("table.rewrite", SUBJECT, VACUUM)],
    "after vacuum full": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "cluster": [("table.rewrite", SUBJECT, VACUUM)],
    "alter": [("table.rewrite", SUBJECT, ALTER)],
    "after alter": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "reindex": [],
    "grant": [],
    "analyze": [],
    "plain alter": [],
    "set tablespace": [("table.rewrite", SUBJECT, "ALTER TABLE SET TABLESPACE")],
    "after set tablespace": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "subtransactions": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "aborted drop": [],
    "aborted truncate": [],
    "prepared": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "prepared and rolled back": [],
    "forged line": [],
    "truncate two": [("table.truncate", SUBJECT, None), ("table.truncate", OTHER, None)],
    "after truncate two": [
        ("table.write", SUBJECT, "delete=0 insert=2 update=0"),
        ("table.write", OTHER, "delete=0 insert=1 update=0"),
    ],
    "empty truncate": [("table.truncate", OTHER, None)],
    "came and went": [
        ("table.create", "pg:db/oid/N", "name=fleeting"),
        ("table.drop", "pg:db/oid/N", None),
    ],
    "came and went at once": [],
    "vacuum full, by image": [("table.rewrite", SUBJECT, VACUUM)],
    "vacuum full, by packed image": [("table.rewrite", SUBJECT, VACUUM)],
    "vacuum full, by an image that is not unpacked": [("table.rewrite", SUBJECT, VACUUM)],
    "after images": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "create, by packed image": [("table.create", "pg:db/oid/N", "name=packed")],
    "index": [],
    "sequence": [],
    "drop, then create": [
        ("table.drop", OTHER, None),
        ("table.create", OTHER, "name=other"),
        ("table.recreate", OTHER, "oid OLD to NEW"),
    ],
    "view": [
        ("table.create", "pg:db/oid/N", "name=seen"),
        ("table.rewrite", "pg:db/oid/N", ALTER),
    ],
    "restore point": [],
    "lost by the restore": [("table.write", SUBJECT, "delete=0 insert=1 update=0")],
    "truncated and lost": [("table.truncate", SUBJECT, None)],
    "on timeline 2": [("table.write", SUBJECT, "delete=0 insert=2 update=0")],
    "updated on timeline 2": [("table.write", SUBJECT, "delete=0 insert=0 update=5")],
}


@pytest.fixture(scope="module")
def events(archive: Archive) -> pl.DataFrame:
    wal = read(archive.segments(), source="db", relations=archive.relations, prefer_tool=False)
    return wal_events(wal, archive.relations, "db").collect()


def between(events: pl.DataFrame, archive: Archive, step: str) -> pl.DataFrame:
    low, high = (read_lsn(lsn) for lsn in archive.lsns[step])
    timeline = "2" if "timeline 2" in step else "1"
    return events.filter(
        (pl.col("position") >= low)
        & (pl.col("position") < high)
        & pl.col("stream").str.ends_with(f"/{timeline}")
    )


def test_every_step_is_expected(archive: Archive):
    assert set(EXPECTED) == set(archive.lsns)


@pytest.mark.parametrize("step", EXPECTED)
def test_what_a_step_does_to_tables(events: pl.DataFrame, archive: Archive, step: str):
    assert acts_of(events, archive, step) == EXPECTED[step]


def acts_of(events: pl.DataFrame, archive: Archive, step: str) -> list[tuple[str, str, str | None]]:
    """What a step does to tables, without the OIDs."""
    return (
        between(events, archive, step)
        .filter(pl.col("kind").str.contains(r"^(table|relation)\."))
        .select(
            "kind",
            pl.col("subject").str.replace(r"/oid/\d+$", "/oid/N"),
            pl.col("value").str.replace(r"^oid \d+ to \d+$", "oid OLD to NEW"),
        )
        .rows()
    )


def test_a_recreation_names_the_oids_before_and_after(events: pl.DataFrame, archive: Archive):
    first, second = sorted(one.oid for one in archive.relations if one.subject == SUBJECT)
    found = between(events, archive, "recreate").filter(pl.col("kind") == "table.recreate")
    assert found["value"].to_list() == [f"oid {first} to {second}"]


def test_all_acts_of_a_transaction_stand_at_its_commit(events: pl.DataFrame, archive: Archive):
    found = between(events, archive, "recreate")
    assert found["kind"].to_list()[0] == "wal.commit"
    assert found["part"].to_list() == [0, 1, 2, 3, 4]
    for column in ("citation", "item", "earliest", "latest", "stream", "position"):
        assert found[column].n_unique() == 1
    assert found["clock"].unique().to_list() == ["pg:db/commit"]
    xids = [names[0] for names in found["names"]]
    assert set(xids) == {xids[0]}
    assert xids[0].startswith("xid:")
    assert found["names"].to_list()[1][1:] == [SUBJECT]


def test_a_subtransaction_is_named_with_its_transaction(events: pl.DataFrame, archive: Archive):
    found = between(events, archive, "subtransactions")
    commit = found.filter(pl.col("kind") == "wal.commit")["names"].to_list()
    assert [len(names) for names in commit] == [2]
    aborted = found.filter(pl.col("kind") == "wal.abort")["names"].to_list()
    assert len(aborted) == 1
    assert aborted[0][0] not in commit[0]


def test_a_prepared_transaction_commits_under_its_own_xid(events: pl.DataFrame, archive: Archive):
    found = between(events, archive, "prepared").filter(pl.col("part") == 0)
    assert found["kind"].to_list() == ["wal.prepare", "wal.commit"]
    assert found["names"].to_list()[0] == found["names"].to_list()[1]


def test_a_commit_is_stamped_to_the_microsecond_and_a_checkpoint_to_the_second(
    events: pl.DataFrame,
):
    commits = events.filter(pl.col("kind") == "wal.commit")
    assert (commits["earliest"] == commits["latest"]).all()
    checkpoints = events.filter(pl.col("kind") == "wal.checkpoint")
    assert len(checkpoints) > 1
    width = (checkpoints["latest"] - checkpoints["earliest"]).dt.total_microseconds()
    assert width.unique().to_list() == [999_999]
    assert checkpoints["clock"].unique().to_list() == ["pg:db/server"]
    assert checkpoints["value"].str.contains(r"next_xid=\d+ next_oid=\d+").all()


def test_a_backup_ends_in_wal(events: pl.DataFrame):
    found = events.filter(pl.col("kind") == "backup.stop")
    assert found["value"].str.contains(r"^start=0/[0-9A-F]+28$").to_list() == [True]
    assert found["earliest"].null_count() == 1


def test_without_names_what_is_left_is_true(archive: Archive):
    wal = read(archive.segments(), source="db", prefer_tool=False)
    events = wal_events(wal, [], "db").collect()
    tables = events.filter(pl.col("kind").str.starts_with("table."))
    assert tables["subject"].str.contains(r"^pg:db/oid/\d+$").all()
    kinds = set(between(tables, archive, "recreate")["kind"])
    # WAL itself holds both rows of pg_class, so that the name is known, if not the database's.
    assert kinds == {"table.create", "table.drop", "table.recreate"}
    assert between(tables, archive, "reindex").is_empty()
    assert between(tables, archive, "vacuum full")["kind"].to_list() == ["table.rewrite"]
    assert wal.writes.is_empty()


def test_rows_of_the_tables_that_are_asked_for_alone(archive: Archive):
    wal = read(archive.segments(), source="db", relations=archive.relations, counted=[OTHER])
    events = wal_events(wal, archive.relations, "db").collect()
    written = events.filter(pl.col("kind") == "table.write")
    assert written["subject"].unique().to_list() == [OTHER]
    assert SUBJECT in events["subject"].to_list()


def test_with_names_from_before_the_archive_alone(archive: Archive):
    """Only what WAL from the restore point's segment on shows: files by OID, no CREATE of them."""
    late = archive.segments("00000001000000000000000C", "00000002000000000000000C")
    wal = read(late, source="db", relations=archive.relations, prefer_tool=False)
    events = wal_events(wal, archive.relations, "db").collect()
    for step in ("recreate", "truncate and copy", "vacuum full", "alter", "truncate two"):
        found = between(events, archive, step).filter(pl.col("kind").str.starts_with("table."))
        assert found.select("kind", "subject").rows() == [
            (kind, subject) for kind, subject, _ in EXPECTED[step]
        ]


@pytest.mark.parametrize("prefer_tool", [True, False])
@pytest.mark.parametrize("known", ["database", "a sibling's database", "no database"])
def test_rows_of_a_table_that_was_made_before_the_archive_begins(
    archive: Archive,
    prefer_tool: bool,  # noqa: FBT001
    known: str,
):
    """Nothing but its OID says which file is the table's."""
    oids = [one for one in archive.relations if one.subject == SUBJECT]
    relations = {
        "database": archive.relations,
        "a sibling's database": [replace(one, database=None) for one in oids]
        + [one for one in archive.relations if one.subject == OTHER],
        "no database": [replace(one, database=None) for one in archive.relations],
    }[known]
    late = archive.segments("00000001000000000000000C")
    wal = read(late, source="db", relations=relations, prefer_tool=prefer_tool)
    events = wal_events(wal, relations, "db").collect()
    for step in ("insert", "update", "delete", "copy", "after alter", "after images"):
        found = between(events, archive, step).filter(pl.col("kind") == "table.write")
        assert found.select("kind", "subject", "value").rows() == EXPECTED[step]
    assert wal.method.startswith("pg_waldump") is prefer_tool
    assert ("for rows written" in wal.method) is (prefer_tool and known == "no database")
