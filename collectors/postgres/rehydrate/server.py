"""The scratch server: started behind guards, paused at the point, ended whatever happens.

Recon holds the write end of a pipe; a shell that holds the read end is the server's parent. When
the pipe closes, because all is done or because recon was killed, the shell ends the server and
removes the scratch folder. No other process is needed to live for that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.postgres.binaries import ENVIRONMENT, need
from collectors.postgres.rehydrate.scratch import Scratch
from collectors.postgres.wal.layout import show_lsn
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.rehydrate.plan import Plan

# $1 the folder, $2 the program. A signal is sent more than once: a server that is just starting
# ignores it, as what a shell puts in the background does.
_WATCH = r"""
umask 077
( "$2" -D "$1/data" -c config_file="$1/conf/postgresql.conf" </dev/null >>"$1/log" 2>&1 &
  echo $! >"$1/pid"; wait $!; echo $? >"$1/ended" ) &
cat >/dev/null
while [ ! -s "$1/pid" ] && [ ! -e "$1/ended" ]; do sleep 0.1; done
tries=0
until [ -e "$1/ended" ]; do
  [ $tries -lt 100 ] && how=QUIT || how=KILL
  kill -$how "$(cat "$1/pid")" 2>/dev/null
  tries=$((tries + 1)); sleep 0.1
