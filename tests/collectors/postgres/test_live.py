"""Live captures, and captures made with psql, of a real server."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.lines import KINDS
from tests.collectors.postgres.conftest import CLAIM, NASTY, START, Make, psql_capture
from tests.servers import PASSWORD, Postgres, postgres

pytestmark = pytest.mark.live

# What one capture and another of the same state differ in: item, and when they were made.
COMPARED = ["kind", "subject", "attribute", "value", "digest", "clock", "basis", "actor", "names"]


def test_live_and_psql_give_the_same_events(live: Postgres, bench: Make, tmp_path: Path) -> None:
    over_wire = bench(dsn_env="LINEAGE_DSN")
    assert over_wire.acquire().failures == []
    assert psql_capture(live, tmp_path / "capture") == ""
    by_hand = bench(capture=str(tmp_path / "capture"))
    assert by_hand.acquire().failures == []
    one, other = (
        case.events().filter(
            # psql's capture reads no clock of ours beside the server's.
            ~pl.col("kind").is_in(["table.statistics", "footprint", "clock.reading"])
        )
        for case in (over_wire, by_hand)
    )
    columns = [*COMPARED, "citation", "part"]
    key = ["kind", "citation", "part", "value"]
    assert one.select(columns).sort(key).equals(other.select(columns).sort(key))
    dated = one.filter(pl.col("kind").is_in(["row.version", "claim"]))
    assert dated["earliest"].null_count() == 0
    # The rows themselves are the same bytes, all but the line that says when they were read.
    lines = [
        case.items.read(case.item("rows.ml.lineage.jsonl")).splitlines()[1:]
        for case in (over_wire, by_hand)
    ]
    assert lines[0] == lines[1]


def test_a_row_has_two_clocks(live: Postgres, bench: Make) -> None:
    """2.3.1 asserts 9 February 10:05:00.5 UTC, and was committed on 10 February at 03:00."""
    case = bench(dsn_env="LINEAGE_DSN")
    case.acquire()
    rows = case.events("row.version", "claim").filter(subject="model:credit-risk@2.3.1")
    own = rows.row(by_predicate=pl.col("part") == 0, named=True)
    xid, stamp = (
        live.psql(
            "select xmin, to_char(pg_xact_commit_timestamp(xmin), 'YYYY-MM-DD HH24:MI:SS.US') "
            "from ml.lineage where version = '2.3.1'"
        )
        .strip()
        .split("|")
    )
    assert f"{own['earliest']:%Y-%m-%d %H:%M:%S.%f}" == stamp
    assert own["earliest"] == own["latest"]
    assert own["earliest"] > START
    assert (own["basis"], own["clock"], own["value"]) == ("stamped", "pg:db/commit", "(0,1)")
    system = live.psql("select system_identifier from pg_control_system()").strip()
    assert own["names"] == [
        f"sha256:{'ab' * 32}",
        f"git:{'c' * 40}",
        "pg:db/postgres/ml.lineage",
        f"xid:{system}/{xid}",
    ]
    claims = {row["attribute"]: row for row in rows.filter(kind="claim").iter_rows(named=True)}
    assert {name: claim["value"] for name, claim in claims.items()} == {
        "artifact": "ab" * 32,
        "commit": "c" * 40,
        "passed": "t",
        "score": "1.50",
        "seen": "2026-02-09 10:05:00.5+00",
        "tags": r'{"a b",c,NULL,"","null","q\"u\\o"}',
        "labels": '{"a": {"b": null}, "z": [1, 2.50]}',
    }
    artifact = claims["artifact"]
    assert str(artifact["earliest"]) == "2026-02-09 10:05:00.500000+00:00"
    assert artifact["clock"] == "pg:db/ml.lineage.registered_at"
    assert (artifact["basis"], artifact["actor"]) == ("asserted", "ci@acme")
    assert artifact["digest"] == f"sha256:{'ab' * 32}"
    assert claims["score"]["digest"] is None


@pytest.mark.usefixtures("live")
def test_the_servers_clock_is_read_between_two_readings_of_ours(bench: Make) -> None:
    """Its clock stands in February, ours where it is: the two are tied, and neither to UTC."""
    case = bench(dsn_env="LINEAGE_DSN")
    case.acquire()
    found = case.events("clock.reading").sort("value", "part")
    assert found["clock"].unique().sort().to_list() == ["examiner", "pg:db/server"]
    ours, servers = (found.filter(clock=name) for name in ("examiner", "pg:db/server"))
    assert ours.height == servers.height == len(case.items.of(*KINDS))
    assert ours["value"].to_list() == servers["value"].to_list()
    at = servers["earliest"]
    assert ((at >= START) & (at < START + timedelta(hours=1))).all()
    assert (ours["latest"] - ours["earliest"]).max() < timedelta(seconds=5)
    # The offset is the same each time, to the width of the exchanges.
    apart = (servers["earliest"] - ours["earliest"]).dt.total_seconds(fractional=True)
    assert apart.max() - apart.min() < 5


@pytest.mark.usefixtures("live")
def test_values_come_as_they_are(bench: Make) -> None:
    case = bench(dsn_env="LINEAGE_DSN")
    case.acquire()
    notes = case.events("claim").filter(
        pl.col("subject").str.starts_with("model:nasty@"), attribute="notes"
    )
    assert notes.sort("subject")["value"].to_list() == NASTY


def test_nothing_is_stored_twice_and_no_password_at_all(live: Postgres, bench: Make) -> None:
    case = bench(dsn_env="LINEAGE_DSN")
    assert case.acquire().stored == 5
    assert case.acquire().stored == 0
    assert case.acquire(again=True).number == 2
    everything = b"".join(p.read_bytes() for p in case.folder.rglob("*") if p.is_file())
    assert PASSWORD.encode() not in everything
    assert live.tcp().encode() not in everything


def test_no_transaction_number_is_used_up(live: Postgres, bench: Make) -> None:
    next_xid = "select pg_snapshot_xmax(pg_current_snapshot())"
    before = live.psql(next_xid)
    assert bench(dsn_env="LINEAGE_DSN").acquire().stored == 5
    assert live.psql(next_xid) == before


@pytest.mark.usefixtures("live")
def test_clocks_are_measured(bench: Make) -> None:
    case = bench(dsn_env="LINEAGE_DSN")
    case.acquire()
    for item in case.items.of("pg.rows", "pg.catalogue", "pg.statistics", "pg.control"):
        clock = item.meta["clock"]
        assert clock["ours_before"] <= clock["ours_after"]
        assert clock["server"].startswith("2026-02-10")
    assert '"clock_after"' in case.custody()


def test_each_file_fails_alone(
    live: Postgres, bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.psql("create or replace view ml.fake as select 1 as model, 2 as version")
    live.psql("grant select on ml.fake to auditor; create table if not exists ml.hidden (a int)")
    monkeypatch.setenv("LINEAGE_DSN", live.tcp("auditor", "eye"))
    claims = [
        CLAIM,
        *({**CLAIM, "table": f"ml.{name}"} for name in ("hidden", "nosuch", "fake")),
    ]
    case = bench(claims, dsn_env="LINEAGE_DSN")
    run = case.acquire()
    found = {native.rsplit("/", 1)[-1]: str(error) for native, error in run.failures}
    assert sorted(found) == [f"rows.ml.{name}.jsonl" for name in ("fake", "hidden", "nosuch")]
    assert "permission denied for table hidden" in found["rows.ml.hidden.jsonl"]
    assert "does not exist" in found["rows.ml.nosuch.jsonl"]
    assert "whose rows have xmin" in found["rows.ml.fake.jsonl"]
    assert {error.exit_code for _, error in run.failures} == {3, 4}
    assert case.events("row.version").height == 2 + len(NASTY)


def test_rows_that_a_policy_hides_are_an_error(
    live: Postgres, bench: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.psql(
        "drop table if exists ml.shy; create table ml.shy (model text, version text);"
        "insert into ml.shy values ('a', '1'), ('b', '1');"
        "alter table ml.shy enable row level security;"
        "create policy one on ml.shy using (model = 'a'); grant select on ml.shy to auditor"
    )
    monkeypatch.setenv("LINEAGE_DSN", live.tcp("auditor", "eye"))
    claim = {"table": "ml.shy", "subject": "model:{model}@{version}"}
    case = bench([claim], dsn_env="LINEAGE_DSN")
    ((native, error),) = case.acquire().failures
    assert native.endswith("rows.ml.shy.jsonl")
    assert "row-level security" in str(error)
    psql_capture(live, tmp_path / "capture", "ml.shy", dsn=live.tcp("auditor", "eye"))
    by_hand = bench([claim], capture=str(tmp_path / "capture"))
    by_hand.acquire()
    assert by_hand.parse().coverage is not None
    assert by_hand.parse().coverage.is_empty()  # type: ignore[union-attr]
    assert any("refused to the role" in warning.message for warning in by_hand.parse().warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda dsn: dsn.replace("correct%20horse", "wrong"), "password authentication failed"),
        (lambda dsn: dsn.removesuffix("postgres") + "nosuch", 'database "nosuch" does not exist'),
        (lambda dsn: dsn.replace("postgres:", "nosuch:"), "authentication failed"),
    ],
)
def test_refused_connections(
    live: Postgres, bench: Make, monkeypatch: pytest.MonkeyPatch, change: object, message: str
) -> None:
    assert callable(change)
    monkeypatch.setenv("LINEAGE_DSN", change(live.tcp()))
    ((native, error),) = bench(dsn_env="LINEAGE_DSN").acquire().failures
    assert native == "dsn_env LINEAGE_DSN"
    assert error.exit_code == 4
    assert message in error.found


def test_an_unreachable_host_stops_nothing_else(
    bench: Make, monkeypatch: pytest.MonkeyPatch, exports: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setenv("LINEAGE_DSN", f"postgresql://u:hush-hush@127.0.0.1:{port}/d")
        case = bench(dsn_env="LINEAGE_DSN", dump=str(exports / "lineage.dump"))
        ((_, error),) = case.acquire().failures
    assert error.exit_code == 4
    assert "refused" in error.found
    assert "hush-hush" not in case.custody()
    assert case.events("row.dumped").height == 2 + len(NASTY)


@pytest.mark.parametrize("dsn", ["postgres:hush-hush@h", "host=h password='hush-hush", None])
def test_a_dsn_that_is_none_is_not_repeated(
    bench: Make, monkeypatch: pytest.MonkeyPatch, dsn: str | None
) -> None:
    if dsn is None:
        monkeypatch.delenv("LINEAGE_DSN", raising=False)
    else:
        monkeypatch.setenv("LINEAGE_DSN", dsn)
    case = bench(dsn_env="LINEAGE_DSN")
    ((_, error),) = case.acquire().failures
    assert error.exit_code == 3
    assert "hush-hush" not in str(error) + case.custody()


def test_without_commit_timestamps_rows_are_undated(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres() as server:
        server.psql(
            "create schema ml; create table ml.t (m text, v text);"
            "insert into ml.t values ('credit-risk', '1')"
        )
        monkeypatch.setenv("LINEAGE_DSN", server.tcp())
        claim = {"table": "ml.t", "subject": "model:{m}@{v}", "attributes": {"v": "v"}}
        case = bench([claim], dsn_env="LINEAGE_DSN")
        assert case.acquire().failures == []
    (row,) = case.events("row.version").iter_rows(named=True)
    assert row["earliest"] is None
    assert row["names"][-1].startswith("xid:")
    (claimed,) = case.events("claim").iter_rows(named=True)
    assert (claimed["earliest"], claimed["clock"]) == (None, None)
