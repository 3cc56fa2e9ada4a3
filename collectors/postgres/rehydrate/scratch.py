"""The scratch folder of one restore: who owns it, and what lies in it.

``recon-rehydrate-…`` under the system's temporary folder (or ``RECON_SCRATCH``), mode 0700, owned
by the user that the server runs as.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from collectors.postgres.scratch import FOLDER, scratch_folder
from recon.errors import UnreachableError

PREFIX = "recon-rehydrate-"
_USERS = ("postgres", "nobody")
_MAX_SOCKET = 90
"""Bytes of the folder of a socket, whose path holds at most 107 with its name."""


@dataclass(slots=True)
class Scratch:
    """One folder, its user, and what was left out of it."""

    folder: Path
    user: str | None
    """Who the server runs as; None: whoever runs this."""
    refused: list[str] = field(default_factory=list)
    """What of the backup is not in it, and why."""
    tablespaces: set[str] = field(default_factory=set)

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    def give(self) -> None:
        """Everything in it to the server's user."""
        if self.user is None:
            return
        owner = pwd.getpwnam(self.user)
        for place, folders, files in os.walk(self.folder):
            for name in (*folders, *files):
                os.chown(Path(place, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A new folder; what dead runs left is removed first.

    Raises:
        UnreachableError: no folder that the server's user could enter, or no such user.
    """
    under = _root()
    user = _user()
    with scratch_folder(PREFIX, under) as folder:
        (folder / "data").mkdir(mode=0o700)
        yield Scratch(folder, user)


def _root() -> Path:
    chosen = os.environ.get(FOLDER)
    for one in [Path(chosen)] if chosen else [Path(tempfile.gettempdir()), Path("/tmp")]:  # noqa: S108  (mkdtemp makes a folder of its own in it)
        with suppress(OSError):
            root = one.resolve(strict=True)
            short = len(os.fsencode(root)) < _MAX_SOCKET - len(PREFIX) - 20
            if short and (os.geteuid() != 0 or _open_to_all(root)):
                return root
    raise UnreachableError(
        "a short path to a folder that every user can enter",
        chosen or tempfile.gettempdir(),
        "the scratch server",
        f"name one in {FOLDER}",
    )


def _user() -> str | None:
    """A server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        with suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise UnreachableError(
        f"a user {' or '.join(_USERS)}", "neither", "the scratch server", "run as another than root"
    )


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))
