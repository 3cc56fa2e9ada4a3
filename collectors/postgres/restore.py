"""Rows of a dump by ``pg_restore``, where they are packed in a way that Python cannot unpack.

LZ4 and Zstandard came with pg_dump 16; the ``pg_restore`` that reads them is of 16 or later.
It is run on the file alone, never against a server: it prints SQL, of which only the rows between
``COPY`` and its end marker are taken. No shell, no inherited environment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.archive import Entry

PACKED_SINCE = 16
"""First version whose dumps may be packed by LZ4 or Zstandard."""
_SECONDS = 3600
_DEBIAN = Path("/usr/lib/postgresql")


def find(at_least: int) -> Path | None:
    """The newest ``pg_restore`` of that major version or later, if one is installed."""
    installed = {
        int(path.parent.parent.name): path
        for path in _DEBIAN.glob("*/bin/pg_restore")
        if path.parent.parent.name.isdigit()
    }
    on_path = shutil.which("pg_restore")
    if on_path and (major := _major(Path(on_path))):
        installed.setdefault(major, Path(on_path))
    newest = max(installed, default=0)
    return installed[newest] if newest >= at_least else None


def command(program: Path | str, entry: Entry, dump: Path | str) -> list[str]:
    """The call that prints the rows of one table."""
    return [
        str(program),
        "--data-only",
        f"--schema={entry.namespace}",
        f"--table={entry.tag}",
        "--file=-",
        "--",
        str(dump),
    ]


def rows(dump: Path, entry: Entry, packed: str, where: str) -> Iterator[bytes]:
    """COPY text of one table with its end marker.

    Raises:
        BadInputError: no such pg_restore is installed, or it refused the file.
    """
    program = find(PACKED_SINCE)
    if program is None:
        raise BadInputError(
            "rows packed by gzip, or not at all",
            f"rows packed by {packed}",
            where,
            f"install pg_restore {PACKED_SINCE} or later, or dump with --compress=gzip",
        )
    with subprocess.Popen(  # noqa: S603  (a list; the names in it follow = or --)
        command(program, entry, dump),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        cwd="/",
    ) as process:
        timer = threading.Timer(_SECONDS, process.kill)
        timer.start()
        try:
            ended = yield from _between(process, entry.copy.strip().encode())
        finally:
            timer.cancel()
            process.kill()
    if not ended:
        raise BadInputError(
            "the rows, and their end marker",
            f"exit code {process.returncode} of {program}",
            where,
            "run it by hand to see its message",
        )


def _between(process: subprocess.Popen[bytes], start: bytes) -> Generator[bytes, None, bool]:
    """Lines after the COPY statement, to the end marker. Returns whether that was there."""
    if process.stdout is None:  # it was opened as a pipe
        return False
    inside = False
    for line in process.stdout:
        if inside:
            yield line
            if line == b"\\.\n":
                return True
        elif line.strip() == start:
            inside = True
    return False


def _major(program: Path) -> int | None:
    done = subprocess.run(  # noqa: S603
        [str(program), "--version"], capture_output=True, check=False, timeout=10, env={}
    )
    match = re.search(rb"\) (\d+)", done.stdout)
    return int(match.group(1)) if match else None
