"""One day of a table, asked at every hour of it; and what cannot be answered is refused."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from collectors.postgres import binaries, collector
from recon.errors import BadInputError, UsageError
from tests.collectors.postgres.conftest import Bench
from tests.collectors.postgres.rehydrate.clusters import (
    SETTINGS,
    SMALL,
    TABLE,
    Told,
    ask,
    at,
    case,
    rows,
)
from tests.servers import postgres

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Told]]:
    """
    01:00  a is registered as one
    02:00  base backup, as tar.gz (and one of label, manifest and control file, at 02:10)
    03:00  b is registered
    04:00  a becomes other
    05:00  an ALTER begins, and takes its lock;  05:05 c is registered;  05:10 the ALTER commits
    06:00  the table is dropped
    07:00  a base backup after all of it; 08:00 one commit more
    """
    folder = tmp_path_factory.mktemp("told")
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server)
        told.then("1:00", TABLE, "create table other (a int)")
        told.then("1:10", "create view ml.shown as select * from ml.lineage")
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        told.then("4:00", "update ml.lineage set sha = 'other' where model = 'a'")
        server.move(at("5:00"))
        with psycopg.connect(server.dsn) as altering:
            altering.execute("alter table ml.lineage add column note text")
            told.then("5:05", "create table c (a int); insert into c values (1)")
            server.move(at("5:10"))
        told.then("6:00", "drop table ml.lineage cascade")
        told.backup("7:00", "late", "-Ft", "-z")
        told.then("8:00", "insert into other values (1)")
        server.switch_wal()
        told.export(folder, "base", "late", "archive")
        yield folder, told


@pytest.fixture(scope="module")
def day(told: tuple[Path, Told], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = told[0]
    return case(
        tmp_path_factory.mktemp("day") / "case",
        backups=[str(folder / "base"), str(folder / "late")],
        wal=str(folder / "archive"),
    )


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2:30", [("a", "one")]),
        ("3:30", [("a", "one"), ("b", "two")]),
        ("4:30", [("a", "other"), ("b", "two")]),
    ],
)
def test_a_table_as_it_stood(day: Bench, time: str, expected: list[tuple[str, str]]) -> None:
    answer = ask(day, time)
    assert rows(answer, "model", "sha") == expected
    assert not answer.notes
    # The row's commit is the server's own, to the microsecond.
    (a,) = [row for row in rows(answer, "model", "committed") if row[0] == "a"]
    assert str(a[1]).startswith("2026-03-08T04:00" if time == "4:30" else "2026-03-08T01:00")
    assert answer.provenance["timeline"] == 1
    assert answer.provenance["backup"].endswith("base")


def test_by_its_place_in_the_log(day: Bench, told: tuple[Path, Told]) -> None:
    """The LSN noted at 03:00, after b was registered and before a was changed."""
    answer = ask(day, told[1].places["3:00"])
    assert rows(answer, "model", "sha") == [("a", "one"), ("b", "two")]


def test_the_answer_is_an_item_that_can_be_parsed_and_quoted(day: Bench) -> None:
    answer = ask(day, "3:40")
    (item,) = [item for item in day.items if item.sha256 == answer.answers[0].item]
    assert item.kind == "pg.rehydrated"
    lines = day.items.read(item).decode().splitlines()
    assert json.loads(lines[0])["rehydrated"]["replayed_to"] == answer.provenance["replayed_to"]
    events = day.events().filter(item=item.sha256)
    assert set(events["kind"]) == {"snapshot", "row.version", "claim"}
    (snapshot,) = events.filter(kind="snapshot").iter_rows(named=True)
    assert snapshot["earliest"] == snapshot["latest"] == at("3:40")
    claims = events.filter(kind="claim").sort("subject")
    assert claims["value"].to_list() == ["one", "two"]
    quote = collector.quote(day.source, day.items, item, claims["citation"][0])
    assert '"one"' in quote.text
    entries = [json.loads(line) for line in day.custody().splitlines()]
    (call,) = [
        e for e in entries if e["action"] == "call" and "3:40" in e["command"].replace("03:", "3:")
    ]
    assert call["said"]["items"] == [item.sha256]
    assert call["said"]["wal"] == answer.provenance["wal"]
    assert "session_preload_libraries=" in call["said"]["guards"]


def test_asking_twice_gives_the_same_item(day: Bench) -> None:
    assert ask(day, "3:50").answers == ask(day, "3:50").answers


def test_a_lock_of_what_was_in_flight_is_not_waited_for(day: Bench) -> None:
    answer = ask(day, "5:07")
    assert rows(answer, "model", "sha") == [("a", "other"), ("b", "two")]
    assert "note" not in answer.answers[0].columns
    assert any("in flight" in note for note in answer.notes)
    after = ask(day, "5:20")
    assert "note" in after.answers[0].columns


def test_a_query_over_plain_tables(day: Bench) -> None:
    answer = ask(day, "4:30", query="select count(*), min(sha) from ml.lineage")
    assert answer.answers[0].rows == [["2", "other"]]
    (item,) = [item for item in day.items if item.sha256 == answer.answers[0].item]
    assert item.kind == "pg.rehydrated-query"


@pytest.mark.parametrize(
    "query",
    [
        "select 1; select 2",
        "delete from ml.lineage",
        "select * from ml.shown",
        "selec 1",
        "create table x (a int)",
        "copy ml.lineage to program 'cat'",
    ],
)
def test_a_query_that_is_more_than_that_is_refused(day: Bench, query: str) -> None:
    with pytest.raises((UsageError, BadInputError)):
        ask(day, "4:30", query=query)


@pytest.mark.parametrize(
    ("time", "tables", "message"),
    [
        ("6:30", ("ml.lineage",), "no database"),
        ("4:30", ("ml.shown",), "a view"),
        ("4:30", ("ml.nothing",), "none of postgres"),
        ("4:30", ("lineage",), "schema.table"),
    ],
)
def test_what_is_no_table_then_is_said(
    day: Bench, time: str, tables: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        ask(day, time, tables=tables)
    assert message in str(raised.value) or "none of postgres" in str(raised.value)


def test_the_later_backup_answers_for_what_came_after_it(day: Bench) -> None:
    answer = ask(day, "7:30", tables=("public.c",))
    assert answer.provenance["backup"].endswith("late")
    assert rows(answer, "a") == [("1",)]


@pytest.mark.parametrize("time", ["0:10", "1:30", "9:00"])
def test_before_every_backup_and_past_the_end_of_the_log_there_is_no_answer(
    day: Bench, time: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        ask(day, time)
    assert ("from before" if time != "9:00" else "goes on past") in str(raised.value)


def test_a_gap_damage_and_foreign_log_are_refused(told: tuple[Path, Told], tmp_path: Path) -> None:
    folder, told_ = told
    # The backup's own pg_wal has the segment that it starts in; this is a later one.
    place = int(told_.places["3:00"].partition("/")[2], 16)
    name_of = f"0000000100000000{place >> 20:08X}"

    def archive(name: str) -> Path:
        return Path(shutil.copytree(folder / "archive", tmp_path / name))

    gap = archive("gap")
    (gap / name_of).unlink()
    damaged = archive("damaged")
    hurt = damaged / name_of
    data = bytearray(hurt.read_bytes())
    end = place % (1 << 20)
    data[end - 200 : end] = b"\xaa" * 200
    hurt.write_bytes(data)
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as other:
        other.psql("create table t (a int)")
        other.switch_wal()
        foreign = tmp_path / "foreign"
        foreign.mkdir()
        for path in other.archive.iterdir():
            shutil.copy(path, foreign)
    expected = {"gap": "goes on past", "damaged": "damage", "foreign": "another cluster's WAL"}
    for name, message in expected.items():
        made = case(
            tmp_path / f"case-{name}", backups=str(folder / "base"), wal=str(tmp_path / name)
        )
        with pytest.raises(BadInputError) as raised:
            pytest.fail(f"{name}: {ask(made, '4:30')}")
        assert message in str(raised.value), name
        assert not [item for item in made.items if item.kind == "pg.rehydrated"]


def test_headers_alone_say_how_to_get_the_rest(told: tuple[Path, Told], tmp_path: Path) -> None:
    folder, _ = told
    made = case(
        tmp_path / "case",
        backups=str(folder / "base"),
        wal=str(folder / "archive"),
        backup_files="headers",
    )
    with pytest.raises(BadInputError) as raised:
        ask(made, "4:30")
    assert 'backup_files = "all"' in str(raised.value)


def test_a_missing_version_is_named_with_how_to_get_it(
    day: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_places", lambda _program, _major: iter(()))
    with pytest.raises(BadInputError) as raised:
        ask(day, "4:30")
    assert "PostgreSQL 15" in str(raised.value)
    assert "collectors.postgres.binaries 15" in str(raised.value)


def test_two_at_once_do_not_sweep_each_other(day: Bench, tmp_path: Path) -> None:
    shutil.copytree(day.folder, tmp_path / "other")
    other = Bench(tmp_path / "other", day.options, day.claims)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(rows(ask(other, "4:30"), "model")))
    thread.start()
    assert rows(ask(day, "4:30"), "model") == [("a",), ("b",)]
    thread.join()
    assert found == [[("a",), ("b",)]]
