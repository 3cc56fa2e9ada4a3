"""A PostgreSQL server for tests and for the packaged case: real, thrown away, its clock chosen.

    with postgres(tmp, {"track_commit_timestamp": "on"}, clock=at) as server:
        server.psql("create table t (a int)")
        server.move(datetime(2026, 3, 8, 19, 12, tzinfo=UTC))
        server.run("pg_dump", "-Fc", "-f", server.folder / "x.dump", server.dsn)

It listens on a Unix socket in its folder and on a loopback port, with password login over TCP.
Run as root it becomes the user ``postgres``, because a server refuses to run as root.
Under libfaketime the archiver, WAL writer and autovacuum keep the real clock: autovacuum is off.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.faketime import faketime, set_offset, sweep
from tests.programs import MAJORS, binaries, needs, open_to_all

__all__ = [
    "MAJORS",
    "PASSWORD",
    "USER",
    "Postgres",
    "binaries",
    "needs",
    "postgres",
    "restored",
    "standby",
    "upgraded",
]
USER = "postgres"
PASSWORD = "correct horse"  # noqa: S105  (of a server that lives for one test)
_DEFAULTS = {
    "unix_socket_permissions": "0777",
    "listen_addresses": "127.0.0.1",
    "max_connections": "20",
    "shared_buffers": "16MB",
    "fsync": "off",
    "autovacuum": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "archive_mode": "on",
    "archive_timeout": "0",
}


@dataclass(slots=True)
class Postgres:
    """A running server; the context manager :func:`postgres` makes and ends it."""

    bin: Path
    folder: Path
    """Everything of it: ``data``, ``archive``, ``log``, the socket. Others may read in it."""
    port: int
    faketime: Path | None = None
    """The file whose relative offset libfaketime reads, if its clock is chosen."""
    started: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def archive(self) -> Path:
        """Where ``archive_command`` copies WAL segments, ``.history`` and ``.backup`` files."""
        return self.folder / "archive"

    @property
    def dsn(self) -> str:
        """Superuser over the socket, without a password."""
        host = quote(str(self.folder), safe="")
        return f"postgresql://{USER}@/postgres?host={host}&port={self.port}"

    def tcp(self, user: str = USER, password: str = PASSWORD, database: str = "postgres") -> str:
        """A DSN over loopback, with a password."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def psql(self, sql: str, *options: str, dsn: str | None = None) -> str:
        """Run SQL (several statements are several transactions); stop at the first error."""
        return self.run(
            "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *options, dsn or self.dsn, stdin=sql
        )

    def run(self, tool: str, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run one of the server's programs, or another, as its user and under its clock."""
        done = subprocess.run(
            [str(self.bin / tool if (self.bin / tool).exists() else tool), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env=self._env(),
            cwd=self.folder,
            **_as_user(),
        )
        if done.returncode:
            raise RuntimeError(f"{tool}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return str(done.stdout)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.folder / "log", "start")
        self.started = True

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast``, or ``immediate`` as a crash would."""
        if self.started:
            self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")
            self.started = False

    def stop_logged(self, folder: str) -> Path:
        """Stop it, and wait for its log: the process that writes it outlives the server."""
        self.stop()
        logs = self.folder / folder
        for _ in range(200):
            if all(b"database system is shut down" in log.read_bytes() for log in logs.iterdir()):
                return logs
            time.sleep(0.05)
        raise RuntimeError(f"the logs in {logs} have no end")

    def move(self, moment: datetime) -> None:
        """Set its clock to go on from ``moment`` (aware); only where it was made with a clock."""
        if self.faketime is None:
            raise ValueError("this server has the real clock")
        set_offset(self.faketime, moment)
        sweep()

    @contextmanager
    def elsewhere(self, ahead: int) -> Iterator[None]:
        """Programs run as on a machine whose clock is so many seconds ahead of the server's."""
        if self.faketime is None or not ahead:
            yield
            return
        own, other = self.faketime, self.faketime.with_name("clock-elsewhere")
        other.write_text(f"{float(own.read_text()) + ahead:+.3f}\n", encoding="utf-8")
        other.chmod(0o644)
        self.environment["FAKETIME_TIMESTAMP_FILE"] = str(other)
        try:
            yield
        finally:
            self.environment["FAKETIME_TIMESTAMP_FILE"] = str(own)

    def backup(self, name: str, *options: str) -> Path:
        """A plain base backup in the folder ``name``."""
        target = self.folder / name
        self.run("pg_basebackup", "-d", self.dsn, "-D", target, "-c", "fast", *options)
        return target

    def switch_wal(self) -> None:
        """End the current WAL segment and wait until all that is to be archived is."""
        # The byte before it: of an empty segment it gives the place where that begins.
        name = self.psql("select pg_walfile_name(pg_switch_wal() - 1)").strip()
        status = self.data / "pg_wal" / "archive_status"
        for count in range(1200):
            if count % 100 == 99:
                sweep()
                # After three failures the archiver rests for a minute. A reload wakes it.
                self.psql("select pg_reload_conf()")
            # A file that is there may be copied in part as yet, and the history file of a backup
            # comes after the segment: no more work for the archiver is what counts.
            if (self.archive / name).exists() and not list(status.glob("*.ready")):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not reach {self.archive}")

    def _env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"} | self.environment


@contextmanager
def postgres(
    tmp: Path | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    clock: datetime | None = None,
    major: int | None = None,
    initdb: Sequence[str] = (),
    copy: int | None = None,
) -> Iterator[Postgres]:
    """A running server in a folder of its own, with an archive of its WAL; ended and removed.

    ``tmp`` is used if the user ``postgres`` can enter it; else a folder under the system's own.
    ``settings`` go to ``postgresql.conf``; ``clock`` is the moment that its clock starts from.
    ``copy``: initdb runs once in this process for each such number and hour of the clock; others
    are copies, with the same system identifier. Give two clusters of one test two numbers.
    """
    with _made(tmp, clock, binaries(major)) as server:
        if copy is None:
            _initialise(server, initdb)
        else:
            # The hour before: initdb takes its seconds, and no clock goes back after it.
            hour = clock.replace(minute=0, second=0, microsecond=0) if clock else None
            hour = hour - timedelta(hours=1) if hour else None
            kept = _initialised(server.bin, tuple(initdb), copy, hour)
            server.run("cp", "-r", kept, server.data)
            server.data.chmod(0o700)
        _configure(server, {**_DEFAULTS, **(settings or {})})
        server.start()
        yield server


@contextmanager
def restored(
    source: Postgres,
    backup: Path,
    settings: Mapping[str, str] | None = None,
    *,
    clock: datetime | None = None,
    major: int | None = None,
) -> Iterator[Postgres]:
    """A server restored from a base backup and the archive of ``source``, promoted.

    ``settings`` hold the target, ``{"recovery_target_time": …}``; the new timeline's WAL and its
    ``.history`` file go to an archive of its own.
    """
    with _made(None, clock, binaries(major) if major else source.bin) as server:
        _copied(server, backup, "recovery.signal")
        fetch = {
            "restore_command": f"cp {source.archive}/%f %p",
            "recovery_target_action": "promote",
        }
        _configure(server, {**fetch, **(settings or {})})
        server.start()
        server.psql("select pg_promote()" if _in_recovery(server) else "select 1")
        yield server


@contextmanager
def standby(
    source: Postgres,
    backup: Path | None = None,
    *,
    clock: datetime | None = None,
    major: int | None = None,
) -> Iterator[Postgres]:
    """A standby that follows a running server, and answers reads; not promoted.

    It starts from a base backup: ``backup``, or one made now. Without ``backup`` it has no archive.
    """
    with _made(None, clock, binaries(major) if major else source.bin) as server:
        if backup is None:
            server.environment |= {"PGHOST": str(source.folder)}
            copy = ("pg_basebackup", "-d", source.dsn, "-D", server.data, "-c", "fast", "-R")
            server.run(*copy)
            server.data.chmod(0o700)
            _configure(server, {"archive_mode": "off", "hot_standby": "on"})
        else:
            _copied(server, backup, "standby.signal")
            upstream = f"host={source.folder} port={source.port} user={USER}"
            follow = {"primary_conninfo": upstream, "wal_retrieve_retry_interval": "100ms"}
            _configure(server, follow)
        server.start()
        yield server


@contextmanager
def upgraded(
    old: Postgres,
    settings: Mapping[str, str] | None = None,
    *,
    major: int,
    clock: datetime | None = None,
    initdb: Sequence[str] = (),
) -> Iterator[Postgres]:
    """A server of a newer major version that ``pg_upgrade`` made of ``old``, which is stopped.

    ``initdb`` must give what ``old`` was made with, such as the size of WAL segments.
    """
    with _made(None, clock, binaries(major)) as server:
        _initialise(server, initdb)
        old.stop()
        server.run(
            "pg_upgrade",
            *("-b", old.bin, "-B", server.bin, "-d", old.data, "-D", server.data),
            *("-U", USER, "-p", str(_free_port()), "-P", str(_free_port())),
            *("-s", server.folder),
        )
        _configure(server, {**_DEFAULTS, **(settings or {})})
        server.start()
        yield server


@contextmanager
def _made(tmp: Path | None, clock: datetime | None, bin_folder: Path | None) -> Iterator[Postgres]:
    if bin_folder is None:
        raise FileNotFoundError("PostgreSQL server programs under /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=tmp if tmp and _can_enter(tmp) else None))
    server = Postgres(bin_folder, folder, _free_port())
    try:
        folder.chmod(0o755)
        server.archive.mkdir()
        _give(folder)
        _give(server.archive)
        if clock is not None:
            server.faketime = folder / "clock"
            server.environment = faketime(server.faketime)
            server.move(clock)
        yield server
    finally:
        if server.started:
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _copied(server: Postgres, backup: Path, signal: str) -> None:
    """A base backup as the data of a server that starts as the file ``signal`` says."""
    server.run("cp", "-r", backup, server.data)
    server.data.chmod(0o700)
    (server.data / signal).touch()
    _give(server.data / signal)


@cache
def _initialised(
    programs: Path, initdb: Sequence[str], number: int, clock: datetime | None
) -> Path:
    """A data folder from initdb that no server has run on; ``number`` tells clusters apart."""
    del number
    with _made(None, clock, programs) as server:
        _initialise(server, initdb)
        kept = Path(tempfile.mkdtemp(prefix="pg-initialised-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        _give(kept)
        server.run("cp", "-r", server.data, kept / "data")
    return kept / "data"


def _initialise(server: Postgres, initdb: Sequence[str]) -> None:
    password = server.folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    _give(password)
    server.run(
        *("initdb", "-D", server.data, "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"),
        *("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}", *initdb),
    )


def _configure(server: Postgres, settings: Mapping[str, str]) -> None:
    lines: dict[str, str] = {
        **settings,
        "port": str(server.port),
        "unix_socket_directories": str(server.folder),
        "archive_command": f"cp %p {server.archive}/%f.part && "
        f"mv {server.archive}/%f.part {server.archive}/%f",
    }
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())


def _in_recovery(server: Postgres) -> bool:
    for _ in range(100):
        if server.psql("select pg_is_in_recovery()").strip() == "f":
            return False
        time.sleep(0.1)
    return True


def _as_user() -> dict[str, Any]:
    # Not through setpriv or runuser: under libfaketime its semaphore would then be root's.
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": USER, "extra_groups": []}


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def _can_enter(folder: Path) -> bool:
    # A socket's path holds at most 107 bytes, and pytest's folders are closed to other users.
    short = len(str(folder.resolve())) < 60
    return short and (os.geteuid() != 0 or open_to_all(folder))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
