"""What of the evidence is put before the scratch server: regular files, the log, and no more.

Nothing that tells a server what to do: no configuration, no ``*.signal``, no ``postmaster.*``, no
``tablespace_map``; and no file that begins as a program, which a function of the evidence could
have loaded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from collectors.postgres.packing import unpacked
from collectors.postgres.rehydrate.scratch import Scratch
from collectors.postgres.scratch import FOLDER, need_room
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.members import Refused
    from collectors.postgres.rehydrate.plan import Plan

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
        _room(made.folder, size)
        with one.segment.path.open("rb") as file, (folder / one.name).open("xb") as out:
            shutil.copyfileobj(file, out, _CHUNK)
            # One that was cut off behind a SWITCH: the server wants its whole length.
            out.truncate(size)
    for item in plan.files:
        # Its name may end as its packing does.
        name = item.native.rpartition("/")[2].partition(".")[0]
        path = plan.backup.source.path(item)
        if re.fullmatch(r"[0-9A-F]{8}", name):
            with (
                unpacked(path, item.native) as file,
                (folder / f"{name}.history").open("wb") as out,
            ):
                shutil.copyfileobj(file, out, _CHUNK)
    for entry in folder.iterdir():
        if entry.is_file():
            entry.chmod(0o600)


def _room(folder: Path, size: int) -> None:
    need_room(
        folder,
        size,
        "for the scratch server",
        f"free some, or name another disk's folder in {FOLDER}",
    )
