"""The two readers against each other, and against every word that pg_waldump prints."""

from __future__ import annotations

import subprocess

import pytest
from polars.testing import assert_frame_equal

from collectors.postgres.wal import Wal, describe, read, wal_events
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import read_lsn
from collectors.postgres.wal.record import split
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.stream import parts
from collectors.postgres.wal.waldump import find, linked
from collectors.postgres.wal.words import line
from recon import schema
from tests.collectors.postgres.wal.archives import Archive

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def both(archive: Archive) -> tuple[Wal, Wal]:
    tool, own = (
        read(archive.segments(), source="db", relations=archive.relations, prefer_tool=prefer)
        for prefer in (True, False)
    )
    return tool, own


def test_both_read_it_without_a_complaint(both: tuple[Wal, Wal]):
    tool, own = both
    assert tool.method.startswith("pg_waldump (PostgreSQL) 15")
    assert own.method == "recon's own reader"
    assert own.warnings == []
    # The forged line is seen by the tool's reader alone: bytes hold no lines.
    # Both timelines' first segments hold it.
    assert ["look like records" in warning.message for warning in tool.warnings] == [True, True]


def test_both_give_the_same_frames(both: tuple[Wal, Wal]):
    tool, own = both
    for name in ("records", "writes", "defined", "files", "coverage"):
        assert_frame_equal(getattr(tool, name), getattr(own, name))
    assert len(own.records) > 300
    assert len(own.writes) > 10


def test_both_give_the_same_events(both: tuple[Wal, Wal], archive: Archive):
    tool, own = (wal_events(wal, archive.relations, "db").collect() for wal in both)
    assert_frame_equal(tool, own)
    assert own.schema == schema.DRAFT
    assert own.select("item", "citation", "part").is_duplicated().sum() == 0
    assert own.select(schema.REQUIRED).null_count().sum_horizontal().item() == 0


def test_every_word_of_pg_waldump(archive: Archive):
    """Header, previous record and block references of all records; all of those that are kept."""
    run = order(archive.segments()).runs[0]
    tool = find(15)
    assert tool
    with linked(run) as folder:
        text = subprocess.run(
            [tool, "-p", folder, run[0].name, run[-1].name],
            capture_output=True,
            check=True,
            text=True,
            env={"TZ": "UTC", "LC_ALL": "C"},
        ).stdout
    lines = [one.rstrip() for one in text.splitlines()]
    whole = [one for one in lines if one.startswith("rmgr:") and "tx:        777" not in one]
    count = 0
    with Fetch.of(run) as fetch:
        for said in whole:
            lsn = read_lsn(said.split(" lsn: ")[1].split(",")[0])
            assert lsn
            record = split(fetch.record(lsn) or b"", 15)
            assert record
            ours = line(record, lsn, 15)
            if record.op and record.op != "PREPARE":
                assert ours == said
            assert ours.split("desc:")[0] == said.split("desc:")[0]
            assert ours.split(", blkref")[1:] == said.split(", blkref")[1:]
            count += 1
    assert count == sum(len(part.starts) for part in parts(run))


def test_every_citation_leads_to_its_record(both: tuple[Wal, Wal], archive: Archive):
    events = wal_events(both[1], archive.relations, "db").collect()
    segments = archive.segments()
    for kind, item, citation in events.select("kind", "item", "citation").unique().iter_rows():
        lsn = read_lsn(citation.removeprefix("lsn "))
        assert lsn
        found = describe(segments, item, lsn)
        assert found, citation
        text, how = found
        assert citation.removeprefix("lsn ").split("/")[1] in text.replace("/00", "/")
        assert f"-s {citation.removeprefix('lsn ')} -n 1" in how
        if kind.startswith("table."):
            assert "COMMIT" in text


def test_no_record_no_words(archive: Archive):
    segments = archive.segments()
    run = order(segments).runs[0]
    assert describe(segments, run[0].segment.sha256, run[0].start + 41) is None
    assert describe(segments, run[0].segment.sha256, run[1].start + 40) is None
    assert describe(segments, "0" * 64, run[0].start + 40) is None


def test_order_of_segments_means_nothing(archive: Archive):
    one = read(archive.segments(), source="db", relations=archive.relations)
    other = read(archive.segments()[::-1] * 2, source="db", relations=archive.relations[::-1])
    assert_frame_equal(one.records, other.records)
    assert_frame_equal(
        wal_events(one, archive.relations, "db").collect(),
        wal_events(other, archive.relations[::-1], "db").collect(),
    )
