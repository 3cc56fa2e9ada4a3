"""Backups out of the folders of backup tools, recognised by their layout.

- pgBackRest: ``backup.info`` beside folders with a ``backup.manifest``
- Barman: ``base/ID/backup.info`` beside ``data/`` or ``data.tar``
- WAL-G: ``base_…_backup_stop_sentinel.json`` beside ``base_…/tar_partitions/``

Files are stored as they lie there, packed. What is small and says most (label, control file) is an
item of its own, unpacked, as of any base backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from collectors.postgres.base import FILE
from collectors.postgres.base_files import (
    NAMED,
    acquire_backup,
    acquire_tar,
    is_whole,
    room,
)
from collectors.postgres.packing import UNREAD_SUFFIXES
from collectors.postgres.repositories.files import listed, opened
from collectors.postgres.repositories.kinds import (
    BACKUP_INFO,
    BARMAN,
    MANIFEST,
    SENTINEL,
    WALG_METADATA,
)
from collectors.postgres.wal_files import wal_kind, walk
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from recon.collector import Acquisition

_BACKREST = b"[backrest]"
_SALTED = b"Salted__"
_INFOS = ("backup.info", "backup.info.copy")
_MANIFESTS = ("backup.manifest", "backup.manifest.copy")
"""The file, and its copy where it is gone."""
_SENTINEL = "_backup_stop_sentinel.json"


@dataclass(frozen=True, slots=True)
class _Found:
    """One backup, or a file that lists them, and how it is taken."""

    place: str
    """Path under the folder that the case names."""
    path: Path
    take: Callable[[Acquisition, str, Path], None]


def acquire_repository(acquisition: Acquisition, native: str, folder: Path) -> bool:
    """All backups of a tool's folder; False where it is none of a tool's.

    Raises:
        BadInputError: it holds those of several clusters.
    """
    if not folder.is_dir():
        return False
    for recognise in (_pgbackrest, _barman, _walg):
        found = recognise(folder, native)
        if not found:
            continue
        for one in found:
            place = f"{native}/{one.place}" if one.place else native
            try:
                one.take(acquisition, place, one.path)
            except ReconError as error:
                acquisition.failed(place, error)
        return True
    return False


def _pgbackrest(folder: Path, native: str) -> list[_Found]:
    if (folder / "backup.manifest").is_file():
        return [_Found("", folder, _pgbackrest_backup)]
    places = ["", *_folders(folder / "backup", "backup/"), *_folders(folder, "")]
    stanzas = [place for place in places if _is_stanza(folder / place)]
    if len(stanzas) > 1:
        names = ", ".join(stanzas)
        raise BadInputError("the backups of one stanza", names, native, "give one of them")
    found = []
    for stanza in stanzas:
        under = f"{stanza}/" if stanza else ""
        info = next(
            name
            for name in ("backup.info", "backup.info.copy")
            if (folder / stanza / name).exists()
        )
        found.append(_Found(f"{under}{info}", folder / stanza / info, _store(BACKUP_INFO)))
        found += [
            _Found(place, folder / place, _pgbackrest_backup)
            for place in _folders(folder / stanza, under)
            if any((folder / place / name).is_file() for name in _MANIFESTS)
        ]
    return found


def _is_stanza(folder: Path) -> bool:
    for name in _INFOS:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                return file.read(len(_BACKREST)).startswith((_BACKREST, _SALTED))
    return False


def _barman(folder: Path, native: str) -> list[_Found]:
    places = ["", *_folders(folder, ""), *_folders(folder / "base", "base/")]
    servers = [place for place in _folders(folder, "") if (folder / place / "base").is_dir()]
    places += [
        one for server in servers for one in _folders(folder / server / "base", f"{server}/base/")
    ]
    found = [place for place in places if _is_barman(folder / place)]
    catalogues = {place.rpartition("/")[0] for place in found}
    if len(catalogues) > 1:
        names = ", ".join(sorted(catalogues))
        raise BadInputError("the backups of one server", names, native, "give one of them")
    return [_Found(place, folder / place, _barman_backup) for place in found]


def _is_barman(folder: Path) -> bool:
    info = folder / "backup.info"
    return (
        info.is_file()
        and not _is_stanza(folder)
        and ((folder / "data").is_dir() or bool(_barman_tars(folder)))
    )


def _barman_tars(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.startswith("data.tar") and S_ISREG(path.lstat().st_mode)
    )


def _walg(folder: Path, _: str) -> list[_Found]:
    found = []
    for under in ("", "basebackups_005/"):
        place = folder / under
        if not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            if path.name.endswith(_SENTINEL) and S_ISREG(path.lstat().st_mode):
                name = path.name.removesuffix(_SENTINEL)
                found.append(_Found(f"{under}{path.name}", path, _store(SENTINEL)))
                if (place / name).is_dir():
                    found.append(_Found(f"{under}{name}", place / name, _walg_backup))
    return found


def _folders(folder: Path, under: str) -> Iterator[str]:
    """Folders in a folder, with their paths; links are not followed."""
    if folder.is_dir() and not folder.is_symlink():
        for entry in sorted(folder.iterdir()):
            if S_ISDIR(entry.lstat().st_mode):
                yield f"{under}{entry.name}"


def _store(kind: str) -> Callable[[Acquisition, str, Path], None]:
    def store(acquisition: Acquisition, native: str, path: Path) -> None:
        _one(acquisition, native, kind, path, {})

    return store


def _pgbackrest_backup(acquisition: Acquisition, native: str, folder: Path) -> None:
    name = next(name for name in _MANIFESTS if (folder / name).is_file())
    manifest = folder / name
    _one(acquisition, f"{native}/{name}", MANIFEST, manifest, {"backup": native, "path": name})
    files = [one for one in walk(folder) if one[0] not in _MANIFESTS]
    if is_whole(acquisition):
        room(acquisition, native, sum(path.lstat().st_size for _, path in files))
        with acquisition.call(f"copy from {native}: all files, as pgBackRest stores them") as said:
            said["files"] = len(files)
            for done, (place, path) in enumerate(files):
                acquisition.progress(native, done, len(files))
                _one(
                    acquisition,
                    f"{native}/{place}",
                    FILE,
                    path,
                    {"backup": native, "path": place},
                )
    stored = dict(files)
    with acquisition.call(f"read label and control file out of {native}"):
        for one in listed(manifest):
            kind = NAMED.get(one.path)
            inside = f"{native}/pg_data/{one.path} (unpacked)"
            if kind is None or one.kind != "file" or one.elsewhere or acquisition.has(inside):
                continue
            try:
                file = opened(one, stored.get)
                if file is None:
                    raise BadInputError("the file that the manifest lists", "none", inside, "")
                with file:
                    meta = {"backup": native, "path": one.path, "inside": native}
                    acquisition.store(inside, kind, file, meta=meta)
            except ReconError as error:
                acquisition.failed(inside, error)


def _barman_backup(acquisition: Acquisition, native: str, folder: Path) -> None:
    tars = _barman_tars(folder)
    inside = "data" if (folder / "data").is_dir() else tars[0].name
    backup = f"{native}/{inside}"
    meta = {"backup": backup, "path": "backup.info"}
    _one(acquisition, f"{native}/backup.info", BARMAN, folder / "backup.info", meta)
    acquire_backup(acquisition, backup, folder / inside, wal_kind)


def _walg_backup(acquisition: Acquisition, native: str, folder: Path) -> None:
    metadata = folder / "metadata.json"
    if metadata.is_file():
        meta = {"backup": native, "path": "metadata.json"}
        _one(acquisition, f"{native}/metadata.json", WALG_METADATA, metadata, meta)
    tars = [
        (f"{native}/{place}", path)
        for place, path in walk(folder)
        if place.startswith("tar_partitions/") and ".tar" in place
    ]
    if not tars:
        raise BadInputError("tar_partitions/part_….tar…", "none", native, "copy the backup again")
    if is_whole(acquisition):
        room(acquisition, native, sum(path.lstat().st_size for _, path in tars))
    for place, path in tars:
        try:
            if told := UNREAD_SUFFIXES.get(path.suffix):
                raise BadInputError("a tar file, plain or packed by lz4 or zstd", told, place, "")
            acquire_tar(acquisition, native, place, path, wal_kind)
        except ReconError as error:
            acquisition.failed(place, error)


def _one(
    acquisition: Acquisition, native: str, kind: str, path: Path, meta: dict[str, str]
) -> None:
    """One file of a repository; a failure is its own."""
    try:
        if not S_ISREG(path.lstat().st_mode):
            raise BadInputError("a regular file", "a link or device", native, "copy it there")
        if not acquisition.has(native):
            acquisition.store_file(native, kind, path, meta=meta)
    except ReconError as error:
        acquisition.failed(native, error)