done
wait
rm -rf -- "$1"
"""
_LOG_LINES = 3
_LOG_BYTES = 1 << 16
_LOUD = ("FATAL", "PANIC", "HINT")
_POLL = 0.05
_EVENT_TRIGGERS_SINCE = 17


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is starting or running."""

    made: Scratch
    program: Path
    settings: Mapping[str, str]

    @property
    def socket(self) -> Path:
        """Folder of its socket."""
        return self.made.folder / "socket"

    @property
    def ended(self) -> bool:
        """Whether it has stopped by itself."""
        return (self.made.folder / "ended").exists()

    def log(self) -> str:
        """The last words of its log that say why it stopped."""
        try:
            with (self.made.folder / "log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return "nothing"
        loud = [line for line in text.splitlines() if any(f"{word}: " in line for word in _LOUD)]
        lines = loud or text.splitlines()
        return "; ".join(line.split("] ", 1)[-1].strip() for line in lines[-_LOG_LINES:])


def settings(plan: Plan, made: Scratch) -> dict[str, str]:
    """The server's own configuration; of the evidence nothing but what its control file counts."""
    control = plan.control
    chosen = {
        "data_directory": str(made.data),
        "hba_file": str(made.folder / "conf" / "pg_hba.conf"),
        "ident_file": str(made.folder / "conf" / "pg_ident.conf"),
        "external_pid_file": "",
        # Reached over a socket in the closed folder, and by nothing else.
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(made.folder / "socket"),
        "unix_socket_permissions": "0700",
        "ssl": "off",
        # Runs nothing and loads nothing.
        "shared_preload_libraries": "",
        "session_preload_libraries": "",
        "local_preload_libraries": "",
        "jit": "off",
        "archive_mode": "off",
        "archive_cleanup_command": "",
        "recovery_end_command": "",
        "restore_command": "/bin/false",
        "primary_conninfo": "",
        "logging_collector": "off",
        "max_logical_replication_workers": "0",
        "autovacuum": "off",
        "fsync": "off",
        # Where to stop, and to stand still there.
        "hot_standby": "on",
        "recovery_target_lsn": show_lsn(plan.stop),
        "recovery_target_inclusive": "on" if plan.inclusive else "off",
        "recovery_target_action": "pause",
        "recovery_target_timeline": str(plan.timeline),
        # A standby refuses to run with less than its primary had.
        "max_connections": str(max(control.max_connections, 10)),
        "max_worker_processes": str(control.max_worker_processes),
        "max_wal_senders": str(control.max_wal_senders),
        "max_prepared_transactions": str(control.max_prepared_transactions),
        "max_locks_per_transaction": str(max(control.max_locks_per_transaction, 64)),
        "track_commit_timestamp": "on" if control.track_commit_timestamp else "off",
        "wal_level": "replica",
        "max_parallel_workers_per_gather": "0",
        "shared_buffers": "32MB",
        "huge_pages": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_line_prefix": "%t [%p] ",
        "default_transaction_read_only": "on",
    }
    if plan.major >= _EVENT_TRIGGERS_SINCE:
        chosen["event_triggers"] = "off"
    return chosen


def options(major: int) -> str:
    """``PGOPTIONS`` of every session: these win over what roles and databases of it set."""
    guards = {
        "session_preload_libraries": "",
        "local_preload_libraries": "",
        "search_path": "pg_catalog",
        "default_transaction_read_only": "on",
        "row_security": "off",
        "statement_timeout": "60s",
        "lock_timeout": "5s",
        "jit": "off",
        "client_encoding": "UTF8",
        "TimeZone": "UTC",
        "DateStyle": "ISO,YMD",
        "IntervalStyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "max_parallel_workers_per_gather": "0",
        "default_transaction_isolation": "repeatable\\ read",
    }
    if major >= _EVENT_TRIGGERS_SINCE:
        guards["event_triggers"] = "off"
    return " ".join(f"-c {name}={value}" for name, value in guards.items())


@contextmanager
def running(plan: Plan, made: Scratch) -> Iterator[Server]:
    """A server started over a filled scratch folder; ended, and its folder removed, after.

    Raises:
        BadInputError: its programs are not installed.
    """
    program = _reachable(need("postgres", plan.major, "the scratch server"), made)
    server = Server(made, program, settings(plan, made))
    conf = made.folder / "conf"
    conf.mkdir(mode=0o700)
    (made.folder / "socket").mkdir(mode=0o700)
    text = "".join(
        f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n"
        for name, value in server.settings.items()
    )
    (conf / "postgresql.conf").write_text(text, encoding="utf-8")
    (conf / "pg_hba.conf").write_text("local all all trust\n", encoding="utf-8")
    (conf / "pg_ident.conf").touch()
    # Not standby.signal: a standby waits for ever for log that never comes.
    (made.data / "recovery.signal").touch()
    (made.folder / "log").touch()
    made.give()
    who: dict[str, Any] = {}
    if made.user is not None:
        who = {"user": made.user, "group": _group(made.user), "extra_groups": []}
    watch = subprocess.Popen(  # noqa: S603  (a fixed argument list)
        ["/bin/sh", "-c", _WATCH, "recon-scratch", str(made.folder), str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": ENVIRONMENT["PATH"], "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        **who,
    )
    try:
        yield server
    finally:
        if watch.stdin is not None:
            with suppress(OSError):
                watch.stdin.close()
        watch.wait()


def wait(server: Server, seconds: float) -> None:
    """Until it answers or has stopped.

    Raises:
        BadInputError: it stopped, with its own words, or took longer.
    """
    deadline = time.monotonic() + seconds
    socket = server.socket / ".s.PGSQL.5432"
    while time.monotonic() < deadline:
        if server.ended:
            raise BadInputError(
                "a server that reaches the target", server.log(), "the scratch server"
            )
        if socket.exists():
            return
        time.sleep(_POLL)
    raise BadInputError(
        f"a server that starts within {seconds:.0f} s", server.log(), "the scratch server"
    )


def _reachable(program: Path, made: Scratch) -> Path:
    """The program, or a copy of its build where the server's user cannot enter it."""
    if made.user is None:
        return program
    real = program.resolve()
    if all(path.stat().st_mode & 0o001 for path in (real, *real.parents)):
        return program
    build = real.parent.parent
    shutil.copytree(build, made.folder / "build", symlinks=True)
    return made.folder / "build" / "bin" / program.name


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
