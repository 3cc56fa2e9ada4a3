"""Where the tests find the programs of each version of PostgreSQL."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from collectors.postgres.binaries import find

MAJORS = (14, 15, 16, 17, 18)
"""Versions that the tests have servers of."""


def binaries(major: int | None = None) -> Path | None:
    """Folder of the server's programs: of ``major``, or of the newest that Debian installed."""
    if major is None:
        root = Path("/usr/lib/postgresql")
        found = {int(path.name): path / "bin" for path in root.glob("[0-9]*")}
        return found[max(found)] if found else None
    program = find("postgres", major)
    return _reachable(program.parent) if program else None


def needs(*majors: int) -> None:
    """Skip the test where a version is missing; fail it where ``RECON_POSTGRES`` was set.

    As ``make`` sets it: a build that could not be fetched must not pass for a test that ran.
    """
    import pytest  # what makes the packaged evidence runs without it

    missing = [str(major) for major in majors if binaries(major) is None]
    if missing:
        text = f"no server programs of PostgreSQL {' and '.join(missing)}"
        if os.environ.get("RECON_POSTGRES_NEEDED"):
            pytest.fail(f"{text} in {os.environ['RECON_POSTGRES']} or where Debian has them")
        pytest.skip(text)


@cache
def _reachable(programs: Path) -> Path:
    """The folder, or a copy of its build where the user ``postgres`` cannot enter it."""
    if os.geteuid() != 0 or open_to_all(programs):
        return programs
    copy = Path(tempfile.mkdtemp(prefix="pg-build-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    shutil.copytree(programs.parent, copy / "build", symlinks=True)
    return copy / "build" / "bin"


def open_to_all(folder: Path) -> bool:
    """Whether any user may enter a folder."""
    chain = (folder.resolve(), *folder.resolve().parents)
    return all(path.stat().st_mode & 0o001 for path in chain)
