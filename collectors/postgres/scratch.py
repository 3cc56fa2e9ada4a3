"""Scratch folders: closed to others, gone after use, and swept where a killed run left one.

A file in the folder is locked for as long as its run lives, by the kernel and not by a number that
another process may have by then. So the next run can tell what a dead one left, and removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.errors import BadInputError, UnreachableError

FOLDER = "RECON_SCRATCH"
"""Environment variable: where scratch folders are made."""
SPARE = 1 << 28
"""Bytes that stay free on a disk, 256 MiB."""
WAL = "recon-wal-"
"""Prefix of folders with pieces of WAL."""
_MAKING = "recon-making-"
_LOCK = "lock"


def root() -> Path:
    """Where scratch folders are made: the folder that the environment names, or the system's."""
    return Path(os.environ.get(FOLDER) or tempfile.gettempdir())


@contextmanager
def scratch_folder(prefix: str, under: Path) -> Iterator[Path]:
    """A new folder ``prefix…``, mode 0700; what dead runs left under that prefix is removed first.

    Raises:
        UnreachableError: nothing can be made in ``under``.
    """
    sweep(prefix, under)
    try:
        made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=under))
    except OSError as error:
        found = error.strerror or str(error)
        todo = f"name one in {FOLDER}"
        raise UnreachableError("a folder to write in", found, str(under), todo) from error
    folder = made.with_name(made.name.replace(_MAKING, prefix, 1))
    lock = (made / _LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only now under the name that is swept: another run must not take it for a dead one's.
        made.rename(folder)
        yield folder
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


def sweep(prefix: str, under: Path) -> list[Path]:
    """Remove the folders of runs that have ended; the folders."""
    gone = []
    for folder in sorted(under.glob(f"{prefix}*")):
        try:
            status = folder.lstat()
            owned = os.geteuid() in {0, status.st_uid}
            if folder.is_symlink() or not folder.is_dir() or not owned:
                continue
            # Whoever made the folder may be no friend: no link is followed, no pipe waited for.
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(lock)
        except OSError:
            continue  # another run's, which lives, or is just being made
        shutil.rmtree(folder, ignore_errors=True)
        gone.append(folder)
    return gone


def need_room(folder: Path, size: int, why: str, todo: str) -> None:
    """Refuse to fill a disk: ``size`` bytes must fit, and :data:`SPARE` stay free.

    Raises:
        BadInputError: they do not. ``why``: what wants them, ``todo``: what to do about it.
    """
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise BadInputError(f"{size + SPARE} bytes free {why}", str(free), str(folder), todo)
