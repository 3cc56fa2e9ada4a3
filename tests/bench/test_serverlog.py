"""Lines of a server log per second, beside Python's ``re`` on the same expression."""

# ruff: noqa: S608  (the SQL of a log is never run)

from __future__ import annotations

import re
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.postgres.serverlog.prefix import compile_prefix
from tests.collectors.postgres.serverlog.reading import read_file

LINES = 1_000_000
PREFIX = "%m [%p] %q%u@%d "
START = datetime(2026, 2, 14, tzinfo=UTC)


def _lines(kind: str) -> list[str]:
    """A day of a busy server: statements that read and write, and connections."""
    made = []
    for n in range(LINES):
        stamp = f"{START + timedelta(milliseconds=86 * n):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
        message = (
            f"statement: insert into ml.lineage (model, version) values ('m{n % 97}', '2.{n}')",
            f"statement: select * from ml.lineage where model = 'm{n % 97}'",
            f"execute <unnamed>: update ml.evaluations set score = $1 where id = {n}",
            "connection authorized: user=ci database=lineage application_name=psql",
        )[n % 4]
        if kind == "stderr":
            made.append(f"{stamp} [{n % 9000}] ci@lineage LOG:  {message}\n")
        elif kind == "csvlog":
            made.append(
                f'{stamp},"ci","lineage",{n % 9000},"10.0.0.7:40022",69ad64c6.67d0,{n},"idle",'
                f'{stamp[:19]} UTC,3/14,0,LOG,00000,"{message}",,,,,,,,,'
                '"psql","client backend",,0\n'
            )
        else:
            made.append(
                f'{{"timestamp":"{stamp}","user":"ci","dbname":"lineage","pid":{n % 9000},'
                f'"session_id":"69ad64c6.67d0","txid":0,"error_severity":"LOG",'
                f'"message":"{message}","application_name":"psql"}}\n'
            )
    return made


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["stderr", "csvlog", "jsonlog"])
def test_a_million_lines(kind: str, tmp_path: Path) -> None:
    ending = {"stderr": "log", "csvlog": "csv", "jsonlog": "json"}[kind]
    log = tmp_path / f"server.{ending}"
    log.write_text("".join(_lines(kind)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = read_file(log, log_line_prefix=PREFIX)
    took = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = log.stat().st_size / 1e6
    print(f"\n{kind}: {LINES:,} lines, {megabytes:.0f} MB, {found.events.height:,} events")
    print(f"read to events  {took:6.2f} s  {LINES / took / 1e6:6.2f} M lines/s")
    print(f"peak memory     {memory / 1024**2:.2f} GiB ({(memory - before) / 1024**2:+.2f})")
    if kind == "stderr":
        head = re.compile(compile_prefix(PREFIX).pattern)
        start = time.perf_counter()
        with log.open() as file:
            matched = sum(head.match(line.rstrip("\n")) is not None for line in file)
        peer = time.perf_counter() - start
        print(f"Python re alone {peer:6.2f} s  {LINES / peer / 1e6:6.2f} M lines/s")
        assert matched == LINES
    assert found.events.height == LINES * 3 // 4
    assert found.warnings == []
