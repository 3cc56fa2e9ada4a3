"""The scratch folder: made for one restore, closed to others, and gone after it.

``recon-rehydrate-…`` under the system's temporary folder (or ``RECON_SCRATCH``), mode 0700, owned
by the user that the server runs as. A file in it is locked for as long as the run lives, so that
the next run can tell what a dead one left behind, and removes it.

Of the evidence come regular files and folders only, and of those nothing that tells a server what
to do: no configuration, no ``*.signal``, no ``postmaster.*``, no ``tablespace_map``; and no file
that begins as a program, which a function of the evidence could have loaded.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from collectors.postgres.packed import unpacked
from recon.errors import BadInputError, UnreachableError

if TYPE_CHECKING:
    from collectors.postgres.base import Refused
    from collectors.postgres.rehydrate.plan import Plan

FOLDER = "RECON_SCRATCH"
"""Environment variable: where scratch folders are made."""
PREFIX = "recon-rehydrate-"
_MAKING = "recon-making-"
_USERS = ("postgres", "nobody")
_MAX_SOCKET = 90
"""Bytes of the folder of a socket, whose path holds at most 107 with its name."""
_SPARE = 1 << 28
"""Bytes that stay free on the disk."""
_CHUNK = 1 << 20
# Of a server's own making, or what would make it do something.
_DROPPED = re.compile(
    r"(?:.*\.(?:conf|signal|pid|opts|sql|sh|so|dylib|dll)|postmaster\..*|.*\.conf\..*|"
    r"tablespace_map(?:\.old)?|recovery\.(?:conf|done)|backup_manifest|current_logfiles|"
    r"(?:pg_wal|pg_replslot|pg_stat_tmp|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|log|"
    r"pg_log)(?:/.*)?|.*\.backup)$",
    re.DOTALL,
)
_PROGRAMS = (
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"MZ",
    b"#!",
)
_FOLDERS = (
    *("base", "global", "pg_commit_ts", "pg_dynshmem", "pg_logical", "pg_logical/mappings"),
    *("pg_logical/snapshots", "pg_multixact", "pg_multixact/members", "pg_multixact/offsets"),
    *("pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp"),
    *("pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal", "pg_wal/archive_status"),
    *("pg_wal/summaries", "pg_xact"),
)
_EXPECTED = {
    *("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf", "PG_VERSION"),
    *("backup_manifest", "postmaster.opts", "postmaster.pid", "current_logfiles"),
}
"""What every backup has, and nothing is restored of without a word each time."""
_LOG = ("pg_wal/", "pg_replslot/", "pg_stat_tmp/", "pg_notify/", "pg_log/", "log/")
_TABLESPACE = re.compile(r"pg_tblspc/(\d{1,10})(?:/(.*))?$", re.DOTALL)


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
    root = _root()
    sweep(root)
    user = _user()
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=root))
    folder = made.with_name(made.name.replace(_MAKING, PREFIX, 1))
    lock = (made / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only now under the name that is swept: another run must not take it for a dead one's.
        made.rename(folder)
        (folder / "data").mkdir(mode=0o700)
        yield Scratch(folder, user)
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path) -> list[Path]:
    """Remove the folders of runs that have ended; the folders."""
    gone = []
    for folder in sorted(root.glob(f"{PREFIX}*")):
        try:
            status = folder.lstat()
            owned = os.geteuid() in {0, status.st_uid}
            if folder.is_symlink() or not folder.is_dir() or not owned:
                continue
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # another run's, which lives, or is just being made
        shutil.rmtree(folder, ignore_errors=True)
        gone.append(folder)
    return gone


def fill(made: Scratch, plan: Plan, progress: Callable[[int], None] = lambda _: None) -> None:
    """Files of the backup, then the log and the history files that replay needs.

    Raises:
        BadInputError: no room, a damaged tar, or a tablespace that is not there.
    """
    for name in _FOLDERS:
        (made.data / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    _room(made.folder, sum(item.size for item in plan.backup.items))
    mapped: set[str] = set()
    written = 0

    def refused(one: Refused) -> None:
        made.refused.append(f"{one.name!r}: {one.why}")

    for member in plan.backup.members(refused):
        if member.path == "tablespace_map" and member.kind == "file":
            with member.open() as file:
                mapped = _mapped(file.read(1 << 20))
            continue
        target = _place(made, member.path, member.kind)
        if target is None:
            continue
        if member.kind == "folder":
            target.mkdir(parents=True, exist_ok=True, mode=0o700)
            continue
        _room(made.folder, member.size)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with member.open() as file:
            written += _write(made, member.path, file, target)
        progress(written)
    missing = mapped - made.tablespaces
    if missing:
        raise BadInputError(
            "the files of every tablespace of the backup",
            f"none of tablespace {', '.join(sorted(missing))}",
            plan.backup.native,
            "collect the backup in tar files (pg_basebackup -Ft), or put each tablespace's folder "
            "in the place of its link under pg_tblspc",
        )
    _fill_log(made, plan)


def _place(made: Scratch, path: str, kind: str) -> Path | None:
    """Where a member goes; None: nowhere."""
    if _DROPPED.match(path):
        if path not in _EXPECTED and kind == "file" and not path.startswith(_LOG):
            made.refused.append(f"{path!r}: not the evidence's to say")
        return None
    space = _TABLESPACE.match(path)
    if space is None:
        return made.data / path
    oid = space[1]
    own = made.folder / "tablespaces" / oid
    if oid not in made.tablespaces:
        made.tablespaces.add(oid)
        own.mkdir(parents=True, mode=0o700)
        (made.data / "pg_tblspc" / oid).symlink_to(own)
    if not space[2]:
        return own if kind == "folder" else None
    return own / space[2]


def _write(made: Scratch, path: str, file: BinaryIO, target: Path) -> int:
    size = 0
    head = file.read(_CHUNK)
    if head.startswith(_PROGRAMS):
        made.refused.append(f"{path!r}: begins as a program")
        return 0
    # x: a path that is a file and a folder to two members, or a link, ends here.
    with target.open("xb") as out:
        while head:
            size += out.write(head)
            head = file.read(_CHUNK)
    target.chmod(0o600)
    return size


def _mapped(data: bytes) -> set[str]:
    """OIDs of ``OID PATH`` lines. Where the links led is of no concern: they are not made."""
    return set(re.findall(r"^(\d{1,10}) ", data.decode("utf-8", "replace"), re.MULTILINE))


def _fill_log(made: Scratch, plan: Plan) -> None:
    folder = made.data / "pg_wal"
    for one in plan.segments:
        size = one.geometry.segment
        with (
            unpacked(one.segment.path, one.name) as file,
            (folder / one.name).open("xb") as out,
        ):
            shutil.copyfileobj(file, out, _CHUNK)
            # One that was cut off behind a SWITCH: the server wants its whole length.
            out.truncate(size)
    for item in plan.files:
        name = item.native.rpartition("/")[2]
        if re.fullmatch(r"[0-9A-F]{8}\.history", name):
            shutil.copyfile(plan.backup.source.path(item), folder / name)
    for entry in folder.iterdir():
        if entry.is_file():
            entry.chmod(0o600)


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise BadInputError(
            f"{size + _SPARE} bytes free for the scratch server",
            str(free),
            str(folder),
            f"free some, or name another disk's folder in {FOLDER}",
        )


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
