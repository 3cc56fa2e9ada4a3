"""Files and folders in a backup, and what of it is never extracted.

A member is a regular file or a folder with a safe relative path. What else there is (``../``, an
absolute path, a link, a device) is refused, and named to whoever asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from collectors.postgres import tar

TAR_NAME = re.compile(r"^(?P<what>base|pg_wal|\d{1,10})\.tar(\.\w+)?$")
"""Names that ``pg_basebackup -Ft`` gives."""
# First components of paths in a data folder: what stands before another one is a folder around it.
_TOP = re.compile(
    r"^(base|global|log|PG_VERSION|backup_|tablespace_map|current_logfiles|pg_|postgresql\.|"
    r"postmaster\.|recovery\.|standby\.|\w+\.signal$)"
)
_MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file or folder of a backup."""

    path: str
    """Relative to the data folder, POSIX, without ``.`` or ``..``: ``global/pg_control``."""
    kind: str
    """``file`` or ``folder``."""
    size: int
    """Bytes; 0 for a folder."""
    mode: int
    """Permission bits, as recorded; 0 where they were not."""
    mtime: datetime | None
    """As recorded by whoever made the backup or copied it; a claim."""
    opened: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        """The file's bytes; of a tar only until the next member is asked for."""
        return self.opened()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a backup holds and no one should extract."""

    name: str
    """As it stands there; hostile, escape it before it is shown."""
    why: str


def safe(name: str) -> str | None:
    """A relative POSIX path without ``.``; None where it is absolute, climbs or holds a control.

    Empty for the folder itself.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts or len(name) > _MAX_PATH:
        return None
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name):  # noqa: PLR2004
        return None
    return "/".join(parts)


def tar_members(
    file: BinaryIO, where: str, under: str, tell: Callable[[Refused], object]
) -> Iterator[Member]:
    """Members of one tar file; ``under``: the folder that its paths belong to, or empty.

    Raises:
        BadInputError: no tar, damaged, or cut off.
    """
    around: str | None = None
    for entry in tar.entries(file, where):
        path = safe(entry.name)
        if path is None:
            tell(Refused(entry.name, "a path that leaves the folder"))
            continue
        if entry.what not in {"file", "folder"}:
            tell(Refused(entry.name, entry.what))
            continue
        if around is None and path and not under:
            # tar made of the folder, not in it: its name stands before every path.
            top = PurePosixPath(path).parts[0]
            around = "" if _TOP.match(top) else top
        if around:
            if path != around and not path.startswith(f"{around}/"):
                tell(Refused(entry.name, f"a path beside the folder {around!r}"))
                continue
            path = path.removeprefix(around).removeprefix("/")
        path = f"{under}/{path}" if under and path else under or path
        data = entry.data
        yield Member(
            path=path,
            kind=entry.what,
            size=entry.size,
            mode=entry.mode,
            mtime=_moment(entry.mtime),
            opened=lambda data=data: data,  # type: ignore[misc]
        )


def tar_folder(name: str) -> str:
    """Where in the data folder the paths of a tar file of that name belong."""
    match = TAR_NAME.match(PurePosixPath(name).name)
    what = match["what"] if match else "base"
    return {"base": "", "pg_wal": "pg_wal"}.get(what, f"pg_tblspc/{what}")


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
