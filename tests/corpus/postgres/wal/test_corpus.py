"""Real WAL of five major versions, read by recon's own reader; no PostgreSQL program is run."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from collectors.postgres import dumps
from collectors.postgres.claims import COLUMN
from collectors.postgres.wal import Relation, Segment, Wal, read, unpacked, wal_events
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import read_lsn
from collectors.postgres.wal.record import split
from collectors.postgres.wal.segment import order
from collectors.postgres.wal.words import line
from recon.collector import Item, Sha256

HERE = Path(__file__).parent
MAJORS = [int(path.name) for path in sorted(HERE.glob("[0-9]*"))]
SUBJECT = "pg:db/postgres/ml.lineage"


@dataclass(frozen=True)
class Corpus:
    """One version's archive, unpacked, and what its server said."""

    major: int
    segments: list[Segment]
    system: str
    steps: list[dict[str, Any]]
    columns: list[str]

    def rows(self, after: str) -> list[list[str | None]]:
        """The table after a step, by its key."""
        rows: list[list[str | None]] = []
        for step in self.steps:
            rows = [row for row in rows if row not in step["gone"]] + step["came"]
            if step["step"] == after:
                return sorted(rows, key=lambda row: int(row[0] or 0))
        raise LookupError(after)

    @property
    def relations(self) -> list[Relation]:
        """The table's OIDs, as dumps of each state would have them; no files."""
        tables = {(one["oid"], one["database"]) for step in self.steps if (one := step["table"])}
        return [Relation(oid, SUBJECT, None, "r", database) for oid, database in sorted(tables)]

    def read(self) -> Wal:
        return read(self.segments, source="db", relations=self.relations, prefer_tool=False)


@pytest.fixture(scope="module", params=MAJORS)
def corpus(request: pytest.FixtureRequest) -> Iterator[Corpus]:
    source = HERE / str(request.param)
    packed = [
        Segment(path.name, path, Sha256(hashlib.sha256(path.read_bytes()).hexdigest()))
        for path in sorted((source / "archive").iterdir())
        if ".history" not in path.name
    ]
    head, *steps = map(json.loads, (source / "expected.jsonl").read_text("utf-8").splitlines())
    with unpacked(packed) as (plain, warnings):
        assert warnings == []
        yield Corpus(request.param, plain, head["system_identifier"], steps, head["columns"])


@pytest.fixture(scope="module")
def wal(corpus: Corpus) -> Wal:
    return corpus.read()


@pytest.fixture(scope="module")
def events(corpus: Corpus, wal: Wal) -> pl.DataFrame:
    return wal_events(wal, corpus.relations, "db").collect()


