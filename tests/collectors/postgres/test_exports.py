"""Exports as a reviewer gets them: what is there, what is not, and what it says."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres import collector
from recon.errors import BadInputError
from tests.collectors.postgres.conftest import CLAIM, Bench, Make

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Bench:
    """A case of everything that was exported."""
    options = {
        "dump": str(exports / "lineage.dump"),
        "wal": str(exports / "archive"),
        "backups": [str(exports / "base")],
        "backup_files": "headers",
        "capture": str(exports / "capture"),
    }
    case = Bench(tmp_path_factory.mktemp("whole"), options)
    assert case.acquire().failures == []
    return case


def test_every_item_has_its_kind(whole: Bench) -> None:
    kinds = {item.kind for item in whole.items}
    assert kinds == {
        *("pg.rows", "pg.catalogue", "pg.statistics", "pg.control"),
        *("pg.dump", "pg.wal", "pg.backup-history"),
        *("pg.backup-label", "pg.backup-manifest", "pg.control-file"),
    }
    names = {Path(item.native).name for item in whole.items}
    assert "PG_VERSION" not in names
    assert "the data files were not copied" in whole.custody()


def test_a_second_run_stores_nothing(whole: Bench) -> None:
    assert whole.acquire().stored == 0


def test_parsing_twice_gives_the_same(whole: Bench) -> None:
    assert whole.events().equals(whole.events())


def test_every_citation_can_be_quoted(whole: Bench) -> None:
    items = {item.sha256: item for item in whole.items}
    places = whole.events().select("item", "citation").unique()
    assert places.height > 30
    for sha256, citation in places.sort("item", "citation").iter_rows():
        quote = collector.quote(whole.source, whole.items, items[sha256], citation)
        assert quote.text
        assert "ITEM" in quote.how or quote.how.startswith("pg_waldump")


def test_the_command_of_a_quote_shows_the_same(whole: Bench, tmp_path: Path) -> None:
    """``sed`` and ``pg_restore`` print the words that are quoted."""
    items = {item.sha256: item for item in whole.items}
    places = whole.events("row.version", "row.dumped", "backup.start").select("item", "citation")
    for sha256, citation in places.unique().iter_rows():
        quote = collector.quote(whole.source, whole.items, items[sha256], citation)
        assert quote.verbatim
        command = quote.how.replace("ITEM", str(whole.items.path(items[sha256])))
        shown = subprocess.run(["sh", "-c", command], check=True, capture_output=True, cwd=tmp_path)
        assert shown.stdout.decode() == f"{quote.text}\n"


@pytest.mark.parametrize(
    "citation", ["line 0", "line 99999", "lsn 0/0", "row x 1", "", "toc 1", "/a"]
)
def test_a_citation_that_is_not_there_is_refused_or_quoted(whole: Bench, citation: str) -> None:
    for item in whole.items:
        try:
            quote = collector.quote(whole.source, whole.items, item, citation)
        except BadInputError as error:
            assert error.found == repr(citation)  # noqa: PT017
        else:
            assert quote.text


def test_coverage_is_claimed_for_whole_tables(whole: Bench) -> None:
    coverage = whole.parse().coverage
    assert coverage is not None
    claimed = coverage.filter(kind="claim")
    assert claimed["subject"].unique().to_list() == ["pg:db/postgres/ml.lineage"]
    assert sorted(claimed["item"]) == sorted(
        whole.item(name).sha256 for name in ("lineage.dump", "rows.ml.lineage.jsonl")
    )


def test_a_capture_that_was_cut_off_proves_nothing(
    bench: Make, exports: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "capture"
    folder.mkdir()
    lines = (exports / "capture" / "rows.ml.lineage.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "rows.ml.lineage.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:40])
    case = bench(capture=str(folder))
    case.acquire()
    parsed = case.parse()
    assert parsed.coverage is not None
    assert parsed.coverage.is_empty()
    assert case.events("row.version").height == 2
    assert {warning.citation for warning in parsed.warnings} == {"", "line 4"}


def test_the_catalogue_names_the_transaction_that_created_the_table(whole: Bench) -> None:
    (row,) = whole.events("table.catalogue").iter_rows(named=True)
    (xid,) = [name for name in row["names"] if name.startswith("xid:")]
    assert row["earliest"] is None
    assert f"attribute_xmins={xid.rsplit('/')[-1]}" in row["value"]
    (dumped,) = whole.events("dump.table").iter_rows(named=True)
    assert dumped["value"].split()[0] == row["value"].split()[0]
    assert dumped["subject"] == row["subject"] == "pg:db/postgres/ml.lineage"


def test_backups_are_placed_in_the_log_of_their_cluster(whole: Bench) -> None:
    label = whole.item("base/backup_label").sha256
    (start,) = whole.events("backup.start").filter(item=label).iter_rows(named=True)
    (checkpoint,) = (
        whole.events("control.checkpoint").filter(citation="checkpoint").iter_rows(named=True)
    )
    assert start["stream"] == checkpoint["stream"]
    assert start["position"] <= checkpoint["position"]
    assert start["earliest"] <= checkpoint["latest"]


@pytest.mark.parametrize(
    ("key", "make", "message"),
    [
        ("dump", None, "found nothing"),
        ("wal", None, "found nothing"),
        ("capture", None, "found nothing"),
        ("dump", b"CREATE TABLE x (a int);\n", "a plain SQL script cannot be read"),
        ("wal", b"junk", "named by 24 hexadecimal digits"),
        ("backups", b"junk", "its folder, or its tar file"),
        ("capture", b"junk", "give its folder"),
    ],
)
def test_one_bad_export_stops_no_other(
    bench: Make, exports: Path, tmp_path: Path, key: str, make: bytes | None, message: str
) -> None:
    path = tmp_path / "given"
    if make is not None:
        path.write_bytes(make)
    good = {"dump": str(exports / "lineage.dump"), "capture": str(exports / "capture")}
    options = {**good, key: [str(path)] + ([good[key]] if key in good else [])}
    case = bench(**options)
    ((native, error),) = case.acquire().failures
    assert native == str(path)
    assert message in str(error)
    assert error.exit_code == 3
    assert case.events("row.dumped").height > 2
    assert case.events("row.version").height > 2


def test_folders_without_what_is_looked_for(bench: Make, tmp_path: Path) -> None:
    empty, tarred, directory = (tmp_path / name for name in ("empty", "tarred", "directory"))
    for folder in (empty, tarred, directory):
        folder.mkdir()
    (tarred / "base.tar").write_bytes(b"no tar" * 100)
    (directory / "toc.dat").write_bytes(b"PGDMP")
    case = bench(
        dump=[str(empty), str(directory), "s3://bucket/dumps/"],
        wal=[str(empty)],
        backups=[str(empty), str(tarred)],
        capture=str(empty),
    )
    messages = [str(error) for _, error in case.acquire().failures]
    assert len(messages) == 7
    for part in (
        "pg_dump -Fd",
        "an S3 prefix",
        "none of them",
        "a header of a tar archive",
        "24 hexadecimal",
        "capture",
    ):
        assert any(part in message for message in messages), part


def test_links_inside_an_export_are_not_followed(bench: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("START TIME: 2026-01-01 00:00:00 UTC\n")
    folder = tmp_path / "base"
    (folder / "global").mkdir(parents=True)
    (folder / "backup_label").symlink_to(secret)
    (folder / "pg_wal").symlink_to(tmp_path)
    case = bench(backups=[str(folder)])
    failures = case.acquire().failures
    assert [Path(native).name for native, _ in failures] == ["backup_label", "pg_wal"]
    assert all("a link" in str(error) for _, error in failures)
    assert list(case.items) == []


def test_links_and_devices_among_dumps_and_segments_are_named(
    bench: Make, exports: Path, tmp_path: Path
) -> None:
    """Nobody would miss what is left out without a word."""
    for name in ("dumps", "wal"):
        (tmp_path / name).mkdir()
    shutil.copy(exports / "lineage.dump", tmp_path / "dumps" / "one.dump")
    (tmp_path / "dumps" / "two.dump").symlink_to(exports / "lineage.dump")
    os.mkfifo(tmp_path / "wal" / "000000010000000000000001")
    case = bench(dump=str(tmp_path / "dumps"), wal=str(tmp_path / "wal"))
    failures = case.acquire().failures
    assert [Path(item.native).name for item in case.items] == ["one.dump"]
    named = {Path(native).name: str(error) for native, error in failures}
    assert "a link or device" in named["two.dump"]
    assert "a link or device" in named["000000010000000000000001"]


def test_a_dump_as_a_whole_says_how_to_see_every_row(bench: Make, exports: Path) -> None:
    """That a subject is absent can only be seen in all rows, not in the table of contents."""
    case = bench(dump=str(exports / "lineage.dump"))
    case.acquire()
    (item,) = case.items
    quote = collector.quote(case.source, case.items, item, "")
    contents, rows = quote.how.split("\n")
    assert contents == "pg_restore -l ITEM"
    command = rows.replace("ITEM", shlex.quote(str(case.items.path(item))))
    out = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    events = case.events("row.dumped")
    assert len(out.stdout.splitlines()) == events.height > 0
    assert "COPY" not in out.stdout


def test_a_column_that_is_not_there_is_said_and_not_guessed(bench: Make, exports: Path) -> None:
    claim = {**CLAIM, "attributes": {"artifact": "no_such_column", "commit": "git_commit"}}
    case = bench([claim], dump=str(exports / "lineage.dump"), capture=str(exports / "capture"))
    case.acquire()
    messages = [warning.message for warning in case.parse().warnings]
    assert len([message for message in messages if "no_such_column" in message]) == 2
    assert set(case.events("claim")["attribute"]) == {"commit"}


def test_rows_without_a_subject_keep_their_place(bench: Make, exports: Path) -> None:
    claim = {
        "table": "ml.lineage",
        "subject": "commit:{git_commit}",
        "attributes": {"v": "version"},
    }
    case = bench([claim], capture=str(exports / "capture"))
    case.acquire()
    assert set(case.events("claim")["subject"]) == {f"commit:{'c' * 40}"}
    rows = case.events("row.version")
    assert rows.filter(pl.col("subject") == "pg:db/postgres/ml.lineage").height == rows.height - 1
    assert "a column of it is null" in case.parse().warnings[0].message


def test_without_a_claim_the_table_gives_no_rows(bench: Make, exports: Path) -> None:
    case = bench([], capture=str(exports / "capture"))
    case.acquire()
    assert case.events("row.version", "claim").is_empty()
    assert case.events("snapshot").height == 4


def test_offline_input_needs_no_postgresql(whole: Bench) -> None:
    """With neither psycopg nor any program on the path, the same events come out."""
    blocked = (
        "import hashlib, json, sys\n"
        "for name in ('psycopg', 'pgdumplib', 'boto3', 'git'):\n"
        "    sys.modules[name] = None\n"
        "from recon.collector import Source\n"
        "from recon.evidence import CaseItems, Evidence\n"
        "from collectors.postgres import collector\n"
        "from pathlib import Path\n"
        "folder = Path(sys.argv[1])\n"
        "claim = collector.claim.model_validate(json.loads(sys.argv[2]))\n"
        "options = collector.options(dump=['x'])\n"
        "source = Source('db', 'postgres', 'platform', options, [claim], folder)\n"
        "events = collector.parse(source, CaseItems(Evidence(folder), 'db')).events.collect()\n"
        "print(hashlib.sha256(events.write_json().encode()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", blocked, str(whole.folder), json.dumps(CLAIM)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={"PATH": ""},
    )
    assert done.stderr == ""
    events = whole.events()
    assert done.stdout.strip() == hashlib.sha256(events.write_json().encode()).hexdigest()


def test_importing_the_collector_costs_little() -> None:
    code = (
        "import sys; import collectors.postgres; "
        "print([m for m in ('psycopg', 'polars', 'collectors.postgres.wal') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "psycopg" not in done.stdout
    assert "wal" not in done.stdout


def test_folders_nested_deeper_than_calls_are_walked(bench: Make, exports: Path, tmp_path: Path):
    folder = tmp_path / "deep"
    folder.mkdir()
    # mkdir takes no path this long at once.
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        there = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    segment = min((exports / "archive").iterdir())
    target = os.open(segment.name, os.O_CREAT | os.O_WRONLY, dir_fd=here)
    with segment.open("rb") as source, os.fdopen(target, "wb") as file:
        shutil.copyfileobj(source, file)
    os.close(here)
    case = bench(wal=str(folder))
    failures = case.acquire().failures
    # Python's own removal of folders is one that calls itself.
    subprocess.run(["rm", "-rf", folder], check=True)
    assert failures == []
    assert [item.kind for item in case.items] == ["pg.wal"]
