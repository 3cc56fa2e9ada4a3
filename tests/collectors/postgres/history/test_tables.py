"""Acts on tables told from two captures, or two dumps, of real servers: and the innocent ones not.

Each table suffers one thing between the two looks. No WAL is at hand.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collectors.postgres import collector
from tests.collectors.postgres.conftest import Bench, Make, psql_capture
from tests.servers import Postgres, needs, postgres
from tests.versions import EACH

pytestmark = pytest.mark.live
START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
ACTED = START + timedelta(days=7)
LATER = START + timedelta(days=8)
ROWS = "select 'm' || g, '1' from generate_series(1, 10) g"
MORE = ROWS.replace("'m'", "'n'")
NEW = "(model text primary key, version text)"

# What happens to the table of that name between the two looks, and what may be said of it.
ACTS: Mapping[str, tuple[str, str | None]] = {
    "kept": ("select 1", None),
    "vacuumed": ("vacuum full ml.vacuumed", "table.rewrite"),
    "clustered": ("cluster ml.clustered using clustered_pkey", "table.rewrite"),
    "altered": ("alter table ml.altered alter version type int using 1", "table.rewrite"),
    "added": ("alter table ml.added add at timestamptz default clock_timestamp()", "table.rewrite"),
    "noted": ("alter table ml.noted add note text", None),
    "unlogged": ("alter table ml.unlogged set unlogged", "table.replaced"),
    "reindexed": ("reindex table ml.reindexed", None),
    "analysed": ("analyze ml.analysed", None),
    "granted": ("grant select on ml.granted to public", None),
    "updated": ("update ml.updated set version = '2'", None),
    "loaded": (f"insert into ml.loaded {MORE}", None),
    "emptied": ("truncate ml.emptied", "table.truncate"),
    "shortened": (
        "begin; truncate ml.shortened; insert into ml.shortened values ('m1', '1'); commit",
        "table.truncate",
    ),
    "reloaded": (
        f"begin; truncate ml.reloaded; insert into ml.reloaded {ROWS}; commit",
        "table.replaced",
    ),
    "tried": (
        (
            "begin; delete from ml.tried; select again('tried'); rollback;"
            "alter table ml.tried set unlogged"
        ),
        "table.replaced",
    ),
    "deleted": (
        "delete from ml.deleted; vacuum full ml.deleted; select again('deleted')",
        "table.replaced",
    ),
    "recreated": (
        (
            f"begin; drop table ml.recreated; create table ml.recreated {NEW};"
            f"insert into ml.recreated {ROWS}; commit"
        ),
        "table.recreate",
    ),
    "dropped": ("drop table ml.dropped", "table.drop"),
    "created": (f"create table ml.created {NEW}; insert into ml.created {ROWS}", "table.create"),
    "swapped": (
        (
            "begin; alter table ml.swapped rename to swapped_old;"
            f"create table ml.swapped {NEW}; insert into ml.swapped {ROWS}; commit"
        ),
        "table.recreate",
    ),
    "exchanged": (
        (
            "begin; alter table ml.exchanged rename to passing;"
            "alter table ml.other rename to exchanged;"
            "alter table ml.passing rename to other; commit"
        ),
        "table.rename",
    ),
    "other": ("select 1", "table.rename"),
}
NOT_THERE_FIRST = {"created"}
TABLES = [f"ml.{name}" for name in ACTS]
CLAIMS = [
    {"table": table, "subject": f"model:{table}-{{model}}", "attributes": {"version": "version"}}
    for table in TABLES
]


@dataclass(frozen=True)
class Looks:
    """Two captures and two dumps of one database."""

    folder: Path
    major: int

    def case(self, bench: Make, what: str) -> Bench:
        if what == "captures":
            made = bench(CLAIMS, capture=[str(self.folder / "one"), str(self.folder / "two")])
        else:
            dumps = [str(self.folder / "one.dump"), str(self.folder / "two.dump")]
            made = bench(CLAIMS, dump=dumps, dump_zone="UTC")
        assert made.acquire().failures == []
        return made


def look(server: Postgres, folder: Path, name: str) -> None:
    time.sleep(1)  # until 14 the counters are collected by a process of their own
    psql_capture(server, folder / name, *TABLES)
    server.run("pg_dump", "-Fc", "-f", server.folder / f"{name}.dump", server.dsn)
    subprocess.run(["cp", server.folder / f"{name}.dump", folder], check=True)


@pytest.fixture(scope="module", params=EACH)
def looks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    major: int = request.param
    needs(major)
    folder = tmp_path_factory.mktemp(f"looks{major}")
    settings = {"track_commit_timestamp": "on"}
    with postgres(None, settings, clock=START, major=major) as server:
        server.psql(
            "create schema ml; create function again(name text) returns void as $$ begin "
            "execute format('insert into ml.%I select ''m'' || g, ''1'' "
            "from generate_series(1, 10) g', name); end $$ language plpgsql"
        )
        for name in ACTS:
            if name not in NOT_THERE_FIRST:
                server.psql(f"create table ml.{name} {NEW}; insert into ml.{name} {ROWS}")
        look(server, folder, "one")
        server.move(ACTED)
        for sql, _ in ACTS.values():
            server.psql(sql)
        server.move(LATER)
        look(server, folder, "two")
    return Looks(folder, major)


def told(case: Bench) -> dict[str, dict[str, Any]]:
    """By table: the act between the two looks; creations before the first left out."""
    events = case.events().filter(
        pl.col("kind").str.starts_with("table.")
        & (pl.col("latest") >= ACTED)
        & ~pl.col("kind").is_in(["table.statistics", "table.counters", "table.trace"])
    )
    rows = events.to_dicts()
    by_table = {row["subject"].rsplit(".", 1)[-1]: row for row in rows}
    assert len(by_table) == len(rows)
    return by_table


def test_two_captures_tell_what_they_can_and_no_more(looks: Looks, bench: Make) -> None:
    found = told(looks.case(bench, "captures"))
    assert {name: row["kind"] for name, row in found.items()} == {
        name: kind for name, (_, kind) in ACTS.items() if kind
    }
    for row in found.values():
        assert row["stream"] is None
        assert "; basis: capture and capture of two times" in row["value"]
        assert row["basis"] == "stamped"
    assert "VACUUM FULL or CLUSTER" in found["vacuumed"]["value"]
    assert "altered version" in found["altered"]["value"]
    assert "the old one is" not in found["recreated"]["value"]
    assert "the new one was ml.other" in found["exchanged"]["value"]


def test_a_recreation_has_the_commit_time_of_the_transaction_that_made_the_table(
    looks: Looks, bench: Make
) -> None:
    case = looks.case(bench, "captures")
    row = told(case)["recreated"]
    assert ACTED <= row["earliest"] == row["latest"] < ACTED + timedelta(minutes=5)
    assert row["clock"] == "pg:db/commit"
    written = case.events("row.version").filter(
        pl.col("subject").str.starts_with("model:ml.recreated"), pl.col("earliest") >= ACTED
    )
    # The rows were written by that transaction: they name it, and give its time.
    assert written.height == 10
    assert set(written["earliest"]) == {row["earliest"]}
    (xid,) = {name for names in written["names"] for name in names if name.startswith("xid:")}
    assert xid in row["names"]


def test_a_file_that_changed_leaves_the_time_as_wide_as_the_two_looks(
    looks: Looks, bench: Make
) -> None:
    row = told(looks.case(bench, "captures"))["vacuumed"]
    assert START <= row["earliest"] < START + timedelta(minutes=5)
    assert LATER <= row["latest"] < LATER + timedelta(minutes=5)


def test_tables_created_before_the_first_look_have_the_time_of_their_creation(
    looks: Looks, bench: Make
) -> None:
    case = looks.case(bench, "captures")
    created = case.events("table.create").filter(pl.col("latest") < ACTED)
    assert created.height == len(set(ACTS) - NOT_THERE_FIRST)
    assert created["earliest"].min() >= START  # type: ignore[operator]
    assert set(created["earliest"] == created["latest"]) == {True}


def test_two_dumps_tell_of_oids_alone(looks: Looks, bench: Make) -> None:
    """A dump has no files, and one that lacks a table may have left it out."""
    found = told(looks.case(bench, "dumps"))
    kinds = {name: row["kind"] for name, row in found.items()}
    assert kinds == {
        "recreated": "table.recreate",
        "swapped": "table.recreate",
        "exchanged": "table.rename",
        "other": "table.rename",
    }
    assert "the old one is ml.swapped_old now" in found["swapped"]["value"]
    row = found["recreated"]
    assert row["earliest"] < ACTED < LATER <= row["latest"]


def test_every_act_leads_back_to_a_line_of_the_later_look(looks: Looks, bench: Make) -> None:
    for what in ("captures", "dumps"):
        case = looks.case(bench, what)
        items = {item.sha256: item for item in case.items}
        for name, row in told(case).items():
            quote = collector.quote(case.source, case.items, items[row["item"]], row["citation"])
            assert name in quote.text
            (before,) = [one for one in row["names"] if one.startswith("item:")]
            assert before.removeprefix("item:") in items


def test_every_event_of_a_place_has_a_part_of_its_own(looks: Looks, bench: Make) -> None:
    events = looks.case(bench, "captures").events()
    assert events.select("item", "citation", "part").is_duplicated().sum() == 0


def test_counters_that_do_not_add_up_are_said(looks: Looks, bench: Make) -> None:
    case = looks.case(bench, "captures")
    said = {
        row["subject"].rsplit(".", 1)[-1]: row["value"]
        for row in case.events("table.counters").filter(pl.col("latest") >= ACTED).to_dicts()
    }
    assert {"emptied", "shortened"} <= set(said)
    if looks.major < 15:
        return  # its collector keeps the real clock, and so shows counters of before
    assert set(said) == {"emptied", "shortened", "reloaded"}
    assert all("truncated, or inserts were rolled back" in value for value in said.values())


def test_a_name_that_was_taken_leaves_a_digit_in_the_constraint(looks: Looks, bench: Make) -> None:
    case = looks.case(bench, "captures")
    traces = {
        row["subject"].rsplit(".", 1)[-1]: row["value"]
        for row in case.events("table.trace").to_dicts()
    }
    assert set(traces) == {"swapped", "exchanged", "other"}
    assert "swapped_pkey1" in traces["swapped"]
    assert "named after a table other" in traces["exchanged"]
