"""Exports as items: dumps, WAL, base backups, captures made with psql, server logs.

Files are copied whole and not looked into, beyond what tells one kind from another.
Inside a given folder symbolic links are not followed: an export may hold any.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.postgres.base_files import acquire_backup
from collectors.postgres.remote import acquire_remote
from collectors.postgres.wal_files import acquire_wal, wal_kind
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collectors.postgres.options import PostgresOptions
    from recon.collector import Acquisition

DUMP = b"PGDMP"
# Rotated by the server (postgresql-2026-03-08.csv) or by logrotate (postgresql.log.2.gz).
_LOG = re.compile(r"(\.(log|csv|json)|^postgresql.*)(\.\d+)?(\.(gz|zst|lz4|bz2|xz))?$")
_CAPTURE = re.compile(r"^(rows|catalogue|statistics|control)\b.*\.jsonl$")
_SKIPPED_SHOWN = 50


def acquire_files(acquisition: Acquisition) -> None:
    """All exports of the source; what one of them lacks is recorded, and the others go on."""
    options: PostgresOptions = acquisition.source.options
    plans: list[tuple[str, Callable[[Acquisition, str, Path], None], list[str]]] = [
        ("dump", _dump, options.dump),
        ("wal", _wal, options.wal),
        ("backups", acquire_backups, options.backups),
        ("capture", _capture, options.capture),
        ("log", _log, options.log),
    ]
    for key, take, natives in plans:
        for native in natives:
            try:
                if native.startswith("s3://"):
                    if key not in {"wal", "backups"}:
                        raise BadInputError(
                            "a folder or file", "an S3 prefix", native, "copy it to a folder first"
                        )
                    acquire_remote(acquisition, key, native)
                    continue
                path = acquisition.source.base / native
                if not path.exists():
                    raise BadInputError(
                        "a file or folder", "nothing", native, f"mend `{key}` in case.toml"
                    )
                take(acquisition, native.rstrip("/"), path)
            except OSError as error:
                found = error.strerror or str(error)
                acquisition.failed(
                    native,
                    BadInputError("a readable file or folder", found, native, "mend its rights"),
                )
            except ReconError as error:
                acquisition.failed(native, error)


def _dump(acquisition: Acquisition, native: str, path: Path) -> None:
    if not path.is_dir():
        with path.open("rb") as file:
            head = file.read(8)
        if not head.startswith(DUMP):
            raise BadInputError(
                f"a dump of pg_dump -Fc (first bytes {DUMP.decode()})",
                f"first bytes {head!r}" if head else "an empty file",
                native,
                "make it with pg_dump -Fc; a plain SQL script cannot be read",
            )
        _copy(acquisition, native, "pg.dump", path)
        return
    if (path / "toc.dat").exists():
        raise BadInputError(
            "a dump of pg_dump -Fc", "a folder of pg_dump -Fd", native, "make it with pg_dump -Fc"
        )
    _folder(acquisition, native, path, _dump_kind, "a dump of pg_dump -Fc")


def _dump_kind(path: Path) -> str | None:
    with path.open("rb") as file:
        return "pg.dump" if file.read(len(DUMP)) == DUMP else None


def _wal(acquisition: Acquisition, native: str, path: Path) -> None:
    if path.is_dir():
        acquire_wal(acquisition, native, path)
        return
    kind = wal_kind(path.name)
    if kind is None:
        raise BadInputError(
            "a WAL segment, named by 24 hexadecimal digits", path.name, native, "keep its own name"
        )
    _copy(acquisition, native, kind, path)


def acquire_backups(acquisition: Acquisition, native: str, path: Path) -> None:
    """One entry of ``backups``: a backup, or the folder of a tool that keeps them.

    Raises:
        BadInputError: it is neither.
    """
    from collectors.postgres.repositories.acquire import acquire_repository

    if not acquire_repository(acquisition, native, path):
        acquire_backup(acquisition, native, path, wal_kind)


def _capture(acquisition: Acquisition, native: str, path: Path) -> None:
    if not path.is_dir():
        raise BadInputError("a folder of capture files", "a file", native, "give its folder")
    _folder(acquisition, native, path, _capture_kind, "a capture (rows.*.jsonl, control.jsonl)")


def _capture_kind(path: Path) -> str | None:
    match = _CAPTURE.match(path.name)
    return f"pg.{match.group(1)}" if match else None


def _log(acquisition: Acquisition, native: str, path: Path) -> None:
    if path.is_dir():
        _folder(acquisition, native, path, _log_kind, "server logs (.log, .csv, .json)")
    else:
        _take(acquisition, native, "pg.serverlog", path)


def _log_kind(path: Path) -> str | None:
    return "pg.serverlog" if _LOG.search(path.name) else None


def _folder(
    acquisition: Acquisition,
    native: str,
    folder: Path,
    kind_of: Callable[[Path], str | None],
    expected: str,
) -> None:
    """Every file of the folder that has a kind; the rest is named in the custody log."""
    entries = sorted(folder.iterdir())
    kinds = dict(_kinds(entries, kind_of))
    skipped = [entry.name for entry in entries if entry not in kinds]
    for entry in entries:
        # What is left out without a word would be missed by nobody.
        if not stat.S_ISREG(mode := entry.lstat().st_mode) and not stat.S_ISDIR(mode):
            inside = f"{native}/{entry.name}"
            acquisition.failed(inside, _no_file(inside))
    with acquisition.call(f"copy from {native}") as said:
        said["files"] = len(kinds)
        said["skipped"] = [repr(name) for name in skipped[:_SKIPPED_SHOWN]]
        for done, (entry, kind) in enumerate(kinds.items()):
            acquisition.progress(native, done, len(kinds))
            _take(acquisition, f"{native}/{entry.name}", kind, entry)
    if not kinds:
        raise BadInputError(expected, f"{len(entries)} other entries", native, "mend the path")


def _kinds(
    entries: list[Path], kind_of: Callable[[Path], str | None]
) -> Iterator[tuple[Path, str]]:
    for entry in entries:
        if stat.S_ISREG(entry.lstat().st_mode):
            kind = kind_of(entry)
            if kind is not None:
                yield entry, kind


def _take(acquisition: Acquisition, native: str, kind: str, path: Path) -> None:
    """Copy one file of a folder; a failure is its own."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _no_file(native)
        _copy(acquisition, native, kind, path)
    except ReconError as error:
        acquisition.failed(native, error)


def _no_file(native: str) -> BadInputError:
    return BadInputError("a regular file", "a link or device", native, "copy the file there")


def _copy(acquisition: Acquisition, native: str, kind: str, path: Path) -> None:
    if not acquisition.has(native):
        acquisition.store_file(native, kind, path)
