"""An archive of WAL into the case: from a folder, however deep, or from an S3 prefix.

    archive/000000010000000000000003                     archive_command
    wals/0000000100000000/000000010000000000000003       Barman
    archive/main/15-1/0000000100000000/0000…-SHA1.gz     pgBackRest
    wal_005/000000010000000000000003.lz4                 WAL-G

Names tell what is a segment, a ``.history`` or a ``.backup`` file; nothing is unpacked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING

from collectors.postgres.repositories.kinds import ARCHIVE_INFO
from collectors.postgres.wal.layout import ARCHIVED
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collectors.objectstore import Prefix
    from recon.collector import Acquisition

_PACKED = r"(?:\.(?:gz|zst|lz4|xz|bz2|br))?"
_HISTORY = re.compile(rf"[0-9A-F]{{8}}\.history{_PACKED}")
_BACKUP = re.compile(rf"[0-9A-F]{{24}}\.[0-9A-F]{{8}}\.backup{_PACKED}")
_SHOWN = 50
_EXPECTED = "a WAL segment (24 hexadecimal digits)"
_LATEST = "latest"
"""pgBackRest's link to its newest backup, which is there by its own name."""


def wal_kind(name: str) -> str | None:
    """Kind of an item by its name in an archive; None: it is none of an archive's."""
    # A segment, whole or partial, plain or packed: the reader says what it cannot read.
    kinds = {ARCHIVED: "pg.wal", _HISTORY: "pg.history", _BACKUP: "pg.backup-history"}
    return next((kind for pattern, kind in kinds.items() if pattern.fullmatch(name)), None)


def _kind(place: str) -> str | None:
    name = place.rpartition("/")[2]
    return ARCHIVE_INFO if name == "archive.info" else wal_kind(name)


def acquire_wal(acquisition: Acquisition, native: str, folder: Path) -> None:
    """Every file of an archive under ``folder``; the rest is named in the custody log.

    Raises:
        BadInputError: there is none.
    """
    found: list[tuple[str, Path, str]] = []
    skipped: list[str] = []
    for place, path in walk(folder):
        mode = path.lstat().st_mode
        kind = _kind(place)
        if S_ISREG(mode):
            if kind is None:
                skipped.append(place)
            else:
                found.append((place, path, kind))
        elif not (S_ISLNK(mode) and path.name == _LATEST):
            # What is left out without a word would be missed by nobody.
            inside = f"{native}/{place}"
            error = BadInputError("a regular file", "a link or device", inside, "copy it there")
            acquisition.failed(inside, error)
    with acquisition.call(f"copy from {native}") as said:
        said["files"] = len(found)
        said["skipped"] = [repr(name) for name in skipped[:_SHOWN]]
        for done, (place, path, kind) in enumerate(found):
            acquisition.progress(native, done, len(found))
            inside = f"{native}/{place}"
            try:
                if not acquisition.has(inside):
                    acquisition.store_file(inside, kind, path)
            except ReconError as error:
                acquisition.failed(inside, error)
    _any(len(found), len(skipped), native)


def acquire_wal_objects(acquisition: Acquisition, prefix: Prefix) -> None:
    """The same of an S3 prefix: each object streamed into the case, one failure its own.

    Raises:
        UnreachableError: the prefix cannot be listed.
        BadInputError: there is no file of an archive.
    """
    found, skipped = [], []
    for one in prefix.objects():
        kind = _kind(one.key)
        if kind is None:
            skipped.append(one.key)
        else:
            found.append((one, kind))
    with acquisition.call(f"choose from {prefix.url}") as said:
        said["files"] = len(found)
        said["skipped"] = [repr(name) for name in skipped[:_SHOWN]]
    for done, (one, kind) in enumerate(found):
        acquisition.progress(prefix.url, done, len(found))
        native = prefix.native(one.key)
        if acquisition.has(native):
            continue
        try:
            with prefix.opened(one.key) as (chunks, meta):
                acquisition.store(native, kind, chunks, meta=meta)
        except ReconError as error:
            acquisition.failed(native, error)
    _any(len(found), len(skipped), prefix.url)


def _any(found: int, skipped: int, native: str) -> None:
    if not found:
        raise BadInputError(_EXPECTED, f"{skipped} other entries", native, "mend the path")


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """What is not a folder, with its path under ``folder``, in order; links are not followed."""
    # No recursion: an export may nest folders deeper than Python does calls.
    ahead = [(entry.name, entry) for entry in sorted(folder.iterdir(), reverse=True)]
    while ahead:
        place, path = ahead.pop()
        if S_ISDIR(path.lstat().st_mode):
            inside = sorted(path.iterdir(), reverse=True)
            ahead += [(f"{place}/{entry.name}", entry) for entry in inside]
        else:
            yield place, path
