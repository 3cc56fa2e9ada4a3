"""Base backups into the case: plain folders file by file, tar files whole.

So that old evidence and new reads the same, what is small and says most of a backup (its label,
manifest, control file, and its WAL) is an item of its own also where it was read out of a tar.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from collectors.postgres.base import FILE, TAR
from collectors.postgres.members import TAR_NAME, Refused, safe, tar_folder, tar_members
from collectors.postgres.packing import HEAD, packing_of, unpacked
from collectors.postgres.scratch import need_room
from collectors.postgres.wal_files import walk
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collectors.postgres.options import PostgresOptions
    from recon.collector import Acquisition, Item

NAMED = {
    "backup_label": "pg.backup-label",
    "backup_label.old": "pg.backup-label",
    "backup_manifest": "pg.backup-manifest",
    "global/pg_control": "pg.control-file",
}
_NOT_COPIED = "label, manifest, control file and WAL; the data files were not copied"
_USTAR_AT = 257
_SHOWN = 50


def acquire_backup(
    acquisition: Acquisition, native: str, path: Path, wal_kind: Callable[[str], str | None]
) -> None:
    """One entry of ``backups``: a plain folder, a folder of tar files, or one tar file.

    ``wal_kind``: kind of an item by its name in ``pg_wal``, or None.
    """
    tars = _tars(native, path)
    if tars is None:
        _plain(acquisition, native, path, wal_kind)
        return
    if path.is_dir() and (path / "backup_manifest").is_file():
        place = f"{native}/backup_manifest"
        meta = {"backup": native, "path": "backup_manifest"}
        _copy(acquisition, place, NAMED["backup_manifest"], path / "backup_manifest", meta)
    room(acquisition, native, sum(file.stat().st_size for _, file in tars))
    for place, file in tars:
        try:
            acquire_tar(acquisition, native, place, file, wal_kind)
        except ReconError as error:
            acquisition.failed(place, error)


def _tars(native: str, path: Path) -> list[tuple[str, Path]] | None:
    """The tar files of a backup, by native name; None: it is a plain folder."""
    if not path.is_dir():
        if _is_tar(path, native):
            return [(native, path)]
        raise BadInputError(
            "a base backup: its folder, or its tar file",
            "another kind of file",
            native,
            "give the folder that pg_basebackup made",
        )
    named = sorted(entry for entry in path.iterdir() if TAR_NAME.match(entry.name))
    regular = [entry for entry in named if S_ISREG(entry.lstat().st_mode)]
    return [(f"{native}/{entry.name}", entry) for entry in regular] or None


def _is_tar(path: Path, native: str) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not packing_of(head) and not TAR_NAME.match(path.name) and path.suffix != ".tar":
        with path.open("rb") as file:
            return file.read(_USTAR_AT + 5)[_USTAR_AT:] == b"ustar"
    with unpacked(path, native) as stream:
        block = b""
        while len(block) < _USTAR_AT + 5 and (more := stream.read(_USTAR_AT + 5 - len(block))):
            block += more
    return block[_USTAR_AT:] == b"ustar"


def acquire_tar(
    acquisition: Acquisition,
    native: str,
    place: str,
    path: Path,
    wal_kind: Callable[[str], str | None],
) -> None:
    """The file as an item, and what is small in it as items of their own."""
    source, tar_item = path, None
    if is_whole(acquisition):
        tar_item = _copy(acquisition, place, TAR, path, {"backup": native})
        # From the item's bytes, not from the file, which may change meanwhile.
        source = acquisition.path(tar_item)
    refused: list[Refused] = []
    what = "label, manifest, control file and WAL"
    with acquisition.call(f"read {what} out of {place}") as said, unpacked(source, place) as stream:
        for member in tar_members(stream, place, tar_folder(place), refused.append):
            kind = NAMED.get(member.path)
            folder, _, name = member.path.rpartition("/")
            if kind is None and folder == "pg_wal":
                kind = wal_kind(name)
            inside = f"{place}/{member.path}"
            if kind is None or member.kind != "file" or acquisition.has(inside):
                continue
            meta = {"backup": native, "path": member.path, "inside": place}
            if tar_item is not None:
                meta["tar"] = tar_item.sha256
            if member.mtime is not None:
                meta["modified"] = member.mtime.isoformat()
            acquisition.store(inside, kind, member.open(), meta=meta)
        said["refused"] = [f"{one.name!r}: {one.why}" for one in refused[:_SHOWN]] or None
        said["refused_count"] = len(refused)


def _plain(
    acquisition: Acquisition, native: str, path: Path, wal_kind: Callable[[str], str | None]
) -> None:
    if not any((path / name).exists() for name in NAMED):
        raise BadInputError(
            "backup_label, global/pg_control or base.tar",
            "none of them",
            native,
            "give a base backup's folder",
        )
    whole = is_whole(acquisition)
    found = [
        (place, file, kind)
        for place, file in walk(path)
        if (kind := _kind(place, wal_kind, whole=whole)) is not None
    ]
    room(acquisition, native, sum(file.lstat().st_size for _, file, _ in found))
    what = "all files" if whole else _NOT_COPIED
    with acquisition.call(f"copy from {native}: {what}") as said:
        said["files"] = len(found)
        for done, (place, file, kind) in enumerate(found):
            acquisition.progress(native, done, len(found))
            inside = f"{native}/{place}"
            try:
                if safe(place) != place or not _is_text(place):
                    raise BadInputError(
                        "a path in UTF-8, without control characters",
                        repr(place),
                        inside,
                        "rename it",
                    )
                if not S_ISREG(file.lstat().st_mode):
                    raise BadInputError(
                        "a regular file or folder",
                        "a link or device",
                        inside,
                        "put what it leads to in its place",
                    )
                _copy(acquisition, inside, kind, file, {"backup": native, "path": place})
            except ReconError as error:
                acquisition.failed(inside, error)


def _is_text(place: str) -> bool:
    try:
        place.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(place: str, wal_kind: Callable[[str], str | None], *, whole: bool) -> str | None:
    folder, _, name = place.rpartition("/")
    kind = NAMED.get(place) or (wal_kind(name) if folder == "pg_wal" else None)
    return kind or (FILE if whole else None)


def is_whole(acquisition: Acquisition) -> bool:
    """Whether the case wants data files, and not headers alone."""
    options: PostgresOptions = acquisition.source.options
    return options.backup_files == "all"


def room(acquisition: Acquisition, native: str, size: int) -> None:
    """Raise where the copy would fill the disk of the case."""
    if not is_whole(acquisition):
        return
    need_room(
        acquisition.source.base,
        size,
        f"on the disk of the case for {native}",
        'free some, or set backup_files = "headers": nothing can be rehydrated then',
    )


def _copy(
    acquisition: Acquisition, native: str, kind: str, path: Path, meta: dict[str, str]
) -> Item:
    held = acquisition.item(native)
    return held or acquisition.store_file(native, kind, path, meta=meta)
