"""Folders that pgBackRest, Barman and WAL-G keep, read without them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres import collector
from collectors.postgres.base import BaseBackup, base_backups
from collectors.postgres.members import Refused
from collectors.postgres.repositories.kinds import MANIFEST
from collectors.postgres.repositories.pgbackrest import Entry, entries
from tests import s3_servers
from tests.collectors.postgres.conftest import Bench, Make
from tests.collectors.postgres.repositories import Repositories
from tests.servers import postgres

pytestmark = [pytest.mark.live, pytest.mark.slow]
TOOLS = ("pgbackrest", "bundled", "barman", "walg")
CLOCKS = {"pgbackrest": "pgbackrest", "bundled": "pgbackrest", "barman": "barman", "walg": "wal-g"}
each = pytest.mark.parametrize("tool", TOOLS)


def said(case: Bench, severity: str | None = None) -> list[str]:
    found = case.parse().warnings
    return [one.message for one in found if severity in {None, one.severity}]


def only(case: Bench) -> BaseBackup:
    """The one backup that is whole."""
    (found,) = [one for one in base_backups(case.items) if not one.incremental]
    return found


@each
def test_wal_of_a_repository_is_that_of_the_plain_archive(
    bench: Make, made: Repositories, tool: str
):
    plain = bench(wal=str(made.wal))
    plain.acquire()
    case = bench(wal=str(getattr(made, tool)))
    assert case.acquire().failures == []
    assert said(case) == []
    columns = ["kind", "subject", "value", "earliest", "stream", "position", "citation"]
    found = case.events("wal.commit", "wal.checkpoint", "table.create").select(columns)
    assert found.height
    # It began to archive later than the server did.
    since = found["position"].min()
    wanted = plain.events("wal.commit", "wal.checkpoint", "table.create").select(columns)
    assert found.equals(wanted.filter(pl.col("position") >= since))


@each
def test_the_tool_dates_its_backup_by_its_own_clock(bench: Make, made: Repositories, tool: str):
    case = bench(backups=[str(getattr(made, tool))], backup_files="headers")
    assert case.acquire().failures == []
    events = case.events("backup.start", "backup.stop")
    label = only(case).label
    assert label
    assert label.timeline == 1
    mine = events.filter(
        (pl.col("clock") == f"pg:db/{CLOCKS[tool]}") & (pl.col("position") == label.start)
    )
    starts = mine.filter(pl.col("kind") == "backup.start")
    assert starts.height
    assert (starts["stream"] == f"pg:{made.system_id}/1").all()
    assert (starts["basis"] == "stamped").all()
    if tool != "walg":  # its dates were chosen, not measured
        (server,) = events.filter(
            (pl.col("clock") == "pg:db/server")
            & (pl.col("kind") == "backup.start")
            & (pl.col("position") == label.start)
        )["earliest"]
        for moment in starts["earliest"]:
            assert abs(moment - server) <= timedelta(seconds=5)


@each
def test_a_full_backup_gives_the_files_of_the_data_folder(
    bench: Make, made: Repositories, tool: str
):
    case = bench(backups=[str(getattr(made, tool))])
    assert case.acquire().failures == []
    backup = only(case)
    assert backup.whole
    refused: list[Refused] = []
    held = {}
    for member in backup.members(refused.append):
        if member.kind == "file":
            with member.open() as file:
                held[member.path] = file.read()
            assert len(held[member.path]) == member.size
    assert refused == []
    assert held["PG_VERSION"] == b"15\n"
    assert held["backup_label"].startswith(b"START WAL LOCATION")
    assert {"global/pg_control", "base/1/1259", "postgresql.auto.conf"} <= set(held)


@pytest.mark.parametrize("tool", ["pgbackrest", "bundled"])
def test_files_of_pgbackrest_have_the_sha1_that_it_took(bench: Make, made: Repositories, tool: str):
    case = bench(backups=[str(getattr(made, tool))])
    case.acquire()
    backup = only(case)
    (manifest,) = backup.of(MANIFEST)
    wanted = {
        one.key.removeprefix("pg_data/"): one.value["checksum"]
        for one in entries(case.items.path(manifest))
        if isinstance(one, Entry) and one.section == "target:file" and one.value["size"]
    }
    assert len(wanted) > 500
    found = {}
    for member in backup.members():
        if member.path in wanted:
            assert member.mtime
            assert member.mode == 0o600
            with member.open() as file:
                found[member.path] = hashlib.file_digest(file, "sha1").hexdigest()
    assert found == wanted


def test_an_incremental_backup_of_pgbackrest_is_said(bench: Make, made: Repositories):
    case = bench(backups=[str(made.pgbackrest)])
    case.acquire()
    full, later = base_backups(case.items)
    assert (full.incremental, later.incremental) == (False, True)
    assert any("found 'incr', which holds what changed since" in one for one in said(case))
    refused: list[Refused] = []
    assert {"backup_label", "global/pg_control"} <= {m.path for m in later.members(refused.append)}
    assert any("stored in the backup" in one.why for one in refused)
    values = case.events("backup.start").filter(pl.col("clock") == "pg:db/pgbackrest")["value"]
    assert any("type=incr" in one and "prior=" in one for one in values)


def test_a_delta_of_wal_g_is_said(bench: Make, made: Repositories):
    case = bench(backups=[str(made.walg)], backup_files="headers")
    case.acquire()
    assert any("found a delta, which holds what changed since" in one for one in said(case))
    values = case.events("backup.start").filter(pl.col("clock") == "pg:db/wal-g")["value"]
    assert any("type=delta" in one and "prior=base_" in one for one in values)


def test_an_incremental_backup_of_17_is_said(bench: Make):
    with postgres(None, {"summarize_wal": "on"}, major=17) as server:
        full = server.backup("full")
        server.psql("create table t as select generate_series(1, 1000) a")
        later = server.backup("later", f"--incremental={full / 'backup_manifest'}")
        case = bench(backups=[str(full), str(later)])
        assert case.acquire().failures == []
    found = {Path(one.native).name: one for one in base_backups(case.items)}
    assert not found["full"].incremental
    assert found["later"].incremental
    (words,) = [one for one in said(case) if "incremental" in one]
    assert "found an incremental one, which holds the blocks changed since" in words
    assert "pg_combinebackup" in words
    values = case.events("backup.start").filter(pl.col("citation").str.starts_with("line"))["value"]
    assert sum("incremental_from=" in one for one in values) == 1


def test_an_encrypted_repository_is_recognised_and_every_file_named(
    bench: Make, made: Repositories
):
    case = bench(wal=str(made.encrypted), backups=[str(made.encrypted)], backup_files="headers")
    case.acquire()
    assert case.events().is_empty()
    warnings = case.parse().warnings
    assert {one.item for one in warnings} == {one.sha256 for one in case.items}
    assert all("repo-cipher" in one.message for one in warnings)
    assert all(one.severity == "error" for one in warnings)


@pytest.fixture
def copy(made: Repositories, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.pgbackrest, tmp_path / "copy", symlinks=True))


def test_an_archive_without_its_info_is_read_and_the_lack_named(bench: Make, copy: Path):
    for path in (copy / "archive" / "main").glob("archive.info*"):
        path.unlink()
    case = bench(wal=str(copy))
    case.acquire()
    (words,) = said(case)
    assert f"expected {copy}/archive/main/archive.info" in words
    assert not case.events("wal.commit").is_empty()


def test_a_segment_that_is_not_what_was_archived_is_named(bench: Make, copy: Path):
    first, second, *_ = sorted((copy / "archive").rglob("*.zst"))
    expected = second.name[25:65]
    shutil.copy(first, second)
    case = bench(wal=str(copy))
    case.acquire()
    words = [one for one in said(case, "error") if second.name in one]
    assert any(f"expected SHA-1 {expected} of the segment, by its name" in one for one in words)


def test_what_a_manifest_lists_and_is_not_there_or_leaves_the_folder_is_refused(
    bench: Make, copy: Path
):
    (label,) = [path for path in (copy / "backup" / "main").iterdir() if path.name.endswith("F")]
    next(label.rglob("pg_data/base/1/1259.zst")).unlink()
    manifest = label / "backup.manifest"
    line = 'pg_data/../../evil={"size":1,"repo-size":1}'
    manifest.write_text(manifest.read_text().replace("[target:file]\n", f"[target:file]\n{line}\n"))
    case = bench(backups=[str(copy)])
    case.acquire()
    refused: list[Refused] = []
    paths = {member.path for member in only(case).members(refused.append)}
    assert not any(".." in path for path in paths)
    assert [(one.name, one.why) for one in refused] == [
        ("../../evil", "a path that leaves the folder"),
        ("base/1/1259", "listed in the manifest, and not there"),
    ]


def test_a_broken_line_of_an_info_file_is_named_and_the_rest_is_read(bench: Make, copy: Path):
    info = copy / "backup" / "main" / "backup.info"
    info.write_text(info.read_text().replace("[db]\n", "[db]\nnonsense\nkey={broken\n"))
    case = bench(backups=[str(copy)], backup_files="headers")
    case.acquire()
    words = said(case, "error")
    assert len(words) == 2
    assert all("expected a key and a JSON value" in one for one in words)
    assert not case.events("backup.start").is_empty()


def test_a_repository_of_several_clusters_is_not_guessed(bench: Make, copy: Path):
    shutil.copytree(copy / "backup" / "main", copy / "backup" / "other", symlinks=True)
    case = bench(backups=[str(copy)])
    ((_, error),) = case.acquire().failures
    assert "expected the backups of one stanza; found backup/main, backup/other" in str(error)


@pytest.mark.parametrize("tool", ["pgbackrest", "barman", "walg"])
def test_a_backup_leads_back_to_the_words_of_its_tool(bench: Make, made: Repositories, tool: str):
    case = bench(backups=[str(getattr(made, tool))], backup_files="headers")
    case.acquire()
    mine = case.events("backup.start").filter(pl.col("clock") == f"pg:db/{CLOCKS[tool]}")
    for sha256, citation in mine.select("item", "citation").iter_rows():
        item = next(one for one in case.items if one.sha256 == sha256)
        quote = collector.quote(case.source, case.items, item, citation)
        if quote.how.startswith("jq"):
            named = citation.removeprefix("/")
            assert json.loads(quote.text) == json.loads(case.items.read(item))[named]
            continue
        command = quote.how.replace("ITEM", str(case.items.path(item)))
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert done.stdout.rstrip("\n") == quote.text
        assert "time" in quote.text


def test_a_repository_in_a_bucket_is_that_of_its_folder(
    bench: Make, made: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)
    with s3_servers.seaweedfs(tmp_path / "weed") as server:
        client = s3_servers.client(server)
        client.create_bucket(Bucket="backups")
        for path in sorted(made.bundled.rglob("*")):
            if path.is_file() and not path.is_symlink():
                key = f"repo/{path.relative_to(made.bundled)}"
                client.put_object(Bucket="backups", Key=key, Body=path.read_bytes())
        url = "s3://backups/repo/"
        there = bench(wal=url, backups=[url], s3_endpoint=server.endpoint)
        assert there.acquire().failures == []
    here = bench(wal=str(made.bundled), backups=[str(made.bundled)])
    here.acquire()
    assert digests(only(there)) == digests(only(here))
    columns = ["kind", "value", "clock", "earliest", "stream", "position", "citation"]
    assert there.events().select(columns).equals(here.events().select(columns))


def digests(backup: BaseBackup) -> dict[str, str]:
    found = {}
    for member in backup.members():
        with member.open() as file:
            found[member.path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def test_history_packed_by_wal_g_is_read(bench: Make, tmp_path: Path):
    text = b"1\t0/700000\tbefore 2026-03-08 10:00:00+00\n"
    packed = subprocess.run(["lz4", "-c"], input=text, capture_output=True, check=True).stdout
    (tmp_path / "00000002.history.lz4").write_bytes(packed)
    case = bench(wal=str(tmp_path))
    case.acquire()
    (fork,) = case.events("timeline.fork").iter_rows(named=True)
    assert "timeline=2 parent=1" in fork["value"]
    (item,) = case.items
    quote = collector.quote(case.source, case.items, item, fork["citation"])
    command = quote.how.replace("ITEM", str(case.items.path(item)))
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout == text
