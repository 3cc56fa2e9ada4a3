"""Logs of real servers: the formats tell one story, and a restore in it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.collectors.postgres.serverlog.reading import Read, read_file
from tests.servers import Postgres, needs, postgres, restored

pytestmark = pytest.mark.live

PREFIX = "%m [%p] %c %x %q%u@%d/%a/%h "
SAID = ["kind", "subject", "attribute", "value", "actor", "names", "earliest", "latest"]
NOON = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def _settings(major: int) -> dict[str, str]:
    return {
        "logging_collector": "on",
        "log_directory": "../log.d",
        "log_filename": "server.log",
        "log_statement": "all",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_checkpoints": "on",
        "log_line_prefix": PREFIX,
        "log_destination": "stderr,csvlog" + (",jsonlog" if major >= 15 else ""),
    }


def _refused(server: Postgres, sql: str, *, dsn: str | None = None) -> None:
    with pytest.raises(RuntimeError):
        server.psql(sql, dsn=dsn)


def _read(folder: Path) -> dict[str, Read]:
    return {
        file.suffix: read_file(file, log_line_prefix=PREFIX)
        for file in sorted(folder.glob("server.*"))
    }


def _in_one_order(events: pl.DataFrame) -> pl.DataFrame:
    """Each process writes to one format after the other: lines of two may change places."""
    return events.select(SAID).sort("earliest", "kind", "attribute", "value", "actor")


@pytest.mark.parametrize("major", [14, 15, 18])
def test_the_formats_tell_the_same_story(major: int, tmp_path: Path) -> None:
    """12:00 a table is made, filled, asked of wrongly and dropped; someone has a wrong password."""
    needs(major)
    with postgres(None, _settings(major), major=major, clock=NOON) as server:
        server.psql("create schema ml; create table ml.lineage (\n  model text,\n  version text);")
        server.psql("begin; insert into ml.lineage values ('a', '1'); commit")
        _refused(server, "select *\nfrom nosuch")
        server.psql("drop table ml.lineage; checkpoint")
        _refused(server, "select 1", dsn=server.tcp(password="wrong"))  # noqa: S106  (it is to be)
        server.backup("base")
        server.move(NOON + timedelta(hours=1))
        server.psql("create table ml.later (a int)")
        server.switch_wal()
        shutil.copytree(server.stop_logged("log.d"), tmp_path / "one")
        target = {
            "recovery_target_time": "2026-03-08 12:30:00+00",
            # cp writes to the log what it misses, even in the midst of a line.
            "restore_command": f"cp {server.archive}/%f %p 2>/dev/null",
        }
        with restored(server, server.folder / "base", target, clock=NOON, major=major) as copy:
            shutil.copytree(copy.stop_logged("log.d"), tmp_path / "two")
    reads = _read(tmp_path / "one")
    assert len(reads) == (3 if major >= 15 else 2)
    story = reads[".log"].events
    told_by = {suffix: _in_one_order(read.events) for suffix, read in reads.items()}
    # A command that archives may write to the log as well, on a loaded machine.
    foreign = [
        line
        for line in (tmp_path / "one" / "server.log").read_text().splitlines()
        if not line.startswith(("2026-", "\t"))
    ]
    for suffix, read in reads.items():
        assert told_by[suffix].equals(told_by[".log"])
        assert (read.counts.skipped, read.counts.blank) == (
            len(foreign) if suffix == ".log" else 0,
            0,
        )
        for citation in read.events["citation"]:
            assert "2026-" in read.quote(citation).text
    statements = story.filter(pl.col("kind") == "log.statement")
    told = [row for row in statements.select("attribute", "names").rows() if row[0] != "CHECKPOINT"]
    table = "pg:db/postgres/ml.lineage"
    assert [(tags, table in names) for tags, names in told][:5] == [
        ("CREATE SCHEMA", False),
        ("CREATE TABLE", True),
        ("INSERT", True),
        ("COMMIT", False),
        ("DROP TABLE", True),
    ]
    assert set(statements["actor"]) == {"postgres@postgres"}
    commit = statements.filter(attribute="COMMIT")["names"].to_list()[0]
    assert any(name.startswith("xid:") for name in commit)
    errors = story.filter(pl.col("kind") == "log.message").select("attribute", "value").rows()
    assert errors[0][0] == "ERROR"
    assert errors[0][1].endswith("STATEMENT:  select *\nfrom nosuch")
    assert errors[1][0] == "FATAL"
    assert errors[1][1].startswith('password authentication failed for user "postgres"')
    _restore(tmp_path / "two")


def _restore(folder: Path) -> None:
    """The restored server says how far it went, and on which timeline it goes on."""
    reads = _read(folder)
    told = reads[".log"].events.filter(pl.col("kind") == "log.recovery")
    for read in reads.values():
        assert _in_one_order(read.events).equals(_in_one_order(reads[".log"].events))
    acts = dict(told.select("attribute", "value").rows())
    assert acts["point-in-time"].startswith("starting point-in-time recovery to 2026-03-08 12:30")
    assert acts["new-timeline"] == "selected new timeline ID: 2"
    assert {"server-start", "was-interrupted", "redo-start", "redo-done", "consistent"} <= set(acts)
    assert {"archive-recovery-complete", "ready", "shut-down"} <= set(acts)
