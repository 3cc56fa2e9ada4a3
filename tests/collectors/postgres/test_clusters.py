"""Several histories in one source: a restore that made a new timeline, and another cluster."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres import collector
from tests.collectors.postgres.conftest import Make
from tests.servers import postgres, restored

pytestmark = pytest.mark.live
SMALL = ["--wal-segsize=1"]


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10:00 base backup, 10:10 a row, 10:20 another; restored on to 10:15, and another cluster.

    ``one`` is the first server's archive, ``two`` the restored one's, ``other`` a stranger's.
    """
    folder = tmp_path_factory.mktemp("histories")
    ten = datetime(2026, 3, 8, 10, 0, tzinfo=UTC)
    with postgres(
        None, {"track_commit_timestamp": "on", "min_wal_size": "2MB"}, clock=ten, initdb=SMALL
    ) as first:
        first.psql("create table public.t (model text, version text)")
        base = first.backup("base")
        for minutes in (10, 20):
            first.move(ten + timedelta(minutes=minutes))
            first.psql(f"insert into t values ('credit-risk', '{minutes}')")  # noqa: S608
        first.switch_wal()
        target = {"recovery_target_time": "2026-03-08 10:15:00+00", "min_wal_size": "2MB"}
        with restored(first, base, target, clock=ten + timedelta(hours=1)) as second:
            assert second.psql("select version from t").split() == ["10"]
            second.psql("insert into t values ('credit-risk', '61')")
            second.switch_wal()
            subprocess.run(["cp", "-r", first.archive, folder / "one"], check=True)
            subprocess.run(["cp", "-r", second.archive, folder / "two"], check=True)
            subprocess.run(["cp", "-r", base, folder / "base"], check=True)
    with postgres(None, {"min_wal_size": "2MB"}, initdb=SMALL) as stranger:
        stranger.psql("create table public.t (model text, version text)")
        stranger.switch_wal()
        subprocess.run(["cp", "-r", stranger.archive, folder / "other"], check=True)
    return folder


def test_a_restore_says_which_commit_it_left_out(histories: Path, bench: Make) -> None:
    case = bench(wal=[str(histories / "one"), str(histories / "two")])
    assert case.acquire().failures == []
    (fork,) = case.events("timeline.fork").iter_rows(named=True)
    assert fork["value"].startswith("timeline=2 parent=1 switch=0/")
    assert fork["earliest"] is None
    (left_out,) = case.events("timeline.first-not-replayed").iter_rows(named=True)
    # The commit at 10:20 is in the first timeline's WAL: both say the same microsecond.
    commits = case.events("wal.commit").filter(earliest=left_out["earliest"])
    assert commits.height == 1
    assert left_out["earliest"].minute == 20
    assert commits["stream"][0].endswith("/1")


def test_every_record_of_two_timelines_can_be_quoted(histories: Path, bench: Make) -> None:
    case = bench(wal=[str(histories / "one"), str(histories / "two")])
    case.acquire()
    items = {item.sha256: item for item in case.items}
    events = case.events("wal.commit", "wal.checkpoint", "timeline.end-of-recovery")
    assert events["stream"].n_unique() == 2
    for sha256, citation in events.select("item", "citation").unique().iter_rows():
        quote = collector.quote(case.source, case.items, items[sha256], citation)
        assert f"pg_waldump -s {citation.removeprefix('lsn ')} -n 1" in quote.how
        high, low = citation.removeprefix("lsn ").split("/")
        assert f"lsn: {high}/{low:0>8}" in quote.text
        assert not quote.verbatim


def test_another_clusters_wal_is_kept_apart(histories: Path, bench: Make) -> None:
    """The control file of the base backup says which cluster is meant."""
    case = bench(
        wal=[str(histories / "one"), str(histories / "other")],
        backups=[str(histories / "base")],
        backup_files="headers",
    )
    case.acquire()
    (checkpoint,) = case.events("control.checkpoint").iter_rows(named=True)
    cluster = checkpoint["stream"].split("/")[0]
    streams = case.events("wal.commit")["stream"].unique().to_list()
    assert streams == [f"{cluster}/1"]
    strangers = {
        item.sha256 for item in case.items if item.native.startswith(str(histories / "other"))
    }
    warned = [w for w in case.parse().warnings if w.item in strangers]
    assert warned
    assert all("another cluster's WAL" in warning.message for warning in warned)
    assert case.events().filter(pl.col("item").is_in(list(strangers))).is_empty()