def text_of(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().decompress(path.read_bytes())


def test_all_versions_that_recon_reads_are_here():
    assert MAJORS == [14, 15, 16, 17, 18]


def test_it_is_read_whole(corpus: Corpus, wal: Wal):
    assert wal.method == "recon's own reader"
    assert wal.warnings == []
    assert wal.major == corpus.major
    assert str(wal.system_id) == corpus.system


def test_every_transaction_ended_when_the_server_says(corpus: Corpus, events: pl.DataFrame):
    told = {
        (row["stream"], row["names"][0]): row
        for row in events.filter(pl.col("kind").is_in(["wal.commit", "wal.abort"])).to_dicts()
    }
    checked = 0
    for step in corpus.steps:
        if step["xid"] is None or step["statements"][-1].startswith("prepare"):
            continue  # not a transaction, or one that has not ended yet
        event = told[f"pg:{corpus.system}/{step['timeline']}", f"xid:{corpus.system}/{step['xid']}"]
        start, end = (read_lsn(lsn) or 0 for lsn in step["lsn"])
        assert start <= event["position"] < end, step["step"]
        if step["committed"]:
            when = datetime.fromisoformat(step["committed"])
            assert (event["kind"], event["earliest"], event["latest"]) == ("wal.commit", when, when)
        else:
            assert event["kind"] == "wal.abort", step["step"]
        checked += 1
    assert checked > 20


def test_what_befell_the_table_is_what_was_done_to_it(corpus: Corpus, events: pl.DataFrame):
    told = defaultdict(list)
    acts = events.filter(
        (pl.col("subject") == SUBJECT)
        & pl.col("kind").str.starts_with("table.")
        & (pl.col("kind") != "table.write")
    )
    for kind, stream, names in acts.select("kind", "stream", "names").iter_rows():
        told[int(stream.rsplit("/", 1)[1]), int(names[0].rsplit("/", 1)[1])].append(kind)
    done = {(step["timeline"], step["xid"]): step["acts"] for step in corpus.steps if step["acts"]}
    assert {key: sorted(kinds) for key, kinds in told.items()} == done


def test_rows_are_counted_as_they_were_written(corpus: Corpus, events: pl.DataFrame):
    writes = events.filter((pl.col("kind") == "table.write") & (pl.col("subject") == SUBJECT))
    told = {
        (stream, names[0]): value
        for stream, names, value in writes.select("stream", "names", "value").iter_rows()
    }
    written = {
        (f"pg:{corpus.system}/{step['timeline']}", f"xid:{corpus.system}/{step['xid']}"): (
            "delete={delete} insert={insert} update={update}".format(**step["writes"])
        )
        for step in corpus.steps
        if step["writes"]
    }
    assert told == written


def test_counts_fit_the_rows_that_the_server_gave(corpus: Corpus):
    """The author's word on what each step wrote, against the table itself."""
    for step in corpus.steps:
        if writes := step["writes"]:
            replaced = "table.truncate" in step["acts"] or "table.recreate" in step["acts"]
            came, gone = len(step["came"]), len(step["gone"])
            assert came == writes["insert"] + writes["update"], step["step"]
            assert replaced or gone == writes["update"] + writes["delete"], step["step"]


def test_each_record_is_told_in_the_words_of_pg_waldump(corpus: Corpus):
    runs = order(corpus.segments).runs
    assert [run[0].timeline for run in runs] == [1, 2]
    for run in runs:
        packed = HERE / str(corpus.major) / f"waldump-{run[0].timeline}.txt.zst"
        said = [one for one in text_of(packed).decode().splitlines() if one.startswith("rmgr:")]
        assert len(said) > (300 if run[0].timeline == 1 else 10)
        with Fetch.of(run) as fetch:
            for text in said:
                found = re.search(r" lsn: ([0-9A-F]+/[0-9A-F]+),", text)
                assert found
                lsn = read_lsn(found[1])
                record = split(fetch.record(lsn or 0) or b"", corpus.major)
                assert record, text
                ours = line(record, lsn or 0, corpus.major)
                if record.op and record.op != "PREPARE":
                    assert ours == text.rstrip()
                assert ours.split("desc:")[0] == text.split("desc:")[0]
                assert ours.split(", blkref")[1:] == text.rstrip().split(", blkref")[1:]


@pytest.mark.parametrize(
    ("name", "after"), [("first", "after the columns"), ("last", "updated on timeline 2")]
)
def test_the_dumps_hold_what_the_server_gave(corpus: Corpus, name: str, after: str):
    path = HERE / str(corpus.major) / f"{name}.dump"
    item = Item(Sha256("0" * 64), "db", "pg.dump", path.name, path.stat().st_size, "", 1)
    dump = dumps.read_dump(item, path, "UTC")
    assert isinstance(dump, dumps.Dump)
    frame, warnings = dumps.table_rows(dump, "ml", "lineage", corpus.columns)
    assert frame is not None
    assert warnings == []
    told = [
        list(row) for row in frame.select(pl.col(f"{COLUMN}{c}") for c in corpus.columns).rows()
    ]
    assert sorted(told, key=lambda row: int(row[0])) == corpus.rows(after)
