"""What a live capture does to its server, measured on real ones; and the role that it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.collectors.postgres.conftest import Make
from tests.servers import Postgres, needs, postgres, standby

pytestmark = pytest.mark.live

README = Path(__file__).resolve().parents[3] / "README.md"
CLAIMS = [
    {"table": f"ml.{table}", "subject": "model:{model}@{version}"}
    for table in ("lineage", "evaluations")
]
TABLES = """
create schema ml;
create table ml.lineage (model text, version text, pad text) with (autovacuum_enabled = off);
create table ml.evaluations (model text, version text);
insert into ml.lineage select 'm', n::text, repeat('x', 180) from generate_series(1, 30) n;
"""
# infomask bit 0x0100 is HEAP_XMIN_COMMITTED (htup_details.h).
_PAGE = "from heap_page_items(get_raw_page('ml.lineage', 0))"
_HINTED = f"select count(*) filter (where t_infomask & 256 > 0) {_PAGE}"
_VERSIONS = f"select count(*) filter (where lp_flags = 1) {_PAGE}"
_SCANS = "select seq_scan from pg_stat_user_tables where relname = 'lineage'"
_BYTES = "select md5(get_raw_page('ml.lineage', 0))"


def _inspected(server: Postgres, story: str = TABLES) -> None:
    server.psql("create extension pageinspect")
    server.psql(story, "-1")
    server.psql("checkpoint")


def _number(server: Postgres, sql: str) -> int:
    return int(server.psql(sql))


def test_reading_a_primary_sets_hint_bits_and_says_so(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres() as server:
        _inspected(server)
        monkeypatch.setenv("LINEAGE_DSN", server.tcp())
        before, bits = server.psql(_BYTES), _number(server, _HINTED)
        case = bench(CLAIMS, dsn_env="LINEAGE_DSN")
        assert case.acquire().failures == []
        assert bits == 0
        assert _number(server, _HINTED) == 30
        assert server.psql(_BYTES) != before
    (row,) = case.events("footprint").iter_rows(named=True)
    assert row["value"].startswith("primary read_only=on isolation=repeatable-read")
    assert "lock_timeout=10s statement_timeout=15min temporary_objects=False" in row["value"]
    assert "temp_files=+0" in row["value"]
    assert row["earliest"] <= row["latest"]
    messages = [w.message for w in case.parse().warnings]
    assert any("found a primary" in message for message in messages)
    assert any("may write (a superuser)" in message for message in messages)
    item = case.item("footprint.json")
    from collectors.postgres import collector

    assert '"in_recovery": false' in collector.quote(case.source, case.items, item, "line 1").text


def test_reading_a_primary_prunes_row_versions_that_nobody_sees(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty rows of 180 characters, updated on a page that has no room: the old ones go."""
    with postgres() as server:
        _inspected(server)
        server.psql("update ml.lineage set model = 'n' where version::int <= 12")
        versions = _number(server, _VERSIONS)
        monkeypatch.setenv("LINEAGE_DSN", server.tcp())
        assert bench(CLAIMS, dsn_env="LINEAGE_DSN").acquire().failures == []
        assert _number(server, _VERSIONS) < versions


def test_reading_a_standby_leaves_its_primary_alone(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres() as server:
        _inspected(server)
        server.psql("update ml.lineage set model = 'n' where version::int <= 12")
        with standby(server) as copy:
            before, scans = server.psql(_BYTES), server.psql(_SCANS)
            monkeypatch.setenv("LINEAGE_DSN", copy.tcp())
            case = bench(CLAIMS, dsn_env="LINEAGE_DSN")
            assert case.acquire().failures == []
            assert server.psql(_BYTES) == before
            assert server.psql(_SCANS) == scans
    (row,) = case.events("footprint").iter_rows(named=True)
    assert row["value"].startswith("standby read_only=on")
    assert not any("found a primary" in w.message for w in case.parse().warnings)


@pytest.mark.parametrize("major", [14, 15, 18])
def test_the_role_of_the_readme_can_do_all_of_it_and_write_nothing(
    major: int, bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(major)
    (sql,) = re.findall(r"```sql\n(create role recon_reader.*?)```", README.read_text(), re.DOTALL)
    (password,) = re.findall(r"password '([^']+)'", sql)
    with postgres(None, {"track_commit_timestamp": "on"}, major=major) as server:
        server.psql("create database lineage")
        owner = server.dsn.replace("/postgres?", "/lineage?")
        server.psql(TABLES + "create table ml.other (a int);", dsn=owner)
        server.psql(sql, dsn=owner)
        dsn = server.tcp("recon_reader", password, "lineage")
        monkeypatch.setenv("LINEAGE_DSN", dsn)
        case = bench(CLAIMS, dsn_env="LINEAGE_DSN")
        assert case.acquire().failures == []
        assert case.events("row.version").height == 30
        warnings = [w.message for w in case.parse().warnings]
        assert len(warnings) == 1
        assert "found a primary" in warnings[0]
        (row,) = case.events("footprint").iter_rows(named=True)
        assert row["actor"] == "recon_reader"
        assert ("own_wal_records=" in row["value"]) == (major >= 18)
        writes = {
            "insert into ml.lineage values ('a', 'b')": "permission denied|read-only",
            "set default_transaction_read_only = off; delete from ml.lineage": "permission denied",
            "set default_transaction_read_only = off; create table ml.t (a int)": "denied",
            "set default_transaction_read_only = off; drop table ml.lineage": "must be owner",
            "create temporary table t (a int)": "read-only",
            "select * from ml.other": "permission denied",
            "select pg_read_file('postgresql.conf')": "permission denied",
        }
        for write, refused in writes.items():
            with pytest.raises(RuntimeError, match=refused):
                server.psql(write, dsn=dsn)
