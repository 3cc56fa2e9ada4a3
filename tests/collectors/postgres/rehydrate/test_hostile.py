"""A backup that would run something on whoever restores it: nothing of it is run.

Each payload makes a file. That a payload works is shown first on a server without guards, or the
test of the guarded one could not fail.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collectors.postgres.rehydrate import guard, session
from collectors.postgres.rehydrate.ask import lines
from collectors.postgres.rehydrate.ask import query as asked
from recon.errors import BadInputError, UsageError
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
from tests.servers import Postgres, postgres

pytestmark = pytest.mark.live

EVIL = """
create function public.evil(text) returns text language plpgsql as $$
begin execute format('copy (select 1) to %L', $1); return $1; end $$;
create function public.pure(text) returns text language plpgsql immutable as $$
begin return public.evil($1); end $$;
"""
VIEW = "create view ml.shown as select evil('{}/view') from ml.lineage"
WALLED = """
create table ml.walled (a text);
alter table ml.walled enable row level security;
alter table ml.walled force row level security;
create policy p on ml.walled using (evil('{}/policy') is not null);
"""


@pytest.fixture
def marks() -> Iterator[Path]:
    """A folder in which every user can make the file that shows a payload to have run."""
    folder = Path(tempfile.mkdtemp(prefix="marks-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def planted(
    base: Path, target: Path, members: Sequence[tuple[str, bytes | tarfile.TarInfo]]
) -> Path:
    """The backup, with these members before its own, or in their place."""
    out = io.BytesIO()
    names = {name for name, _ in members}
    with (
        tarfile.open(base / "base.tar.gz") as old,
        tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(data, bytes) else data
            info.size = len(data) if isinstance(data, bytes) else 0
            info.mode = 0o755
            new.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
        for member in old:
            if member.name not in names:
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
    target.mkdir()
    (target / "base.tar.gz").write_bytes(gzip.compress(out.getvalue(), 1))
    return target


def unguarded(server: Postgres, backup: Path) -> None:
    """Restore as one is told to in haste: unpack, and start."""
    folder = Path(tempfile.mkdtemp(prefix="haste-"))
    folder.chmod(0o777)
    try:
        data = folder / "data"
        server.run("mkdir", "-m", "0700", data)
        tar = folder / "base.tar.gz"
        shutil.copy(backup / "base.tar.gz", tar)
        tar.chmod(0o644)
        server.run("tar", "-xzf", tar, "-C", data)
        with suppress(RuntimeError):
            server.run(
                "pg_ctl",
                "-D",
                data,
                "-w",
                "-t",
                "20",
                "-l",
                folder / "log",
                "start",
                "-o",
                f"-k {folder} -p {server.port + 1} -h ''",
            )
        with suppress(RuntimeError):
            server.run("psql", "-h", folder, "-p", str(server.port + 1), "-Atc", "select 1")
        with suppress(RuntimeError):
            server.run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def special(name: str, kind: bytes, target: str) -> tuple[str, tarfile.TarInfo]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


def test_planted_configuration_runs_nothing(tmp_path: Path, marks: Path) -> None:
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server).then("1:00", TABLE)
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
        touch = f"touch {marks}/%s; false"
        auto = "\n".join(
            [
                f"restore_command = '{touch % 'restore'} %f'",
                f"archive_cleanup_command = '{touch % 'cleanup'}'",
                f"recovery_end_command = '{touch % 'end'}'",
                f"archive_command = '{touch % 'archive'}'",
                "archive_mode = 'always'",
                "ssl = on",
                f"ssl_passphrase_command = '{touch % 'passphrase'}'",
                "ssl_passphrase_command_supports_reload = on",
                "recovery_target_timeline = 'current'",
            ]
        ).encode()
        members = [
            ("postgresql.auto.conf", auto),
            ("postgresql.conf", b"include_if_exists 'postgresql.auto.conf'\n" + auto),
            ("pg_hba.conf", b"local all all trust\n"),
            ("recovery.signal", b""),
            ("standby.signal", b""),
            ("postmaster.opts", b"/bin/false"),
        ]
        backup = planted(tmp_path / "base", tmp_path / "planted", members)
        plain = auto.replace(b"ssl = on\n", b"")
        haste = [("postgresql.auto.conf", plain), ("recovery.signal", b"")]
        unguarded(server, planted(tmp_path / "base", tmp_path / "haste", haste))
    assert "restore" in {path.name for path in marks.iterdir()}, "the payload works"
    for path in marks.iterdir():
        path.unlink()
    made = case(tmp_path / "case", backups=str(backup), wal=str(tmp_path / "archive"))
    answer = ask(made, "2:30")
    assert rows(answer, "model", "sha") == [("a", "one")]
    assert list(marks.iterdir()) == []
    assert any("recovery.signal" in note for note in answer.notes)


def test_members_that_leave_the_folder_make_no_file(tmp_path: Path, marks: Path) -> None:
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server).then("1:00", TABLE)
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
    up = "../" * 12
    members = [
        (f"{up}{str(marks)[1:]}/climbed", b"x"),
        (f"{marks}/absolute", b"x"),
        special("base/out", tarfile.SYMTYPE, str(marks)),
        ("base/out/through", b"x"),
        special("hard", tarfile.LNKTYPE, str(marks / "hard")),
        special("pg_tblspc/99999", tarfile.SYMTYPE, str(marks)),
        ("base/1/evil.so", b"\x7fELF" + b"x" * 100),
        ("base/1/99998", b"\x7fELF" + b"x" * 100),
    ]
    backup = planted(tmp_path / "base", tmp_path / "planted", members)
    made = case(tmp_path / "case", backups=str(backup), wal=str(tmp_path / "archive"))
    answer = ask(made, "2:30")
    assert rows(answer, "model", "sha") == [("a", "one")]
    assert list(marks.iterdir()) == []
    said = " ".join(answer.notes)
    for name in ("climbed", "absolute", "base/out", "hard", "pg_tblspc/99999", "base/1/99998"):
        assert name in said, name
    # With tar's own way of unpacking, a link is followed: the payload is one.
    naive = tmp_path / "naive"
    naive.mkdir()
    subprocess.run(
        ["tar", "-xzPf", backup / "base.tar.gz", "-C", naive], check=False, capture_output=True
    )
    assert (marks / "absolute").exists()


def test_a_tablespace_is_linked_within_the_scratch_folder_or_refused(
    tmp_path: Path, marks: Path
) -> None:
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        server.run("mkdir", server.folder / "aside", server.folder / "late")
        told = Told(server).then(
            "1:00",
            TABLE,
            f"create tablespace aside location '{server.folder}/aside'",
            "alter table ml.lineage set tablespace aside",
        )
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        told.then("4:00", f"create tablespace late location '{server.folder}/late'")
        told.then("5:00", "insert into ml.lineage values ('c', 'three')")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
    made = case(tmp_path / "case", backups=str(tmp_path / "base"), wal=str(tmp_path / "archive"))
    assert rows(ask(made, "3:30"), "model") == [("a",), ("b",)]
    # From the log: replay would make a folder where it says.
    with pytest.raises(BadInputError) as raised:
        ask(made, "5:00")
    assert "makes no tablespace" in str(raised.value)
    without = tmp_path / "without"
    shutil.copytree(tmp_path / "base", without)
    for path in without.glob("[0-9]*.tar.gz"):
        path.unlink()
    bare = case(tmp_path / "bare", backups=str(without), wal=str(tmp_path / "archive"))
    with pytest.raises(BadInputError) as raised:
        ask(bare, "3:30")
    assert "none of tablespace" in str(raised.value)
    mapped = planted(without, tmp_path / "map", [("tablespace_map", f"77777 {marks}\n".encode())])
    with pytest.raises(BadInputError) as raised:
        ask(case(tmp_path / "mapped", backups=str(mapped), wal=str(tmp_path / "archive")), "3:30")
    assert "77777" in str(raised.value)
    assert list(marks.iterdir()) == []


@pytest.mark.parametrize("major", [15, pytest.param(17, marks=pytest.mark.thorough)])
def test_what_the_catalogue_would_run_is_not_run(tmp_path: Path, marks: Path, major: int) -> None:
    """Libraries at login, login triggers, views, index expressions, casts and types."""
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL, major=major) as server:
        statements = [
            TABLE,
            EVIL,
            VIEW.format(marks),
            "create table ml.indexed (a text)",
            "create table ml.clean (model text)",
            "insert into ml.clean values ('clean')",
            "create type ml.pair as enum ('x', 'y')",
            "create table ml.typed (id int, p ml.pair)",
            "insert into ml.typed values (1, 'x')",
            WALLED.format(marks),
        ]
        told = Told(server).then("1:00", *statements)
        server.psql("select * from ml.shown")
        assert (marks / "view").exists(), "the payload works"
        server.psql(f"create index on ml.indexed (public.pure('{marks}/index'))")
        for path in marks.iterdir():
            path.unlink()
        server.psql("select * from ml.indexed")
        assert (marks / "index").exists(), "the payload works"
        server.psql(
            f"create function public.tojson(ml.pair) returns json language sql as "
            f"$$ select to_json(evil('{marks}/cast')) $$; "
            "create cast (ml.pair as json) with function public.tojson(ml.pair)"
        )
        server.psql("select row_to_json(t) from ml.typed t")
        assert (marks / "cast").exists(), "the payload works"
        if major >= 17:
            server.psql(
                "create function public.login() returns event_trigger language plpgsql as "
                f"$$ begin perform evil('{marks}/login'); end $$; "
                "create event trigger at_login on login execute function public.login(); "
                "alter event trigger at_login enable always"
            )
            server.psql("select 1")
            assert (marks / "login").exists(), "the payload works"
        for scope in ("role postgres", "database postgres"):
            server.psql(f"alter {scope} set session_preload_libraries = 'auto_explain'")
            server.psql(f"alter {scope} set search_path = ml, public")
            server.psql(f"alter {scope} set default_transaction_read_only = off")
        loaded = server.psql("select count(*) from pg_settings where name like 'auto_explain.%'")
        assert int(loaded) > 0, "the payload works"
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
    for path in marks.iterdir():
        path.unlink()
    made = case(tmp_path / "case", backups=str(tmp_path / "base"), wal=str(tmp_path / "archive"))
    tables = ["indexed", "walled", "shown"]
    queries = [
        "select * from ml.shown",
        f"select public.evil('{marks}/asked')",
        f"select public.pure('{marks}/asked')",
        "select * from ml.indexed",
        "select p from ml.typed",
        "select p::json from ml.typed",
    ]
    with pytest.MonkeyPatch.context() as patched:
        refused = _tried_when_paused(patched, tables, queries)
        assert rows(ask(made, "2:30"), "model", "sha") == [("a", "one")]
    assert set(queries) <= refused
    answer = ask(
        made,
        "2:30",
        query="select count(*) from pg_catalog.pg_settings where name like 'auto_explain.%'",
    )
    assert answer.answers[0].rows == [["0"]], "nothing was loaded at login"
    typed = ask(made, "2:30", tables=("ml.typed",))
    assert rows(typed, "id") == [("1",)]
    assert any("p (ml.pair)" in note for note in typed.notes)
    with pytest.raises((BadInputError, UsageError)):
        ask(made, "2:30", tables=("ml.shown",))
    with pytest.raises((BadInputError, UsageError)):
        ask(made, "2:30", query=queries[0])
    assert list(marks.iterdir()) == []


def _tried_when_paused(
    patched: pytest.MonkeyPatch, tables: Sequence[str], queries: Sequence[str]
) -> set[str]:
    """Ask all of them of the one server that is restored next; those refused are added."""
    paused = session.paused
    refused: set[str] = set()

    def tried(server: session.Server, plan: Any) -> str:
        database = paused(server, plan)
        for table in tables:
            with (
                suppress(BadInputError, UsageError),
                session.session(server, plan, database) as connection,
            ):
                found = guard.find(connection, "ml", table)
                assert found is not None
                lines(connection, found)
        for query in queries:
            try:
                with session.session(server, plan, database) as connection:
                    asked(connection, query)
            except (BadInputError, UsageError):
                refused.add(query)
        return database

    patched.setattr(session, "paused", tried)
    return refused


def test_the_scratch_folder_is_closed_and_the_server_unprivileged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server).then("1:00", TABLE)
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
    seen: dict[str, object] = {}
    paused = session.paused

    def watched(running: session.Server, plan: object) -> str:
        database = paused(running, plan)  # type: ignore[arg-type]
        folder = running.made.folder
        pid = int((folder / "pid").read_text())
        seen["mode"] = stat.S_IMODE(folder.stat().st_mode)
        seen["user"] = Path(f"/proc/{pid}").stat().st_uid
        seen["sockets"] = Path(f"/proc/{pid}/net/tcp").exists()
        return database

    monkeypatch.setattr(session, "paused", watched)
    made = case(tmp_path / "case", backups=str(tmp_path / "base"), wal=str(tmp_path / "archive"))
    ask(made, "2:30")
    assert seen["mode"] == 0o700
    assert seen["user"] != 0
    assert os.geteuid() != 0 or seen["user"] != os.geteuid()
