"""Make the logs of a restore anew, and write what is expected of every case."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

from tests.corpus.postgres.serverlog.expected import HERE, PREFIXES, lines
from tests.servers import postgres, restored

_NOON = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
_SETTINGS = {
    "logging_collector": "on",
    "log_directory": "../log.d",
    "log_filename": "server.log",
    "log_statement": "all",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_checkpoints": "on",
    "log_line_prefix": PREFIXES["restore"][0],
    "log_destination": "stderr,csvlog,jsonlog",
}


def main() -> None:
    """Run both servers, and keep the second one's logs."""
    target = {"recovery_target_time": "2026-03-08 12:30:00+00"}
    with postgres(None, _SETTINGS, major=15, clock=_NOON) as server:
        server.backup("base")
        server.psql("create table before (a int)")
        server.move(_NOON + timedelta(hours=1))
        server.psql("create table later (a int)")
        server.switch_wal()
        with restored(server, server.folder / "base", target, clock=_NOON, major=15) as copy:
            for file in copy.stop_logged("log.d").iterdir():
                shutil.copy(file, HERE / "restore")
    expected()


def expected() -> None:
    """Write ``expected.jsonl`` of every case."""
    for case in PREFIXES:
        text = "\n".join(lines(case))
        (HERE / case / "expected.jsonl").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
